//! C2: the program is killed at every call to the system that others can notice, or the call fails, one after the other.
//!
//! Between two such calls nothing can be told apart from outside, so there are no fail points in the program to forget: the list
//! of calls is read from a run of the same scenario. The control is a gateway that answers before it commits.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;

use usher_oracle::{Answer, Evidence};
use usher_testkit::harness::{Place, binary};
use usher_testkit::http::Connection;
use usher_testkit::random::Random;

use crate::kill::stored_of;
use crate::load::{House, submit};
use crate::trace::{calls, end_all, strace};
use crate::{Campaign, Round, Tally, control};

pub(crate) const CAMPAIGN: Campaign = Campaign { name: "every-call", round_runs: 50, needs: strace, round };

/// Requests of the scenario.
const REQUESTS: usize = 6;
/// Calls by which something leaves the process.
const CALLS: [&str; 9] =
    ["pwrite64", "write", "writev", "sendto", "fdatasync", "fsync", "ftruncate", "unlink", "rename"];
/// What happens at a call.
const FATES: [&str; 3] = ["signal=KILL", "error=EIO", "error=ENOSPC"];

fn round(round: &Round<'_>) -> Tally {
    let mut random = Random::of_run(round.seed);
    let mut tally = Tally::default();
    // How often each call is made when nothing happens.
    let mut counts = BTreeMap::new();
    for run in 0..=round.runs {
        let (mut house, gateway) = House::new(Place::new());
        assert_eq!(gateway.stop("TERM").0, Some(0));
        let program: Vec<OsString> = if round.is_control {
            control::gateway(round.program, control::ANSWER_EARLY).into()
        } else {
            vec![binary().into()]
        };
        let trace = house.place.path("trace");
        let all = format!("trace={}", CALLS.join(","));
        let mut tracer: Vec<OsString> = ["strace", "-f", "-e", &all, "-o"].map(OsString::from).into();
        tracer.push(trace.clone().into());
        let fate = if run == 0 {
            String::new()
        } else {
            let made: Vec<(&&str, &usize)> = counts.iter().collect();
            let (name, count) = made[random.below(made.len())];
            let at = 1 + random.below(*count);
            let fate = FATES[random.below(FATES.len())];
            tracer.extend(["-e".into(), format!("inject={name}:{fate}:when={at}").into()]);
            format!("{name} {at} {fate}")
        };
        house.place.run_instead(tracer.into_iter().chain(program.clone()));
        let mut answers = scenario(&house);
        if run == 0 {
            let text = fs::read(&trace).expect("a trace was written");
            counts = counted(&String::from_utf8_lossy(&text));
            continue;
        }
        // Started again without a tracer, clients send again what they were not answered.
        house.place.run_instead(program);
        let (gateway, _) = house.restarted();
        let mut connection = Connection::open(gateway.address()).expect("a gateway takes connections");
        answers.extend((0..REQUESTS).map(|number| submit(&mut connection, &house.key, number)));
        let (code, log) = gateway.stop("TERM");
        assert_eq!(code, Some(0), "{log}");
        let found = Tally::of(1, &Evidence { answers, stored: stored_of(&house), ..Evidence::default() });
        tally.runs += 1;
        tally.acknowledged += found.acknowledged;
        tally.faults.extend(found.faults.into_iter().map(|fault| format!("{fate}: {fault}")));
        (round.progress)(1);
    }
    tally
}

/// How often a thread makes each call at most: the tracer counts for each thread.
fn counted(trace: &str) -> BTreeMap<&'static str, usize> {
    let mut of_thread: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for call in calls(trace).filter(|call| call.begins) {
        *of_thread.entry((call.thread, call.name)).or_default() += 1;
    }
    let most = |name: &&'static str| of_thread.iter().filter(|((_, of), _)| of == name).map(|(_, count)| *count).max();
    CALLS.into_iter().filter_map(|name| Some((name, most(&name)?))).collect()
}

/// Requests one after the other, to a gateway that may end at any of them, and before. Afterwards it has ended.
fn scenario(house: &House) -> Vec<Answer> {
    let answers = requests(house);
    // A tracer that is ended leaves the gateway running, and so does a gateway that could not say where it listens.
    end_all(&house.place.path(""));
    answers
}

fn requests(house: &House) -> Vec<Answer> {
    let mut answers = Vec::new();
    let Ok(gateway) = house.place.try_start_with(&["--listen", "127.0.0.1:0"]) else { return answers };
    let Ok(mut connection) = Connection::open(gateway.address()) else { return answers };
    for number in 0..REQUESTS {
        let answer = submit(&mut connection, &house.key, number);
        let is_over = answer.status.is_none();
        answers.push(answer);
        if is_over {
            break;
        }
    }
    answers
}
