//! The sandbox: trigger values and what they force, the simulated bank, the way to begin anew, and the wall to production.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use usher_domain::sandbox::SCRIPTS;

use crate::contract::examples::schemas;
use crate::gateway::{APPOINTMENT, CONTACT, CREATE, Caller, Dialect, House, UPDATE, accepted, code, is_error, obeys};
use crate::onboarding::{create, national_id, post, step, update};

const WAIT_MAX: Duration = Duration::from_secs(60);
/// What the simulated bank is given for each step.
const AT_ONCE: [&str; 2] = ["--sandbox-step", "0"];

fn contact(caller: &Caller, script: &str) -> String {
    let mut body: Value = serde_json::from_str(&caller.example(CONTACT, "general")).unwrap();
    body["email"] = format!("{script}@sandbox.usher.example").into();
    accepted(CONTACT, &caller.post(CONTACT.path, "", body.to_string()))
}

/// The statuses of a request at each destination, in their order.
fn timeline(caller: &Caller, id: &str, destination: &str) -> Vec<String> {
    let reply = caller.get(&format!("/receipts/v1/{id}/timeline"));
    assert_eq!(reply.status, 200, "{}", reply.text);
    let items = reply.json()["items"].as_array().unwrap().clone();
    let own = items.iter().filter(|entry| entry["destination"] == destination);
    own.map(|entry| entry["status"].as_str().unwrap().to_owned()).collect()
}

/// Waits until something can be seen.
#[track_caller]
fn wait<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < WAIT_MAX, "nothing happened");
        std::thread::sleep(Duration::from_millis(20));
    }
}

// shows: IA-010
#[test]
fn every_status_can_be_brought_about_by_an_address() {
    let house = House::started_with(&AT_ONCE);
    let caller = &house.caller;
    let sent: Vec<_> = SCRIPTS.iter().map(|script| (script, contact(caller, script.name))).collect();
    let plain = accepted(CONTACT, &caller.post(CONTACT.path, "", caller.example(CONTACT, "general")));
    let mut reached = BTreeSet::new();
    for (script, id) in &sent {
        let expected: Vec<&str> =
            ["NEW"].into_iter().chain(script.statuses.iter().map(|status| status.as_str())).collect();
        wait(|| (timeline(caller, id, "bank").len() == expected.len()).then_some(()));
        assert_eq!(timeline(caller, id, "bank"), expected, "{}", script.name);
        reached.extend(timeline(caller, id, "bank"));
    }
    // The bank is at work; the partner takes it back all the same.
    let late = &sent.iter().find(|(script, _)| script.name == "withdrawn-late").unwrap().1;
    let path = format!("{}/{late}/withdrawal", CONTACT.path);
    assert_eq!(caller.post(&path, "", "{}").status, 200);
    reached.extend(timeline(caller, late, "bank"));
    let taxonomy = std::fs::read_to_string(schemas().join("shared/status.schema.json")).unwrap();
    let taxonomy: Value = serde_json::from_str(&taxonomy).unwrap();
    let taxonomy: BTreeSet<String> =
        taxonomy["enum"].as_array().unwrap().iter().map(|status| status.as_str().unwrap().to_owned()).collect();
    assert_eq!(reached, taxonomy);
    // What no script was asked for is left alone.
    assert_eq!(timeline(caller, &plain, "bank"), ["NEW"]);
}

#[test]
fn each_lender_and_each_api_has_its_bank() {
    let house = House::started_with(&AT_ONCE);
    let caller = &house.caller;
    let mut body: Value = serde_json::from_str(&caller.example(APPOINTMENT, "geo_code_only")).unwrap();
    body["contactRequest"]["email"] = "no-deal@sandbox.usher.example".into();
    body["referredOffers"] = json!([{"providerId": "lender-1"}, {"providerId": "lender-2"}]);
    let request = accepted(APPOINTMENT, &caller.post(APPOINTMENT.path, "", body.to_string()));
    for lender in ["provider/lender-1", "provider/lender-2"] {
        wait(|| (timeline(caller, &request, lender).last()? == "CONSULTING_NO_DEAL").then_some(()));
    }

    // A person the bank declines is no candidate any more: the flow takes no further step.
    let person = "98761234550";
    let declined = create(caller, person, |body| {
        body["Parameters"][0]["DigitalCustomer"]["Email"] = "declined@sandbox.usher.example".into();
    });
    let flow = step(caller, CREATE, &declined);
    let refused = wait(|| {
        let reply = caller.check(UPDATE, update(caller, person, &flow).to_string());
        (reply.status != 200).then_some(reply)
    });
    is_error(UPDATE, &refused, 409, "illegal_transition");
    let reply = post(caller, UPDATE, &update(caller, person, &flow));
    is_error(UPDATE, &reply, 409, "illegal_transition");
    assert!(reply.text.contains("REJECTED"), "{}", reply.text);
}

#[test]
fn an_address_of_the_sandbox_chooses_nothing_in_production() {
    let (house, [production]) = House::started_and_with(&AT_ONCE, |directory, own| {
        let partner = directory.scope(&own.key).partner;
        [directory.add_production(partner)]
    });
    let real = contact(&production, "claimed");
    let played = contact(&house.caller, "claimed");
    // Sent later and played: the first would have been, too.
    wait(|| (timeline(&house.caller, &played, "bank").len() == 2).then_some(()));
    assert_eq!(timeline(&production, &real, "bank"), ["NEW"]);
}

#[test]
fn the_schemas_and_the_guide_list_every_trigger() {
    let read = |path: &str| std::fs::read_to_string(schemas().join(path)).unwrap();
    let guide = read("../docs/sandbox.md");
    let listed = |path: &str| -> BTreeSet<String> {
        let schema: Value = serde_json::from_str(&read(path)).unwrap();
        schema["x-sandbox"].as_object().unwrap().keys().cloned().collect()
    };
    let addresses = SCRIPTS.iter().map(|script| format!("^{}@sandbox\\.usher\\.example$", script.name)).collect();
    assert_eq!(listed("shared/email.schema.json"), addresses);
    for script in SCRIPTS {
        assert!(guide.contains(&format!("| `{}` |", script.name)), "docs/sandbox.md does not tell of {}", script.name);
    }
    let mut numbers: BTreeSet<String> =
        usher_register::TRIGGERS.iter().map(|trigger| format!("^{}$", trigger.national_id)).collect();
    for trigger in usher_register::TRIGGERS {
        assert_eq!(national_id(&trigger.national_id[..9]), trigger.national_id);
        assert!(guide.contains(trigger.national_id), "docs/sandbox.md does not tell of {}", trigger.national_id);
    }
    numbers.insert("^9876[0-9]{7}$".to_owned());
    assert_eq!(listed("digital_customer/v1/citizenship_number.schema.json"), numbers);
}

#[test]
fn a_reset_begins_anew_for_one_application_and_no_other() {
    let (house, [other, production]) = House::with(|directory, own| {
        let partner = directory.scope(&own.key).partner;
        [directory.add_application(partner, usher_storage::Mode::Strict), directory.add_production(partner)]
    });
    let caller = &house.caller;
    let key = "Idempotency-Key: again\r\n";
    let request = accepted(CONTACT, &caller.post(CONTACT.path, key, caller.example(CONTACT, "general")));
    let flow = step(caller, CREATE, &create(caller, "98761234550", |_| {}));
    let kept = accepted(CONTACT, &other.post(CONTACT.path, "", other.example(CONTACT, "general")));
    let real = accepted(CONTACT, &production.post(CONTACT.path, "", production.example(CONTACT, "general")));

    let reset = caller.post("/sandbox/v1/reset", "", "");
    assert_eq!(reset.status, 200, "{}", reset.text);
    obeys(("sandbox/v1", "reset_result"), &reset);
    let counts = reset.json();
    assert_eq!((&counts["requests"], &counts["flows"], &counts["deliveries"]), (&json!(2), &json!(1), &json!(2)));
    assert_eq!(caller.receipts(""), [] as [Value; 0]);
    assert_eq!(caller.get(&format!("/receipts/v1/{request}")).status, 404);
    is_error(UPDATE, &post(caller, UPDATE, &update(caller, "98761234550", &flow)), 404, "flow_unknown");
    // A key that was used can be used for another body.
    let body = caller.example(CONTACT, "every_member");
    accepted(CONTACT, &caller.post(CONTACT.path, key, body));
    assert_eq!(other.get(&format!("/receipts/v1/{kept}")).status, 200);
    assert_eq!(production.get(&format!("/receipts/v1/{real}")).status, 200);

    let refused = production.post("/sandbox/v1/reset", "", "");
    assert_eq!((refused.status, code(Dialect::Problem, &refused).as_str()), (403, "wrong_environment"));
    assert_eq!(production.get(&format!("/receipts/v1/{real}")).status, 200);
}

// shows: IA-010
#[test]
fn neither_environment_reaches_the_other_by_any_operation() {
    let (house, [production]) = House::with(|directory, own| {
        let partner = directory.scope(&own.key).partner;
        [directory.add_production(partner)]
    });
    let sandbox = &house.caller;
    for (own, foreign) in [(sandbox, &production), (&production, sandbox)] {
        let mut body: Value = serde_json::from_str(&own.example(CONTACT, "general")).unwrap();
        body["attribution"] = json!({"partnerReference": "wall"});
        let id = accepted(CONTACT, &own.post(CONTACT.path, "", body.to_string()));
        for path in
            [format!("/receipts/v1/{id}"), format!("/receipts/v1/{id}/timeline"), format!("{}/{id}", CONTACT.path)]
        {
            assert_eq!(own.get(&path).status, 200, "{path}");
            assert_eq!(foreign.get(&path).status, 404, "{path}");
        }
        let withdrawal = format!("{}/{id}/withdrawal", CONTACT.path);
        assert_eq!(foreign.post(&withdrawal, "", "{}").status, 404);
        for list in ["/receipts/v1?partnerReference=wall", &format!("{}?partnerReference=wall", CONTACT.path)] {
            let ids = |caller: &Caller| {
                let items = caller.get(list).json()["items"].as_array().unwrap().clone();
                items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
            };
            assert!(ids(own).contains(&id) && !ids(foreign).contains(&id), "{list}");
        }
        assert_eq!(foreign.get("/receipts/v1/events").json()["items"], json!([]));
        // A key of an idempotent call is one in each environment.
        let key = "Idempotency-Key: both\r\n";
        let here = accepted(CONTACT, &own.post(CONTACT.path, key, own.example(CONTACT, "general")));
        let there = accepted(CONTACT, &foreign.post(CONTACT.path, key, foreign.example(CONTACT, "general")));
        assert_ne!(here, there);
    }
    // A flow of the sandbox is not there for production, and synthetic persons are nobody in it; nor the reverse.
    let flow = step(sandbox, CREATE, &create(sandbox, "98761234550", |_| {}));
    let real = national_id("100000001");
    is_error(UPDATE, &post(&production, UPDATE, &update(&production, &real, &flow)), 404, "flow_unknown");
    for (caller, person) in [(&production, "98761234550"), (sandbox, real.as_str())] {
        let reply = post(caller, CREATE, &create(caller, person, |_| {}));
        is_error(CREATE, &reply, 422, "contract_violated");
    }
}
