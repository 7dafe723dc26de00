//! Nothing acknowledged is lost: the gateway is killed again and again under load, and what the client was told is held
//! against what is there.
//!
//! The client keeps a ledger: one line for each acknowledgement, written as it comes. SIGKILL leaves the operating system
//! alone, so what is shown here is the order of commit and answer and the recovery, not what a power loss does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::gateway::{CONTACT, Caller, House};
use crate::http::{Connection, Reply};
use crate::oracle::{Random, seed};

const REQUESTS: usize = 10_000;
const CONNECTIONS: usize = 16;
const KILLS: usize = 30;

/// From the start of the program to its first answer.
const READY_TIME_MAX: Duration = Duration::from_secs(5);
/// From the first request to the last acknowledgement.
const LOAD_TIME_MAX: Duration = Duration::from_secs(120);

#[test]
fn ten_thousand_requests_survive_thirty_kills_each_stored_once() {
    let seed = seed();
    println!("seed {seed}");
    let mut random = Random(seed);
    // Early enough that each kill meets requests under way.
    let mut moments: Vec<usize> = (0..KILLS).map(|_| random.below(REQUESTS - 200)).collect();
    moments.sort_unstable();

    let House { place, gateway, mut caller } = House::new();
    let load = Load::new(&caller.address, &place.path("ledger"));
    let mut slowest = Duration::ZERO;
    let begun = Instant::now();
    let mut running = Some(gateway);
    thread::scope(|scope| {
        let _end = End(&load);
        for _ in 0..CONNECTIONS {
            scope.spawn(|| load.work(&caller.key));
        }
        for moment in moments {
            load.wait_for(moment);
            // Somewhere between two acknowledgements.
            thread::sleep(Duration::from_micros(random.below(2_000) as u64));
            drop(running.take());
            load.is_at(None);
            assert!(load.state().acknowledged < REQUESTS, "nothing was under way");
            let (gateway, time) = restarted(&place, &caller);
            slowest = slowest.max(time);
            load.is_at(Some(gateway.address()));
            running = Some(gateway);
        }
        load.wait_for(REQUESTS);
    });
    let loaded = begun.elapsed();

    drop(running.take());
    let (gateway, _) = restarted(&place, &caller);
    gateway.address().clone_into(&mut caller.address);
    let ledger = read_ledger(&place.path("ledger"));
    println!(
        "{REQUESTS} requests and {KILLS} kills in {loaded:?}, {} answered by a stored answer, ready again in {slowest:?}",
        ledger.iter().filter(|entry| entry.is_replayed).count(),
    );
    assert_eq!(ledger.len(), REQUESTS);
    let faults = faults(&caller, REQUESTS, &ledger);
    assert!(faults.is_empty(), "{} faults (seed {seed})\n{}", faults.len(), faults.join("\n"));

    // A client that lost its ledger sends everything again, and is told the same.
    each(&caller, ledger.iter().step_by(10), |connection, entry| {
        let again = submit(connection, &caller.key, entry.number).unwrap();
        assert_eq!(again.header("idempotency-replayed"), Some("true"), "{}", again.head);
        assert_eq!(id_of(&again), entry.id);
    });
}

#[test]
fn the_check_finds_what_is_lost_stored_twice_or_told_otherwise() {
    let House { place, gateway, caller } = House::new();
    let (code, log) = gateway.stop("TERM");
    assert_eq!(code, Some(0), "{log}");
    let data = place.path("usher-data");
    let before = place.path("before");
    copy(&data, &before);

    let (gateway, _) = restarted(&place, &caller);
    let caller = Caller { address: gateway.address().to_owned(), ..caller };
    let mut connection = Connection::open(&caller.address).unwrap();
    let mut ledger = Vec::new();
    for number in 0..20 {
        let reply = submit(&mut connection, &caller.key, number).unwrap();
        ledger.push(Entry { number, id: id_of(&reply), is_replayed: false });
    }
    let check = |caller: &Caller, ledger: &[Entry], expected: &[&str]| {
        let faults = faults(caller, 20, ledger);
        assert_eq!(faults.len(), expected.len(), "{faults:#?}");
        for (fault, expected) in faults.iter().zip(expected) {
            assert!(fault.contains(expected), "{fault}");
        }
    };
    check(&caller, &ledger, &[]);

    let never_stored = Entry { number: 7, id: "3f1c2b7a-9d4e-4c58-8a60-5b7e1d2f3c4a".to_owned(), is_replayed: true };
    let more: Vec<_> = ledger.iter().chain([&never_stored]).cloned().collect();
    check(&caller, &more, &["7 was acknowledged under 2 ids", "7 cannot be read"]);
    let another = Entry { number: 3, ..ledger[4].clone() };
    let more: Vec<_> = ledger.iter().chain([&another]).cloned().collect();
    check(&caller, &more, &["3 was acknowledged under 2 ids", "3 cannot be read"]);

    // The same request without its key is stored again.
    let reply = caller.post(CONTACT.path, "", body(5));
    assert_eq!(reply.status, 201, "{}", reply.text);
    check(&caller, &ledger, &["5 is stored 2 times"]);

    // A store that forgets: the data folder is put back to what it was before anything was acknowledged.
    drop(gateway);
    fs::remove_dir_all(&data).unwrap();
    copy(&before, &data);
    let (gateway, _) = restarted(&place, &caller);
    let caller = Caller { address: gateway.address().to_owned(), ..caller };
    let faults = faults(&caller, 20, &ledger);
    assert_eq!(faults.iter().filter(|fault| fault.contains("is stored 0 times")).count(), 20, "{faults:#?}");
    assert_eq!(faults.iter().filter(|fault| fault.contains("cannot be read")).count(), 20, "{faults:#?}");
}

/// The load: so many requests over so many connections, each sent until it is acknowledged.
struct Load {
    next: AtomicUsize,
    state: Mutex<State>,
    changed: Condvar,
    ledger: Mutex<File>,
    deadline: Instant,
}

#[derive(Clone)]
struct State {
    /// Where the gateway is; none while there is no gateway.
    address: Option<String>,
    acknowledged: usize,
    /// Whether nobody is to wait any longer.
    is_over: bool,
}

/// Lets everybody go who waits for a load, when one part of it has failed.
struct End<'l>(&'l Load);

impl Drop for End<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.change(|state| state.is_over = true);
        }
    }
}

impl Load {
    fn new(address: &str, ledger: &Path) -> Self {
        let state = State { address: Some(address.to_owned()), acknowledged: 0, is_over: false };
        Load {
            next: AtomicUsize::new(0),
            state: Mutex::new(state),
            changed: Condvar::new(),
            ledger: Mutex::new(File::create_new(ledger).unwrap()),
            deadline: Instant::now() + LOAD_TIME_MAX,
        }
    }

    /// Sends requests for as long as there are any.
    fn work(&self, key: &str) {
        let _end = End(self);
        let mut connection = None;
        while let Some(number) = Some(self.next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < REQUESTS) {
            while self.attempt(&mut connection, key, number).is_err() {
                // Killed in the middle: whether it was stored is not known, so it is sent again.
                connection = None;
                thread::yield_now();
            }
        }
    }

    fn attempt(&self, connection: &mut Option<Connection>, key: &str, number: usize) -> io::Result<()> {
        let connection = match connection {
            Some(connection) => connection,
            None => {
                let address = self.wait_until(|state| state.address.is_some()).address.unwrap_or_default();
                connection.insert(Connection::open(&address)?)
            }
        };
        let reply = submit(connection, key, number)?;
        assert_eq!(reply.status, 201, "{}", reply.text);
        let line = format!("{number} {} {}\n", id_of(&reply), reply.header("idempotency-replayed").is_some());
        self.ledger.lock().unwrap().write_all(line.as_bytes())?;
        self.change(|state| state.acknowledged += 1);
        Ok(())
    }

    fn is_at(&self, address: Option<&str>) {
        self.change(|state| state.address = address.map(str::to_owned));
    }

    fn wait_for(&self, acknowledged: usize) {
        self.wait_until(|state| state.acknowledged >= acknowledged);
    }

    fn state(&self) -> State {
        self.state.lock().unwrap().clone()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
    }

    fn wait_until(&self, holds: impl Fn(&State) -> bool) -> State {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let state = self.state.lock().unwrap();
        let waits = |state: &mut State| !state.is_over && !holds(state);
        let state = self.changed.wait_timeout_while(state, left, waits).unwrap().0.clone();
        assert!(holds(&state), "the load did not go on: {} acknowledged", state.acknowledged);
        state
    }
}

/// One line of the ledger.
#[derive(Clone)]
struct Entry {
    number: usize,
    id: String,
    is_replayed: bool,
}

fn read_ledger(path: &Path) -> Vec<Entry> {
    let entry = |line: &str| {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap();
        Entry { number: word().parse().unwrap(), id: word().to_owned(), is_replayed: word() == "true" }
    };
    fs::read_to_string(path).unwrap().lines().map(entry).collect()
}

/// In what the store differs from the ledger of a client that sent requests 0 to `total`, each under a key of its own.
fn faults(caller: &Caller, total: usize, ledger: &[Entry]) -> Vec<String> {
    let mut told: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    for entry in ledger {
        told.entry(entry.number).or_default().insert(&entry.id);
    }
    let told = told.iter().filter(|(_, ids)| ids.len() > 1);
    let mut faults: Vec<_> = told
        .map(|(number, ids)| format!("request {number} was acknowledged under {} ids: {ids:?}", ids.len()))
        .collect();

    let mut stored: BTreeMap<String, usize> = BTreeMap::new();
    for receipt in caller.receipts("") {
        *stored.entry(reference_of(&receipt)).or_default() += 1;
    }
    for number in 0..total {
        let count = stored.remove(&reference(number)).unwrap_or_default();
        if count != 1 {
            faults.push(format!("request {number} is stored {count} times"));
        }
    }
    faults.extend(stored.keys().map(|reference| format!("nobody sent {reference}")));

    let unreadable = Mutex::new(Vec::new());
    each(caller, ledger.iter(), |connection, entry| {
        let lines = format!("x-api-key: {}\r\n", caller.key);
        let reply = connection.call("GET", &format!("/receipts/v1/{}", entry.id), &lines, b"").unwrap();
        if reply.status != 200 || reference_of(&reply.json()) != reference(entry.number) {
            let fault = format!("request {} cannot be read as {}: {}", entry.number, entry.id, reply.text);
            unreadable.lock().unwrap().push(fault);
        }
    });
    faults.extend(unreadable.into_inner().unwrap());
    faults
}

/// Does the same with every item, over several connections.
fn each<'i, I: Sync + 'i>(
    caller: &Caller,
    items: impl Iterator<Item = &'i I>,
    work: impl Fn(&mut Connection, &I) + Sync,
) {
    let items: Vec<_> = items.collect();
    thread::scope(|scope| {
        for part in items.chunks(items.len().div_ceil(CONNECTIONS).max(1)) {
            scope.spawn(|| {
                let mut connection = Connection::open(&caller.address).unwrap();
                part.iter().for_each(|item| work(&mut connection, item));
            });
        }
    });
}

/// Starts the gateway again and waits for its first answer.
fn restarted(place: &crate::harness::Place, caller: &Caller) -> (crate::harness::Gateway, Duration) {
    let begun = Instant::now();
    let gateway = place.start();
    let caller = Caller { address: gateway.address().to_owned(), ..caller.clone() };
    let reply = caller.get("/receipts/v1?limit=1");
    let time = begun.elapsed();
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert!(time < READY_TIME_MAX, "ready after {time:?}\n{}", gateway.log());
    (gateway, time)
}

fn submit(connection: &mut Connection, key: &str, number: usize) -> io::Result<Reply> {
    let lines =
        format!("x-api-key: {key}\r\nContent-Type: application/json\r\nIdempotency-Key: \"{}\"\r\n", reference(number));
    connection.call("POST", CONTACT.path, &lines, body(number).as_bytes())
}

/// A request that can be told from all others by its reference.
fn body(number: usize) -> String {
    let reference = reference(number);
    format!(
        r#"{{"person":{{"forename":"Jana","surname":"Vzorová"}},"phoneNumber":"601123456","email":"jana@example.org",
        "subject":{{"productType":"GENERAL"}},"message":"This is {reference}.","attribution":{{"partnerReference":"{reference}"}}}}"#
    )
}

fn reference(number: usize) -> String {
    format!("request-{number}")
}

fn reference_of(receipt: &Value) -> String {
    receipt["partnerReference"].as_str().unwrap_or_default().to_owned()
}

fn id_of(reply: &Reply) -> String {
    reply.json()["id"].as_str().unwrap_or_default().to_owned()
}

fn copy(from: &Path, to: &Path) {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().mode(0o700).create(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}
