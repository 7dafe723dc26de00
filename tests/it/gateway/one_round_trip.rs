//! From refused to corrected is one round trip. A body with a mistake of every kind that contract, facts and product know is
//! told all of them in one answer; corrected by nothing but that answer, it is accepted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::examples::{place_and_code, valid, violations, without_ids};
use super::{APPOINTMENT, COMPLETE, CONTACT, CREATE, Caller, House, Submit, UPDATE, accepted, obeys};
use crate::contract::examples::{examples, schemas};
use crate::http::Reply;
use crate::onboarding;
use crate::xml::gateway as xml;

/// Invented, of the range that the sandbox takes.
const PERSON: &str = "98761234550";

/// One mistake of a body.
struct Mistake {
    /// Where it is told.
    at: String,
    code: &'static str,
    /// What stands there instead of what is right; nothing where it is left out.
    wrong: Option<Value>,
}

fn mistake(at: &str, code: &'static str, wrong: Value) -> Mistake {
    Mistake { at: at.to_owned(), code, wrong: Some(wrong) }
}

fn left_out(at: &str, code: &'static str) -> Mistake {
    Mistake { at: at.to_owned(), code, wrong: None }
}

/// The object or array that holds what a pointer names, and its name in it.
fn holder<'b, 'p>(body: &'b mut Value, pointer: &'p str) -> (&'b mut Value, &'p str) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    (body.pointer_mut(parent).unwrap_or_else(|| panic!("{parent} is not there")), name)
}

fn put(body: &mut Value, pointer: &str, value: Option<Value>) {
    let (parent, name) = holder(body, pointer);
    match (parent, value) {
        (Value::Array(items), Some(value)) => items[name.parse::<usize>().unwrap()] = value,
        (Value::Object(members), Some(value)) => _ = members.insert(name.to_owned(), value),
        (Value::Object(members), None) => _ = members.remove(name),
        (other, _) => panic!("{pointer} names nothing in {other}"),
    }
}

fn with_mistakes(right: &Value, mistakes: &[Mistake]) -> Value {
    let mut body = right.clone();
    for Mistake { at, code, wrong } in mistakes {
        match *code {
            // Told where it is missing in, not where it would stand.
            "location_missing" => put(&mut body, &format!("{at}/postalCode"), None),
            _ => put(&mut body, at, wrong.clone()),
        }
    }
    body
}

/// Corrects what an answer told, by where, what and which limit it told.
fn corrected(mut body: Value, told: &[(String, String, Value)], right: &Value) -> Value {
    for (pointer, code, limit) in told {
        match code.as_str() {
            "unknown_member" => put(&mut body, pointer, None),
            "max_items" => {
                let most = usize::try_from(limit.as_u64().unwrap()).unwrap();
                body.pointer_mut(pointer).unwrap().as_array_mut().unwrap().truncate(most);
            }
            // The limit names the members of which one is enough.
            "location_missing" => {
                let names = limit.as_array().unwrap().iter();
                let mut pointers = names.map(|name| format!("{pointer}/{}", name.as_str().unwrap()));
                let known = pointers.find(|pointer| right.pointer(pointer).is_some()).unwrap();
                put(&mut body, &known, right.pointer(&known).cloned());
            }
            _ => put(&mut body, pointer, right.pointer(pointer).cloned()),
        }
    }
    body
}

/// The codes with which the examples of these bodies are refused: `coverage.rs` proves that no rule is without one.
fn kinds(folder: &str, is_of_request: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let stems = std::fs::read_dir(schemas().join(folder).join("examples/invalid")).unwrap();
    let stems = stems.map(|entry| entry.unwrap().file_name().into_string().unwrap()).filter(|stem| is_of_request(stem));
    let examples = stems.flat_map(|stem| examples(folder, "invalid", &stem));
    let codes = examples.flat_map(|example| {
        let expected: Value = serde_json::from_str(&example.text).unwrap();
        let list = expected["violations"].as_array().unwrap().clone();
        list.into_iter().map(|violation| violation["code"].as_str().unwrap().to_owned())
    });
    codes.collect()
}

/// Every kind is among the mistakes, but for those that cannot stand beside another, and these are none of them.
#[track_caller]
fn every_kind_is_there(mistakes: &[Mistake], known: &BTreeSet<String>, refusals: &[&str], excluded: &[&str]) {
    let made: BTreeSet<&str> = mistakes.iter().map(|mistake| mistake.code).collect();
    let all = known.iter().map(String::as_str).chain(refusals.iter().copied());
    let wrong: Vec<&str> = all.filter(|code| made.contains(code) == excluded.contains(code)).collect();
    assert!(wrong.is_empty(), "neither made nor excluded, or both: {wrong:?}");
}

/// The body is refused with exactly these mistakes and nothing is stored; corrected by the answer, it is what is right. Gives
/// the body and the answer.
#[track_caller]
fn is_refused_once(caller: &Caller, submit: Submit, right: &Value, mistakes: &[Mistake]) -> (String, Reply) {
    let body = with_mistakes(right, mistakes);
    let before = caller.receipts("").len();
    let reply = caller.post(submit.path, "", body.to_string());
    obeys(submit.answers[2], &reply);
    assert_eq!(caller.receipts("").len(), before);
    let check = caller.check(submit, body.to_string());
    assert_eq!(without_ids(check.json()), without_ids(reply.json()));

    let told = violations(submit.dialect, &reply.json());
    let mut found: Vec<(String, String)> = told.iter().map(|(at, code, _)| (at.clone(), code.clone())).collect();
    let pointer = |mistake: &Mistake| json!({"pointer": mistake.at, "code": mistake.code});
    let mut expected: Vec<_> = mistakes.iter().map(|one| place_and_code(submit.dialect, &pointer(one))).collect();
    let pointers: BTreeMap<_, _> = expected.iter().cloned().zip(mistakes.iter().map(|one| one.at.clone())).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "{}", reply.text);
    let told: Vec<_> =
        told.into_iter().map(|(at, code, limit)| (pointers[&(at, code.clone())].clone(), code, limit)).collect();
    assert_eq!(corrected(body.clone(), &told, right), *right);
    (body.to_string(), reply)
}

/// A gateway whose products demand all that products can.
fn demanding() -> House {
    let mut document: Value = serde_json::from_str(usher_domain::products::BUILT_IN).unwrap();
    for product in document["products"].as_array_mut().unwrap() {
        let demand = match product["api"].as_str().unwrap() {
            "contact_request" => "consentRequired",
            "appointment_request" => "dpaRequired",
            _ => continue,
        };
        product[demand] = true.into();
        product["duplicates"] = json!({"days": 30, "action": "refuse"});
    }
    let (house, []) = House::with(|directory, _| {
        directory.put_products(&document.to_string());
        []
    });
    house
}

/// One of these again and again.
fn many(one: &Value, count: usize) -> Value {
    Value::Array(vec![one.clone(); count])
}

#[test]
fn a_contact_request_is_corrected_in_one_round_trip() {
    let house = demanding();
    let caller = &house.caller;
    let mut right = valid(CONTACT, "every_member");
    accepted(CONTACT, &caller.post(CONTACT.path, "", right.to_string()));
    let known_person = right["phoneNumber"].take();
    right["phoneNumber"] = "+420 601 123 457".into();
    let loan = json!({"creditor": "Example Lending", "outstanding": {"value": 90000, "currency": "CZK"}});
    right["subject"] = json!({"productType": "LOAN_CONSOLIDATION", "amount": {"value": 1_800_000, "currency": "CZK"},
        "interestRate": 7.5, "maturityMonths": 84, "loans": many(&loan, 20)});
    let mistakes = [
        mistake("/person/forename", "blacklisted", json!("Usherblocked")),
        left_out("/person/surname", "required"),
        mistake("/phoneNumber", "duplicate_refused", known_person),
        mistake("/email", "email_refused", json!("jana@vzorova.invalid")),
        mistake("/language", "pattern", json!("czech language")),
        mistake("/recontact/at", "format", json!("tomorrow")),
        mistake("/recontact/timeZone", "time_zone_unknown", json!("Europe/Nowhere")),
        mistake("/subject/amount/value", "exclusive_minimum", json!(0)),
        mistake("/subject/amount/currency", "enum", json!("Kc")),
        mistake("/subject/interestRate", "maximum", json!(100.5)),
        mistake("/subject/maturityMonths", "minimum", json!(0)),
        mistake("/subject/loans", "max_items", many(&loan, 21)),
        mistake("/subject/loans/0/creditor", "min_length", json!("")),
        mistake("/subject/loans/1/creditor", "max_length", json!("x".repeat(256))),
        mistake("/subject/loans/2/outstanding/value", "multiple_of", json!(90000.125)),
        mistake("/subject/loans/3/outstanding/value", "type", json!("90000")),
        left_out("/consent", "consent_required"),
        mistake("/colour", "unknown_member", json!("green")),
    ];
    let excluded = [
        // A time that is none is not in the past either.
        "in_the_past",
        // The number of somebody who was sent before is one.
        "phone_invalid",
        // There is one list, and it is too long already.
        "min_items",
        // A tag that no form has is `enum`.
        "const",
    ];
    let known = kinds(CONTACT.folder, |stem| !stem.starts_with("withdrawal"));
    every_kind_is_there(&mistakes, &known, &["consent_required", "duplicate_refused", "email_refused"], &excluded);
    is_refused_once(caller, CONTACT, &right, &mistakes);
    accepted(CONTACT, &caller.post(CONTACT.path, "", right.to_string()));
}

// shows: IS-056, IS-058, IS-060, IS-061, IS-081
#[test]
fn an_appointment_request_is_corrected_in_one_round_trip_in_both_forms() {
    for is_xml in [false, true] {
        let house = demanding();
        let caller = &house.caller;
        let mut right = valid(APPOINTMENT, "full");
        let offer = json!({"providerId": "lender-1", "product": "VIA"});
        right["referredOffers"] = many(&offer, 20);
        put(&mut right, "/contactRequest/financingTerms/geoCode", None);
        let mistakes = [
            mistake("/referredOffers", "max_items", many(&offer, 21)),
            mistake("/referredOffers/0/product", "enum", json!("STANDARD")),
            mistake("/referredOffers/1/providerId", "min_length", json!("")),
            mistake("/referredOffers/2/providerId", "max_length", json!("x".repeat(65))),
            mistake("/contactRequest/financingTerms/amortizationRate", "exclusive_minimum", json!(0)),
            left_out("/contactRequest/financingTerms/employment", "required"),
            mistake("/contactRequest/financingTerms/financing/purchasePrice", "multiple_of", json!(410_000.125)),
            mistake("/contactRequest/financingTerms/financing/ownFunds", "minimum", json!(-1)),
            mistake("/contactRequest/financingTerms/financing/additionalCosts", "pattern", json!("36.900,25")),
            left_out("/contactRequest/financingTerms", "location_missing"),
            mistake("/contactRequest/surname", "blacklisted", json!("Usherblocked")),
            mistake("/contactRequest/email", "email_refused", json!("anna@beispiel.invalid")),
            mistake("/contactRequest/phoneNumber", "phone_invalid", json!("+49 30 1")),
            mistake("/contactRequest/primaryAppointmentDate", "in_the_past", json!(1_262_304_000_000_i64)),
            mistake("/contactRequest/secondaryAppointmentDate", "maximum", json!(253_402_300_800_000_i64)),
            mistake("/contactRequest/netIncome", "exclusive_maximum", json!(1_000_000_000_000_i64)),
            mistake("/contactRequest/dateOfBirth", "age_out_of_range", json!("2015-06-15")),
            mistake("/contactRequest/kfwPromotion", "type", json!("perhaps")),
            mistake("/contactRequest/dpaAccepted", "dpa_required", json!(false)),
            mistake("/contactRequest/contactAddress/postalCode", "postal_code_unknown", json!("00000")),
            mistake("/contactRequest/colour", "unknown_member", json!("green")),
        ];
        let excluded = [
            // The place is missing.
            "geo_code_unknown",
            // A day that is none gives no age.
            "format",
            // There is one list, and it is too long already.
            "min_items",
            // A number that cannot exist is nobody's.
            "duplicate_refused",
            // A tag that no form has is `enum`.
            "const",
        ];
        let known = kinds(APPOINTMENT.folder, |stem| stem != "messages");
        let refusals = ["dpa_required", "duplicate_refused", "email_refused"];
        every_kind_is_there(&mistakes, &known, &refusals, &excluded);
        let (body, refused) = is_refused_once(caller, APPOINTMENT, &right, &mistakes);
        if is_xml {
            let mut told = xml::messages(&xml::post(caller, APPOINTMENT.path, "", &xml::twin(&body)));
            let mut told_in_json = xml::messages_of_json(&refused);
            told.sort();
            told_in_json.sort();
            assert_eq!(told, told_in_json);
            let reply = xml::post(caller, APPOINTMENT.path, "", &xml::twin(&right.to_string()));
            assert_eq!(reply.status, 201, "{}", reply.text);
        } else {
            accepted(APPOINTMENT, &caller.post(APPOINTMENT.path, "", right.to_string()));
        }
    }
}

// shows: IA-030, IA-038, IA-078, IA-080
#[test]
fn each_step_of_onboarding_is_corrected_in_one_round_trip() {
    let house = House::new();
    let caller = &house.caller;
    let right = onboarding::create(caller, PERSON, |_| {});
    let of = |name: &str| format!("/Parameters/0/DigitalCustomer/{name}");
    let mistakes = [
        mistake("/Header/Channel", "min_length", json!("")),
        mistake("/Header/ChannelSessionId", "pattern", json!("0123456789abcdef")),
        mistake("/Header/CallerId", "max_length", json!("x".repeat(256))),
        mistake("/Header/Colour", "unknown_member", json!("green")),
        mistake("/Parameters", "max_items", many(&right["Parameters"][0], 2)),
        mistake(&of("PhoneNumber"), "phone_invalid", json!("5999999999")),
        mistake(&of("CitizenshipNumber"), "checksum", json!(98_761_234_551_i64)),
        mistake(&of("Email"), "email_refused", json!("deniz@ornek.invalid")),
        left_out(&of("IsFatca"), "required"),
        mistake(&of("IsUSCustomer"), "type", json!("no")),
        mistake(&of("IsKVKKApproved"), "const", json!(false)),
    ];
    // Of one number one thing is told, and the one list is too long already.
    let excluded = ["minimum", "maximum", "synthetic_id_only", "min_items"];
    every_kind_is_there(&mistakes, &kinds(CREATE.folder, |stem| stem == "create"), &[], &excluded);
    is_refused_once(caller, CREATE, &right, &mistakes);
    let flow = onboarding::step(caller, CREATE, &right);

    let right = onboarding::update(caller, PERSON, &flow);
    let of = |name: &str| format!("/Parameters/0/{name}");
    let mistakes = [
        mistake("/Header/ChannelRequestId", "pattern", json!("first")),
        mistake("/Parameters", "max_items", many(&right["Parameters"][0], 2)),
        mistake(&of("CitizenshipNumber"), "checksum", json!(98_761_234_551_i64)),
        mistake(&of("EducationStatusCode"), "label_mismatch", json!(7)),
        mistake(&of("CompanyName"), "blacklisted", json!("Usherblocked")),
        mistake(&of("SalaryInfo"), "minimum", json!(-1)),
        mistake(&of("WorkingStatusCode"), "code_unknown", json!(99)),
        left_out(&of("JobTitle"), "required"),
        mistake(&of("HomeStatus"), "max_length", json!("x".repeat(256))),
        mistake(&of("WorkAreaCode"), "maximum", json!(9_007_199_254_740_992_i64)),
        mistake(&of("JobAddressInfo/Type"), "const", json!("HomeAddress")),
        mistake(&of("HomeAddressInfo/StreetCode"), "street_code_mismatch", json!("10000003")),
        mistake(&of("HomeAddressInfo/TownCode"), "town_code_mismatch", json!("34000010000")),
        // Another town of the city, in which the district does not lie; of the two, the one that comes later is told.
        mistake(&of("JobAddressInfo/TownCode"), "district_code_mismatch", json!("06000011000")),
        mistake(&of("SelectedAddress"), "enum", json!("Holiday")),
        mistake(&of("CalculateLimit"), "type", json!("no")),
    ];
    // The one list is too long already.
    every_kind_is_there(&mistakes, &kinds(UPDATE.folder, |stem| stem == "update"), &[], &["min_items"]);
    is_refused_once(caller, UPDATE, &right, &mistakes);
    onboarding::step(caller, UPDATE, &right);

    let right = onboarding::complete(caller, &flow);
    let mistakes = [
        mistake("/Parameters", "max_items", many(&right["Parameters"][0], 2)),
        mistake(&of("CustomerNo"), "minimum", json!(1)),
        mistake(&of("PhoneNumber"), "phone_invalid", json!("5999999999")),
        mistake(&of("Email"), "pattern", json!("deniz.ornek")),
        left_out(&of("IsApprovedAgent"), "required"),
        mistake(&of("IsCourierSelected"), "type", json!("no")),
    ];
    every_kind_is_there(&mistakes, &kinds(COMPLETE.folder, |stem| stem == "complete"), &[], &["min_items"]);
    is_refused_once(caller, COMPLETE, &right, &mistakes);
    onboarding::step(caller, COMPLETE, &right);
}
