//! What partners see of the bank's half: receipts, timelines and events of their own, and nothing that is the bank's alone.

use serde_json::{Value, json};

use super::{Bank, contact, delivery_of, is_problem, read, set_ok};
use crate::gateway::Caller;
use crate::harness::texts;

fn events(caller: &Caller, query: &str) -> Value {
    read(caller, ("receipts/v1", "event_list"), &format!("/receipts/v1/events?{query}"))
}

// shows: KB-002
#[test]
fn partners_follow_their_own_requests_and_see_nothing_that_is_the_banks() {
    let bank = Bank::new();
    let request = contact(&bank.partner, |body| body["attribution"] = json!({"partnerReference": "order-77"}));
    let other = contact(&bank.house.caller, |_| {});
    assert_eq!(events(&bank.partner, ""), json!({"items": []}));
    let id = delivery_of(&bank.agent, &request)["id"].clone();
    let secret = json!({"status": "CLIENT_NOT_REACHABLE", "reason": "NO_ANSWER", "note": "zwiespalt", "bankReference": "CASE-99"});
    set_ok(&bank.agent, &id, &secret);
    set_ok(&bank.agent, &id, &json!({"status": "FOLLOW_UP"}));

    let receipt = bank.partner.get(&format!("/receipts/v1/{request}"));
    assert_eq!(
        (receipt.json()["status"].as_str(), receipt.json()["deliveries"][0]["status"].as_str()),
        (Some("FOLLOW_UP"), Some("FOLLOW_UP"))
    );
    let path = format!("/receipts/v1/{request}/timeline");
    let timeline = read(&bank.partner, ("receipts/v1", "timeline"), &path);
    let told: Vec<_> = timeline["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (&entry["actor"], &entry["status"], &entry["reason"]))
        .collect();
    let (none, answer) = (Value::Null, json!("NO_ANSWER"));
    assert_eq!(
        told,
        [
            (&json!("partner"), &json!("NEW"), &none),
            (&json!("bank"), &json!("CLIENT_NOT_REACHABLE"), &answer),
            (&json!("bank"), &json!("FOLLOW_UP"), &none),
        ]
    );
    let feed = events(&bank.partner, "");
    let items = feed["items"].as_array().unwrap();
    let statuses: Vec<_> = items.iter().map(|event| event["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["CLIENT_NOT_REACHABLE", "FOLLOW_UP"]);
    assert_eq!(
        (&items[0]["requestId"], &items[0]["partnerReference"], &items[0]["type"]),
        (&json!(request), &json!("order-77"), &json!("status.changed"))
    );
    for hidden in ["zwiespalt", "CASE-99", "of the tests", "Vzorov"] {
        let seen = [receipt.text.clone(), timeline.to_string(), feed.to_string()].concat();
        assert!(!seen.contains(hidden), "{hidden}");
    }
    // What is another's is not there.
    is_problem(&bank.partner.get(&format!("/receipts/v1/{other}/timeline")), 404, "not_found");
    is_problem(&bank.house.caller.get(&path), 404, "not_found");
}

#[test]
fn the_feed_goes_on_where_it_was_left() {
    let bank = Bank::new();
    let request = contact(&bank.partner, |_| {});
    let id = delivery_of(&bank.agent, &request)["id"].clone();
    for status in ["CLAIMED", "IN_PROGRESS", "FOLLOW_UP"] {
        set_ok(&bank.agent, &id, &json!({"status": status}));
    }
    let first = events(&bank.partner, "limit=2");
    let next = first["next"].as_str().unwrap().to_owned();
    assert_eq!((first["items"].as_array().unwrap().len(), first["items"][1]["id"].as_str()), (2, Some(&next[..])));
    let rest = events(&bank.partner, &format!("after={next}"));
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    let end = rest["next"].as_str().unwrap().to_owned();
    assert_eq!(events(&bank.partner, &format!("after={end}")), json!({"items": []}));
    set_ok(&bank.agent, &id, &json!({"status": "NO_INTEREST"}));
    assert_eq!(events(&bank.partner, &format!("after={end}"))["items"][0]["status"], "NO_INTEREST");
    // A withdrawal is an event too, set by the partner itself.
    let request = contact(&bank.partner, |_| {});
    assert_eq!(bank.partner.post(&format!("/contact-request/v1/requests/{request}/withdrawal"), "", "{}").status, 200);
    let last = events(&bank.partner, "limit=200")["items"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["status"], &last["actor"]), (&json!("WITHDRAWN"), &json!("partner")));
    is_problem(&bank.partner.get("/receipts/v1/events?after=7"), 400, "parameter_invalid");
    is_problem(&bank.partner.get("/receipts/v1/events?limit=0"), 400, "parameter_invalid");
}

#[test]
fn usher_status_shows_the_timeline() {
    let bank = Bank::new();
    let request = contact(&bank.partner, |_| {});
    let id = delivery_of(&bank.agent, &request)["id"].clone();
    set_ok(&bank.agent, &id, &json!({"status": "CLIENT_NOT_REACHABLE", "reason": "NO_ANSWER", "note": "hidden"}));
    let mut usher = bank.house.place.usher(&["status", &request]);
    let output = usher.env("USHER_SERVER", &bank.partner.address).env("USHER_KEY", &bank.partner.key).output().unwrap();
    let (said, log) = texts(&output);
    assert!(output.status.success(), "{log}");
    let said = format!("{said}{log}");
    let line = said.lines().find(|line| line.contains("CLIENT_NOT_REACHABLE") && line.contains("NO_ANSWER"));
    assert!(line.is_some_and(|line| line.contains("bank")), "{said}");
    assert!(!said.contains("hidden"), "{said}");
}
