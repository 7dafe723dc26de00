//! The gateway as a partner meets it: the real binary, over HTTP, in each API's own form.

mod conventions;
mod examples;
mod idempotency;
mod one_round_trip;

use serde_json::Value;
use usher_storage::Mode;
use usher_wire::{Limits, Options};

use crate::contract::examples::{READERS, schemas};
use crate::directory::{Directory, Issued};
use crate::harness::{Gateway, Place};
use crate::http::{Connection, Reply};

/// The form of an API's errors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Dialect {
    Problem,
    Messages,
    ServiceResponse,
}

/// A submit, whose check twin stands below its path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Submit {
    pub(crate) folder: &'static str,
    /// The schema of the body.
    pub(crate) stem: &'static str,
    pub(crate) path: &'static str,
    pub(crate) dialect: Dialect,
    /// The status when it is accepted.
    pub(crate) accepted: u16,
    /// The schemas of the answer, of the check's and of an error.
    pub(crate) answers: [(&'static str, &'static str); 3],
}

pub(crate) const CONTACT: Submit = Submit {
    folder: "contact_request/v1",
    stem: "request",
    path: "/contact-request/v1/requests",
    dialect: Dialect::Problem,
    accepted: 201,
    answers: [("shared", "receipt"), ("shared", "check_result"), ("shared", "problem")],
};

pub(crate) const APPOINTMENT: Submit = Submit {
    folder: "appointment_request/v2",
    stem: "request",
    path: "/financing/construction/v2/contact/appointmentrequest",
    dialect: Dialect::Messages,
    accepted: 201,
    answers: [("appointment_request/v2", "messages"); 3],
};

pub(crate) const CREATE: Submit = Submit {
    folder: "digital_customer/v1",
    stem: "create",
    path: "/digital-customer/v1/CreateDigitalCustomer",
    dialect: Dialect::ServiceResponse,
    accepted: 200,
    answers: [
        ("digital_customer/v1", "create_answer"),
        ("digital_customer/v1", "check_answer"),
        ("digital_customer/v1", "error"),
    ],
};

pub(crate) const UPDATE: Submit = Submit {
    stem: "update",
    path: "/digital-customer/v1/UpdateDigitalCustomerInformations",
    answers: [("digital_customer/v1", "update_answer"), CREATE.answers[1], CREATE.answers[2]],
    ..CREATE
};

pub(crate) const COMPLETE: Submit = Submit {
    stem: "complete",
    path: "/digital-customer/v1/CompleteDigitalCustomer",
    answers: [("digital_customer/v1", "complete_answer"), CREATE.answers[1], CREATE.answers[2]],
    ..CREATE
};

pub(crate) const SUBMITS: [Submit; 5] = [CONTACT, APPOINTMENT, CREATE, UPDATE, COMPLETE];

/// How the examples name their application.
const EXAMPLE_APP_KEY: &str = "00000000-0000-4000-8000-000000000001";

/// An application that calls a gateway with its key.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) address: String,
    pub(crate) key: String,
    pub(crate) app_key: String,
}

/// A gateway with the application of its first start.
pub(crate) struct House {
    pub(crate) place: Place,
    pub(crate) gateway: Gateway,
    pub(crate) caller: Caller,
}

impl House {
    pub(crate) fn new() -> Self {
        House::started_with(&[])
    }

    /// A gateway that is told more on its command line.
    pub(crate) fn started_with(arguments: &[&str]) -> Self {
        let place = Place::new();
        let gateway = place.start_with(&[&["--listen", "127.0.0.1:0"], arguments].concat());
        let caller = Caller::new(&gateway, &Issued::of(&gateway));
        House { place, gateway, caller }
    }

    /// A gateway that was started, stopped, given more applications, and started again.
    pub(crate) fn with<const N: usize>(
        add: impl FnOnce(&mut Directory, &Issued) -> [Issued; N],
    ) -> (Self, [Caller; N]) {
        House::started_and_with(&[], add)
    }

    /// The same, told more on its command line.
    pub(crate) fn started_and_with<const N: usize>(
        arguments: &[&str],
        add: impl FnOnce(&mut Directory, &Issued) -> [Issued; N],
    ) -> (Self, [Caller; N]) {
        let place = Place::new();
        let first = place.start();
        let own = Issued::of(&first);
        assert_eq!(first.stop("TERM").0, Some(0));
        let others = add(&mut Directory::open(&place.path("usher-data")), &own);
        let gateway = place.start_with(&[&["--listen", "127.0.0.1:0"], arguments].concat());
        let others = others.map(|other| Caller::new(&gateway, &other));
        let caller = Caller::new(&gateway, &own);
        (House { place, gateway, caller }, others)
    }

    /// A gateway with an application of another partner.
    pub(crate) fn with_stranger(mode: Mode) -> (Self, Caller) {
        let (house, [stranger]) = House::with(|directory, _| [directory.add_partner(mode)]);
        (house, stranger)
    }

    /// Stops the gateway and opens its data folder.
    pub(crate) fn into_directory(self) -> (Place, Directory) {
        let (code, log) = self.gateway.stop("TERM");
        assert_eq!(code, Some(0), "{log}");
        let directory = Directory::open(&self.place.path("usher-data"));
        (self.place, directory)
    }
}

impl Issued {
    fn of(gateway: &Gateway) -> Self {
        Issued { key: gateway.key().to_owned(), app_key: gateway.app_key().to_owned() }
    }
}

impl Caller {
    fn new(gateway: &Gateway, issued: &Issued) -> Self {
        let Issued { key, app_key } = issued.clone();
        Caller { address: gateway.address().to_owned(), key, app_key }
    }

    /// The same key at another address.
    pub(crate) fn at(self, address: &str) -> Self {
        Caller { address: address.to_owned(), ..self }
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.call("GET", path, "", "")
    }

    pub(crate) fn post(&self, path: &str, lines: &str, body: impl AsRef<[u8]>) -> Reply {
        self.call("POST", path, &format!("Content-Type: application/json\r\n{lines}"), body)
    }

    pub(crate) fn check(&self, submit: Submit, body: impl AsRef<[u8]>) -> Reply {
        self.post(&format!("{}/check", submit.path), "", body)
    }

    /// Calls with the key and further header lines.
    pub(crate) fn call(&self, method: &str, path: &str, lines: &str, body: impl AsRef<[u8]>) -> Reply {
        self.call_without_key(method, path, &format!("x-api-key: {}\r\n{lines}", self.key), body)
    }

    pub(crate) fn call_without_key(&self, method: &str, path: &str, lines: &str, body: impl AsRef<[u8]>) -> Reply {
        let mut connection = Connection::open(&self.address).unwrap();
        let reply = connection.call(method, path, &format!("{lines}Connection: close\r\n"), body.as_ref());
        reply.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// A valid example, naming this application.
    pub(crate) fn example(&self, submit: Submit, name: &str) -> String {
        let path = format!("{}/examples/valid/{}/{name}.json", submit.folder, submit.stem);
        let text = std::fs::read_to_string(schemas().join(path)).unwrap();
        text.replace(EXAMPLE_APP_KEY, &self.app_key)
    }

    /// All receipts of this application, newest first.
    pub(crate) fn receipts(&self, query: &str) -> Vec<Value> {
        let mut receipts = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("/receipts/v1?limit=100{query}{cursor}"));
            assert_eq!(page.status, 200, "{}", page.text);
            obeys(("shared", "receipt_list"), &page);
            let page = page.json();
            receipts.extend(page["items"].as_array().unwrap().iter().cloned());
            let Some(next) = page["next"].as_str() else { return receipts };
            cursor = format!("&cursor={next}");
        }
    }
}

/// The answer is what the contract says, without a member or value that it does not name.
#[track_caller]
pub(crate) fn obeys((folder, stem): (&str, &str), reply: &Reply) {
    let (.., read) = READERS.iter().find(|(known, name, _)| (*known, *name) == (folder, stem)).unwrap();
    let options = Options { mode: usher_wire::Mode::Strict, limits: Limits::GATEWAY, facts: None };
    let reading = read(reply.text.as_bytes(), &options).unwrap_or_else(|error| panic!("{error}: {}", reply.text));
    assert!(reading.violations.list.is_empty(), "{}: {}", reading.violations, reply.text);
}

/// The code of an error, wherever the dialect has it.
pub(crate) fn code(dialect: Dialect, reply: &Reply) -> String {
    let body = reply.json();
    let code = match dialect {
        Dialect::Problem => &body["code"],
        Dialect::Messages => &body["message"][0]["code"],
        Dialect::ServiceResponse => &body["Error"]["Code"],
    };
    code.as_str().unwrap_or_else(|| panic!("no code: {}", reply.text)).to_owned()
}

/// The answer is this error, in the form of its API.
#[track_caller]
pub(crate) fn is_error(submit: Submit, reply: &Reply, status: u16, expected: &str) {
    assert_eq!((reply.status, code(submit.dialect, reply).as_str()), (status, expected), "{}", reply.text);
    obeys(submit.answers[2], reply);
    let media_type = if submit.dialect == Dialect::Problem { "application/problem+json" } else { "application/json" };
    assert_eq!(reply.header("content-type"), Some(media_type));
}

/// The submit was accepted; gives the id in its receipt.
#[track_caller]
pub(crate) fn accepted(submit: Submit, reply: &Reply) -> String {
    assert_eq!(reply.status, submit.accepted, "{}", reply.text);
    obeys(submit.answers[0], reply);
    let location = reply.header("location").unwrap_or_else(|| panic!("no receipt: {}", reply.head));
    location.strip_prefix("/receipts/v1/").unwrap().to_owned()
}
