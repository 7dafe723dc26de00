//! Load: so many requests over so many connections, each sent under its key until it is acknowledged, every answer in the
//! ledger.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use usher_oracle::{Answer, Ledger, digest, now};
use usher_testkit::harness::{Gateway, Place};
use usher_testkit::http::{Connection, Reply};

/// Whose requests all of it is: each round has one application.
pub(crate) const TENANT: &str = "the application";
/// How many connections send at once.
pub(crate) const CONNECTIONS: usize = 16;

/// From one acknowledgement to the next, whatever happens in between.
const PROGRESS_TIME_MAX: Duration = Duration::from_secs(120);
/// How long a client waits that was told to come again.
const AGAIN: Duration = Duration::from_millis(20);

/// A gateway with the application of its first start.
pub(crate) struct House {
    pub(crate) place: Place,
    pub(crate) key: String,
}

impl House {
    /// A data folder that was used once, and a gateway in it.
    pub(crate) fn new(place: Place) -> (House, Gateway) {
        let gateway = place.start();
        let house = House { key: gateway.key().to_owned(), place };
        (house, gateway)
    }

    /// Starts the gateway again and waits for its first answer; says how long that took.
    pub(crate) fn restarted(&self) -> (Gateway, Duration) {
        let begun = Instant::now();
        let gateway = self.place.start();
        let mut connection = Connection::open(gateway.address()).expect("a gateway takes connections");
        let reply = call(&mut connection, &self.key, "GET", "/receipts/v1?limit=1").expect("a gateway answers");
        assert_eq!(reply.status, 200, "{}", reply.text);
        (gateway, begun.elapsed())
    }
}

/// The load on one gateway after the other.
pub(crate) struct Load {
    key: String,
    total: usize,
    next: AtomicUsize,
    state: Mutex<State>,
    changed: Condvar,
    ledger: Ledger<Answer>,
}

struct State {
    /// Where the gateway is; none while there is no gateway.
    address: Option<String>,
    acknowledged: usize,
    /// Whether nobody is to wait any longer.
    is_over: bool,
}

/// Lets everybody go who waits for a load, when one part of it has failed.
pub(crate) struct Failing<'l>(pub(crate) &'l Load);

impl Drop for Failing<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.change(|state| state.is_over = true);
        }
    }
}

impl Load {
    /// Requests 0 to `total`, with the key of an application and a ledger that is begun.
    pub(crate) fn new(house: &House, address: &str, total: usize, ledger: &Path) -> Self {
        Load {
            key: house.key.clone(),
            total,
            next: AtomicUsize::new(0),
            state: Mutex::new(State { address: Some(address.to_owned()), acknowledged: 0, is_over: false }),
            changed: Condvar::new(),
            ledger: Ledger::create(ledger).expect("a ledger can be begun"),
        }
    }

    /// Sends requests for as long as there are any.
    pub(crate) fn work(&self) {
        let _failing = Failing(self);
        let mut connection = None;
        while let Some(number) = Some(self.next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < self.total) {
            while !self.attempt(&mut connection, number) {
                if self.state.lock().expect("no panic under the lock").is_over {
                    return;
                }
                thread::yield_now();
            }
        }
    }

    /// Sends a request once; says whether it was acknowledged.
    fn attempt(&self, connection: &mut Option<Connection>, number: usize) -> bool {
        if connection.is_none() {
            let Some(address) = self.wait_until(|state| state.address.is_some()).address else { return false };
            *connection = Connection::open(&address).ok();
        }
        let Some(open) = connection else { return false };
        let answer = submit(open, &self.key, number);
        self.ledger.append(&answer).expect("the ledger takes a line");
        if answer.status.is_none() {
            // Cut in the middle: whether it was stored is not known, so it is sent again.
            *connection = None;
            return false;
        }
        if !answer.is_acknowledged() {
            thread::sleep(AGAIN);
            return false;
        }
        self.change(|state| state.acknowledged += 1);
        true
    }

    /// Where the gateway is from now on.
    pub(crate) fn is_at(&self, address: Option<&str>) {
        self.change(|state| state.address = address.map(str::to_owned));
    }

    /// Waits until so many are acknowledged.
    pub(crate) fn wait_for(&self, acknowledged: usize) {
        let begun = Instant::now();
        let mut before = 0;
        while before < acknowledged {
            let state = self.wait_until(|state| state.acknowledged > before);
            assert!(
                state.acknowledged > before,
                "the load did not go on: {before} acknowledged after {:?}",
                begun.elapsed()
            );
            before = state.acknowledged;
        }
    }

    /// How many are acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.state.lock().expect("no panic under the lock").acknowledged
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().expect("no panic under the lock"));
        self.changed.notify_all();
    }

    fn wait_until(&self, holds: impl Fn(&State) -> bool) -> State {
        let state = self.state.lock().expect("no panic under the lock");
        let waits = |state: &mut State| !state.is_over && !holds(state);
        let (state, _) =
            self.changed.wait_timeout_while(state, PROGRESS_TIME_MAX, waits).expect("no panic under the lock");
        State { address: state.address.clone(), ..*state }
    }
}

/// Sends a request under its key; the answer as the ledger has it.
pub(crate) fn submit(connection: &mut Connection, key: &str, number: usize) -> Answer {
    let (body, reference) = (body(number), reference(number));
    let reply = connection.call("POST", PATH, &lines(key, &reference), body.as_bytes());
    answered(reference, &body, reply.ok().as_ref())
}

/// The answer as the ledger has it.
pub(crate) fn answered(key: String, body: &str, reply: Option<&Reply>) -> Answer {
    let id = reply.filter(|reply| (200..300).contains(&reply.status)).and_then(|reply| {
        let body: serde_json::Value = serde_json::from_str(&reply.text).ok()?;
        body["id"].as_str().map(str::to_owned)
    });
    let status = reply.map(|reply| reply.status);
    Answer { tenant: TENANT.to_owned(), key, body: digest(body.as_bytes()), at: now(), status, id }
}

/// The path of a submit.
pub(crate) const PATH: &str = "/contact-request/v1/requests";

/// The header lines of a submit.
pub(crate) fn lines(key: &str, reference: &str) -> String {
    format!("x-api-key: {key}\r\nContent-Type: application/json\r\nIdempotency-Key: \"{reference}\"\r\n")
}

/// A call with the key of an application.
pub(crate) fn call(connection: &mut Connection, key: &str, method: &str, path: &str) -> io::Result<Reply> {
    connection.call(method, path, &format!("x-api-key: {key}\r\n"), b"")
}

/// A request that can be told from all others by its reference.
pub(crate) fn body(number: usize) -> String {
    let reference = reference(number);
    format!(
        r#"{{"person":{{"forename":"Jana","surname":"Vzorová"}},"phoneNumber":"601123456","email":"jana@example.org",
        "subject":{{"productType":"GENERAL"}},"message":"This is {reference}.","attribution":{{"partnerReference":"{reference}"}}}}"#
    )
}

/// The reference of a request, which is its key as well.
pub(crate) fn reference(number: usize) -> String {
    format!("request-{number}")
}
