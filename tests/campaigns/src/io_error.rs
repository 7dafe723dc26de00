//! C5: a write, a sync or a truncation fails, each in its turn. After that nothing is acknowledged any more, and what was
//! acknowledged before is there, though a failed sync may have lost everything that was not synced.
//!
//! The control takes a failed commit for a success.

use std::fs;
use std::sync::Arc;

use usher_testkit::random::Random;
use usher_vfs::{Disk, Failure, watch};

use crate::power::{known_at, lay_out, look, scratch};
use crate::work::{Told, add_partner, open, submit, work};
use crate::{Campaign, Round, Tally, nothing};

pub(crate) const CAMPAIGN: Campaign = Campaign { name: "io-error", round_runs: 500, needs: nothing, round };

/// Requests in the life of a store.
const REQUESTS: usize = 48;
/// Requests after the error.
const AFTER: usize = 5;

fn round(round: &Round<'_>) -> Tally {
    let mut random = Random::of_run(round.seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let place = scratch();
    let folder = place.path().join("store");
    let mut tally = Tally::default();
    // How many operations a life has; the first one counts them.
    let mut operations = 0;
    for run in 0..=round.runs {
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("the folder can be emptied");
        }
        fs::create_dir(&folder).expect("a folder");
        let watch = watch(&folder, Disk::default());
        let store = open(&folder).expect("a store");
        runtime.block_on(add_partner(&store)).expect("a partner");
        let first = watch.disk.operations();
        if operations > 0 {
            // Every operation has its turn, once as an error that passes and once as one that stays.
            let at = first + (run - 1) * operations / round.runs.max(1);
            watch.disk.fail(Failure { at, stays: random.below(2) == 0, is_full: false });
        }
        let mut done = runtime.block_on(work(&store, &watch.disk, 0..REQUESTS, &mut random));
        let mut found = Vec::new();
        if !store.health().writable {
            for number in REQUESTS..REQUESTS + AFTER {
                let answer = runtime.block_on(submit(&store, number, 500));
                if answer.is_acknowledged() {
                    found.push(format!("{} was acknowledged after the error", answer.key));
                }
                done.told.push(Told { answer, position: watch.disk.position() });
            }
        } else if done.told.iter().any(|told| told.answer.status == Some(503)) {
            found.push("the store goes on after an error".to_owned());
        }
        store.close();
        if operations == 0 {
            operations = watch.disk.operations() - first;
            continue;
        }
        if round.is_control {
            for told in done.told.iter_mut().filter(|told| told.answer.status == Some(503)) {
                told.answer.status = Some(201);
            }
        }
        let end = watch.disk.position();
        let disk = Arc::clone(&watch.disk);
        drop(watch);
        for image in [disk.killed_at(end), disk.powerless_at(end, &mut random)] {
            let (answers, steps) = known_at(&done, end);
            let folder = place.path().join("image");
            lay_out(&folder, &image);
            found.extend(look(&folder, answers, steps));
        }
        tally.runs += 1;
        tally.acknowledged += done.told.iter().filter(|told| told.answer.is_acknowledged()).count() as u64;
        tally.faults.extend(found.into_iter().map(|fault| format!("error {run} of {}: {fault}", round.runs)));
        (round.progress)(1);
    }
    tally
}
