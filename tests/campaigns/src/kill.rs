//! C1 and C22: the gateway is killed, or asked to stop, again and again under load, and what clients were told is held against
//! what is there.
//!
//! SIGKILL leaves the operating system alone, so what is shown here is the order of commit and answer and the recovery, not
//! what a power loss does. The control is a gateway that answers before it commits.

use std::thread;
use std::time::{Duration, Instant};

use usher_oracle::{Answer, Evidence, Measure, Stored, read};
use usher_testkit::harness::Place;
use usher_testkit::http::Connection;
use usher_testkit::random::Random;

use crate::load::{CONNECTIONS, Failing, House, Load, TENANT, call, submit};
use crate::power::scratch;
use crate::{Campaign, Round, Tally, control, nothing, stored};

pub(crate) const KILL: Campaign =
    Campaign { name: "kill", round_runs: 50, needs: nothing, round: |round| run(round, End::Killed) };

pub(crate) const STOP: Campaign =
    Campaign { name: "stop", round_runs: 20, needs: nothing, round: |round| run(round, End::Stopped) };

/// How a gateway ends.
#[derive(Clone, Copy)]
enum End {
    Killed,
    /// By SIGTERM: what is under way is to be answered.
    Stopped,
}

/// Between two kills, on average.
const REQUESTS_PER_KILL: usize = 200;
/// From the start of the program to its first answer, in milliseconds.
const READY_TIME_MAX: u64 = 5_000;

/// From SIGTERM to the end of the program, in milliseconds.
const STOP_TIME_MAX: u64 = 30_000;

fn run(round: &Round<'_>, end: End) -> Tally {
    let mut random = Random::of_run(round.seed);
    let kills = usize::try_from(round.runs).unwrap_or(usize::MAX);
    let total = kills * REQUESTS_PER_KILL;
    // Early enough that each kill meets requests under way.
    let mut moments: Vec<usize> = (0..kills).map(|_| random.below(total - REQUESTS_PER_KILL / 2)).collect();
    moments.sort_unstable();

    let (mut house, mut gateway) = House::new(Place::new());
    if round.is_control {
        assert_eq!(gateway.stop("TERM").0, Some(0));
        house.place.run_instead(control::gateway(round.program, control::ANSWER_EARLY));
        gateway = house.restarted().0;
    }
    // On a disk of its own, as a client's is.
    let ledgers = scratch();
    let path = ledgers.path().join("ledger");
    let load = Load::new(&house, gateway.address(), total, &path);
    let (mut slowest, mut slowest_stop) = (Duration::ZERO, Duration::ZERO);
    thread::scope(|scope| {
        let _failing = Failing(&load);
        for _ in 0..CONNECTIONS {
            scope.spawn(|| load.work());
        }
        let mut running = Some(gateway);
        for moment in moments {
            load.wait_for(moment);
            // Somewhere between two acknowledgements.
            thread::sleep(Duration::from_micros(random.below(2_000) as u64));
            let gateway = running.take().expect("it was started");
            match end {
                End::Killed => drop(gateway),
                End::Stopped => {
                    let begun = Instant::now();
                    let (code, log) = gateway.stop("TERM");
                    assert_eq!(code, Some(0), "{log}");
                    slowest_stop = slowest_stop.max(begun.elapsed());
                }
            }
            load.is_at(None);
            assert!(load.acknowledged() < total, "nothing was under way");
            let (gateway, time) = house.restarted();
            slowest = slowest.max(time);
            load.is_at(Some(gateway.address()));
            running = Some(gateway);
            (round.progress)(1);
        }
        load.wait_for(total);
    });

    let mut answers: Vec<Answer> = read(&path).expect("the ledger is whole");
    let (gateway, _) = house.restarted();
    let unreadable = look(&house, gateway.address(), &mut answers);
    let (code, log) = gateway.stop("TERM");
    assert_eq!(code, Some(0), "{log}");
    let evidence = Evidence {
        answers,
        stored: stored_of(&house),
        measures: vec![
            milliseconds("to the first answer after a start", slowest, READY_TIME_MAX),
            milliseconds("to the end after SIGTERM", slowest_stop, STOP_TIME_MAX),
            Measure {
                what: "acknowledged requests that their partner cannot read".to_owned(),
                value: unreadable,
                max: 0,
            },
        ],
        ..Evidence::default()
    };
    Tally::of(round.runs, &evidence)
}

fn milliseconds(what: &str, time: Duration, max: u64) -> Measure {
    let value = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Measure { what: format!("milliseconds {what}"), value, max }
}

/// All requests of a data folder, whose partner is the one of the ledger.
pub(crate) fn stored_of(house: &House) -> Vec<Stored> {
    let stored = stored::stored(&house.place.path("usher-data")).expect("the database can be read");
    stored.into_iter().map(|stored| Stored { tenant: TENANT.to_owned(), ..stored }).collect()
}

/// Looks at the gateway as its partner would: every acknowledged request is read, and each tenth is sent again, by a client
/// that lost its ledger. Says how many could not be read.
pub(crate) fn look(house: &House, address: &str, answers: &mut Vec<Answer>) -> u64 {
    let acknowledged: Vec<Answer> = answers.iter().filter(|answer| answer.is_acknowledged()).cloned().collect();
    let parts: Vec<&[Answer]> = acknowledged.chunks(acknowledged.len().div_ceil(CONNECTIONS).max(1)).collect();
    let seen: Vec<(u64, Vec<Answer>)> = thread::scope(|scope| {
        let threads: Vec<_> = parts.into_iter().map(|part| scope.spawn(|| look_at(house, address, part))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a part is looked at")).collect()
    });
    let unreadable = seen.iter().map(|(unreadable, _)| unreadable).sum();
    answers.extend(seen.into_iter().flat_map(|(_, again)| again));
    unreadable
}

fn look_at(house: &House, address: &str, part: &[Answer]) -> (u64, Vec<Answer>) {
    let mut connection = Connection::open(address).expect("a gateway takes connections");
    let (mut unreadable, mut again) = (0, Vec::new());
    for (index, answer) in part.iter().enumerate() {
        let path = format!("/receipts/v1/{}", answer.id.as_deref().unwrap_or_default());
        let reply = call(&mut connection, &house.key, "GET", &path).expect("a gateway answers");
        if reply.status != 200 || reply.json()["partnerReference"] != answer.key.as_str() {
            unreadable += 1;
        }
        let number = answer.key.strip_prefix("request-").and_then(|number| number.parse().ok());
        if let Some(number) = number.filter(|_| index % 10 == 0) {
            again.push(submit(&mut connection, &house.key, number));
        }
    }
    (unreadable, again)
}
