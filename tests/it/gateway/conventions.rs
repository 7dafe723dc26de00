//! What holds for every API: keys, correlation ids, refusals in the API's own form, receipts, withdrawal, unknown members.

use serde_json::{Value, json};
use usher_storage::Mode;

use super::{APPOINTMENT, CONTACT, CREATE, Caller, Dialect, House, Submit, accepted, is_error, obeys};
use crate::http::Reply;

/// One operation of each dialect, and a request it accepts.
const EACH: [(Submit, &str); 3] = [(CONTACT, "general"), (APPOINTMENT, "minimal"), (CREATE, "new_customer")];

const JSON: &str = "Content-Type: application/json\r\n";

/// An id that nobody was given.
const UNKNOWN: &str = "3f1c2b7a-9d4e-4c58-8a60-5b7e1d2f3c4a";

// shows: IA-006
#[test]
fn a_key_is_taken_from_each_of_its_headers_and_nothing_else_opens() {
    let house = House::new();
    let caller = &house.caller;
    let key = &caller.key;
    let mistyped = match key.strip_suffix('0') {
        Some(start) => format!("{start}1"),
        None => format!("{}0", &key[..key.len() - 1]),
    };
    // Well made, but of another gateway.
    let unknown = "usher_sbx_000000000000_00000000000000000000000000000000_0V2prm";
    let refused = [
        (String::new(), 401, "authentication_required"),
        ("x-api-key: \r\n".to_owned(), 401, "authentication_required"),
        (format!("Authorization: Basic {key}\r\n"), 401, "authentication_required"),
        ("x-api-key: key\r\n".to_owned(), 401, "key_unknown"),
        (format!("x-api-key: {mistyped}\r\n"), 401, "key_unknown"),
        (format!("Authorization: Bearer {unknown}\r\n"), 401, "key_unknown"),
        (format!("x-api-key: {}\r\n", key.replace("_sbx_", "_prd_")), 401, "key_unknown"),
        (format!("x-api-key: {key}\r\nAuthorization: Bearer {unknown}\r\n"), 400, "keys_conflict"),
        (format!("x-api-key: {unknown}\r\nOcp-Apim-Subscription-Key: {key}\r\n"), 400, "keys_conflict"),
        (format!("x-api-key: {key}\r\nx-api-key: {key}\r\n"), 400, "request_malformed"),
    ];
    let taken = [
        format!("x-api-key: {key}\r\n"),
        format!("Ocp-Apim-Subscription-Key: {key}\r\n"),
        format!("Authorization: Bearer {key}\r\n"),
        format!("authorization: bearer {key}\r\nX-API-KEY: {key}\r\nOCP-APIM-SUBSCRIPTION-KEY: {key}\r\n"),
    ];
    for (submit, name) in EACH {
        let body = caller.example(submit, name);
        let check = format!("{}/check", submit.path);
        let call = |path: &str, lines: &str| caller.call_without_key("POST", path, &format!("{JSON}{lines}"), &body);
        for (lines, status, code) in &refused {
            for path in [submit.path, &check] {
                let reply = call(path, lines);
                is_error(submit, &reply, *status, code);
                assert_eq!(reply.header("www-authenticate"), (*status == 401).then_some("Bearer"), "{}", reply.head);
                assert!(!reply.text.contains(key.as_str()) && !reply.text.contains(unknown), "{}", reply.text);
            }
        }
        for lines in &taken {
            assert_eq!(call(&check, lines).status, 200);
        }
        // A key in the address would be in the log of every proxy on the way.
        is_error(submit, &call(&format!("{}?x-api-key={key}", submit.path), ""), 401, "authentication_required");
    }
    let reply = caller.post(APPOINTMENT.path, "Authorization: Bearer other\r\n", "{}");
    assert_eq!(reply.json()["message"][0]["messageCode"], "ERROR_COMMON_BAD_REQUEST");
    let reply = caller.call_without_key("POST", APPOINTMENT.path, JSON, "{}");
    assert_eq!(reply.json()["message"][0]["messageCode"], "ERROR_COMMON_AUTHENTICATION_REQUIRED");
    assert_eq!(caller.receipts(""), [] as [Value; 0]);
}

#[test]
fn a_correlation_id_is_taken_made_or_replaced_with_a_warning() {
    let house = House::new();
    let caller = &house.caller;
    for (submit, name) in EACH {
        let body = caller.example(submit, name);
        let check = format!("{}/check", submit.path);
        let sent = |id: &str| format!("x-correlation-id: {id}\r\n");
        for path in [submit.path, &check] {
            let reply = caller.post(path, &sent(&UNKNOWN.to_uppercase()), &body);
            assert_eq!((correlation_id(&reply), warnings(submit, &reply).contains(&REPLACED)), (UNKNOWN, false));
            let reply = caller.post(path, "", &body);
            assert!(is_random(correlation_id(&reply)) && !warnings(submit, &reply).contains(&REPLACED));
        }
        for malformed in ["", "order-1", &UNKNOWN[1..], &UNKNOWN.replace('-', ""), &format!("{{{UNKNOWN}}}")] {
            // Another key each time: a repeat would be answered as it was then.
            let lines = format!("{}Idempotency-Key: key-{}\r\n", sent(malformed), malformed.len());
            for path in [submit.path, &check] {
                let reply = caller.post(path, &lines, &body);
                assert!(is_random(correlation_id(&reply)), "{}", reply.head);
                assert!(warnings(submit, &reply).contains(&REPLACED), "{malformed:?}: {}", reply.text);
            }
        }
        // The id of an error is in its body too, where the dialect has a place for it.
        let reply = caller.post(submit.path, &sent(UNKNOWN), "{");
        assert_eq!(correlation_id(&reply), UNKNOWN);
        let body = reply.json();
        match submit.dialect {
            Dialect::Problem => assert_eq!(body["traceId"], UNKNOWN),
            Dialect::Messages => {}
            Dialect::ServiceResponse => assert_eq!(body["Error"]["TransactionId"], UNKNOWN),
        }
    }
    // What is wrong before anybody knows the operation has one too.
    let reply = caller.call_without_key("GET", "/nowhere", &format!("x-correlation-id: {UNKNOWN}\r\n"), "");
    assert_eq!((correlation_id(&reply), &reply.json()["traceId"]), (UNKNOWN, &json!(UNKNOWN)));
}

const REPLACED: (Option<String>, &str) = (None, "correlation_id_replaced");

fn correlation_id(reply: &Reply) -> &str {
    reply.header("x-correlation-id").unwrap_or_else(|| panic!("no correlation id: {}", reply.head))
}

/// Whether it is a UUID of the random kind.
fn is_random(id: &str) -> bool {
    id.parse::<uuid::Uuid>().is_ok_and(|id| id.get_version_num() == 4) && id == id.to_lowercase()
}

/// Place and code of every warning in an answer.
fn warnings(submit: Submit, reply: &Reply) -> Vec<(Option<String>, &'static str)> {
    let body = reply.json();
    let (list, [place, code]) = match submit.dialect {
        Dialect::Problem => (&body["warnings"], ["pointer", "code"]),
        Dialect::Messages => (&body["message"], ["parameterName", "code"]),
        Dialect::ServiceResponse => (&body["Data"]["Warnings"], ["Pointer", "Code"]),
    };
    let list = list.as_array().unwrap_or_else(|| panic!("{}", reply.text)).iter();
    // The first message is the success itself, which has no code.
    let list = list.filter(|entry| entry["messageCode"].is_null() || entry["messageCode"] == "MESSAGE_WARNING");
    // All of these calls are about one person.
    let list = list.filter(|entry| entry["code"] != "duplicate_person");
    let known = ["correlation_id_replaced", "unknown_member", "unverified", "flow_exists"];
    list.map(|entry| {
        let code = known.into_iter().find(|known| entry[code] == *known);
        (entry[place].as_str().map(str::to_owned), code.unwrap_or_else(|| panic!("{entry}")))
    })
    .collect()
}

#[test]
fn what_is_not_there_not_allowed_or_not_readable_is_told_in_the_form_of_the_api() {
    let house = House::new();
    let caller = &house.caller;
    for (submit, name) in EACH {
        let body = caller.example(submit, name);
        let below = |name: &str| format!("{}{name}", &submit.path[..submit.path.rfind('/').unwrap()]);
        is_error(submit, &caller.post(&below("/nothing"), "", &body), 404, "not_found");
        is_error(submit, &caller.post(&format!("{}/", submit.path), "", &body), 404, "not_found");
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
            let reply = caller.call(method, submit.path, JSON, "");
            is_error(submit, &reply, 405, "method_not_allowed");
            let allowed = if submit.dialect == Dialect::Problem { "POST,GET,HEAD" } else { "POST" };
            assert_eq!(reply.header("allow"), Some(allowed));
            assert_eq!(caller.call(method, &format!("{}/check", submit.path), JSON, "").header("allow"), Some("POST"));
        }
        for media_type in ["text/plain", "application/soap+xml", "application/json; charset=utf-16"] {
            let reply = caller.call("POST", submit.path, &format!("Content-Type: {media_type}\r\n"), &body);
            is_error(submit, &reply, 415, "media_type_unsupported");
        }
        is_error(submit, &caller.call("POST", submit.path, "", &body), 415, "media_type_unsupported");
        let reply = caller.post(submit.path, "Content-Encoding: gzip\r\n", &body);
        is_error(submit, &reply, 415, "media_type_unsupported");
        for path in ["//", "/./", "/%2e%2e/", "/%2F"] {
            let reply = caller.post(&format!("{}{path}", submit.path), "", &body);
            is_error(submit, &reply, 400, "request_malformed");
        }
        let code = if submit.dialect == Dialect::Messages { "unknown_member" } else { "parameter_invalid" };
        is_error(submit, &caller.post(&format!("{}?x=1", submit.path), "", &body), 400, code);
        let url = format!("{}?{}", submit.path, "x".repeat(8 * 1024));
        is_error(submit, &caller.post(&url, "", &body), 414, "url_too_long");
        let lines: String = (0..100).map(|number| format!("x-line-{number}: x\r\n")).collect();
        let reply = caller.post(submit.path, &lines, &body);
        assert_eq!(reply.status, 431, "{}", reply.text);
    }
    for (method, path, allowed) in [
        ("POST", "/receipts/v1", "GET,HEAD"),
        ("DELETE", &format!("/receipts/v1/{UNKNOWN}"), "GET,HEAD"),
        ("GET", &format!("{}/{UNKNOWN}/withdrawal", CONTACT.path), "POST"),
    ] {
        let reply = caller.call(method, path, JSON, "{}");
        is_error(CONTACT, &reply, 405, "method_not_allowed");
        assert_eq!(reply.header("allow"), Some(allowed), "{path}");
    }
    is_error(CONTACT, &caller.get("/"), 404, "not_found");
    assert_eq!(caller.receipts(""), [] as [Value; 0]);
}

#[test]
fn bytes_that_are_no_request_have_a_code_each_and_the_same_status_everywhere() {
    let house = House::new();
    let caller = &house.caller;
    let nested = |levels: usize| format!("{{\"x\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1)).into_bytes();
    let largest = |bytes: usize| format!("{{\"x\":\"{}\"}}", "x".repeat(bytes - 8)).into_bytes();
    let unreadable: [(Vec<u8>, u16, &str); 17] = [
        (b"".to_vec(), 400, "syntax"),
        (b"{".to_vec(), 400, "syntax"),
        (b"{} {}".to_vec(), 400, "syntax"),
        (b"{'x':1}".to_vec(), 400, "syntax"),
        (b"{\"x\":NaN}".to_vec(), 400, "syntax"),
        (b"\xef\xbb\xbf{}".to_vec(), 400, "syntax"),
        (b"{\"x\":\"\xff\"}".to_vec(), 400, "utf8"),
        (b"{\"x\":\"\xed\xa0\x80\"}".to_vec(), 400, "utf8"),
        (br#"{"x":1,"x":1}"#.to_vec(), 400, "duplicate_key"),
        (br#"{"x":{"y":1,"\u0079":2}}"#.to_vec(), 400, "duplicate_key"),
        (br#"{"x":"\ud800"}"#.to_vec(), 400, "surrogate"),
        (br#"{"x":"\u0000"}"#.to_vec(), 400, "nul"),
        (nested(33), 400, "depth"),
        (format!("{{\"x\":{}}}", "1".repeat(129)).into_bytes(), 400, "number_size"),
        (b"{\"x\":1e401}".to_vec(), 400, "number_size"),
        (largest(256 * 1024 + 1), 413, "body_too_large"),
        (largest(512 * 1024), 413, "body_too_large"),
    ];
    // At the limit a body is read, and refused for what is in it.
    let readable = [
        nested(32),
        format!("{{\"x\":{}}}", "1".repeat(128)).into_bytes(),
        b"{\"x\":1e400}".to_vec(),
        largest(256 * 1024),
        br#"{"x":"\ud83d\ude00"}"#.to_vec(),
    ];
    for (submit, _) in EACH {
        for path in [submit.path.to_owned(), format!("{}/check", submit.path)] {
            for (body, status, code) in &unreadable {
                is_error(submit, &caller.post(&path, "", body), *status, code);
            }
            for body in &readable {
                let reply = caller.post(&path, "", body);
                let (status, code) = if submit.dialect == Dialect::Messages {
                    (400, "unknown_member")
                } else {
                    (422, "contract_violated")
                };
                is_error(submit, &reply, status, code);
            }
        }
    }
    assert_eq!(caller.receipts(""), [] as [Value; 0]);
}

/// Submits a contact request with a partner reference; gives the id of its receipt.
fn submit_contact(caller: &Caller, reference: &str) -> String {
    let mut body: Value = serde_json::from_str(&caller.example(CONTACT, "general")).unwrap();
    body["attribution"] = json!({"partnerReference": reference});
    accepted(CONTACT, &caller.post(CONTACT.path, "", body.to_string()))
}

#[test]
fn receipts_are_read_by_id_and_by_partner_reference_page_by_page() {
    let house = House::new();
    let caller = &house.caller;
    let mut order_1 = Vec::new();
    for number in 0..7 {
        order_1.push(submit_contact(caller, "order-1"));
        submit_contact(caller, &format!("order-1{number}"));
    }
    for (submit, name) in [EACH[1], EACH[2]] {
        let reply = caller.post(submit.path, "x-partner-reference: order-1\r\n", caller.example(submit, name));
        order_1.push(accepted(submit, &reply));
    }
    let ids = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    for (path, expected) in [
        ("/receipts/v1?partnerReference=order-1&limit=2", &order_1[..]),
        ("/contact-request/v1/requests?partnerReference=order-1&limit=2", &order_1[..7]),
    ] {
        let mut listed = Vec::new();
        let mut received = Vec::new();
        let mut page = caller.get(path);
        loop {
            assert_eq!(page.status, 200, "{}", page.text);
            obeys(("shared", "receipt_list"), &page);
            let list = page.json();
            assert!(list["items"].as_array().unwrap().len() <= 2);
            listed.extend(ids(&list["items"]));
            let times = list["items"].as_array().unwrap().iter().map(|it| it["receivedAt"].as_str().unwrap().parse());
            received.extend(times.map(Result::<jiff::Timestamp, _>::unwrap));
            let Some(next) = list["next"].as_str() else { break };
            page = caller.get(&format!("{path}&cursor={next}"));
        }
        assert!(received.is_sorted_by(|newer, older| newer >= older), "{received:?}");
        assert_eq!(sorted(listed), sorted(expected.to_vec()), "{path}");
    }
    let none = caller.get("/receipts/v1?partnerReference=order-2").json();
    assert_eq!(none, json!({"items": []}));

    for (id, (api, operation)) in [
        (&order_1[0], ("contact_request", "submitContactRequest")),
        (&order_1[7], ("appointment_request", "submitAppointmentRequest")),
        (&order_1[8], ("digital_customer", "createDigitalCustomer")),
    ] {
        let reply = caller.get(&format!("/receipts/v1/{id}"));
        obeys(("shared", "receipt"), &reply);
        let receipt = reply.json();
        assert_eq!((&receipt["api"], &receipt["operation"]), (&json!(api), &json!(operation)));
        assert_eq!((&receipt["id"], &receipt["partnerReference"]), (&json!(id), &json!("order-1")));
        // The API's own list and read hold its own requests only.
        let status = if api == "contact_request" { 200 } else { 404 };
        assert_eq!(caller.get(&format!("{}/{id}", CONTACT.path)).status, status);
    }
    for path in ["/receipts/v1?cursor=x", "/receipts/v1?limit=0", "/receipts/v1?limit=101", "/receipts/v1?order=1"] {
        is_error(CONTACT, &caller.get(path), 400, "parameter_invalid");
    }
}

#[test]
fn what_is_anothers_is_answered_as_what_is_nowhere() {
    let (house, [sibling, stranger]) = House::with(|directory, own| {
        let partner = directory.scope(&own.key).partner;
        [directory.add_application(partner, Mode::Strict), directory.add_partner(Mode::Strict)]
    });
    let own = submit_contact(&house.caller, "order-1");
    let cursor = {
        submit_contact(&house.caller, "order-1");
        house.caller.get("/receipts/v1?limit=1").json()["next"].as_str().unwrap().to_owned()
    };
    for other in [&sibling, &stranger] {
        for (method, path) in [
            ("GET", "/receipts/v1/ID"),
            ("GET", "/contact-request/v1/requests/ID"),
            ("POST", "/contact-request/v1/requests/ID/withdrawal"),
        ] {
            let answers = [&own, UNKNOWN].map(|id| {
                let lines = format!("{JSON}x-correlation-id: {UNKNOWN}\r\n");
                let reply = other.call(method, &path.replace("ID", id), &lines, "{}");
                is_error(CONTACT, &reply, 404, "not_found");
                let lines = reply.head.lines().filter(|line| !line.starts_with("date:"));
                (lines.map(str::to_owned).collect::<Vec<_>>(), reply.text)
            });
            assert_eq!(answers[0], answers[1], "{path}");
        }
        assert_eq!(other.receipts(""), [] as [Value; 0]);
        assert_eq!(other.receipts("&partnerReference=order-1"), [] as [Value; 0]);
        // A cursor opens nothing: it is of no use to another application.
        is_error(CONTACT, &other.get(&format!("/receipts/v1?cursor={cursor}")), 400, "parameter_invalid");

        // A flow is bound to its application, down to the numbers.
        let created = house.caller.post(CREATE.path, "", house.caller.example(CREATE, "new_customer"));
        accepted(CREATE, &created);
        let mut read: Value = serde_json::from_str(&other.example(CREATE, "new_customer")).unwrap();
        read["Parameters"][0]["IsGetProcess"] = json!(true);
        is_error(CREATE, &other.post(CREATE.path, "", read.to_string()), 404, "flow_unknown");
        let own = other.post(CREATE.path, "", other.example(CREATE, "new_customer"));
        accepted(CREATE, &own);
        for number in ["ProcessId", "CustomerId"] {
            assert_ne!(own.json()["Data"][number], created.json()["Data"][number]);
        }
        // And the body cannot name another application than the key.
        let reply = other.post(CREATE.path, "", house.caller.example(CREATE, "new_customer"));
        is_error(CREATE, &reply, 401, "app_key_mismatch");
    }
    assert_eq!(house.caller.get(&format!("/receipts/v1/{own}")).json()["status"], "NEW");
}

#[test]
fn a_request_is_withdrawn_once_and_says_so_ever_after() {
    let house = House::new();
    let caller = &house.caller;
    let id = submit_contact(caller, "order-1");
    let path = format!("{}/{id}/withdrawal", CONTACT.path);
    let withdrawn = caller.post(&path, "", r#"{"reason":"The person called."}"#);
    assert_eq!(withdrawn.status, 200, "{}", withdrawn.text);
    obeys(("contact_request/v1", "withdrawal_result"), &withdrawn);
    let body = withdrawn.json();
    assert_eq!((&body["id"], &body["status"]), (&json!(id), &json!("WITHDRAWN")));
    is_error(CONTACT, &caller.post(&path, "", "{}"), 409, "illegal_transition");
    for path in [format!("/receipts/v1/{id}"), format!("{}/{id}", CONTACT.path)] {
        assert_eq!(caller.get(&path).json()["status"], "WITHDRAWN");
    }
    assert_eq!(caller.receipts("&partnerReference=order-1")[0]["status"], "WITHDRAWN");
    // Only contact requests are withdrawn here.
    let other = accepted(APPOINTMENT, &caller.post(APPOINTMENT.path, "", caller.example(APPOINTMENT, "minimal")));
    let path = format!("{}/{other}/withdrawal", CONTACT.path);
    is_error(CONTACT, &caller.post(&path, "", "{}"), 404, "not_found");
}

#[test]
fn a_tolerant_application_is_warned_of_unknown_members_and_they_are_kept_and_a_strict_one_is_refused() {
    let (house, tolerant) = House::with_stranger(Mode::Tolerant);
    let mut kept = Vec::new();
    for ((submit, name), places) in EACH.into_iter().zip([
        ["/shoeSize", "/person/nickName"],
        ["/shoeSize", "/referredOffers/0/nickName"],
        ["/shoeSize", "/Parameters/0/DigitalCustomer/nickName"],
    ]) {
        let more = |text: &str| {
            let mut body: Value = serde_json::from_str(text).unwrap();
            for place in places {
                let (parent, member) = place.rsplit_once('/').unwrap();
                body.pointer_mut(parent).unwrap()[member] = json!({"left": 43.50, "right": [null, "Žofka"]});
            }
            body.to_string()
        };
        let strict = house.caller.post(submit.path, "", more(&house.caller.example(submit, name)));
        let (status, code) =
            if submit.dialect == Dialect::Messages { (400, "unknown_member") } else { (422, "contract_violated") };
        is_error(submit, &strict, status, code);
        assert_eq!(strict.text.matches("\"unknown_member\"").count(), 2, "{}", strict.text);

        let body = more(&tolerant.example(submit, name));
        let checked = tolerant.check(submit, &body);
        assert_eq!(checked.status, 200, "{}", checked.text);
        let reply = tolerant.post(submit.path, "", &body);
        kept.push((accepted(submit, &reply), places));
        for reply in [&checked, &reply] {
            let warned = warnings(submit, reply);
            for place in places {
                let place = match submit.dialect {
                    Dialect::Messages => place[1..].replace("/0/", "[0]."),
                    _ => place.to_owned(),
                };
                assert!(warned.contains(&(Some(place.clone()), "unknown_member")), "{place}: {}", reply.text);
            }
        }
    }
    assert_eq!(house.caller.receipts(""), [] as [Value; 0]);

    let (_place, directory) = house.into_directory();
    let scope = directory.scope(&tolerant.key);
    for (id, places) in kept {
        let stored: Value = serde_json::from_str(&directory.body(&scope, &id)).unwrap();
        for place in places {
            assert_eq!(stored.pointer(place), Some(&json!({"left": 43.5, "right": [null, "Žofka"]})), "{stored}");
        }
        // A credential is no part of what is stored.
        assert_eq!(stored.pointer("/Header/AppKey"), None);
    }
}
