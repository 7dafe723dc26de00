//! Pulling and acknowledging: nothing is lost that was not acknowledged, and nobody is handed what is another's.

use serde_json::{Value, json};

use super::{Bank, acknowledge, appointment, contact, deliveries, delivery, is_problem, pull, read, set, set_ok};
use crate::gateway::{CONTACT, Caller};

fn ids(page: &Value) -> Vec<Value> {
    page["items"].as_array().unwrap().iter().map(|message| message["id"].clone()).collect()
}

fn requests(page: &Value) -> Vec<String> {
    let request = |message: &Value| message["delivery"]["requestId"].as_str().unwrap().to_owned();
    page["items"].as_array().unwrap().iter().map(request).collect()
}

#[test]
fn what_is_not_acknowledged_is_handed_out_again_even_after_a_crash() {
    let bank = Bank::new();
    let sent: Vec<String> = (0..3).map(|_| contact(&bank.partner, |_| {})).collect();
    let first = pull(&bank.agent, "limit=2");
    assert_eq!((requests(&first), first["next"].is_i64()), (sent[..2].to_vec(), true));
    let rest = pull(&bank.agent, &format!("after={}&limit=2", first["next"]));
    assert_eq!((requests(&rest), &rest["next"]), (sent[2..].to_vec(), &Value::Null));
    // Whoever pulled may have lost it all.
    let all = pull(&bank.agent, "");
    assert_eq!(requests(&all), sent);

    let numbers = ids(&all);
    let result = acknowledge(&bank.agent, &[&numbers[0], &json!(999_999), &numbers[1]]);
    assert_eq!(result, json!({"acknowledged": 2, "unchanged": [999_999]}));
    assert_eq!(requests(&pull(&bank.agent, "")), sent[2..]);
    let again = acknowledge(&bank.agent, &[&numbers[0], &numbers[1]]);
    assert_eq!(again, json!({"acknowledged": 2, "unchanged": []}));

    bank.house.gateway.stop("KILL");
    let gateway = bank.house.place.start();
    let agent = bank.agent.at(gateway.bank_address());
    assert_eq!(requests(&pull(&agent, "")), sent[2..]);
    let acknowledged = delivery(&agent, &all["items"][0]["delivery"]["id"]);
    assert!(acknowledged["acknowledgedAt"].is_string() && acknowledged["status"] == "NEW", "{acknowledged}");
}

// shows: KB-001, KB-016
#[test]
fn a_message_carries_the_request_and_what_was_made_of_it() {
    let bank = Bank::new();
    let body: Value = serde_json::from_str(&bank.partner.example(CONTACT, "every_member")).unwrap();
    let sent = bank.partner.post(CONTACT.path, "", body.to_string());
    assert_eq!(sent.status, 201, "{}", sent.text);
    let page = pull(&bank.agent, "");
    let message = &page["items"][0];
    assert_eq!((&message["event"], &message["request"]), (&json!("request.accepted"), &body));
    assert_eq!(message["phone"], "+420601123456");
    let delivery = &message["delivery"];
    assert_eq!(
        (&delivery["destination"], &delivery["status"], &delivery["version"]),
        (&json!("bank"), &json!("NEW"), &json!(0))
    );
    assert_eq!(delivery["attribution"], body["attribution"]);
    assert_eq!(delivery["requestId"], sent.json()["id"]);
    // The person asked for a time, and that is the promise.
    assert_eq!(body["recontact"]["mode"], "AT");
    let asked = body["recontact"]["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(delivery["promisedAt"], asked.to_string());
    assert_eq!(sent.json()["deliveries"][0]["promisedAt"], asked.to_string());
}

// shows: IS-002
#[test]
fn each_provider_sees_its_own_deliveries_and_sets_its_own_status() {
    let bank = Bank::new();
    let request = appointment(&bank.partner, &["lender-1", "lender-2"]);
    let [one, two] = &bank.lenders;
    let own = |lender: &Caller, name: &str| {
        let page = pull(lender, "");
        assert_eq!(requests(&page), std::slice::from_ref(&request));
        let delivery = page["items"][0]["delivery"].clone();
        assert_eq!(delivery["destination"], format!("provider/{name}"));
        assert_eq!(deliveries(lender, ""), std::slice::from_ref(&delivery));
        delivery
    };
    let (first, second) = (own(one, "lender-1"), own(two, "lender-2"));
    for path in ["", "/timeline"] {
        is_problem(&one.get(&format!("/bank/v1/deliveries/{}{path}", second["id"])), 404, "not_found");
    }
    is_problem(&set(one, &second["id"], &json!({"status": "CLAIMED"})), 404, "not_found");
    assert!(deliveries(one, "destination=provider/lender-2").is_empty());
    // Acknowledging what is another's changes nothing, and does not tell whether it is there.
    let foreign = pull(two, "")["items"][0]["id"].clone();
    assert_eq!(acknowledge(one, &[&foreign]), json!({"acknowledged": 0, "unchanged": [foreign]}));
    assert_eq!(requests(&pull(two, "")).len(), 1);

    set_ok(one, &first["id"], &json!({"status": "IN_PROGRESS"}));
    set_ok(two, &second["id"], &json!({"status": "NO_INTEREST", "reason": "OTHER_BANK"}));
    let statuses =
        |caller: &Caller| deliveries(caller, "").iter().map(|delivery| delivery["status"].clone()).collect::<Vec<_>>();
    assert_eq!((statuses(one), statuses(two)), (vec![json!("IN_PROGRESS")], vec![json!("NO_INTEREST")]));
    let receipt = read(&bank.partner, ("shared", "receipt"), &format!("/receipts/v1/{request}"));
    let seen: Vec<_> =
        receipt["deliveries"].as_array().unwrap().iter().map(|seen| (&seen["providerId"], &seen["status"])).collect();
    assert_eq!(seen, [(&json!("lender-1"), &json!("IN_PROGRESS")), (&json!("lender-2"), &json!("NO_INTEREST"))]);
}

#[test]
fn a_withdrawal_reaches_the_bank_after_the_request_did() {
    let bank = Bank::new();
    let request = contact(&bank.partner, |_| {});
    let delivered = pull(&bank.agent, "")["items"][0].clone();
    acknowledge(&bank.agent, &[&delivered["id"]]);
    let path = format!("{}/{request}/withdrawal", CONTACT.path);
    let withdrawn = bank.partner.post(&path, "", json!({"reason": "bought a tent"}).to_string());
    assert_eq!(withdrawn.status, 200, "{}", withdrawn.text);

    let page = pull(&bank.agent, "event=request.withdrawn&api=contact_request");
    let message = &page["items"][0];
    assert_eq!((requests(&page), &message["event"]), (vec![request], &json!("request.withdrawn")));
    assert_eq!(
        (&message["withdrawalReason"], &message["delivery"]["status"]),
        (&json!("bought a tent"), &json!("WITHDRAWN"))
    );
    is_problem(
        &set(&bank.agent, &delivered["delivery"]["id"], &json!({"status": "CLAIMED"})),
        409,
        "illegal_transition",
    );
    acknowledge(&bank.agent, &[&message["id"]]);
    assert!(pull(&bank.agent, "")["items"].as_array().unwrap().is_empty());

    // One that was withdrawn before anybody pulled it is told in the order things happened.
    let request = contact(&bank.partner, |_| {});
    assert_eq!(bank.partner.post(&format!("{}/{request}/withdrawal", CONTACT.path), "", "{}").status, 200);
    let events: Vec<Value> =
        pull(&bank.agent, "")["items"].as_array().unwrap().iter().map(|message| message["event"].clone()).collect();
    assert_eq!(events, [json!("request.accepted"), json!("request.withdrawn")]);
}

#[test]
fn the_most_urgent_come_first_and_pages_follow_each_other() {
    let bank = Bank::new();
    let asked = |day: u32| json!({"mode": "AT", "at": format!("2099-03-{day:02}T09:30:00+01:00")});
    let days = [7, 3, 9, 5];
    let sent: Vec<String> =
        days.iter().map(|day| contact(&bank.partner, |body| body["recontact"] = asked(*day))).collect();
    let pages = |order: &str| {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/bank/v1/deliveries?order={order}&limit=3{cursor}");
            let page = read(&bank.agent, ("bank/v1", "delivery_list"), &path);
            let items = page["items"].as_array().unwrap();
            found.extend(items.iter().map(|delivery| delivery["requestId"].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { return found };
            cursor = format!("&cursor={next}");
        }
    };
    assert_eq!(pages("promised"), [1, 3, 0, 2].map(|index: usize| sent[index].clone()));
    assert_eq!(pages("newest"), [3, 2, 1, 0].map(|index: usize| sent[index].clone()));
    let next =
        read(&bank.agent, ("bank/v1", "delivery_list"), "/bank/v1/deliveries?order=newest&limit=1")["next"].clone();
    for query in [format!("order=promised&cursor={}", next.as_str().unwrap()), "cursor=somewhere".to_owned()] {
        is_problem(&bank.agent.get(&format!("/bank/v1/deliveries?{query}")), 400, "parameter_invalid");
    }
    // What has come to its end keeps nobody waiting.
    let urgent = deliveries(&bank.agent, "order=promised")[0].clone();
    set_ok(&bank.agent, &urgent["id"], &json!({"status": "NO_INTEREST"}));
    assert_eq!(pages("promised"), [3, 0, 2].map(|index: usize| sent[index].clone()));
    assert_eq!(deliveries(&bank.agent, "status=NO_INTEREST").len(), 1);
    assert_eq!(deliveries(&bank.agent, "open=true").len(), 3);
    for (query, count) in
        [("receivedFrom=2099-01-01T00:00:00Z", 0), ("receivedTo=2099-01-01T00:00:00Z", 4), ("product=none", 0)]
    {
        assert_eq!(deliveries(&bank.agent, query).len(), count, "{query}");
    }
}
