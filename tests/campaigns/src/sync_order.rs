//! C4: no byte of a 2xx leaves before the commit it speaks of is synced. The system calls of the program itself are read.
//!
//! One client sends one request after the other. Between a request and its answer there must be a write to the log and a sync
//! of it that began after the write and ended before the answer. The control is a gateway that answers before it commits.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;

use usher_oracle::Evidence;
use usher_testkit::harness::{Place, binary};
use usher_testkit::http::Connection;

use crate::kill::stored_of;
use crate::load::{House, submit};
use crate::trace::{Call, calls, signal, strace};
use crate::{Campaign, Round, Tally, control};

pub(crate) const CAMPAIGN: Campaign = Campaign { name: "sync-order", round_runs: 500, needs: strace, round };

const LOG: &str = "usher.db-wal>";

fn round(round: &Round<'_>) -> Tally {
    let (mut house, gateway) = House::new(Place::new());
    assert_eq!(gateway.stop("TERM").0, Some(0));
    let trace = house.place.path("trace");
    let traced: Vec<OsString> = if round.is_control {
        control::gateway(round.program, control::ANSWER_EARLY).into()
    } else {
        vec![binary().into()]
    };
    let calls = "trace=read,readv,recvfrom,pwrite64,fdatasync,fsync,write,writev,sendto,sendmsg";
    let tracer = ["strace", "-f", "-y", "-s", "32", "-e", calls, "-o"].map(OsString::from);
    house.place.run_instead(tracer.into_iter().chain([trace.clone().into()]).chain(traced));
    let (gateway, _) = house.restarted();
    let mut connection = Connection::open(gateway.address()).expect("a gateway takes connections");
    let mut answers = Vec::new();
    for number in 0..usize::try_from(round.runs).unwrap_or_default() {
        answers.push(submit(&mut connection, &house.key, number));
        (round.progress)(1);
    }
    signal(&house.place.path(""), "TERM");
    let (code, log) = gateway.end();
    assert_eq!(code, Some(0), "{log}");
    let text = fs::read(&trace).expect("a trace was written");
    let (answered, early) = early(&String::from_utf8_lossy(&text));
    let mut tally = Tally::of(answered, &Evidence { answers, stored: stored_of(&house), ..Evidence::default() });
    if answered < round.runs {
        tally.faults.push(format!("the trace shows {answered} answers of {}", round.runs));
    }
    if early > 0 {
        tally.faults.push(format!("{early} of {answered} answers left before what they speak of was synced"));
    }
    tally
}

/// How many answers there are in a trace, and how many of them left before a sync.
fn early(trace: &str) -> (u64, u64) {
    let (mut answered, mut early) = (0, 0);
    // Since the last request: whether the log was written, and then synced. A sync counts from its begin.
    let (mut is_written, mut is_synced) = (false, false);
    let mut syncing: BTreeMap<&str, bool> = BTreeMap::new();
    for Call { thread, name, text, begins, ends } in calls(trace) {
        match name {
            "read" | "readv" | "recvfrom" if text.contains("\"POST ") => (is_written, is_synced) = (false, false),
            "pwrite64" if begins && text.contains(LOG) => is_written = true,
            "fdatasync" | "fsync" => {
                if begins && text.contains(LOG) {
                    syncing.insert(thread, is_written);
                }
                if ends && text.contains("= 0") && syncing.remove(thread) == Some(true) {
                    is_synced = true;
                }
            }
            "write" | "writev" | "sendto" | "sendmsg" if begins && text.contains("HTTP/1.1 201") => {
                answered += 1;
                early += u64::from(!is_synced);
            }
            _ => {}
        }
    }
    (answered, early)
}

#[cfg(test)]
mod tests {
    use super::early;

    const READ: &str = "1 recvfrom(9<socket:[1]>, \"POST /contact\", 8192, 0, NULL, NULL) = 13\n";
    const WRITE: &str = "2 pwrite64(7</d/usher.db-wal>, \"\", 24, 0) = 24\n";
    const BEGIN: &str = "2 fdatasync(7</d/usher.db-wal> <unfinished ...>\n";
    const END: &str = "2 <... fdatasync resumed>) = 0\n";
    const SEND: &str = "1 sendto(9<socket:[1]>, \"HTTP/1.1 201 Created\", 20, 0, NULL, 0) = 20\n";

    #[test]
    fn an_answer_is_early_unless_its_own_write_was_synced() {
        for (trace, expected) in [
            ([READ, WRITE, BEGIN, END, SEND], 0),
            ([READ, WRITE, BEGIN, SEND, END], 1),
            ([READ, BEGIN, WRITE, END, SEND], 1),
            ([WRITE, BEGIN, END, READ, SEND], 1),
            ([READ, WRITE, "", "", SEND], 1),
            ([READ, WRITE, BEGIN, "2 <... fdatasync resumed>) = -1 EIO (Input/output error)\n", SEND], 1),
        ] {
            assert_eq!(early(&trace.concat()), (1, expected), "{trace:?}");
        }
    }
}
