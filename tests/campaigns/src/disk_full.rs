//! C6: the disk of the data folder becomes full under load, stays so for a while, and has space again. Meanwhile requests are
//! refused with 503 and `Retry-After` and what is stored can be read; afterwards requests are taken again without a hand.
//!
//! The control is a gateway that answers before it commits.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use usher_oracle::{Answer, Evidence, Measure, read};
use usher_testkit::harness::{Place, binary};
use usher_testkit::http::{Connection, Reply};
use usher_testkit::random::Random;

use crate::kill::{look, stored_of};
use crate::load::{Failing, House, Load, PATH, body, call, lines, reference};
use crate::power::scratch;
use crate::{Campaign, Round, Tally, control};

pub(crate) const CAMPAIGN: Campaign = Campaign { name: "disk-full", round_runs: 10, needs, round };

/// The size of the disk, in MiB.
const DISK_MIB: u64 = 96;
/// Requests between two times at which the disk is full.
const REQUESTS_PER_RUN: usize = 300;
/// Until a full disk is noticed, or its space.
const NOTICE_TIME_MAX: Duration = Duration::from_secs(60);

/// A file system in memory, which is gone with the value.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &Path) -> Result<SmallDisk, String> {
        let size = format!("size={DISK_MIB}m,mode=0700");
        let run = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder).output();
        match run {
            Ok(output) if output.status.success() => Ok(SmallDisk(folder.to_owned())),
            _ => Err("file systems may not be mounted here".to_owned()),
        }
    }

    /// Leaves no space on it.
    fn fill(&self) {
        use std::io::Write as _;
        let mut ballast = fs::File::create(self.0.join("ballast")).expect("a file");
        // The end of the space is what is wanted.
        while ballast.write_all(&[0; 4096]).is_ok() {}
    }

    fn free(&self) {
        fs::remove_file(self.0.join("ballast")).expect("the ballast is there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, since a gateway that is being killed may still have it; where that fails, it is seen in the table of mounts.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn needs() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    SmallDisk::mount(folder.path()).map(drop)
}

fn round(round: &Round<'_>) -> Tally {
    let mut random = Random::of_run(round.seed);
    let mount = tempfile::tempdir().expect("a folder");
    let disk = SmallDisk::mount(mount.path()).expect("it could be mounted before");
    let (mut house, mut gateway) = House::new(Place::running_in(mount.path(), [binary()]));
    if round.is_control {
        assert_eq!(gateway.stop("TERM").0, Some(0));
        house.place.run_instead(control::gateway(round.program, control::ANSWER_EARLY));
        gateway = house.restarted().0;
    }
    let runs = usize::try_from(round.runs).unwrap_or_default();
    let total = runs * REQUESTS_PER_RUN;
    let ledgers = scratch();
    let path = ledgers.path().join("ledger");
    let load = Load::new(&house, gateway.address(), total, &path);
    let mut wrong = Vec::new();
    thread::scope(|scope| {
        let _failing = Failing(&load);
        for _ in 0..4 {
            scope.spawn(|| load.work());
        }
        for run in 0..runs {
            load.wait_for(run * REQUESTS_PER_RUN + random.below(REQUESTS_PER_RUN / 2));
            disk.fill();
            wrong.extend(while_full(&house, gateway.address(), total * (run + 1), round.is_control));
            disk.free();
            (round.progress)(1);
        }
        load.wait_for(total);
    });
    // Not asked to stop: what it holds back now is lost.
    drop(gateway);
    let mut answers: Vec<Answer> = read(&path).expect("the ledger is whole");
    let (gateway, _) = house.restarted();
    let unreadable = look(&house, gateway.address(), &mut answers);
    let (code, log) = gateway.stop("TERM");
    assert_eq!(code, Some(0), "{log}");
    // The refused requests of the probe were never sent again.
    let stored = stored_of(&house).into_iter().filter(|stored| !is_probe(&stored.key, total)).collect();
    let unread = "acknowledged requests that their partner cannot read".to_owned();
    let measures = vec![Measure { what: unread, value: unreadable, max: 0 }];
    let mut tally = Tally::of(round.runs, &Evidence { answers, stored, measures, ..Evidence::default() });
    tally.faults.extend(wrong);
    drop(disk);
    tally
}

fn is_probe(key: &str, total: usize) -> bool {
    key.strip_prefix("request-").and_then(|number| number.parse::<usize>().ok()).is_some_and(|number| number >= total)
}

/// Waits until the gateway notices, and looks at it then. The numbers of what it sends begin with `first`.
fn while_full(house: &House, address: &str, first: usize, is_control: bool) -> Vec<String> {
    let begun = Instant::now();
    let mut number = first;
    let refused = loop {
        match probe(house, address, number) {
            Some(reply) if reply.status == 503 => break reply,
            _ if begun.elapsed() > NOTICE_TIME_MAX => return vec!["a full disk refuses nothing".to_owned()],
            // The log has space that it was given before.
            _ => number += 1,
        }
    };
    let mut wrong = Vec::new();
    if refused.header("retry-after").is_none() {
        wrong.push("the refusal of a full disk does not say when to come again".to_owned());
    }
    let read = Connection::open(address)
        .and_then(|mut connection| call(&mut connection, &house.key, "GET", "/receipts/v1?limit=1"));
    if !is_control && !read.is_ok_and(|reply| reply.status == 200) {
        wrong.push("nothing can be read while the disk is full".to_owned());
    }
    wrong
}

/// Sends a request of some size.
fn probe(house: &House, address: &str, number: usize) -> Option<Reply> {
    let mut connection = Connection::open(address).ok()?;
    connection.call("POST", PATH, &lines(&house.key, &reference(number)), body(number).as_bytes()).ok()
}
