//! From a submit to its commit over HTTP: requests per second, processor time per request and waiting time of the gateway,
//! against a server that a careful team writes by hand: axum, `serde_json`, `jsonschema`, `rusqlite`.
//!
//! Every server promises the same: the 2xx leaves after the transaction with the idempotency key, the record, the payload
//! and the outbox row is on disk (WAL, `synchronous=FULL`), in the same folder of the same disk, in the same run. The peer
//! does less for it: it seals nothing, hashes nothing, applies no rule that needs facts and writes no log. The floor
//! promises nothing: it is what HTTP alone costs.

use std::error::Error;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use crate::accept::load::Load;
use crate::accept::server::{FLOOR, GROUPED, Server, USHER};
use crate::documents::{CONTACT_REQUEST, Documents, MIX};
use crate::table::{Line, Table, median, nanoseconds, percentile};

pub mod floor;
pub mod load;
pub mod peer;
pub mod server;

/// Connections from which on the targets count.
const TARGET_CONNECTIONS_MIN: usize = 64;
/// Requests per second, in those of the peer with group commit.
const RATE_MIN: f64 = 1.6;
/// Processor time per request, in that of the floor.
const FLOOR_MAX: f64 = 3.5;

/// Requests per second at which waiting times are compared, and the connections they come through.
const RATE: f64 = 2_000.0;
/// See [`RATE`].
const PACED_CONNECTIONS: usize = 64;
/// The 99th percentile at that rate, in that of an append that is synced.
const LATE_MAX: f64 = 4.0;

/// What is measured, and for how long.
pub struct Plan {
    /// This program, which is also the peer.
    pub peer: PathBuf,
    /// The gateway's program; none leaves it out.
    pub usher: Option<PathBuf>,
    /// Where the databases stand while it runs: on the disk that is to be measured.
    pub folder: PathBuf,
    /// How many connections send at once; each in turn.
    pub connections: Vec<usize>,
    /// How often every server takes its turn.
    pub rounds: usize,
    /// How long a turn lasts at most.
    pub turn: Duration,
    /// How many requests a turn has at most.
    pub requests_max: usize,
}

/// What the turns of one server at one number of connections gave.
#[derive(Default)]
struct Turns {
    rates: Vec<f64>,
    waits: Vec<f64>,
    requests: usize,
    processor: Option<Duration>,
}

/// Runs the plan and hands out one table for each number of connections.
///
/// # Errors
/// A server does not start, or answers anything but 201.
pub fn measure(
    plan: &Plan,
    mut report: impl FnMut(Table) -> io::Result<()>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let folder = tempfile::tempdir_in(&plan.folder)?;
    let bodies: Rc<[Vec<u8>]> = Documents::new(&CONTACT_REQUEST, MIX)?.mix.into();
    let sync = sync_time(folder.path())?;
    let mut servers = vec![
        Server::floor(&plan.peer)?,
        Server::peer(&plan.peer, peer::Commits::Single, folder.path())?,
        Server::peer(&plan.peer, peer::Commits::Grouped, folder.path())?,
    ];
    if let Some(usher) = &plan.usher {
        servers.push(Server::usher(usher, folder.path())?);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for &connections in &plan.connections {
        let mut turns: Vec<Turns> = servers.iter().map(|_| Turns::default()).collect();
        // A turn nobody counts: connections, statements and the branch predictor are warm afterwards.
        for round in 0..=plan.rounds {
            for (server, turns) in servers.iter_mut().zip(&mut turns) {
                let load = Load { connections, time_max: plan.turn, requests_max: plan.requests_max, rate: None };
                let before = server.processor_time();
                let outcome = runtime.block_on(load.run(server.target(), &bodies))?;
                let used = server.processor_time().zip(before).map(|(after, before)| after.saturating_sub(before));
                if round > 0 {
                    turns.add(outcome, used);
                }
            }
        }
        let title = format!(
            "accept to commit, {connections} connections: contact requests, {:.0} bytes on average, {} rounds of at most {} s \
             and {} requests; 4 KiB to this disk and synced: {:.0} us",
            bodies.iter().map(Vec::len).sum::<usize>() as f64 / bodies.len() as f64,
            plan.rounds,
            plan.turn.as_secs_f64(),
            plan.requests_max,
            sync / 1e3,
        );
        let table = table(title, &servers, turns);
        let targets = targets(&table, connections);
        report(table)?;
        targets.map_or(Ok(()), &mut report)?;
    }
    let requests_max = plan.requests_max.min((RATE * plan.turn.as_secs_f64()) as usize);
    let load = Load { connections: PACED_CONNECTIONS, time_max: plan.turn * 2, requests_max, rate: Some(RATE) };
    let mut waits = Vec::new();
    for server in &servers {
        waits.push((server.name(), runtime.block_on(load.run(server.target(), &bodies))?.waits));
    }
    let mut syncs = sync_times(folder.path(), requests_max)?;
    report(paced(waits, &mut syncs))?;
    Ok(())
}

/// How long answers take at a fixed rate, against an append that is synced.
fn paced(waits: Vec<(&'static str, Vec<Duration>)>, syncs: &mut [f64]) -> Table {
    let (sync_middle, sync_late) = (percentile(syncs, 50), percentile(syncs, 99));
    let line = |name: &str, middle: Option<f64>, late: Option<f64>| Line {
        name: name.to_owned(),
        numbers: vec![middle, late, late.zip(sync_late).map(|(late, sync)| late / sync)],
    };
    let mut lines = vec![line("append of 4 KiB and fdatasync", sync_middle, sync_late)];
    for (name, waits) in waits {
        let mut micros: Vec<f64> = waits.iter().map(|wait| wait.as_secs_f64() * 1e6).collect();
        lines.push(line(name, percentile(&mut micros, 50), percentile(&mut micros, 99)));
    }
    let title = format!("{RATE} requests/s, however long the answers take; target for usher: ratio at most {LATE_MAX}");
    Table { title, columns: vec![("p50 us", 0), ("p99 us", 0), ("ratio", 2)], lines }
}

impl Turns {
    fn add(&mut self, outcome: load::Outcome, processor: Option<Duration>) {
        self.rates.push(outcome.waits.len() as f64 / outcome.elapsed.as_secs_f64());
        self.requests += outcome.waits.len();
        self.waits.extend(outcome.waits.iter().map(|wait| wait.as_secs_f64() * 1e3));
        if let Some(used) = processor {
            *self.processor.get_or_insert_default() += used;
        }
    }
}

fn table(title: String, servers: &[Server], turns: Vec<Turns>) -> Table {
    let mut measured = Vec::new();
    for mut turns in turns {
        let processor = turns.processor.map(|used| used.as_secs_f64() * 1e6 / turns.requests as f64);
        let (middle, late) = (percentile(&mut turns.waits, 50), percentile(&mut turns.waits, 99));
        measured.push((median(&mut turns.rates), processor, middle, late));
    }
    let base = measured.first().map_or((None, None), |first| (first.0, first.1));
    let lines = servers.iter().zip(measured).map(|(server, (rate, processor, middle, late))| {
        let rate_ratio = rate.zip(base.0).map(|(rate, base)| rate / base);
        let processor_ratio = processor.zip(base.1).map(|(used, base)| used / base);
        Line {
            name: server.name().to_owned(),
            numbers: vec![rate, rate_ratio, processor, processor_ratio, middle, late],
        }
    });
    let columns = vec![("requests/s", 0), ("ratio", 2), ("CPU us/req", 0), ("ratio", 2), ("p50 ms", 2), ("p99 ms", 2)];
    Table { title, columns, lines: lines.collect() }
}

/// What is to be reached, where the gateway was measured and enough connections sent at once.
fn targets(table: &Table, connections: usize) -> Option<Table> {
    if connections < TARGET_CONNECTIONS_MIN {
        return None;
    }
    let of = |name: &str, column: usize| {
        table.lines.iter().find(|line| line.name == name).and_then(|line| line.numbers[column])
    };
    let line = |name: &str, is: f64, target: f64, is_met: bool| Line {
        name: name.to_owned(),
        numbers: vec![Some(is), Some(target), Some(f64::from(u8::from(is_met)))],
    };
    let (rate, floor) = (of(USHER, 0)? / of(GROUPED, 0)?, of(USHER, 2)? / of(FLOOR, 2)?);
    let lines = vec![
        line("requests/s, times those of the group commit peer, at least", rate, RATE_MIN, rate >= RATE_MIN),
        line("CPU per request, times that of the floor, at most", floor, FLOOR_MAX, floor <= FLOOR_MAX),
    ];
    let title = format!("targets at {connections} connections; 1 is met");
    Some(Table { title, columns: vec![("is", 2), ("target", 2), ("met", 0)], lines })
}

/// The nanoseconds that the disk of `folder` takes to keep 4 KiB more of a file.
fn sync_time(folder: &Path) -> io::Result<f64> {
    let mut micros = sync_times(folder, 50)?;
    Ok(median(&mut micros).unwrap_or_default() * 1e3)
}

/// The microseconds of each of `count` times that the disk of `folder` kept 4 KiB more of a file.
fn sync_times(folder: &Path, count: usize) -> io::Result<Vec<f64>> {
    let mut file = std::fs::File::create(folder.join("sync"))?;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let mut written = Ok(());
        times.push(nanoseconds(|| written = file.write_all(&[0; 4096]).and_then(|()| file.sync_data())) / 1e3);
        written?;
    }
    Ok(times)
}
