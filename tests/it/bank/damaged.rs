//! A record that is damaged in the store is shown as such, and takes nobody else's with it.

use serde_json::{Value, json};

use super::{Bank, appointment, contact, pull, read};
use crate::gateway::Caller;

/// Codes of warnings.
fn codes(warnings: &Value) -> Vec<&str> {
    warnings.as_array().unwrap().iter().map(|warning| warning["code"].as_str().unwrap()).collect()
}

/// The item of a page that is about a request.
fn item<'p>(page: &'p Value, id: &str) -> &'p Value {
    let is_own = |item: &&Value| item["id"] == id || item["requestId"] == id || item["delivery"]["requestId"] == id;
    page["items"].as_array().unwrap().iter().find(is_own).unwrap_or_else(|| panic!("{id} in {page}"))
}

#[test]
fn a_damaged_record_is_marked_and_named_in_the_log_and_every_page_survives_it() {
    let bank = Bank::new();
    let whole = contact(&bank.partner, |_| {});
    let lead = appointment(&bank.partner, &["lender-1"]);
    let (place, directory) = bank.house.into_directory();
    let scope = directory.scope(&bank.partner.key);
    let damaged = directory.add_damaged(&scope, &whole, "bank");
    let damaged_lead = directory.add_damaged(&scope, &lead, "provider/lender-1");
    drop(directory);
    let gateway = place.start_with(&["--listen", "127.0.0.1:0"]);
    let at_bank = |user: &Caller| user.clone().at(gateway.bank_address());
    let (partner, agent) = (bank.partner.clone().at(gateway.address()), at_bank(&bank.agent));

    let receipts = read(&partner, ("shared", "receipt_list"), "/receipts/v1");
    assert_eq!(codes(&item(&receipts, &damaged)["warnings"]), ["record_unreadable"; 2], "warnings and lists");
    assert!(!codes(&item(&receipts, &whole)["warnings"]).contains(&"record_unreadable"));
    assert_eq!(receipts["items"].as_array().unwrap().len(), 4);

    let messages = pull(&agent, "limit=200");
    assert_eq!(messages["items"].as_array().unwrap().len(), 4);
    let told = item(&messages, &damaged);
    assert_eq!(codes(&told["delivery"]["warnings"]), ["record_unreadable"; 2], "warnings and content");
    assert_eq!(told["request"], Value::Null);
    assert!(item(&messages, &whole)["request"].is_object());

    let list = read(&agent, ("bank/v1", "delivery_list"), "/bank/v1/deliveries?limit=200");
    assert_eq!(codes(&item(&list, &damaged)["warnings"]), ["record_unreadable"]);
    let detail = format!("/bank/v1/deliveries/{}", item(&list, &damaged)["id"]);
    let detail = read(&agent, ("bank/v1", "delivery_detail"), &detail);
    assert_eq!(codes(&detail["delivery"]["warnings"]), ["record_unreadable"; 2]);

    let now = jiff::Timestamp::now().as_millisecond();
    let path = format!("/financing/construction/v2/lead?from={}&to={}", now - 600_000, now + 60_000);
    let leads = read(&at_bank(&bank.lenders[0]), ("lead/v2", "lead_list"), &path);
    let leads = leads["lead"].as_array().unwrap();
    let notes: Vec<_> = leads.iter().map(|lead| (lead["note"].clone(), lead["contactRequest"].is_object())).collect();
    let mark = json!("[some of the content cannot be read any more]");
    assert_eq!(notes, [(Value::Null, true), (mark, false)]);

    let (_, log) = gateway.stop("TERM");
    for id in [&damaged, &damaged_lead] {
        let is_named = |line: &str| line.contains("cannot be read") && line.contains(id.as_str());
        assert!(log.lines().any(is_named), "{id} in {log}");
    }
}
