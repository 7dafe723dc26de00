//! The gateway in XML: requests and answers, and one submit in both forms.

use serde_json::{Map, Value};
use usher_client::contract::appointment_request::v2::Request;
use usher_wire::Limits;
use usher_wire::xml::XmlMessage as _;

use super::twin::{self, Json};
use crate::contract::examples::{examples, schemas};
use crate::gateway::{APPOINTMENT, CONTACT, Caller, House, SUBMITS, accepted, is_error};
use crate::harness::texts;
use crate::http::Reply;

const XML: &str = "Content-Type: application/xml\r\n";
const MEDIA_TYPE: &str = "application/xml; charset=utf-8";
const COMMON: &str = "http://rest.immobilienscout24.de/schema/common/1.0";

fn document(path: &str) -> String {
    std::fs::read_to_string(schemas().join("appointment_request/v2/examples/xml").join(path)).unwrap()
}

/// The messages of an answer in XML, each member as text.
#[track_caller]
pub(crate) fn messages(reply: &Reply) -> Vec<Vec<(String, String)>> {
    assert_eq!(reply.header("content-type"), Some(MEDIA_TYPE), "{}{}", reply.head, reply.text);
    let parsed = roxmltree::Document::parse(&reply.text).unwrap_or_else(|error| panic!("{error}: {}", reply.text));
    let root = parsed.root_element();
    assert_eq!((root.tag_name().namespace(), root.tag_name().name()), (Some(COMMON), "messages"));
    let elements = |node: roxmltree::Node<'_, '_>| {
        let elements = node.children().filter(roxmltree::Node::is_element);
        elements
            .map(|element| (element.tag_name().name().to_owned(), element.text().unwrap_or_default().to_owned()))
            .collect()
    };
    let children = root.children().filter(roxmltree::Node::is_element);
    children.filter(|child| child.has_tag_name("message")).map(elements).collect()
}

/// The same of an answer in JSON, its members in the order of the schema.
pub(crate) fn messages_of_json(reply: &Reply) -> Vec<Vec<(String, String)>> {
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let one = |message: &Map<String, Value>| {
        let order = ["messageCode", "message", "parameterName", "reason", "code", "limit"];
        let values = order.into_iter().filter_map(|name| Some((name.to_owned(), message.get(name)?)));
        let list = |(name, value): (String, &Value)| match value {
            Value::Array(items) => items.iter().map(|item| (name.clone(), text(item))).collect(),
            value => vec![(name, text(value))],
        };
        values.flat_map(list).collect()
    };
    reply.json()["message"].as_array().unwrap().iter().map(|message| one(message.as_object().unwrap())).collect()
}

fn code(reply: &Reply) -> String {
    let messages = messages(reply);
    let found = messages[0].iter().find(|(name, _)| name == "code");
    found.unwrap_or_else(|| panic!("no code: {}", reply.text)).1.clone()
}

pub(crate) fn post(caller: &Caller, path: &str, lines: &str, body: &str) -> Reply {
    caller.call("POST", path, &format!("{XML}{lines}"), body)
}

/// A body in JSON, in XML.
pub(crate) fn twin(body: &str) -> String {
    twin::of(&Json::parse(body)).expect("XML has a form for it")
}

// shows: IS-004
#[test]
fn a_request_in_xml_is_accepted_checked_and_found_again() {
    let house = House::new();
    let caller = &house.caller;
    let body = document("valid/followup_financing.xml");
    let check = post(caller, &format!("{}/check", APPOINTMENT.path), "", &body);
    assert_eq!(check.status, 200, "{}", check.text);
    assert_eq!(messages(&check)[0][0].1, "MESSAGE_OPERATION_SUCCESSFUL");
    assert!(caller.receipts("").is_empty());

    let reply = post(caller, APPOINTMENT.path, "x-partner-reference: order-1\r\n", &body);
    assert_eq!(reply.status, 201, "{}", reply.text);
    let id = reply.header("location").unwrap().strip_prefix("/receipts/v1/").unwrap();
    let created = format!("Resource [appointmentRequest] with id [{id}] has been created");
    let expected = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<common:messages xmlns:common=\"{COMMON}\"><message><messageCode>\
         MESSAGE_RESOURCE_CREATED</messageCode><message>{created}</message></message>"
    );
    assert!(reply.text.starts_with(&expected), "{}", reply.text);
    // The only warning is that no list of postal codes is loaded.
    assert_eq!(
        messages(&reply)[1][2],
        ("parameterName".to_owned(), "contactRequest.financingTerms.postalCode".to_owned())
    );

    let receipt = caller.get(&format!("/receipts/v1/{id}"));
    assert_eq!((receipt.status, &receipt.json()["partnerReference"]), (200, &Value::from("order-1")));
}

#[test]
fn one_key_is_one_request_in_both_forms() {
    let house = House::new();
    let caller = &house.caller;
    let json = caller.example(APPOINTMENT, "followup_financing");
    let xml = document("valid/followup_financing.xml");
    let key = "Idempotency-Key: order-1\r\n";
    let first = caller.post(APPOINTMENT.path, key, &json);
    accepted(APPOINTMENT, &first);

    // The stored answer again, in the form that is wanted.
    for (again, is_xml) in [
        (post(caller, APPOINTMENT.path, key, &xml), true),
        (post(caller, APPOINTMENT.path, &format!("{key}Accept: application/json\r\n"), &xml), false),
        (caller.post(APPOINTMENT.path, &format!("{key}Accept: application/xml\r\n"), &json), true),
        (caller.post(APPOINTMENT.path, key, &json), false),
    ] {
        assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")), "{}", again.text);
        assert_eq!(again.header("location"), first.header("location"));
        let found = if is_xml { messages(&again) } else { messages_of_json(&again) };
        assert_eq!(found, messages_of_json(&first));
    }
    let other = post(caller, APPOINTMENT.path, key, &document("valid/minimal.xml"));
    assert_eq!((other.status, code(&other).as_str()), (422, "idempotency_key_reused"));
    assert_eq!(caller.receipts("").len(), 1);
}

// shows: IS-056, IS-062
#[test]
fn mistakes_are_told_alike_in_both_forms() {
    let house = House::new();
    let caller = &house.caller;
    let mut compared = 0;
    for example in examples("appointment_request/v2", "invalid", "request") {
        let name = example.path.rsplit('/').next().unwrap();
        let sample = [
            "missing_fields.json",
            "wrong_enum.json",
            "nine_faults.json",
            "location_missing.json",
            "unknown_member.json",
        ];
        if !sample.contains(&name) {
            continue;
        }
        let body = crate::contract::examples::body_of(&example);
        let xml = twin::of(&Json::parse(&body)).unwrap();
        for path in [APPOINTMENT.path.to_owned(), format!("{}/check", APPOINTMENT.path)] {
            let json = caller.post(&path, "", &body);
            let reply = post(caller, &path, "", &xml);
            assert_eq!((reply.status, json.status), (400, 400), "{name}: {}", reply.text);
            assert_eq!(messages(&reply), messages_of_json(&json), "{name}");
            compared += 1;
        }
    }
    assert_eq!(compared, 10);
}

#[test]
fn a_receipt_proves_the_body_that_was_sent_in_either_form() {
    let house = House::new();
    let caller = &house.caller;
    let xml = document("valid/minimal.xml");
    let receipt = caller.get(&format!("/receipts/v1/{}", {
        let reply = post(caller, APPOINTMENT.path, "", &xml);
        assert_eq!(reply.status, APPOINTMENT.accepted, "{}", reply.text);
        reply.header("location").unwrap().rsplit('/').next().unwrap().to_owned()
    }));
    let keys = caller.call_without_key("GET", "/.well-known/jwks.json", "", "");
    let place = &house.place;
    let file = |name: &str, text: &str| place.write(name, text).to_str().unwrap().to_owned();
    let (receipt, keys) = (file("receipt.json", &receipt.text), file("jwks.json", &keys.text));
    let verify = |body: &str| {
        let output = place.run(&["receipt", "verify", &receipt, "--jwks", &keys, "--body", body]);
        (output.status.code(), texts(&output))
    };
    let (status, (said, log)) = verify(&file("body.xml", &xml));
    assert_eq!((status, said.as_str()), (Some(0), "verified\n"), "{log}");
    assert!(log.contains("The body is the one that was accepted."), "{log}");
    let json = usher_wire::xml::to_json(xml.as_bytes(), Request::<String>::XML, &Limits::GATEWAY).unwrap();
    let json = file("body.json", std::str::from_utf8(&json).unwrap());
    assert_eq!(verify(&json).0, Some(0), "both forms are one request");
    // What is another request, what is none, and what is no XML.
    let other = xml.replacen("</", "x</", 1);
    let (status, (_, log)) = verify(&file("other.xml", &other));
    assert_eq!(status, Some(1), "{log}");
    let (status, (_, log)) = verify(&file("broken.xml", &xml[..xml.len() - 9]));
    assert!(status == Some(1) && log.contains("the body cannot be read: line"), "{log}");
}

#[test]
fn every_refusal_is_xml_where_xml_is_wanted() {
    let house = House::new();
    let caller = &house.caller;
    let (path, body) = (APPOINTMENT.path, document("valid/minimal.xml"));
    let is = |reply: &Reply, status: u16, expected: &str| {
        assert_eq!((reply.status, code(reply).as_str()), (status, expected), "{}", reply.text);
    };
    is(&caller.call_without_key("POST", path, XML, &body), 401, "authentication_required");
    let wrong = format!("x-api-key: {}x\r\n{XML}", caller.key);
    is(&caller.call_without_key("POST", path, &wrong, &body), 401, "key_unknown");
    is(&post(caller, &format!("{path}/nothing"), "", &body), 404, "not_found");
    is(&caller.call("PUT", path, XML, &body), 405, "method_not_allowed");
    is(&post(caller, path, "Content-Encoding: gzip\r\n", &body), 415, "media_type_unsupported");
    is(&post(caller, &format!("{path}?x=1"), "", &body), 400, "unknown_member");
    is(&post(caller, path, "", &" ".repeat(256 * 1024 + 1)), 413, "body_too_large");
    for (name, expected) in [
        ("doctype", "doctype"),
        ("billion_laughs", "doctype"),
        ("external_entity", "entity"),
        ("other_root", "root_element"),
        ("repeated_element", "duplicate_key"),
        ("other_encoding", "utf8"),
        ("ampersand", "syntax"),
    ] {
        let reply = post(caller, path, "", &document(&format!("unreadable/{name}.xml")));
        is(&reply, 400, expected);
        let told = &messages(&reply)[0];
        assert_eq!(told[0].1, "ERROR_COMMON_BAD_REQUEST");
        assert!(told[1].1.starts_with("line ") && told[1].1.contains(", column "), "{}", reply.text);
    }
    // JSON in a body that says it is XML, and the reverse; XML in another encoding by its header.
    is(&post(caller, path, "", &caller.example(APPOINTMENT, "minimal")), 400, "syntax");
    is_error(APPOINTMENT, &caller.post(path, "", &body), 400, "syntax");
    for charset in ["utf-16", "iso-8859-1"] {
        let media_type = format!("Content-Type: application/xml; charset={charset}\r\n");
        is_error(APPOINTMENT, &caller.call("POST", path, &media_type, &body), 415, "media_type_unsupported");
    }
}

#[test]
fn an_answer_has_the_form_that_accept_likes_best() {
    let house = House::new();
    let caller = &house.caller;
    let check = format!("{}/check", APPOINTMENT.path);
    let (json, xml) = (caller.example(APPOINTMENT, "minimal"), document("valid/minimal.xml"));
    let both = [("application/json", json.as_str()), ("text/xml; charset=utf-8", xml.as_str())];
    for (accept, expected) in [
        ("", ["application/json", "text/xml; charset=utf-8"]),
        ("Accept: */*\r\n", ["application/json", "text/xml; charset=utf-8"]),
        ("Accept: application/xml\r\n", [MEDIA_TYPE; 2]),
        ("Accept: application/json\r\n", ["application/json"; 2]),
        ("Accept: application/json;q=0.1, text/xml;q=0.2\r\n", ["text/xml; charset=utf-8"; 2]),
        ("Accept: image/png\r\n", ["application/json"; 2]),
    ] {
        for ((sent, body), expected) in both.into_iter().zip(expected) {
            let reply = caller.call("POST", &check, &format!("Content-Type: {sent}\r\n{accept}"), body);
            assert_eq!((reply.status, reply.header("content-type")), (200, Some(expected)), "{accept}: {}", reply.text);
        }
    }
    // The other APIs have no XML form.
    for submit in SUBMITS.into_iter().filter(|submit| submit.path != APPOINTMENT.path) {
        let reply = post(caller, submit.path, "Accept: application/xml\r\n", &xml);
        is_error(submit, &reply, 415, "media_type_unsupported");
    }
    let lines = "Content-Type: application/json\r\nAccept: application/xml\r\n";
    accepted(CONTACT, &caller.call("POST", CONTACT.path, lines, caller.example(CONTACT, "general")));
}
