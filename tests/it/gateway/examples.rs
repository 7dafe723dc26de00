//! The examples of the contracts, sent as they stand: what they call valid is accepted, what they call invalid is refused
//! with their violations and no others, and a check always says what the submit would.

use serde_json::{Value, json};
use usher_domain::environment::Environment;
use usher_domain::national_id;

use super::{
    APPOINTMENT, COMPLETE, CONTACT, CREATE, Caller, Dialect, EXAMPLE_APP_KEY, House, SUBMITS, Submit, UPDATE, accepted,
    code, obeys,
};
use crate::contract::examples::{Example, body_of, examples};
use crate::http::Reply;

// shows: KB-001, IS-005
#[test]
fn every_valid_example_is_accepted_and_its_check_says_so() {
    let house = House::new();
    let caller = &house.caller;
    let newest = || caller.get("/receipts/v1?limit=1").json()["items"].clone();
    for submit in SUBMITS {
        for (index, example) in examples(submit.folder, "valid", submit.stem).into_iter().enumerate() {
            let body = prepared(caller, submit, example.text, index);
            let before = newest();
            let checked = caller.check(submit, &body);
            assert_eq!(checked.status, 200, "{}: {}", example.path, checked.text);
            obeys(submit.answers[1], &checked);
            assert!(is_valid(submit.dialect, &checked.json()), "{}: {}", example.path, checked.text);
            assert_eq!(newest(), before, "{}: a check stores nothing", example.path);

            let reply = caller.post(submit.path, "", &body);
            if reads_only(submit, &body) {
                assert_eq!((reply.status, reply.header("location")), (200, None), "{}: {}", example.path, reply.text);
                obeys(submit.answers[0], &reply);
                continue;
            }
            assert_eq!(reply.status, submit.accepted, "{}: {}\n{}", example.path, reply.text, house.gateway.log());
            let id = accepted(submit, &reply);
            let receipt = caller.get(&format!("/receipts/v1/{id}"));
            assert_eq!((receipt.status, &receipt.json()["id"]), (200, &json!(id)), "{}", example.path);
        }
    }
}

#[test]
fn every_invalid_example_is_refused_by_submit_and_check_with_its_violations_and_nothing_is_stored() {
    let house = House::new();
    let caller = &house.caller;
    let mut faults = Vec::new();
    for submit in SUBMITS {
        for example in examples(submit.folder, "invalid", submit.stem) {
            let body = body_of(&example);
            let replies = [caller.post(submit.path, "", &body), caller.check(submit, &body)];
            for reply in &replies {
                faults.extend(differences(submit, &example, reply));
            }
            let [submitted, checked] = replies.map(|reply| (reply.status, without_ids(reply.json())));
            assert_eq!(submitted, checked, "{}", example.path);
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    assert_eq!(caller.receipts(""), [] as [Value; 0]);
}

#[test]
fn withdrawals_follow_their_examples() {
    let house = House::new();
    let caller = &house.caller;
    let withdrawal = Submit { stem: "withdrawal", accepted: 200, ..CONTACT };
    let request = caller.example(CONTACT, "general");
    let path = |id: &str| format!("{}/{id}/withdrawal", CONTACT.path);
    let untouched = accepted(CONTACT, &caller.post(CONTACT.path, "", &request));
    for example in examples(withdrawal.folder, "invalid", withdrawal.stem) {
        let reply = caller.post(&path(&untouched), "", body_of(&example));
        assert_eq!(differences(withdrawal, &example, &reply), [] as [String; 0]);
    }
    assert_eq!(caller.get(&format!("/receipts/v1/{untouched}")).json()["status"], "NEW");
    for example in examples(withdrawal.folder, "valid", withdrawal.stem) {
        let id = accepted(CONTACT, &caller.post(CONTACT.path, "", &request));
        let reply = caller.post(&path(&id), "", &example.text);
        assert_eq!((reply.status, &reply.json()["status"]), (200, &json!("WITHDRAWN")), "{}", example.path);
        obeys(("contact_request/v1", "withdrawal_result"), &reply);
    }
}

/// The body of a valid example, as this application may send it now.
fn prepared(caller: &Caller, submit: Submit, text: String, index: usize) -> String {
    let body: Value = serde_json::from_str(&text).unwrap();
    let text = match body["Header"]["AppKey"].as_str() {
        Some(other) => text.replacen(other, &caller.app_key, 1),
        None => text,
    };
    let parameters = &body["Parameters"][0];
    match submit.stem {
        "create" => {
            // The flow to read is there before it is asked for.
            if reads_only(submit, &text) {
                create(caller, &parameters["DigitalCustomer"]);
            }
            text
        }
        "update" => {
            let person = json!({"CitizenshipNumber": parameters["CitizenshipNumber"]});
            of_flow(&text, &create(caller, &person))
        }
        "complete" => {
            let person = json!({
                "CitizenshipNumber": citizenship_number(index),
                "Email": parameters["Email"],
                "PhoneNumber": parameters["PhoneNumber"],
            });
            let created = create(caller, &person);
            let mut update: Value = serde_json::from_str(&caller.example(UPDATE, "home_selected")).unwrap();
            update["Parameters"][0]["CitizenshipNumber"] = person["CitizenshipNumber"].clone();
            accepted(UPDATE, &caller.post(UPDATE.path, "", of_flow(&update.to_string(), &created)));
            of_flow(&text, &created)
        }
        _ => text,
    }
}

/// Opens the flow of a person with these members, or finds the open one; gives the data of the answer.
fn create(caller: &Caller, person: &Value) -> Value {
    let mut body: Value = serde_json::from_str(&caller.example(CREATE, "new_customer")).unwrap();
    let customer = body["Parameters"][0]["DigitalCustomer"].as_object_mut().unwrap();
    customer.extend(person.as_object().unwrap().clone());
    let reply = caller.post(CREATE.path, "", body.to_string());
    accepted(CREATE, &reply);
    reply.json()["Data"].clone()
}

/// Puts the numbers of a flow into a body. The rest stays as it is spelled: some examples are about the spelling.
fn of_flow(text: &str, created: &Value) -> String {
    let text = with_number(text, "ProcessId", &created["ProcessId"]);
    with_number(&text, "CustomerNo", &created["CustomerId"])
}

fn with_number(text: &str, name: &str, number: &Value) -> String {
    let (before, rest) = text.split_once(&format!("\"{name}\":")).unwrap();
    let after = rest.trim_start().trim_start_matches(|letter: char| letter.is_ascii_digit());
    format!("{before}\"{name}\":{number}{after}")
}

/// A national id of nobody, one for each index.
fn citizenship_number(index: usize) -> String {
    let mut ids = (0..100).map(|checksum| format!("9876{index:05}{checksum:02}"));
    ids.find(|id| national_id::check(id, Environment::Sandbox).is_ok()).unwrap()
}

fn reads_only(submit: Submit, body: &str) -> bool {
    let body: Value = serde_json::from_str(body).unwrap();
    submit.stem == "create" && body["Parameters"][0]["IsGetProcess"] == true
}

/// Whether a check's answer says that the request is valid.
fn is_valid(dialect: Dialect, body: &Value) -> bool {
    match dialect {
        Dialect::Problem => body["valid"] == true,
        Dialect::Messages => body["message"][0]["messageCode"] == "MESSAGE_OPERATION_SUCCESSFUL",
        Dialect::ServiceResponse => body["Data"]["Valid"] == true,
    }
}

/// In what an answer is not the refusal that an invalid example expects.
fn differences(submit: Submit, example: &Example, reply: &Reply) -> Vec<String> {
    obeys(submit.answers[2], reply);
    let (status, expected_code) = match submit.dialect {
        Dialect::Problem | Dialect::ServiceResponse => (422, Some("contract_violated")),
        // There each message has the code of its violation.
        Dialect::Messages => (400, None),
    };
    let mut faults = Vec::new();
    if reply.status != status || expected_code.is_some_and(|expected| code(submit.dialect, reply) != expected) {
        faults.push(format!("{}: {} {}", example.path, reply.status, reply.text));
        return faults;
    }
    let expected: Value = serde_json::from_str(&example.text).unwrap();
    let expected = expected["violations"].as_array().unwrap();
    let found = violations(submit.dialect, &reply.json());
    let wanted: Vec<_> = expected.iter().map(|violation| place_and_code(submit.dialect, violation)).collect();
    let told: Vec<_> = found.iter().map(|(place, code, _)| (place.clone(), code.clone())).collect();
    if wanted != told {
        faults.push(format!("{}:\n  expected {wanted:?}\n  told     {told:?}", example.path));
        return faults;
    }
    for (expected, (place, _, limit)) in expected.iter().zip(&found) {
        if expected.get("limit").is_some_and(|expected| expected != limit) {
            faults.push(format!("{} at {place}: limit {limit}, expected {}", example.path, expected["limit"]));
        }
    }
    faults
}

/// Place, code and limit of every violation, in the order of the answer.
pub(super) fn violations(dialect: Dialect, body: &Value) -> Vec<(String, String, Value)> {
    let (list, [place, code, limit]) = match dialect {
        Dialect::Problem => (&body["violations"], ["pointer", "code", "limit"]),
        Dialect::Messages => (&body["message"], ["parameterName", "code", "limit"]),
        Dialect::ServiceResponse => (&body["Error"]["Parameters"], ["Pointer", "Code", "Limit"]),
    };
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text: {body}")).to_owned();
    let entries = list.as_array().into_iter().flatten();
    entries.map(|entry| (text(&entry[place]), text(&entry[code]), entry[limit].clone())).collect()
}

/// Where a dialect puts a violation of an example, and under which code.
pub(super) fn place_and_code(dialect: Dialect, violation: &Value) -> (String, String) {
    let (pointer, code) = (violation["pointer"].as_str().unwrap(), violation["code"].as_str().unwrap());
    let place = match dialect {
        Dialect::Problem | Dialect::ServiceResponse => pointer.to_owned(),
        Dialect::Messages if code == "location_missing" => "location".to_owned(),
        Dialect::Messages => {
            let steps = pointer.split('/').skip(1).map(|step| match step.parse::<usize>() {
                Ok(index) => format!("[{index}]"),
                Err(_) => format!(".{}", step.replace("~1", "/").replace("~0", "~")),
            });
            steps.collect::<String>().trim_start_matches('.').to_owned()
        }
    };
    (place, code.to_owned())
}

/// An error without what differs from call to call.
pub(super) fn without_ids(mut body: Value) -> Value {
    for id in ["/traceId", "/Error/TransactionId"] {
        if let Some(id) = body.pointer_mut(id) {
            *id = json!("[id]");
        }
    }
    body
}

/// The answer to a body, as it is read by people.
#[track_caller]
fn answer(submit: Submit, body: &Value) -> String {
    let house = House::new();
    let caller = &house.caller;
    let reply = caller.post(submit.path, "", body.to_string());
    obeys(submit.answers[2], &reply);
    assert_eq!(caller.receipts(""), [] as [Value; 0]);
    format!("{} {}", reply.status, serde_json::to_string_pretty(&without_ids(reply.json())).unwrap())
}

pub(super) fn valid(submit: Submit, name: &str) -> Value {
    let path = format!("{}/examples/valid/{}/{name}.json", submit.folder, submit.stem);
    let example = examples(submit.folder, "valid", submit.stem).into_iter().find(|example| example.path == path);
    serde_json::from_str(&example.unwrap().text).unwrap()
}

// shows: IS-056, IS-067
#[test]
fn the_documented_mistakes_in_an_appointment_request_are_told_at_once() {
    let mut body = valid(APPOINTMENT, "minimal");
    let request = body["contactRequest"].as_object_mut().unwrap();
    request.remove("surname");
    request["financingTerms"]["employment"] = json!("ASTRONAUT");
    request["financingTerms"]["geoCode"] = json!("127600300104");
    request["financingTerms"]["postalCode"] = json!("1011");
    request.insert("primaryAppointmentDate".to_owned(), json!(4_081_449_600_000_i64));
    insta::assert_snapshot!(answer(APPOINTMENT, &body));
}

// shows: IA-038
#[test]
fn the_documented_mistakes_in_an_update_are_told_at_once() {
    let mut body = valid(UPDATE, "home_selected");
    let parameters = body["Parameters"][0].as_object_mut().unwrap();
    parameters.remove("CompanyName");
    parameters["SelectedAddress"] = json!("Contact");
    parameters["HomeAddressInfo"]["Type"] = json!("Cottage");
    insta::assert_snapshot!(answer(UPDATE, &body));
}

#[test]
fn missing_fields_and_an_unknown_product_in_a_contact_request_are_told_at_once() {
    let mut body = valid(CONTACT, "general");
    let request = body.as_object_mut().unwrap();
    request.remove("email");
    request["person"].as_object_mut().unwrap().remove("surname");
    request["subject"] = json!({"productType": "PENSION"});
    insta::assert_snapshot!(answer(CONTACT, &body));
}

// shows: IA-042
#[test]
fn a_method_of_a_flow_that_is_not_there_is_refused_at_the_number() {
    let house = House::new();
    let caller = &house.caller;
    for submit in [UPDATE, COMPLETE] {
        let example = examples(submit.folder, "valid", submit.stem).remove(0);
        let body = example.text.replace(EXAMPLE_APP_KEY, &caller.app_key);
        for reply in [caller.post(submit.path, "", &body), caller.check(submit, &body)] {
            super::is_error(submit, &reply, 404, "flow_unknown");
            assert_eq!(violations(submit.dialect, &reply.json())[0].0, "/Parameters/0/ProcessId");
        }
    }
}
