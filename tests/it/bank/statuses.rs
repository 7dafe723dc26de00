//! Setting statuses: legal moves only, one of two at once, and time to first contact.

use std::thread;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Bank, contact, deliveries, delivery, delivery_of, is_problem, read, set, set_ok, timeline};
use crate::gateway::obeys;

#[test]
fn an_illegal_move_changes_nothing() {
    let bank = Bank::new();
    let request = contact(&bank.partner, |_| {});
    let before = delivery_of(&bank.agent, &request);
    let id = &before["id"];
    for (body, status, code) in [
        (json!({"status": "OFFER_SENT"}), 409, "illegal_transition"),
        (json!({"status": "WITHDRAWN"}), 409, "illegal_transition"),
        (json!({"status": "NEW", "note": "again"}), 409, "illegal_transition"),
        (json!({"status": "CLAIMED", "reason": "OTHER"}), 422, "reason_mismatch"),
        (json!({"status": "NO_INTEREST", "reason": "NO_ANSWER"}), 422, "reason_mismatch"),
        (json!({"status": "CLAIMED", "expectedVersion": 1}), 409, "version_conflict"),
        (json!({"status": "GONE"}), 422, "contract_violated"),
        (json!({"status": "CLAIMED", "note": ""}), 422, "contract_violated"),
        (json!({"status": "CLAIMED", "agent": "me"}), 422, "contract_violated"),
        (json!({}), 422, "contract_violated"),
    ] {
        is_problem(&set(&bank.agent, id, &body), status, code);
        // The twin says the same and stores as little.
        let path = format!("/bank/v1/deliveries/{id}/status/check");
        is_problem(&bank.agent.post(&path, "", body.to_string()), status, code);
    }
    let check = bank.agent.post(&format!("/bank/v1/deliveries/{id}/status/check"), "", r#"{"status": "CLAIMED"}"#);
    assert_eq!(check.status, 200, "{}", check.text);
    obeys(("shared", "check_result"), &check);
    assert_eq!(delivery(&bank.agent, id), before);
    assert_eq!(timeline(&bank.agent, id).len(), 1);
    assert!(bank.partner.get("/receipts/v1/events").json()["items"].as_array().unwrap().is_empty());
    is_problem(&set(&bank.agent, &json!(999_999), &json!({"status": "CLAIMED"})), 404, "not_found");
}

// shows: KB-002
#[test]
fn a_case_goes_its_way_and_ends() {
    let bank = Bank::new();
    let request = contact(&bank.partner, |_| {});
    let id = delivery_of(&bank.agent, &request)["id"].clone();
    let claimed =
        set_ok(&bank.agent, &id, &json!({"status": "CLAIMED", "bankReference": "CASE-1", "expectedVersion": 0}));
    assert_eq!((&claimed["version"], &claimed["firstContactAt"]), (&json!(1), &Value::Null));
    let missed = json!({"status": "CLIENT_NOT_REACHABLE", "reason": "NO_ANSWER"});
    let tried = set_ok(&bank.agent, &id, &missed);
    assert_eq!(tried["firstContactAt"], tried["changedAt"]);
    // The same again is one more attempt, and needs a note.
    is_problem(&set(&bank.agent, &id, &missed), 409, "illegal_transition");
    let again = set_ok(&bank.agent, &id, &json!({"status": "CLIENT_NOT_REACHABLE", "note": "rang twice"}));
    assert_eq!(again["firstContactAt"], tried["firstContactAt"]);
    for status in ["FOLLOW_UP", "APPOINTMENT_ARRANGED", "OFFER_SENT", "CONSULTING_DEAL_MORTGAGE"] {
        let set = set_ok(&bank.agent, &id, &json!({"status": status}));
        assert_eq!((&set["status"], &set["bankReference"]), (&json!(status), &json!("CASE-1")));
    }
    is_problem(&set(&bank.agent, &id, &json!({"status": "FOLLOW_UP"})), 409, "illegal_transition");
    let entries = timeline(&bank.reader, &id);
    let positions: Vec<_> = entries.iter().map(|entry| entry["position"].as_i64().unwrap()).collect();
    assert_eq!(positions, (0..8).collect::<Vec<_>>());
    assert_eq!((&entries[0]["status"], &entries[0]["actor"]), (&json!("NEW"), &json!("partner")));
    assert_eq!((&entries[3]["note"], &entries[3]["actorName"]), (&json!("rang twice"), &json!("agent of the tests")));
    assert_eq!((&entries[2]["reason"], &entries[2]["note"]), (&json!("NO_ANSWER"), &Value::Null));
    assert_eq!(entries[1]["bankReference"], "CASE-1");
    is_problem(
        &bank.partner.post(&format!("/contact-request/v1/requests/{request}/withdrawal"), "", "{}"),
        409,
        "illegal_transition",
    );
}

#[test]
fn of_changes_at_once_one_counts() {
    let bank = Bank::new();
    let request = contact(&bank.partner, |_| {});
    let id = delivery_of(&bank.agent, &request)["id"].clone();
    for (version, expected) in [(0, true), (1, false)] {
        let replies: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|number| {
                    let (agent, id) = (&bank.agent, &id);
                    let mut body = json!({"status": if version == 0 { "IN_PROGRESS" } else { "NO_INTEREST" }});
                    body["note"] = format!("number {number}").into();
                    if expected {
                        body["expectedVersion"] = version.into();
                    }
                    scope.spawn(move || set(agent, id, &body))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
        assert_eq!((won.len(), lost.len()), (1, 7));
        for reply in lost {
            // Whoever read after the winner is told that the move is over, the others that they were overtaken.
            assert_eq!(reply.status, 409, "{}", reply.text);
        }
        assert_eq!(timeline(&bank.agent, &id).len(), version + 2);
    }
}

#[test]
fn a_repeat_under_the_same_key_is_answered_and_counts_once() {
    let bank = Bank::new();
    let request = contact(&bank.partner, |_| {});
    let id = delivery_of(&bank.agent, &request)["id"].clone();
    let post = |body: &Value, key: &str| {
        let lines = format!("Idempotency-Key: {key}\r\n");
        bank.agent.post(&format!("/bank/v1/deliveries/{id}/status"), &lines, body.to_string())
    };
    let body = json!({"status": "CLAIMED", "expectedVersion": 0});
    let (first, again) = (post(&body, "a"), post(&body, "a"));
    assert_eq!((first.status, first.json()), (200, again.json()));
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), (None, Some("true")));
    is_problem(&post(&json!({"status": "IN_PROGRESS"}), "a"), 422, "idempotency_key_reused");
    is_problem(&post(&body, "b"), 409, "version_conflict");
    assert_eq!(timeline(&bank.agent, &id).len(), 2);
    // Another user's key is another key.
    let path = format!("/bank/v1/deliveries/{id}/status");
    let other = bank.operator.post(&path, "Idempotency-Key: a\r\n", json!({"status": "IN_PROGRESS"}).to_string());
    assert_eq!(other.status, 200, "{}", other.text);
}

// shows: KB-008
#[test]
fn figures_of_first_contact_are_those_of_the_deliveries() {
    let bank = Bank::new();
    let soon = || json!({"mode": "AT", "at": (Timestamp::now() + jiff::SignedDuration::from_millis(400)).to_string()});
    let requests: Vec<String> = (0..6)
        .map(|number| {
            contact(&bank.partner, |body| {
                // Two of them want to hear from the bank at once, and will not.
                if number >= 4 {
                    body["recontact"] = soon();
                }
            })
        })
        .collect();
    thread::sleep(std::time::Duration::from_millis(1_100));
    for (request, status) in
        requests.iter().zip(["NO_INTEREST", "CLIENT_NOT_REACHABLE", "IN_PROGRESS", "FOLLOW_UP", "FOLLOW_UP"])
    {
        let id = delivery_of(&bank.agent, request)["id"].clone();
        set_ok(&bank.agent, &id, &json!({"status": status}));
    }
    let path = "/bank/v1/statistics/first-contact?from=2020-01-01T00:00:00Z&to=2020-06-01T00:00:00Z";
    assert_eq!(read(&bank.reader, ("bank/v1", "first_contact"), path)["items"], json!([]));
    let (from, to) = ("2026-01-01T00:00:00Z", "2026-12-31T00:00:00Z");
    let now = Timestamp::now();
    let (from, to) = if now.to_string().as_str() < to {
        (from.to_owned(), to.to_owned())
    } else {
        let day = jiff::SignedDuration::from_hours(24);
        ((now - day).to_string(), (now + day).to_string())
    };
    let figures = read(
        &bank.reader,
        ("bank/v1", "first_contact"),
        &format!("/bank/v1/statistics/first-contact?from={from}&to={to}"),
    );
    let row = &figures["items"][0];
    assert_eq!(figures["items"].as_array().unwrap().len(), 1);

    // The same by hand, from what the list of deliveries says.
    let all = deliveries(&bank.reader, "");
    let time = |delivery: &Value, name: &str| delivery[name].as_str().map(|text| text.parse::<Timestamp>().unwrap());
    let mut seconds: Vec<i64> = Vec::new();
    let (mut promised, mut kept) = (0, 0);
    for delivery in &all {
        let (received, contacted) = (time(delivery, "receivedAt").unwrap(), time(delivery, "firstContactAt"));
        seconds.extend(contacted.map(|contacted| contacted.duration_since(received).as_secs()));
        let due = time(delivery, "promisedAt").unwrap();
        let is_kept = contacted.is_some_and(|contacted| contacted <= due);
        promised += i64::from(is_kept || due < Timestamp::now());
        kept += i64::from(is_kept);
    }
    seconds.sort_unstable();
    assert_eq!((all.len(), seconds.len(), promised, kept), (6, 4, 5, 3));
    assert_eq!((&row["count"], &row["reached"]), (&json!(6), &json!(4)));
    assert_eq!(row["medianSeconds"], (seconds[1] + seconds[2]) / 2);
    assert_eq!(row["p90Seconds"], seconds[3]);
    assert_eq!((&row["promised"], &row["kept"], &row["keptShare"]), (&json!(promised), &json!(kept), &json!(0.6)));
    let (product, partner) = (row["product"].as_str().unwrap(), row["partner"].as_str().unwrap());
    for (query, count) in [(format!("&product={product}&partner={partner}"), 1), ("&product=none".to_owned(), 0)] {
        let path = format!("/bank/v1/statistics/first-contact?from={from}&to={to}{query}");
        assert_eq!(read(&bank.reader, ("bank/v1", "first_contact"), &path)["items"].as_array().unwrap().len(), count);
    }
    for query in [
        "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
        "from=2026-01-01T00:00:00Z&to=2027-03-01T00:00:00Z",
        "from=2026-01-01T00:00:00Z",
    ] {
        is_problem(&bank.reader.get(&format!("/bank/v1/statistics/first-contact?{query}")), 400, "parameter_invalid");
    }
}
