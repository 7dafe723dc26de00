//! Onboarding: one person's flow at one partner, from the identity register to the candidate at the bank.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use usher_storage::{Environment, Mode};

use crate::gateway::{COMPLETE, CREATE, Caller, House, Submit, UPDATE, accepted, is_error, obeys};
use crate::http::Reply;

const PERSON: &str = "98769999826";
const EMAIL: &str = "deniz.ornek@example.org";
const PHONE: &str = "5012345678";

/// A valid national id that begins so.
pub(crate) fn national_id(nine: &str) -> String {
    let digits: Vec<i64> = nine.bytes().map(|digit| i64::from(digit - b'0')).collect();
    assert_eq!(digits.len(), 9);
    let (odd, even): (i64, i64) = (digits.iter().step_by(2).sum(), digits.iter().skip(1).step_by(2).sum());
    let tenth = (7 * odd - even).rem_euclid(10);
    let eleventh = (odd + even + tenth) % 10;
    format!("{nine}{tenth}{eleventh}")
}

pub(crate) fn create(caller: &Caller, person: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut body: Value = serde_json::from_str(&caller.example(CREATE, "new_customer")).unwrap();
    let customer = &mut body["Parameters"][0]["DigitalCustomer"];
    customer["CitizenshipNumber"] = person.into();
    customer["Email"] = EMAIL.into();
    customer["PhoneNumber"] = PHONE.into();
    change(&mut body);
    body
}

fn of_flow(caller: &Caller, submit: Submit, name: &str, flow: &Value) -> Value {
    let mut body: Value = serde_json::from_str(&caller.example(submit, name)).unwrap();
    let parameters = &mut body["Parameters"][0];
    parameters["ProcessId"] = flow["ProcessId"].clone();
    parameters["CustomerNo"] = flow["CustomerId"].clone();
    body
}

pub(crate) fn update(caller: &Caller, person: &str, flow: &Value) -> Value {
    let mut body = of_flow(caller, UPDATE, "home_selected", flow);
    body["Parameters"][0]["CitizenshipNumber"] = person.into();
    body
}

pub(crate) fn complete(caller: &Caller, flow: &Value) -> Value {
    let mut body = of_flow(caller, COMPLETE, "courier", flow);
    body["Parameters"][0]["Email"] = EMAIL.into();
    body["Parameters"][0]["PhoneNumber"] = PHONE.into();
    body
}

pub(crate) fn post(caller: &Caller, submit: Submit, body: &Value) -> Reply {
    caller.post(submit.path, "", body.to_string())
}

/// The data of an accepted step.
#[track_caller]
pub(crate) fn step(caller: &Caller, submit: Submit, body: &Value) -> Value {
    let reply = post(caller, submit, body);
    accepted(submit, &reply);
    reply.json()["Data"].clone()
}

/// The flow as it stands, read without changing it.
fn standing(caller: &Caller, person: &str) -> Value {
    let body = create(caller, person, |body| body["Parameters"][0]["IsGetProcess"] = true.into());
    let reply = post(caller, CREATE, &body);
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["Data"].clone()
}

fn told(data: &Value) -> (&str, Vec<&str>, usize, bool) {
    let next = data["NextMethods"].as_array().unwrap().iter().map(|method| method.as_str().unwrap()).collect();
    let missing = data["MissingFields"].as_array().unwrap().len();
    (data["FlowState"].as_str().unwrap(), next, missing, data["ExpiresAt"].is_string())
}

fn events(caller: &Caller) -> Vec<String> {
    let reply = caller.get("/receipts/v1/events?limit=100");
    assert_eq!(reply.status, 200, "{}", reply.text);
    obeys(("receipts/v1", "event_list"), &reply);
    let items = reply.json()["items"].as_array().unwrap().clone();
    items.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

// shows: IA-014, IA-036, IA-069, IA-070
#[test]
fn a_person_is_carried_from_the_register_to_a_candidate_of_the_bank() {
    let (house, [agent]) =
        House::with(|directory, _| [directory.add_bank_user("agent", None, &[Environment::Sandbox])]);
    let (caller, agent) = (&house.caller, agent.at(house.gateway.bank_address()));
    let flow = step(caller, CREATE, &create(caller, PERSON, |_| {}));
    assert_eq!((flow["State"].as_i64(), flow["Warnings"].as_array().unwrap().len()), (Some(2), 0));
    assert_eq!(told(&flow), ("CREATED", vec![UPDATE_METHOD], 16, true));
    assert_eq!(told(&standing(caller, PERSON)), told(&flow));

    let informed = step(caller, UPDATE, &update(caller, PERSON, &flow));
    assert_eq!(told(&informed), ("INFORMED", vec![UPDATE_METHOD, COMPLETE_METHOD], 0, true));
    assert_eq!(informed["CalculateLimit"], update(caller, PERSON, &flow)["Parameters"][0]["CalculateLimit"]);
    // Another update replaces the first; the newest is what the bank goes by.
    let mut newest = update(caller, PERSON, &flow);
    newest["Header"]["ChannelRequestId"] = "75".into();
    step(caller, UPDATE, &newest);
    let completed = step(caller, COMPLETE, &complete(caller, &flow));
    assert_eq!(told(&completed), ("COMPLETED", vec![], 0, false));
    assert_eq!(completed["State"], 2);

    let reply = agent.get("/bank/v1/deliveries?limit=100&order=newest&environment=sandbox");
    assert_eq!(reply.status, 200, "{}", reply.text);
    let mut deliveries = reply.json()["items"].as_array().unwrap().clone();
    deliveries.retain(|delivery| delivery["processId"] == flow["ProcessId"]);
    assert_eq!(deliveries.len(), 4);
    let contents: Vec<Value> = deliveries
        .iter()
        .map(|delivery| agent.get(&format!("/bank/v1/deliveries/{}?environment=sandbox", delivery["id"])).json())
        .collect();
    let registered: Vec<&Value> = contents.iter().filter_map(|content| content.get("register")).collect();
    assert_eq!(registered.len(), 1, "{contents:?}");
    assert!(registered[0]["birthDate"].is_string() && registered[0]["address"]["city"].is_string());
    // The partner is not shown what the register told of the person.
    let surname = registered[0]["surname"].as_str().unwrap();
    for receipt in caller.receipts("") {
        assert!(!receipt.to_string().contains(surname));
    }
}

const UPDATE_METHOD: &str = "UpdateDigitalCustomerInformations";
const COMPLETE_METHOD: &str = "CompleteDigitalCustomer";

// shows: IA-016, IA-022
#[test]
fn an_open_flow_is_given_back_and_an_ended_one_makes_room_for_the_next() {
    let house = House::new();
    let caller = &house.caller;
    let first = step(caller, CREATE, &create(caller, PERSON, |_| {}));
    let again = create(caller, PERSON, |body| body["Header"]["ChannelRequestId"] = "77".into());
    let known = step(caller, CREATE, &again);
    assert_eq!(known["ProcessId"], first["ProcessId"]);
    assert_eq!(known["Warnings"][0]["Code"], "flow_exists");
    step(caller, UPDATE, &update(caller, PERSON, &first));
    assert_eq!(told(&standing(caller, PERSON)).0, "INFORMED");
    step(caller, COMPLETE, &complete(caller, &first));
    let read = create(caller, PERSON, |body| body["Parameters"][0]["IsGetProcess"] = true.into());
    is_error(CREATE, &post(caller, CREATE, &read), 404, "flow_unknown");
    let next = create(caller, PERSON, |body| body["Header"]["ChannelRequestId"] = "78".into());
    assert_ne!(step(caller, CREATE, &next)["ProcessId"], first["ProcessId"]);
}

#[test]
fn every_illegal_step_has_a_code_of_its_own_and_changes_nothing() {
    let house = House::new();
    let caller = &house.caller;
    let flow = step(caller, CREATE, &create(caller, PERSON, |_| {}));
    let refused = |submit: Submit, body: &Value, status, code| {
        let before = (caller.receipts("").len(), events(caller).len());
        let reply = post(caller, submit, body);
        is_error(submit, &reply, status, code);
        is_error(submit, &caller.check(submit, body.to_string()), status, code);
        assert_eq!((caller.receipts("").len(), events(caller).len()), before, "{code}");
    };
    let with = |body: &Value, name: &str, value: Value| {
        let mut body = body.clone();
        body["Parameters"][0][name] = value;
        body
    };
    let (updating, completing) = (update(caller, PERSON, &flow), complete(caller, &flow));
    refused(COMPLETE, &completing, 409, "update_required");
    refused(UPDATE, &with(&updating, "ProcessId", 9_000_000_000_000_000_i64.into()), 404, "flow_unknown");
    refused(UPDATE, &with(&updating, "CustomerNo", 1_000_000_000.into()), 404, "flow_unknown");
    refused(UPDATE, &with(&updating, "CitizenshipNumber", "98761234550".into()), 404, "flow_unknown");
    assert_eq!(told(&standing(caller, PERSON)).0, "CREATED");
    step(caller, UPDATE, &updating);
    refused(COMPLETE, &with(&completing, "Email", "other@example.org".into()), 422, "flow_contact_mismatch");
    refused(COMPLETE, &with(&completing, "PhoneNumber", "5012345679".into()), 422, "flow_contact_mismatch");
    assert_eq!(told(&standing(caller, PERSON)).0, "INFORMED");
    step(caller, COMPLETE, &completing);
    let other = |body: &Value| {
        let mut body = body.clone();
        body["Header"]["ChannelRequestId"] = "79".into();
        body
    };
    refused(UPDATE, &other(&updating), 409, "illegal_transition");
    refused(COMPLETE, &other(&completing), 409, "illegal_transition");
}

#[test]
fn the_register_says_no_or_nothing_and_then_nothing_is_stored() {
    let house = House::started_with(&["--sandbox-step", "0"]);
    let caller = &house.caller;
    for (person, status, code) in [
        ("98769999130", 422, "person_not_found"),
        ("98769999208", 422, "person_deceased"),
        ("98769999376", 422, "person_mismatch"),
        ("98769999680", 503, "register_unavailable"),
    ] {
        let body = create(caller, person, |_| {});
        let reply = post(caller, CREATE, &body);
        is_error(CREATE, &reply, status, code);
        assert_eq!(reply.header("retry-after").is_some(), status == 503, "{code}");
        let read = create(caller, person, |body| body["Parameters"][0]["IsGetProcess"] = true.into());
        is_error(CREATE, &post(caller, CREATE, &read), 404, "flow_unknown");
        // The check asks no register: it cannot know.
        let check = caller.check(CREATE, body.to_string());
        assert_eq!((check.status, &check.json()["Data"]["Warnings"][0]["Code"]), (200, &"unverified".into()));
    }
    assert_eq!(caller.receipts(""), [] as [Value; 0]);
    // Slow, it is waited for; down, the same call is repeated until it is back, and stored once.
    step(caller, CREATE, &create(caller, "98769999444", |_| {}));
    let body = create(caller, "98769999512", |_| {}).to_string();
    let key = "Idempotency-Key: once\r\n";
    for _ in 0..2 {
        is_error(CREATE, &caller.post(CREATE.path, key, &body), 503, "register_unavailable");
    }
    let stored = accepted(CREATE, &caller.post(CREATE.path, key, &body));
    // A repeat of what was accepted needs no register.
    assert_eq!(accepted(CREATE, &caller.post(CREATE.path, key, &body)), stored);
    assert_eq!(caller.receipts("").len(), 2);
}

#[test]
fn nothing_tells_a_partner_whether_another_knows_the_person_and_the_bank_sees_both() {
    let (house, [stranger, agent]) = House::with(|directory, _| {
        [directory.add_partner(Mode::Strict), directory.add_bank_user("agent", None, &[Environment::Sandbox])]
    });
    let (caller, agent) = (&house.caller, agent.at(house.gateway.bank_address()));
    // All of the answer but the numbers that are drawn, and the time.
    let shape = |reply: &Reply| {
        let mut body = reply.json();
        for name in ["ProcessId", "CustomerId", "ExpiresAt"] {
            assert!(body["Data"][name].take() != Value::Null, "{name}");
        }
        let mut names: Vec<String> =
            reply.head.lines().skip(1).map(|line| line.split(':').next().unwrap_or_default().to_lowercase()).collect();
        names.sort();
        (reply.status, names, body)
    };
    let unknown = post(&stranger, CREATE, &create(&stranger, "98761234550", |_| {}));
    let flow = step(caller, CREATE, &create(caller, PERSON, |_| {}));
    step(caller, UPDATE, &update(caller, PERSON, &flow));
    let known = post(&stranger, CREATE, &create(&stranger, PERSON, |_| {}));
    assert_eq!(shape(&known), shape(&unknown));
    assert_ne!(known.json()["Data"]["ProcessId"], flow["ProcessId"]);
    assert_eq!(told(&standing(&stranger, PERSON)).0, "CREATED");
    // The other's flow is not there, whatever is tried with its numbers.
    for (submit, body) in [(UPDATE, update(&stranger, PERSON, &flow)), (COMPLETE, complete(&stranger, &flow))] {
        is_error(submit, &post(&stranger, submit, &body), 404, "flow_unknown");
    }
    let deliveries = agent.get("/bank/v1/deliveries?limit=100&order=newest&environment=sandbox").json();
    let partners: std::collections::BTreeSet<String> = deliveries["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|delivery| {
            let content = agent.get(&format!("/bank/v1/deliveries/{}?environment=sandbox", delivery["id"])).json();
            content["request"].to_string().contains(PERSON)
        })
        .map(|delivery| delivery["partner"].to_string())
        .collect();
    assert_eq!(partners.len(), 2, "{deliveries}");
}

// shows: IA-029
#[test]
fn whoever_asks_for_it_is_told_of_each_step() {
    let house = House::new();
    let caller = &house.caller;
    let notify = |is_wanted: bool| {
        move |body: &mut Value| {
            body["Parameters"][0]["DigitalCustomer"]["NotificationOnUpdate"] = is_wanted.into();
        }
    };
    let silent = step(caller, CREATE, &create(caller, "98761234550", notify(false)));
    step(caller, UPDATE, &update(caller, "98761234550", &silent));
    assert_eq!(events(caller), [""; 0]);
    let flow = step(caller, CREATE, &create(caller, PERSON, notify(true)));
    step(caller, UPDATE, &update(caller, PERSON, &flow));
    step(caller, COMPLETE, &complete(caller, &flow));
    assert_eq!(events(caller), ["flow.step"; 3]);
}

/// A register for tests: says found of every number, and keeps what it was asked.
struct Register {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Register {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away in the middle is not what is tested here.
                let _ = Register::answer(stream, &kept);
            }
        });
        Register { url, asked }
    }

    fn answer(mut stream: TcpStream, kept: &Mutex<Vec<String>>) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? <= 2 {
                break;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head += &line;
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body: Value = serde_json::from_slice(&body).unwrap();
        kept.lock().unwrap().push(head);
        let answer = json!({
            "result": "FOUND",
            "nationalId": body["nationalId"],
            "person": {
                "forename": "DENİZ",
                "surname": "ÖRNEK",
                "birthDate": "1990-05-17",
                "address": {"city": "ANKARA", "town": "ÇANKAYA", "detail": "Örnek Mah. No: 1"}
            }
        });
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            answer.len()
        );
        stream.write_all(format!("{head}{answer}").as_bytes())
    }
}

#[test]
fn production_asks_the_register_it_was_given_and_takes_nobody_without_one() {
    let register = Register::start();
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), "key-of-the-register\n").unwrap();
    let person = national_id("100000001");
    for is_connected in [false, true] {
        let arguments = ["--register-url", &register.url, "--register-key-file", key.path().to_str().unwrap()];
        let arguments = if is_connected { &arguments[..] } else { &[] };
        let (house, [production]) = House::started_and_with(arguments, |directory, own| {
            let partner = directory.scope(&own.key).partner;
            [directory.add_production(partner)]
        });
        let body = create(&production, &person, |_| {});
        if !is_connected {
            is_error(CREATE, &post(&production, CREATE, &body), 422, "register_not_configured");
            is_error(CREATE, &production.check(CREATE, body.to_string()), 422, "register_not_configured");
            assert!(house.gateway.log().contains("no identity register is set up"));
            continue;
        }
        assert_eq!(told(&step(&production, CREATE, &body)).0, "CREATED");
        let asked = register.asked.lock().unwrap().clone();
        assert_eq!(asked.len(), 1);
        assert!(asked[0].starts_with("POST /register/v1/lookup HTTP/1.1\r\n"), "{asked:?}");
        assert!(asked[0].to_lowercase().contains("x-api-key: key-of-the-register"), "{asked:?}");
        // Neither the number nor the key is anywhere in the log.
        let log = house.gateway.log();
        assert!(!log.contains(&person) && !log.contains("key-of-the-register"));
        // The sandbox asks its own.
        step(&house.caller, CREATE, &create(&house.caller, PERSON, |_| {}));
        assert_eq!(register.asked.lock().unwrap().len(), 1);
    }
}
