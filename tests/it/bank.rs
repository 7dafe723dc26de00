//! The bank's half: what it is handed, what it sets, and what partners see of it.

mod damaged;
mod following;
mod leads;
mod messages;
mod statuses;

use serde_json::{Value, json};
use usher_storage::Environment;

use crate::directory::Issued;
use crate::gateway::{APPOINTMENT, CONTACT, Caller, Dialect, House, accepted, code, obeys};
use crate::http::Reply;

const BOTH: [Environment; 2] = [Environment::Sandbox, Environment::Production];

/// A gateway with a production partner, and users of the bank.
struct Bank {
    house: House,
    /// The partner's application in production.
    partner: Caller,
    /// May do everything, and see all.
    operator: Caller,
    agent: Caller,
    reader: Caller,
    /// Agents of two lenders.
    lenders: [Caller; 2],
    /// An agent for production only.
    production: Caller,
}

impl Bank {
    fn new() -> Self {
        let (house, [partner, operator, agent, reader, one, two, production]) =
            House::with(|directory, own: &Issued| {
                let partner = directory.scope(&own.key).partner;
                [
                    directory.add_production(partner),
                    directory.add_bank_user("operator", None, &BOTH),
                    directory.add_bank_user("agent", None, &BOTH),
                    directory.add_bank_user("reader", None, &BOTH),
                    directory.add_bank_user("agent", Some("provider/lender-1"), &BOTH),
                    directory.add_bank_user("agent", Some("provider/lender-2"), &BOTH),
                    directory.add_bank_user("agent", None, &[Environment::Production]),
                ]
            });
        let address = house.gateway.bank_address().to_owned();
        let [operator, agent, reader, one, two, production] =
            [operator, agent, reader, one, two, production].map(|user| user.at(&address));
        Bank { house, partner, operator, agent, reader, lenders: [one, two], production }
    }
}

/// A contact request of the partner, with its receipt's id.
fn contact(partner: &Caller, change: impl FnOnce(&mut Value)) -> String {
    let mut body: Value = serde_json::from_str(&partner.example(CONTACT, "general")).unwrap();
    change(&mut body);
    accepted(CONTACT, &partner.post(CONTACT.path, "", body.to_string()))
}

/// An appointment request to these lenders.
fn appointment(partner: &Caller, lenders: &[&str]) -> String {
    let mut body: Value = serde_json::from_str(&partner.example(APPOINTMENT, "geo_code_only")).unwrap();
    let offers = lenders.iter().map(|lender| json!({"providerId": lender})).collect::<Vec<_>>();
    body["referredOffers"] = offers.into();
    accepted(APPOINTMENT, &partner.post(APPOINTMENT.path, "", body.to_string()))
}

/// The answer of a read, which is what its schema says.
#[track_caller]
fn read(caller: &Caller, schema: (&str, &str), path: &str) -> Value {
    let reply = caller.get(path);
    assert_eq!(reply.status, 200, "{path}: {}", reply.text);
    obeys(schema, &reply);
    reply.json()
}

#[track_caller]
fn pull(caller: &Caller, query: &str) -> Value {
    read(caller, ("bank/v1", "message_list"), &format!("/bank/v1/messages?{query}"))
}

#[track_caller]
fn deliveries(caller: &Caller, query: &str) -> Vec<Value> {
    let page = read(caller, ("bank/v1", "delivery_list"), &format!("/bank/v1/deliveries?{query}"));
    page["items"].as_array().unwrap().clone()
}

/// The delivery of a request that has one.
#[track_caller]
fn delivery_of(caller: &Caller, request: &str) -> Value {
    let mut found = deliveries(caller, "limit=200");
    found.retain(|delivery| delivery["requestId"] == request);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[track_caller]
fn delivery(caller: &Caller, id: &Value) -> Value {
    read(caller, ("bank/v1", "delivery_detail"), &format!("/bank/v1/deliveries/{id}"))["delivery"].clone()
}

#[track_caller]
fn timeline(caller: &Caller, id: &Value) -> Vec<Value> {
    let timeline = read(caller, ("bank/v1", "timeline"), &format!("/bank/v1/deliveries/{id}/timeline"));
    timeline["items"].as_array().unwrap().clone()
}

fn set(caller: &Caller, id: &Value, body: &Value) -> Reply {
    caller.post(&format!("/bank/v1/deliveries/{id}/status"), "", body.to_string())
}

/// Sets a status, which is legal.
#[track_caller]
fn set_ok(caller: &Caller, id: &Value, body: &Value) -> Value {
    let reply = set(caller, id, body);
    assert_eq!(reply.status, 200, "{body}: {}", reply.text);
    obeys(("bank/v1", "delivery"), &reply);
    reply.json()
}

fn acknowledge(caller: &Caller, ids: &[&Value]) -> Value {
    let reply = caller.post("/bank/v1/messages/acknowledgements", "", json!({"messages": ids}).to_string());
    assert_eq!(reply.status, 200, "{}", reply.text);
    obeys(("bank/v1", "acknowledgement_result"), &reply);
    reply.json()
}

/// The answer is this error, in the form most APIs have.
#[track_caller]
fn is_problem(reply: &Reply, status: u16, expected: &str) {
    assert_eq!((reply.status, code(Dialect::Problem, reply).as_str()), (status, expected), "{}", reply.text);
    obeys(("shared", "problem"), reply);
}

#[test]
fn keys_of_partners_and_of_the_bank_open_nothing_of_each_other() {
    let bank = Bank::new();
    let address = bank.house.gateway.bank_address().to_owned();
    for key in [&bank.partner, &bank.house.caller] {
        let intruder = key.clone().at(&address);
        for path in ["/bank/v1/messages", "/bank/v1/deliveries", "/bank/v1/deliveries/1"] {
            is_problem(&intruder.get(path), 401, "key_unknown");
        }
        // What is for partners is not served there at all.
        is_problem(&intruder.get("/receipts/v1"), 404, "not_found");
        is_problem(&intruder.get("/contact-request/v1/requests"), 404, "not_found");
    }
    let intruder = bank.operator.clone().at(&bank.partner.address);
    is_problem(&intruder.get("/receipts/v1"), 401, "key_unknown");
    is_problem(&intruder.get("/bank/v1/messages"), 404, "not_found");
    is_problem(&bank.operator.call_without_key("GET", "/bank/v1/messages", "", ""), 401, "authentication_required");
    let (code, log) = bank.house.gateway.stop("TERM");
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn readers_look_and_change_nothing() {
    let bank = Bank::new();
    contact(&bank.partner, |_| {});
    let message = pull(&bank.reader, "")["items"][0].clone();
    let id = &message["delivery"]["id"];
    assert_eq!(delivery(&bank.reader, id), message["delivery"]);
    is_problem(&set(&bank.reader, id, &json!({"status": "CLAIMED"})), 403, "not_permitted");
    let body = json!({"messages": [message["id"]]}).to_string();
    is_problem(&bank.reader.post("/bank/v1/messages/acknowledgements", "", body), 403, "not_permitted");
    assert_eq!(pull(&bank.agent, "")["items"], json!([message]));
    assert_eq!(timeline(&bank.operator, id).len(), 1);
}

#[test]
fn sandbox_and_production_are_apart() {
    let bank = Bank::new();
    let (real, trial) = (contact(&bank.partner, |_| {}), contact(&bank.house.caller, |_| {}));
    let requests = |caller, query| -> Vec<String> {
        let found = deliveries(caller, query);
        found.iter().map(|delivery| delivery["requestId"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(requests(&bank.agent, ""), std::slice::from_ref(&real));
    assert_eq!(requests(&bank.agent, "environment=production"), [real]);
    assert_eq!(requests(&bank.agent, "environment=sandbox"), [trial]);
    assert_eq!(requests(&bank.production, "").len(), 1);
    for path in ["/bank/v1/messages?environment=sandbox", "/bank/v1/deliveries?environment=sandbox"] {
        is_problem(&bank.production.get(path), 403, "wrong_environment");
    }
    // A number of one environment is none of the other.
    let id = deliveries(&bank.agent, "environment=sandbox")[0]["id"].clone();
    is_problem(&bank.agent.get(&format!("/bank/v1/deliveries/{id}")), 404, "not_found");
    is_problem(&set(&bank.agent, &id, &json!({"status": "CLAIMED"})), 404, "not_found");
    is_problem(&bank.agent.get("/bank/v1/messages?environment=elsewhere"), 400, "parameter_invalid");
}

#[test]
fn every_access_to_content_is_logged_by_whom_and_what_and_without_any_of_it() {
    let bank = Bank::new();
    let request = contact(&bank.partner, |body| body["person"]["surname"] = "Nápadnýová".into());
    let id = delivery_of(&bank.agent, &request)["id"].clone();
    set_ok(&bank.agent, &id, &json!({"status": "CLAIMED", "note": "unverkennbar", "bankReference": "case-of-marks"}));
    delivery(&bank.reader, &id);
    pull(&bank.agent, "");
    let log = bank.house.gateway.log();
    let accesses = log.lines().filter(|line| line.contains("content of a request was read"));
    let accesses: Vec<&str> =
        accesses.filter(|line| line.contains(&request) && line.contains("bank_user_id")).collect();
    assert_eq!(accesses.len(), 2, "{log}");
    for hidden in ["Nápadnýová", "unverkennbar", "case-of-marks", "601 123 456", "601123456", "of the tests"] {
        assert!(!log.contains(hidden), "{hidden}");
    }
}
