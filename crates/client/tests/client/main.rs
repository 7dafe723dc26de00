//! What a partner would notice of the client, against a server that does as it is told.

mod answers;
mod operations;
mod retries;
mod server;
mod tls;

use std::path::Path;
use std::time::Duration;

use server::Server;
use usher_client::contract::contact_request::v1::{General, Intent, Person, Request, Subject};
use usher_client::wire::{Limits, Message, Mode, Options, parse};
use usher_client::{ApiKey, Checked, Client, ClientBuilder, RetryPolicy, TimeLimits, check};

/// Words that must not be seen in any error or debug form.
const KEY: &str = "usher_sbx_Canary000001_CanaryCanaryCanaryCanaryCanary01_2kmdhn";
const SURNAME: &str = "Canary-Surname";
const MESSAGE: &str = "canary-message";

/// A client of `server` with short pauses.
fn builder(server: &Server) -> ClientBuilder {
    Client::builder(&server.url(), ApiKey::new(KEY).expect("a key"))
        .retry_policy(RetryPolicy { pause_first_max: Duration::from_millis(1), ..RetryPolicy::default() })
        .time_limits(TimeLimits { attempt_time_max: Duration::from_secs(5), ..TimeLimits::default() })
}

fn client(server: &Server) -> Client {
    builder(server).build().expect("a client")
}

fn request() -> Checked<Request> {
    check(Request {
        person: Person { forename: "Jana".into(), surname: SURNAME.into(), unknown: Default::default() },
        phone_number: "+420601123456".into(),
        email: "jana.vzorova@example.org".into(),
        language: None,
        recontact: None,
        subject: Subject::General(General { intent: Some(Intent::Information), unknown: Default::default() }),
        message: Some(MESSAGE.into()),
        consent: None,
        attribution: None,
        unknown: Default::default(),
    })
    .expect("a request that keeps the contract")
}

/// A valid example of the schemas, by its path below `schemas`.
fn example(path: &str) -> String {
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
    let (folder, rest) = path.rsplit_once("::").expect("API::SCHEMA/NAME");
    let file = schemas.join(folder).join("examples/valid").join(format!("{rest}.json"));
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// A valid example, as a partner would send it.
fn message<T: for<'a> Message<'a>>(path: &str) -> Checked<T> {
    let options = Options { mode: Mode::Strict, limits: Limits::GATEWAY, facts: None };
    let parsed = parse::<T>(example(path).as_bytes(), &options).map(|parsed| parsed.into_result());
    parsed.expect("JSON").expect("a valid example").0
}

/// Fails if a debug or display form shows what it must not.
fn assert_discreet(shown: &str) {
    for canary in [KEY, SURNAME, MESSAGE] {
        assert!(!shown.contains(canary), "shows {canary}: {shown}");
    }
}
