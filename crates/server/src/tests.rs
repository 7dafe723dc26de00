//! The promises of the gateway to a partner, over HTTP, on the examples of the contracts.

mod reference;

use std::path::Path;

use serde_json::{Value, json};
use usher_contract::appointment_request::v2;
use usher_contract::contact_request::v1::WithdrawalResult;
use usher_contract::digital_customer::v1 as digital;
use usher_contract::shared;
use usher_storage::Mode;
use usher_wire::{Message, Options, parse};
use uuid::Uuid;

use crate::limits::Limits;
use crate::router;
use crate::test_support::{Log, Partner, World, add_partner, move_clock};

const CONTACT: &str = "/contact-request/v1/requests";
const APPOINTMENT: &str = "/financing/construction/v2/contact/appointmentrequest";
const CREATE: &str = "/digital-customer/v1/CreateDigitalCustomer";
const UPDATE: &str = "/digital-customer/v1/UpdateDigitalCustomerInformations";
const COMPLETE: &str = "/digital-customer/v1/CompleteDigitalCustomer";

async fn world() -> World {
    World::start(Limits::default(), router).await
}

/// A valid example of a contract.
fn example(path: &str) -> Value {
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
    let (api, name) = path.split_once(':').expect("api/version:schema/name");
    let file = schemas.join(api).join("examples/valid").join(name).with_extension("json");
    let text = std::fs::read(&file).unwrap_or_else(|_| panic!("{} is there", file.display()));
    serde_json::from_slice(&text).expect("JSON")
}

fn contact() -> Value {
    example("contact_request/v1:request/general")
}

/// What came back from a call.
#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    text: String,
    body: Value,
}

impl Reply {
    fn read(answer: &str) -> Reply {
        let (head, text) = answer.split_once("\r\n\r\n").expect("an answer");
        let status = head[9..12].parse().expect("a status");
        let body = serde_json::from_str(text).unwrap_or(Value::Null);
        Reply { status, head: head.to_owned(), text: text.to_owned(), body }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn codes(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = self.body["violations"].as_array().cloned().unwrap_or_default();
        list.iter().map(|one| (text(&one["pointer"]), text(&one["code"]))).collect()
    }
}

async fn post(world: &World, path: &str, lines: &str, body: &Value) -> Reply {
    let reply = Reply::read(&world.post(path, lines, &body.to_string()).await);
    obeys_the_contract("POST", path, &reply);
    reply
}

async fn get(world: &World, path: &str) -> Reply {
    let reply = Reply::read(&world.call("GET", path, &world.key, "", "").await);
    obeys_the_contract("GET", path, &reply);
    reply
}

/// Reads an answer as the contract says it looks, and takes no member or value that the contract does not name.
#[track_caller]
fn obeys_the_contract(method: &str, path: &str, reply: &Reply) {
    let is_error = reply.status >= 400;
    let is_check = path.ends_with("/check");
    let path = path.trim_end_matches("/check");
    match path {
        APPOINTMENT => obeys::<v2::Messages>(reply),
        CREATE | UPDATE | COMPLETE if is_error => obeys::<digital::ErrorAnswer>(reply),
        CREATE | UPDATE | COMPLETE if is_check => obeys::<digital::CheckAnswer>(reply),
        CREATE => obeys::<digital::CreateAnswer>(reply),
        UPDATE => obeys::<digital::UpdateAnswer>(reply),
        COMPLETE => obeys::<digital::CompleteAnswer>(reply),
        _ if is_error => obeys::<shared::Problem>(reply),
        _ if is_check => obeys::<shared::CheckResult>(reply),
        _ if path.ends_with("/withdrawal") => obeys::<WithdrawalResult>(reply),
        _ if method == "GET" && reply.body.get("items").is_some() => obeys::<shared::ReceiptList>(reply),
        _ => obeys::<shared::Receipt>(reply),
    }
}

#[track_caller]
fn obeys<T: for<'a> Message<'a>>(reply: &Reply) {
    let options = Options { mode: usher_wire::Mode::Strict, limits: usher_wire::Limits::GATEWAY, facts: None };
    let parsed = parse::<T>(reply.text.as_bytes(), &options);
    let violations = parsed.map(|parsed| parsed.into_result().err());
    assert!(matches!(violations, Ok(None)), "{violations:?}: {}", reply.text);
}

#[test]
fn records_name_the_versions_of_the_contracts() {
    for api in [&crate::contact_request::API, &crate::appointment_request::API, &crate::digital_customer::API] {
        let file = format!("../../schemas/{}/v{}/openapi.json", api.name, api.version);
        let text = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("an OpenAPI document");
        let document: Value = serde_json::from_slice(&text).expect("JSON");
        assert_eq!(document["info"]["version"], api.contract_version, "{}", api.name);
    }
}

#[track_caller]
fn check(reply: &Reply, status: u16, code: &str) {
    let told = reply.body["code"].as_str().or(reply.body["Error"]["Code"].as_str());
    let told = told.or(reply.body["message"][0]["code"].as_str()).unwrap_or_default();
    assert_eq!((reply.status, told), (status, code), "{}", reply.text);
}

// shows: KB-007
#[tokio::test]
async fn an_accepted_contact_request_can_be_read_again() {
    let world = world().await;
    let mut body = contact();
    body["attribution"] = json!({"partnerReference": "order-1001", "campaign": "spring"});
    let reply = post(&world, CONTACT, "", &body).await;
    check(&reply, 201, "");
    let id = reply.body["id"].as_str().expect("an id");
    assert_eq!(reply.header("location"), Some(format!("/receipts/v1/{id}").as_str()));
    for (member, expected) in [
        ("api", "contact_request"),
        ("version", "v1"),
        ("operation", "submitContactRequest"),
        ("environment", "sandbox"),
        ("status", "NEW"),
        ("partnerReference", "order-1001"),
        ("durability", "single-disk"),
    ] {
        assert_eq!(reply.body[member], expected, "{member}");
    }

    for path in [format!("/receipts/v1/{id}"), format!("{CONTACT}/{id}")] {
        let read = get(&world, &path).await;
        assert_eq!((read.status, &read.body), (200, &reply.body), "{path}");
    }
    for path in [
        "/receipts/v1?partnerReference=order-1001",
        "/receipts/v1",
        "/contact-request/v1/requests?partnerReference=order-1001",
        CONTACT,
    ] {
        let list = get(&world, path).await;
        assert_eq!((list.status, &list.body), (200, &json!({"items": [reply.body]})), "{path}");
    }
    let none = get(&world, "/receipts/v1?partnerReference=order%2D1002").await;
    assert_eq!(none.body, json!({"items": []}));
}

#[tokio::test]
async fn a_list_goes_on_where_its_page_ended() {
    let world = world().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let path = if number % 2 == 0 { CONTACT } else { APPOINTMENT };
        let body = if number % 2 == 0 { contact() } else { example("appointment_request/v2:request/minimal") };
        let reply = post(&world, path, "", &body).await;
        ids.push(reply.header("location").expect("a receipt").rsplit('/').next().map(str::to_owned).expect("an id"));
        // Records of the same millisecond have no order.
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    ids.reverse();
    let mut listed = Vec::new();
    let mut path = "/receipts/v1?limit=2".to_owned();
    loop {
        let page = get(&world, &path).await;
        let items = page.body["items"].as_array().expect("items");
        assert!(items.len() <= 2);
        listed.extend(items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()));
        let Some(next) = page.body["next"].as_str() else { break };
        path = format!("/receipts/v1?limit=2&cursor={next}");
    }
    assert_eq!(listed, ids);
}

#[tokio::test]
async fn parameters_are_read_under_the_rules_of_the_contract() {
    let world = world().await;
    for (path, code) in [
        ("/receipts/v1?limit=0", "parameter_invalid"),
        ("/receipts/v1?limit=101", "parameter_invalid"),
        ("/receipts/v1?limit=two", "parameter_invalid"),
        ("/receipts/v1?cursor=x", "parameter_invalid"),
        ("/receipts/v1?partnerReference=", "parameter_invalid"),
        ("/receipts/v1?unknown=x", "parameter_invalid"),
        ("/receipts/v1?limit=1&limit=2", "parameter_invalid"),
        ("/receipts/v1/nonsense", "parameter_invalid"),
    ] {
        check(&get(&world, path).await, 400, code);
    }
    check(&get(&world, "/receipts/v1/3f1c2b7a-9d4e-4c58-8a60-5b7e1d2f3c4a").await, 404, "not_found");
    let headers = format!("x-partner-reference: {}\r\n", "x".repeat(65));
    let reply = post(&world, APPOINTMENT, &headers, &example("appointment_request/v2:request/minimal")).await;
    check(&reply, 400, "max_length");
    assert_eq!(reply.body["message"][0]["parameterName"], "x-partner-reference");
    check(&post(&world, CONTACT, "Idempotency-Key: \"\"\r\n", &contact()).await, 400, "idempotency_key_malformed");
}

#[tokio::test]
async fn every_parameter_that_is_wrong_is_named_in_one_answer() {
    let world = world().await;
    for (path, expected) in [
        (
            "/receipts/v1?limit=0&fax=x&partnerReference=",
            &[("/partnerReference", "min_length"), ("/limit", "minimum"), ("/fax", "unknown_member")][..],
        ),
        ("/receipts/v1?limit=1&limit=2&a=1&a=1&a=1", &[("/limit", "duplicate_key"), ("/a", "duplicate_key")]),
    ] {
        let reply = get(&world, path).await;
        check(&reply, 400, "parameter_invalid");
        let mut codes = reply.codes();
        let mut expected: Vec<_> = expected.iter().map(|(at, code)| ((*at).to_owned(), (*code).to_owned())).collect();
        codes.sort();
        expected.sort();
        assert_eq!(codes, expected, "{path}");
        let detail = reply.body["detail"].as_str().expect("a detail");
        assert!(codes.iter().all(|(pointer, _)| detail.contains(&format!("{}: ", &pointer[1..]))), "{detail}");
    }
}

#[tokio::test]
async fn all_mistakes_are_told_at_once() {
    let world = world().await;
    let mut body = contact();
    body["person"]["surname"] = json!(" ");
    body["phoneNumber"] = json!("110");
    body["fax"] = json!("1");
    let reply = post(&world, CONTACT, "", &body).await;
    check(&reply, 422, "contract_violated");
    let codes = reply.codes();
    assert_eq!(codes.len(), 3, "{}", reply.text);
    for pointer in ["/person/surname", "/phoneNumber", "/fax"] {
        assert!(codes.iter().any(|(told, _)| told == pointer), "{}", reply.text);
    }
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));

    let unreadable = Reply::read(&world.post(CONTACT, "", "{\"a\":1,\"a\":2}").await);
    check(&unreadable, 400, "duplicate_key");
}

#[tokio::test]
async fn a_repeat_gets_the_stored_answer_however_it_is_spelled() {
    let world = world().await;
    let first = post(&world, CONTACT, "Idempotency-Key: k-1\r\n", &contact()).await;
    check(&first, 201, "");
    let spaced = format!(" {} ", serde_json::to_string_pretty(&contact()).expect("JSON"));
    let again = Reply::read(&world.post(CONTACT, "Idempotency-Key: \"k-1\"\r\n", &spaced).await);
    assert_eq!((again.status, &again.text), (201, &first.text));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), (None, Some("true")));

    let mut other = contact();
    other["message"] = json!("Another one.");
    check(&post(&world, CONTACT, "Idempotency-Key: k-1\r\n", &other).await, 422, "idempotency_key_reused");
    other["phoneNumber"] = json!("110");
    check(&post(&world, CONTACT, "Idempotency-Key: k-1\r\n", &other).await, 422, "idempotency_key_reused");
    other["phoneNumber"] = json!(110);
    check(&post(&world, CONTACT, "Idempotency-Key: k-1\r\n", &other).await, 422, "contract_violated");
    let unkeyed = post(&world, CONTACT, "", &contact()).await;
    assert_ne!(unkeyed.body["id"], first.body["id"]);
}

#[tokio::test]
async fn a_key_whose_request_was_refused_may_be_used_again() {
    let world = world().await;
    let mut body = contact();
    body["phoneNumber"] = json!("110");
    check(&post(&world, CONTACT, "Idempotency-Key: k-2\r\n", &body).await, 422, "contract_violated");
    check(&post(&world, CONTACT, "Idempotency-Key: k-2\r\n", &contact()).await, 201, "");
}

#[tokio::test]
async fn a_repeat_gets_its_answer_even_when_the_request_would_be_refused_by_now() {
    let world = world().await;
    let mut body = contact();
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    body["recontact"] = json!({"mode": "AT", "at": soon.to_string()});
    let first = post(&world, CONTACT, "Idempotency-Key: k-3\r\n", &body).await;
    check(&first, 201, "");
    move_clock(2);
    let again = post(&world, CONTACT, "Idempotency-Key: k-3\r\n", &body).await;
    assert_eq!((again.status, &again.text), (201, &first.text));
    check(&post(&world, CONTACT, "", &body).await, 422, "contract_violated");
    move_clock(0);
}

#[tokio::test]
async fn a_repeat_that_names_another_application_is_refused() {
    let world = world().await;
    let mut create = example("digital_customer/v1:create/new_customer");
    for lines in ["", "Idempotency-Key: k-7\r\n"] {
        let first = post(&world, CREATE, lines, &create).await;
        assert_eq!(first.status, 200, "{}", first.text);
        let app_key = std::mem::replace(&mut create["Header"]["AppKey"], json!("another"));
        check(&post(&world, CREATE, lines, &create).await, 401, "app_key_mismatch");
        create["Header"]["AppKey"] = app_key;
        assert_eq!(post(&world, CREATE, lines, &create).await.text, first.text);
    }
}

#[tokio::test]
async fn an_answer_is_kept_for_seven_days() {
    let world = world().await;
    let lines = "Idempotency-Key: k-6\r\n";
    let mut other = contact();
    other["message"] = json!("Another one.");
    let first = post(&world, CONTACT, lines, &contact()).await;
    check(&first, 201, "");
    move_clock(7 * 24 - 1);
    assert_eq!(post(&world, CONTACT, lines, &contact()).await.text, first.text);
    check(&post(&world, CONTACT, lines, &other).await, 422, "idempotency_key_reused");
    move_clock(7 * 24 + 1);
    check(&post(&world, CONTACT, lines, &other).await, 201, "");
    check(&post(&world, CONTACT, lines, &contact()).await, 422, "idempotency_key_reused");
    move_clock(0);
}

#[tokio::test]
async fn twins_are_stored_once() {
    let world = world().await;
    let body = contact();
    let lines = "Idempotency-Key: k-4\r\n";
    let calls = tokio::join!(
        post(&world, CONTACT, lines, &body),
        post(&world, CONTACT, lines, &body),
        post(&world, CONTACT, lines, &body),
        post(&world, CONTACT, lines, &body)
    );
    let replies = [calls.0, calls.1, calls.2, calls.3];
    for reply in &replies {
        if reply.status == 409 {
            check(reply, 409, "still_running");
            assert_eq!(reply.header("retry-after"), Some("1"));
        } else {
            check(reply, 201, "");
        }
    }
    assert_eq!(get(&world, CONTACT).await.body["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_check_says_what_a_submit_would_and_stores_nothing() {
    let world = world().await;
    let (contact, appointment) = (contact(), example("appointment_request/v2:request/minimal"));
    let create = example("digital_customer/v1:create/new_customer");
    let reply = post(&world, &format!("{CONTACT}/check"), "Idempotency-Key: k-5\r\n", &contact).await;
    assert_eq!((reply.status, &reply.body), (200, &json!({"valid": true, "warnings": []})));
    let reply = post(&world, &format!("{APPOINTMENT}/check"), "", &appointment).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.body["message"][0]["messageCode"], "MESSAGE_OPERATION_SUCCESSFUL");
    let reply = post(&world, &format!("{CREATE}/check"), "", &create).await;
    assert_eq!((reply.status, &reply.body["Data"]["Valid"]), (200, &json!(true)), "{}", reply.text);
    assert_eq!(get(&world, "/receipts/v1").await.body, json!({"items": []}));

    let too_long = format!("x-partner-reference: {}\r\n", "r".repeat(65));
    for (path, body) in [(APPOINTMENT, &appointment), (CREATE, &create), (UPDATE, &json!({})), (COMPLETE, &json!({}))] {
        for path in [path, &format!("{path}/check")] {
            let code = if path.starts_with(APPOINTMENT) { "max_length" } else { "parameter_invalid" };
            check(&post(&world, path, &too_long, body).await, 400, code);
        }
    }

    let broken = json!({});
    for path in [CONTACT, APPOINTMENT, CREATE, UPDATE, COMPLETE] {
        let mut submitted = post(&world, path, "", &broken).await;
        let mut checked = post(&world, &format!("{path}/check"), "", &broken).await;
        for reply in [&mut submitted, &mut checked] {
            reply.body["traceId"].take();
            reply.body["Error"]["TransactionId"].take();
        }
        assert_eq!((checked.status, &checked.body), (submitted.status, &submitted.body), "{path}");
        assert!(checked.status >= 400, "{}", checked.text);
    }
    let reply = post(&world, CONTACT, "Idempotency-Key: k-5\r\n", &contact).await;
    check(&reply, 201, "");
}

// shows: IS-001, IS-003
#[tokio::test]
async fn an_appointment_request_is_answered_in_messages() {
    let world = world().await;
    let body = example("appointment_request/v2:request/minimal");
    let reply = post(&world, APPOINTMENT, "x-partner-reference: order-7\r\n", &body).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    let location = reply.header("location").expect("a receipt").to_owned();
    let id = location.rsplit('/').next().expect("an id");
    let created = &reply.body["message"][0];
    assert_eq!(created["messageCode"], "MESSAGE_RESOURCE_CREATED");
    assert_eq!(created["message"], format!("Resource [appointmentRequest] with id [{id}] has been created"));
    let receipt = get(&world, &location).await;
    assert_eq!(receipt.body["attribution"], json!({"partnerReference": "order-7"}));
    check(&get(&world, &format!("{CONTACT}/{id}")).await, 404, "not_found");

    let mut broken = body.clone();
    let terms = broken["contactRequest"]["financingTerms"].as_object_mut().expect("terms");
    terms.remove("postalCode");
    terms.remove("geoCode");
    let reply = post(&world, APPOINTMENT, "", &broken).await;
    check(&reply, 400, "location_missing");
    assert_eq!(reply.body["message"][0]["parameterName"], "location");
    assert_eq!(reply.body["message"][0]["messageCode"], "ERROR_COMMON_SCHEMA_VALIDATION_FAILED");
}

/// A request of the digital customer API, for the flow that `create` answered with.
fn of_flow(example_path: &str, created: &Value, request_id: &str) -> Value {
    let mut body = example(example_path);
    body["Header"]["ChannelRequestId"] = json!(request_id);
    body["Parameters"][0]["ProcessId"] = created["Data"]["ProcessId"].clone();
    body["Parameters"][0]["CustomerNo"] = created["Data"]["CustomerId"].clone();
    body
}

// shows: IA-001, IA-002, IA-069, IA-070
#[tokio::test]
async fn a_flow_goes_from_create_over_update_to_complete() {
    let world = world().await;
    let create = example("digital_customer/v1:create/new_customer");
    let created = post(&world, CREATE, "", &create).await;
    assert_eq!(created.status, 200, "{}", created.text);
    assert!(
        created.text.starts_with(r#"{"$type":"ServiceResponseMessage","Data":{"$type":"CreateDigitalCustomerMessage""#)
    );
    assert_eq!((&created.body["Data"]["State"], &created.body["Data"]["FlowState"]), (&json!(2), &json!("CREATED")));

    let person = &create["Parameters"][0]["DigitalCustomer"];
    let mut complete = of_flow("digital_customer/v1:complete/courier", &created.body, "3");
    complete["Parameters"][0]["Email"] = person["Email"].clone();
    complete["Parameters"][0]["PhoneNumber"] = person["PhoneNumber"].clone();
    check(&post(&world, COMPLETE, "", &complete).await, 409, "update_required");

    let mut update = of_flow("digital_customer/v1:update/codes_as_text", &created.body, "2");
    update["Parameters"][0]["CitizenshipNumber"] = person["CitizenshipNumber"].clone();
    let mut elsewhere = update.clone();
    elsewhere["Parameters"][0]["HomeAddressInfo"]["CityCode"] = json!("34");
    for path in [UPDATE, &format!("{UPDATE}/check")] {
        let refused = post(&world, path, "", &elsewhere).await;
        check(&refused, 422, "contract_violated");
        let mistakes = refused.body["Error"]["Parameters"].as_array().unwrap();
        let told: Vec<_> = mistakes.iter().map(|one| (one["Code"].as_str(), one["Pointer"].as_str())).collect();
        let expected = [
            (Some("label_mismatch"), Some("/Parameters/0/HomeAddressInfo/CityCode")),
            (Some("town_code_mismatch"), Some("/Parameters/0/HomeAddressInfo/TownCode")),
        ];
        assert_eq!(told, expected);
    }
    let updated = post(&world, UPDATE, "", &update).await;
    assert_eq!(updated.status, 200, "{}", updated.text);
    assert_eq!(updated.body["Data"]["$type"], "AddDigitalCustomerDocumentsMessage");
    assert_eq!(updated.body["Data"]["FlowState"], "INFORMED");

    let mut wrong = complete.clone();
    wrong["Parameters"][0]["Email"] = json!("another@example.org");
    let refused = post(&world, COMPLETE, "", &wrong).await;
    check(&refused, 422, "flow_contact_mismatch");
    assert_eq!(refused.body["Error"]["Parameters"][0]["Pointer"], "/Parameters/0/Email");

    let completed = post(&world, COMPLETE, "", &complete).await;
    assert_eq!(completed.status, 200, "{}", completed.text);
    assert_eq!(completed.body["Data"]["FlowState"], "COMPLETED");
    assert_eq!(completed.body["Data"]["ExpiresAt"], Value::Null);
    let again = post(&world, COMPLETE, "", &complete).await;
    assert_eq!((again.status, &again.text), (200, &completed.text), "the same request id and body are a repeat");
    complete["Header"]["ChannelRequestId"] = json!("4");
    check(&post(&world, COMPLETE, "", &complete).await, 409, "illegal_transition");

    let items = get(&world, "/receipts/v1").await.body["items"].as_array().map(Vec::len);
    assert_eq!(items, Some(3), "one record for each accepted step");
}

#[tokio::test]
async fn an_open_flow_ends_after_thirty_days_and_nothing_follows() {
    let world = world().await;
    let scope = world.store.key(world.selector.clone()).await.unwrap().expect("the key of this world").scope;
    let mut create = example("digital_customer/v1:create/new_customer");
    create["Parameters"][0]["DigitalCustomer"]["NotificationOnUpdate"] = json!(true);
    let created = post(&world, CREATE, "", &create).await;
    assert_eq!(created.status, 200, "{}", created.text);
    let end = created.body["Data"]["ExpiresAt"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let mut update = of_flow("digital_customer/v1:update/codes_as_text", &created.body, "2");
    update["Parameters"][0]["CitizenshipNumber"] =
        create["Parameters"][0]["DigitalCustomer"]["CitizenshipNumber"].clone();
    let complete = of_flow("digital_customer/v1:complete/courier", &created.body, "3");
    move_clock(30 * 24);
    for (path, body) in [(UPDATE, &update), (COMPLETE, &complete)] {
        check(&post(&world, path, "", body).await, 409, "illegal_transition");
    }
    move_clock(0);

    let told = async || world.store.partner_messages(&scope, None, 9).await.unwrap().len();
    let before = told().await;
    crate::end_expired_flows(&world.store, end.as_millisecond() - 1).await.unwrap();
    assert_eq!(told().await, before);
    crate::end_expired_flows(&world.store, end.as_millisecond()).await.unwrap();
    assert_eq!(told().await, before + 1);
    check(&post(&world, UPDATE, "", &update).await, 409, "illegal_transition");
    // The person can begin again.
    create["Header"]["ChannelRequestId"] = json!("4");
    let next = post(&world, CREATE, "", &create).await;
    assert_ne!(next.body["Data"]["ProcessId"], created.body["Data"]["ProcessId"], "{}", next.text);
}

// shows: IA-016
#[tokio::test]
async fn a_person_has_one_open_flow_with_an_application() {
    let world = world().await;
    let create = example("digital_customer/v1:create/new_customer");
    let read = example("digital_customer/v1:create/read_open_flow");
    let mut read = {
        let mut body = create.clone();
        body["Parameters"][0]["IsGetProcess"] = read["Parameters"][0]["IsGetProcess"].clone();
        body
    };
    check(&post(&world, CREATE, "", &read).await, 404, "flow_unknown");

    let first = post(&world, CREATE, "", &create).await;
    let repeat = post(&world, CREATE, "", &create).await;
    assert_eq!(first.text, repeat.text);
    assert_eq!(repeat.header("idempotency-replayed"), Some("true"));

    let mut other = create.clone();
    other["Parameters"][0]["DigitalCustomer"]["Email"] = json!("another@example.org");
    let known = post(&world, CREATE, "", &other).await;
    assert_eq!(known.status, 200, "{}", known.text);
    assert_eq!(known.body["Data"]["ProcessId"], first.body["Data"]["ProcessId"]);
    let warned = known.body["Data"]["Warnings"].as_array().cloned().unwrap_or_default();
    assert!(warned.iter().any(|warning| warning["Code"] == "flow_exists"), "{}", known.text);

    let got = post(&world, CREATE, "", &read).await;
    assert_eq!((got.status, &got.body["Data"]["ProcessId"]), (200, &first.body["Data"]["ProcessId"]), "{}", got.text);
    read["Header"]["AppKey"] = json!("another");
    check(&post(&world, CREATE, "", &read).await, 401, "app_key_mismatch");

    let partner =
        Partner { id: Uuid::from_u128(3), application: Uuid::from_u128(4), app_key: "another", mode: Mode::Strict };
    let key = add_partner(&world.store, &partner).await;
    let mut foreign = create.clone();
    foreign["Header"]["AppKey"] = json!("another");
    let foreign = Reply::read(&world.call("POST", CREATE, key.reveal(), "", &foreign.to_string()).await);
    assert_eq!(foreign.status, 200, "{}", foreign.text);
    assert_ne!(foreign.body["Data"]["ProcessId"], first.body["Data"]["ProcessId"], "each partner has its own flow");
}

#[tokio::test]
async fn what_is_anothers_is_not_there() {
    let world = world().await;
    let reply = post(&world, CONTACT, "", &contact()).await;
    let id = reply.body["id"].as_str().expect("an id");
    let partner =
        Partner { id: Uuid::from_u128(5), application: Uuid::from_u128(6), app_key: "other", mode: Mode::Strict };
    let key = add_partner(&world.store, &partner).await;
    let unknown = "3f1c2b7a-9d4e-4c58-8a60-5b7e1d2f3c4a";
    for (method, path, body) in [
        ("GET", "/receipts/v1/ID", ""),
        ("GET", "/contact-request/v1/requests/ID", ""),
        ("POST", "/contact-request/v1/requests/ID/withdrawal", "{}"),
    ] {
        let mut answers = Vec::new();
        for id in [id, unknown] {
            let answer = world.call(method, &path.replace("ID", id), key.reveal(), "", body).await;
            let mut reply = Reply::read(&answer);
            check(&reply, 404, "not_found");
            reply.body["traceId"].take();
            answers.push(reply.body);
        }
        assert_eq!(answers[0], answers[1], "{path}");
    }
    let list = Reply::read(&world.call("GET", "/receipts/v1", key.reveal(), "", "").await);
    assert_eq!(list.body, json!({"items": []}));
}

#[tokio::test]
async fn a_request_is_withdrawn_once() {
    let world = world().await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let reply = post(&world, CONTACT, "", &contact()).await;
        ids.push(reply.body["id"].as_str().expect("an id").to_owned());
    }
    let path = |id: &str| format!("{CONTACT}/{id}/withdrawal");
    let reason = json!({"reason": "Changed my mind."});
    let lines = "Idempotency-Key: w-1\r\n";
    let withdrawn = post(&world, &path(&ids[0]), lines, &reason).await;
    assert_eq!((withdrawn.status, &withdrawn.body["status"]), (200, &json!("WITHDRAWN")), "{}", withdrawn.text);
    assert_eq!(withdrawn.body["id"], ids[0].as_str());
    let again = post(&world, &path(&ids[0]), lines, &reason).await;
    assert_eq!(again.text, withdrawn.text);
    check(&post(&world, &path(&ids[0]), "", &reason).await, 409, "illegal_transition");
    assert_eq!(get(&world, &format!("/receipts/v1/{}", ids[0])).await.body["status"], "WITHDRAWN");

    let other = post(&world, &path(&ids[1]), lines, &reason).await;
    check(&other, 422, "idempotency_key_reused");
    assert_eq!(get(&world, &format!("/receipts/v1/{}", ids[1])).await.body["status"], "NEW");
    // To take a request back nothing has to be said, not even an empty object.
    let bare = Reply::read(&world.call("POST", &path(&ids[1]), &world.key, "", "").await);
    check(&bare, 200, "");
}

#[tokio::test]
async fn a_tolerant_application_is_warned_where_a_strict_one_is_refused() {
    let world = world().await;
    let partner =
        Partner { id: Uuid::from_u128(7), application: Uuid::from_u128(8), app_key: "other", mode: Mode::Tolerant };
    let key = add_partner(&world.store, &partner).await;
    let mut body = contact();
    body["fax"] = json!("1");
    let strict = post(&world, CONTACT, "", &body).await;
    assert_eq!(strict.codes(), [("/fax".to_owned(), "unknown_member".to_owned())]);
    let lines = "x-correlation-id: nonsense\r\n";
    let tolerant = Reply::read(&world.call("POST", CONTACT, key.reveal(), lines, &body.to_string()).await);
    check(&tolerant, 201, "");
    let warned: Vec<_> = tolerant.body["warnings"].as_array().expect("warnings").iter().collect();
    assert_eq!((&warned[0]["pointer"], &warned[0]["code"]), (&json!("/fax"), &json!("unknown_member")));
    assert_eq!((&warned[1]["pointer"], &warned[1]["code"]), (&Value::Null, &json!("correlation_id_replaced")));
    let location = tolerant.header("location").expect("a receipt");
    let read = Reply::read(&world.call("GET", location, key.reveal(), "", "").await);
    assert_eq!(read.body, tolerant.body);
}

#[tokio::test]
async fn a_store_that_is_gone_is_a_503_and_no_2xx() {
    let world = world().await;
    check(&post(&world, CONTACT, "", &contact()).await, 201, "");
    let store = world.store.clone();
    tokio::task::spawn_blocking(move || store.close()).await.expect("the store closes");
    let reply = post(&world, CONTACT, "", &contact()).await;
    check(&reply, 503, "store_unavailable");
    assert_eq!(reply.header("retry-after"), Some("5"));
}

/// Puts `mark` into every text of a body.
fn marked(value: &mut Value, mark: &str) {
    match value {
        Value::String(text) => *text = format!("{mark}{text}"),
        Value::Array(items) => items.iter_mut().for_each(|item| marked(item, mark)),
        Value::Object(members) => members.values_mut().for_each(|member| marked(member, mark)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[tokio::test]
async fn no_value_of_a_request_reaches_the_log_or_an_error() {
    let (log, _guard) = Log::keep();
    let world = world().await;
    let mut accepted = contact();
    accepted["message"] = json!("canary-free-text");
    accepted["person"] = json!({"forename": "canary-forename", "surname": "canary-surname"});
    check(&post(&world, CONTACT, "Idempotency-Key: canary-key\r\n", &accepted).await, 201, "");
    for (path, name) in [
        (CONTACT, "contact_request/v1:request/every_member"),
        (APPOINTMENT, "appointment_request/v2:request/full"),
        (CREATE, "digital_customer/v1:create/teller_and_caller"),
        (UPDATE, "digital_customer/v1:update/codes_as_text"),
        (COMPLETE, "digital_customer/v1:complete/courier"),
    ] {
        let mut body = example(name);
        marked(&mut body, "canary-");
        let reply = post(&world, path, "", &body).await;
        assert!(reply.status >= 400, "{}", reply.text);
        assert!(!reply.text.contains("canary"), "{}", reply.text);
        let cut = &body.to_string()[..60];
        let reply = Reply::read(&world.post(path, "", cut).await);
        check(&reply, 400, "syntax");
        assert!(!reply.text.contains("canary"), "{}", reply.text);
    }
    let text = log.text();
    assert!(!text.contains("canary") && !text.contains(&world.key), "{text}");
    assert_eq!(log.requests().len(), 11);
}
