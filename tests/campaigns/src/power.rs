//! C3: the power goes at a random moment, many times over, and each disk it may have left is looked at.
//!
//! The store runs on a layer that writes down all that happens to its files. A disk after a loss of power has what was synced
//! and of all else any part, torn at sectors. The control runs with `synchronous = NORMAL`.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use usher_oracle::{Answer, Evidence, Step, Stored, check};
use usher_testkit::random::Random;
use usher_vfs::{Disk, Image, STOCK, watch};

use crate::load::TENANT;
use crate::stored::requests;
use crate::work::{Done, add_partner, open, submit, work};
use crate::{Campaign, Round, Tally, nothing};

pub(crate) const CAMPAIGN: Campaign = Campaign { name: "power-loss", round_runs: 1_000, needs: nothing, round };

/// Requests in the life of one store.
const REQUESTS: usize = 150;
/// One image out of so many is opened by the product, which then gets the rest of the requests and loses power again.
const LIVED_ON: usize = 20;

fn round(round: &Round<'_>) -> Tally {
    let mut random = Random::of_run(round.seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let place = scratch();
    let folder = place.path().join("store");
    fs::create_dir(&folder).expect("a folder");
    let watch = watch(&folder, Disk::default());
    if round.is_control {
        watch.disk.weaken();
    }
    let store = open(&folder).expect("a store");
    let done = runtime.block_on(async {
        add_partner(&store).await.expect("a partner");
        let begun = watch.disk.position();
        let mut done = work(&store, &watch.disk, 0..REQUESTS, &mut random).await;
        done.told.sort_by_key(|told| told.position);
        (begun, done)
    });
    store.close();
    let (begun, done) = done;
    let end = watch.disk.position();

    let mut tally = Tally::default();
    for run in 0..round.runs {
        let event = begun + random.below(end - begun + 1);
        let found = if run % LIVED_ON as u64 == 0 {
            lived_on(&runtime, &place.path().join("again"), &watch.disk, event, &done, &mut random)
        } else {
            let image = watch.disk.powerless_at(event, &mut random);
            let (answers, steps) = known_at(&done, event);
            let folder = place.path().join("image");
            lay_out(&folder, &image);
            look(&folder, answers, steps)
        };
        tally.runs += 1;
        tally.acknowledged += done.told.iter().take_while(|told| told.position <= event).count() as u64;
        tally.faults.extend(found.into_iter().map(|fault| format!("power lost at event {event} of {end}: {fault}")));
        (round.progress)(1);
    }
    tally
}

/// Where files need not outlive the machine: in memory, if there is such a folder.
pub(crate) fn scratch() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    tempfile::tempdir_in(folder).expect("a folder")
}

/// What clients and workers knew at an event.
pub(crate) fn known_at(done: &Done, event: usize) -> (Vec<Answer>, Vec<Step>) {
    let answers = done.told.iter().map(|told| {
        let is_known = told.position <= event;
        let (status, id) = if is_known { (told.answer.status, told.answer.id.clone()) } else { (None, None) };
        Answer { status, id, ..told.answer.clone() }
    });
    let delivered = done.delivered.iter().filter(|(_, position)| *position <= event);
    let step = |(id, _): &(i64, usize)| Step {
        of: format!("message {id}"),
        state: "delivered".to_owned(),
        is_final: true,
        is_replay: false,
    };
    (answers.collect(), delivered.map(step).collect())
}

/// Opens the database of a folder with SQLite as it is, and holds what clients knew against it.
pub(crate) fn look(folder: &Path, answers: Vec<Answer>, steps: Vec<Step>) -> Vec<String> {
    let looked = read(folder);
    let (stored, now) = match looked {
        Ok(found) => found,
        Err(error) => return vec![format!("the database cannot be read: {error}")],
    };
    let steps = steps.into_iter().chain(now).collect();
    let evidence = Evidence { answers, stored, steps, is_cut_off: true, ..Evidence::default() };
    check(&evidence).iter().map(ToString::to_string).collect()
}

/// Puts the files of an image into a folder, which is emptied before.
pub(crate) fn lay_out(folder: &Path, image: &Image) {
    if folder.exists() {
        fs::remove_dir_all(folder).expect("the folder can be emptied");
    }
    fs::DirBuilder::new().mode(0o700).create(folder).expect("a folder");
    for (name, content) in image.iter().filter(|(name, _)| !name.ends_with("-shm")) {
        fs::write(folder.join(name), content).expect("a file can be written");
    }
}

/// Requests and states of messages in the database of a folder, which must be whole.
fn read(folder: &Path) -> rusqlite::Result<(Vec<Stored>, Vec<Step>)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags_and_vfs(folder.join("usher.db"), flags, STOCK)?;
    let verdict: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(rusqlite::Error::InvalidParameterName(verdict));
    }
    let stored =
        requests(&database)?.into_iter().map(|stored| Stored { tenant: TENANT.to_owned(), ..stored }).collect();
    let mut statement = database.prepare("SELECT id, state FROM messages WHERE application_id IS NULL")?;
    let steps = statement.query_map([], |row| {
        let state: String = row.get(1)?;
        let is_final = state == "delivered";
        Ok(Step { of: format!("message {}", row.get::<_, i64>(0)?), state, is_final, is_replay: false })
    })?;
    Ok((stored, steps.collect::<rusqlite::Result<_>>()?))
}

/// The process is killed, the product opens what a kill leaves, clients send again what they were not answered, and then the
/// power goes: what they are told then must be safe too, though the process that wrote it never synced it.
fn lived_on(
    runtime: &Runtime,
    folder: &Path,
    disk: &Disk,
    event: usize,
    done: &Done,
    random: &mut Random,
) -> Vec<String> {
    lay_out(folder, &disk.killed_at(event));
    let watch = watch(folder, disk.up_to(event));
    let store = match open(folder) {
        Ok(store) => store,
        Err(error) => return vec![format!("the store does not open after a kill: {error}")],
    };
    let (mut answers, steps) = known_at(done, event);
    let waiting: Vec<usize> = answers
        .iter()
        .filter(|answer| !answer.is_acknowledged())
        .filter_map(|answer| answer.key.strip_prefix("request-")?.parse().ok())
        .collect();
    // The first few only: what the next commit syncs, it syncs for all before it.
    let again: Vec<Answer> = runtime.block_on(async {
        let mut again = Vec::new();
        for number in waiting.into_iter().take(random.below(3) + 1) {
            again.push(submit(&store, number, 500).await);
        }
        again
    });
    answers.extend(again);
    let position = watch.disk.position();
    store.close();
    let disk = Arc::clone(&watch.disk);
    drop(watch);
    lay_out(folder, &disk.powerless_at(position, random));
    look(folder, answers, steps)
}
