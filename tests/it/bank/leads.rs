//! The lead list of the platform the appointment request comes from.

use serde_json::{Value, json};

use super::{Bank, appointment, contact, deliveries, read, set_ok};
use crate::gateway::{APPOINTMENT, Caller, is_error};

const DAY: i64 = 24 * 60 * 60 * 1000;

fn leads(caller: &Caller, query: &str) -> Vec<Value> {
    let list = read(caller, ("lead/v2", "lead_list"), &format!("/financing/construction/v2/lead?{query}"));
    list["lead"].as_array().unwrap().clone()
}

#[test]
fn a_lead_is_an_appointment_request_at_one_provider() {
    let bank = Bank::new();
    contact(&bank.partner, |_| {});
    appointment(&bank.partner, &["lender-1", "lender-2"]);
    appointment(&bank.house.caller, &["lender-1"]);
    let own = deliveries(&bank.lenders[0], "")[0].clone();
    let received = own["receivedAt"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond();
    set_ok(&bank.lenders[0], &own["id"], &json!({"status": "IN_PROGRESS", "note": "first"}));
    set_ok(
        &bank.lenders[0],
        &own["id"],
        &json!({"status": "FOLLOW_UP", "reason": "DOCUMENTS_MISSING", "note": "second"}),
    );
    let changed = set_ok(&bank.lenders[0], &own["id"], &json!({"status": "OFFER_SENT"}));
    let changed = changed["changedAt"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond();

    let around = format!("from={}&to={}", received - DAY, received + DAY);
    let found = leads(&bank.lenders[0], &around);
    let body: Value = serde_json::from_str(&bank.partner.example(APPOINTMENT, "geo_code_only")).unwrap();
    let expected = json!({
        "id": own["id"], "providerId": "lender-1", "processingStatus": "OFFER_SENT", "processingStatusChanged": changed,
        "note": "second", "requestDate": received, "requestType": "APPOINTMENT_REQUEST",
        "contactRequest": body["contactRequest"],
    });
    assert_eq!(found, [expected]);
    assert_eq!(leads(&bank.agent, &around).len(), 2);
    // The sandbox is apart, and the period is half-open.
    assert_eq!(leads(&bank.lenders[0], &format!("{around}&test=false")).len(), 1);
    let trial = leads(&bank.lenders[0], &format!("{around}&test=true"));
    assert!(trial.len() == 1 && trial[0]["id"] != own["id"], "{trial:?}");
    assert_eq!(leads(&bank.lenders[0], &format!("from={received}&to={}", received + 1)).len(), 1);
    assert_eq!(leads(&bank.lenders[0], &format!("from={}&to={received}", received - 1)).len(), 0);
}

#[test]
fn a_period_has_thirty_one_days_at_most_and_errors_are_the_platforms() {
    let bank = Bank::new();
    let from = 1_790_000_000_000_i64;
    let get = |query: String| bank.lenders[0].get(&format!("/financing/construction/v2/lead?{query}"));
    assert_eq!(get(format!("from={from}&to={}", from + 31 * DAY)).status, 200);
    for (query, code) in [
        (format!("from={from}&to={}", from + 31 * DAY + 1), "maximum"),
        (format!("from={from}&to={from}"), "minimum"),
        (format!("from={from}&to={}", from - 1), "minimum"),
        (format!("from={from}"), "required"),
        (format!("to={from}"), "required"),
        (format!("from=yesterday&to={from}"), "type"),
        (format!("from={from}&to={}&page=2", from + 1), "unknown_member"),
        (String::new(), "required"),
    ] {
        is_error(APPOINTMENT, &get(query), 400, code);
    }
    let query = format!("/financing/construction/v2/lead?from={from}&to={}", from + 1);
    let stranger = bank.partner.clone().at(bank.house.gateway.bank_address());
    is_error(APPOINTMENT, &stranger.get(&query), 401, "key_unknown");
    is_error(APPOINTMENT, &bank.production.get(&format!("{query}&test=true")), 403, "wrong_environment");
    is_error(APPOINTMENT, &bank.partner.get(&query), 404, "not_found");
}
