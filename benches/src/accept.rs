//! From a submit to its commit over HTTP: requests per second, processor time per request and waiting time of the gateway,
//! against a server that a careful team writes by hand: axum, `serde_json`, `jsonschema`, `rusqlite`.
//!
//! Every server promises the same: the 2xx leaves after the transaction with the idempotency key, the record, the payload
//! and the outbox row is on disk (WAL, `synchronous=FULL`), in the same folder of the same disk, in the same run. The peer
//! does less for it: it seals nothing, hashes nothing, applies no rule that needs facts and writes no log.

use std::error::Error;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use crate::accept::load::Load;
use crate::accept::server::Server;
use crate::documents::{CONTACT_REQUEST, Documents, MIX};
use crate::table::{Line, Table, median, nanoseconds, percentile};

pub mod load;
pub mod peer;
pub mod server;

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
                let load = Load { connections, time_max: plan.turn, requests_max: plan.requests_max };
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
        report(table(title, &servers, turns))?;
    }
    Ok(())
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

/// The nanoseconds that the disk of `folder` takes to keep 4 KiB more of a file.
fn sync_time(folder: &Path) -> io::Result<f64> {
    let mut file = std::fs::File::create(folder.join("sync"))?;
    let mut times = Vec::new();
    for _ in 0..50 {
        let mut written = Ok(());
        times.push(nanoseconds(|| written = file.write_all(&[0; 4096]).and_then(|()| file.sync_data())));
        written?;
    }
    Ok(median(&mut times).unwrap_or_default())
}
