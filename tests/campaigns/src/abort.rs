//! C10: clients leave while they send, while they wait and while they are answered. Nothing may be stored in part, nothing may
//! stay behind in the gateway, and whoever comes again under the same key gets one answer.
//!
//! The control is a gateway that stores only half of what belongs together.

use std::fs;
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use usher_oracle::{Answer, Evidence, Measure};
use usher_testkit::harness::Place;
use usher_testkit::http::Connection;
use usher_testkit::random::Random;

use crate::kill::stored_of;
use crate::load::{House, PATH, answered, body, lines, reference, submit};
use crate::{Campaign, Round, Tally, control, nothing};

pub(crate) const CAMPAIGN: Campaign = Campaign { name: "abort", round_runs: 5_000, needs: nothing, round };

const CLIENTS: u64 = 8;
/// One request out of so many is sent again.
const AGAIN: u64 = 10;
/// How often it is tried.
const TRIES_MAX: usize = 1_000;
/// How much more memory and how many more files the gateway may have afterwards, in MiB and files.
const GROWTH_MAX: (u64, u64) = (64, 16);

fn round(round: &Round<'_>) -> Tally {
    let (mut house, mut gateway) = House::new(Place::new());
    if round.is_control {
        assert_eq!(gateway.stop("TERM").0, Some(0));
        house.place.run_instead(control::gateway(round.program, control::STORE_HALVES));
        gateway = house.restarted().0;
    }
    let address = gateway.address().to_owned();
    // One request makes what every later one uses.
    let first = usize::MAX >> 1;
    let warm = submit(&mut Connection::open(&address).expect("a gateway takes connections"), &house.key, first);
    let (memory, files) = usage(gateway.id());
    let answers = Mutex::new(vec![warm]);
    let unanswered = AtomicU64::new(0);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (house, address, answers, unanswered) = (&house, &address, &answers, &unanswered);
            scope.spawn(move || {
                let mut random = Random::of_run(round.seed.wrapping_mul(CLIENTS).wrapping_add(client));
                for number in (client..round.runs).step_by(usize::try_from(CLIENTS).unwrap_or(1)) {
                    let number = usize::try_from(number).unwrap_or_default();
                    leave(address, &house.key, number, &mut random);
                    let mut own = vec![answered(reference(number), &body(number), None)];
                    if number as u64 % AGAIN == client % AGAIN {
                        own.extend(come_again(address, &house.key, number));
                        let is_answered = own.last().is_some_and(Answer::is_acknowledged);
                        unanswered.fetch_add(u64::from(!is_answered), Ordering::Relaxed);
                    }
                    answers.lock().expect("no panic under the lock").append(&mut own);
                    (round.progress)(1);
                }
            });
        }
    });
    let (memory_after, files_after) = usage(gateway.id());
    let (code, log) = gateway.stop("TERM");
    assert_eq!(code, Some(0), "{log}");
    let evidence = Evidence {
        answers: answers.into_inner().expect("no panic under the lock"),
        stored: stored_of(&house),
        measures: vec![
            Measure {
                what: "requests that were sent again and never answered".to_owned(),
                value: unanswered.into_inner(),
                max: 0,
            },
            Measure { what: "MiB of memory".to_owned(), value: memory_after, max: memory + GROWTH_MAX.0 },
            Measure { what: "open files".to_owned(), value: files_after, max: files + GROWTH_MAX.1 },
        ],
        is_cut_off: true,
        ..Evidence::default()
    };
    Tally::of(round.runs, &evidence)
}

/// Sends a request, or the beginning of one, and leaves at a random moment.
fn leave(address: &str, key: &str, number: usize, random: &mut Random) {
    use std::io::{Read as _, Write as _};
    let body = body(number);
    let lines = lines(key, &reference(number));
    let head = format!("POST {PATH} HTTP/1.1\r\nHost: gateway\r\nContent-Length: {}\r\n{lines}\r\n", body.len());
    let text = [head.as_bytes(), body.as_bytes()].concat();
    let Ok(mut stream) = TcpStream::connect(address.trim_start_matches("http://")) else { return };
    // What fails here is what this client is about.
    let _ = stream.set_nodelay(true);
    let length = if random.below(4) == 0 { random.below(text.len()) } else { text.len() };
    let _ = stream.write_all(&text[..length]);
    match random.below(4) {
        0 => {}
        1 => {
            let _ = stream.shutdown(Shutdown::Write);
        }
        2 => thread::sleep(Duration::from_micros(random.below(5_000) as u64)),
        _ => {
            // With an answer unread, the system resets the connection.
            let _ = stream.set_read_timeout(Some(Duration::from_millis(1 + random.below(5) as u64)));
            let _ = stream.read(&mut [0; 1]);
        }
    }
}

/// Sends a request under its key until it is acknowledged.
fn come_again(address: &str, key: &str, number: usize) -> Vec<Answer> {
    let mut answers = Vec::new();
    for _ in 0..TRIES_MAX {
        let Ok(mut connection) = Connection::open(address) else { continue };
        answers.push(submit(&mut connection, key, number));
        if answers.last().is_some_and(Answer::is_acknowledged) {
            break;
        }
        // A twin may still be running.
        thread::sleep(Duration::from_millis(2));
    }
    answers
}

/// MiB of memory and open files of a process; nothing where the system does not tell.
fn usage(id: u32) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let memory =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse::<u64>().ok());
    let files = fs::read_dir(format!("/proc/{id}/fd")).map_or(0, Iterator::count);
    (memory.unwrap_or(0) / 1024, files as u64)
}
