//! What partners read when something is wrong, in each dialect.

use serde_json::{Value, json};
use usher_domain::refusal::Refusal;
use usher_wire::{Unreadable, Violation, Violations};

use super::Dialect;
use crate::correlation::Correlation;
use crate::fault::Fault;

fn written(dialect: Dialect, fault: &Fault) -> String {
    let headers = axum::http::HeaderMap::new();
    let correlation = Correlation::of(&headers, &mut |bytes: &mut [u8]| bytes.fill(7));
    String::from_utf8(dialect.write(fault, &correlation)).expect("JSON is UTF-8")
}

fn check(dialect: Dialect, fault: &Fault, expected: Value) {
    let text = written(dialect, fault);
    let found: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(found, expected, "{text}");
}

fn violation(pointer: &str, code: &'static str, limit: Option<&'static str>) -> Violation {
    Violation {
        pointer: pointer.to_owned(),
        code,
        message: "must be otherwise".into(),
        limit: limit.map(Into::into),
        schema: "a",
        keyword: "b",
    }
}

fn violated(list: Vec<Violation>, truncated: bool) -> Fault {
    Fault::Violated(Violations { list, truncated })
}

const TRACE: &str = "07070707-0707-4707-8707-070707070707";

#[test]
fn a_problem_lists_violations_with_their_limits() {
    let fault = violated(vec![violation("/a", "max_length", Some("100")), violation("/b/0", "required", None)], true);
    check(
        Dialect::Problem,
        &fault,
        json!({
            "type": "https://schemas.usher.example/errors/contract_violated",
            "title": "The body breaks the contract",
            "status": 422,
            "code": "contract_violated",
            "violations": [
                {"pointer": "/a", "code": "max_length", "message": "must be otherwise", "limit": 100},
                {"pointer": "/b/0", "code": "required", "message": "must be otherwise"},
            ],
            "traceId": TRACE,
            "truncated": true,
        }),
    );
}

#[test]
fn a_problem_of_the_gateway_has_no_violations() {
    check(
        Dialect::Problem,
        &Fault::NotFound,
        json!({
            "type": "https://schemas.usher.example/errors/not_found",
            "title": "Not found",
            "status": 404,
            "code": "not_found",
            "violations": [],
            "traceId": TRACE,
        }),
    );
}

#[test]
fn an_unreadable_body_is_told_where_it_breaks() {
    let unreadable = Unreadable::new(b"{\n  \"a\": nope}", 9, "syntax", "a value is expected");
    check(
        Dialect::Problem,
        &Fault::Unreadable(unreadable),
        json!({
            "type": "https://schemas.usher.example/errors/syntax",
            "title": "Not well-formed",
            "status": 400,
            "detail": "line 2, column 8: a value is expected",
            "code": "syntax",
            "violations": [],
            "traceId": TRACE,
        }),
    );
}

// shows: IS-056, IS-057, IS-058, IS-059
#[test]
fn messages_name_each_mistake_as_the_platform_does() {
    let fault = violated(
        vec![
            violation("/referredOffers/0/product", "enum", Some(r#"["VIA","DEFAULT"]"#)),
            violation("/contactRequest/financingTerms", "location_missing", None),
        ],
        false,
    );
    let reason = |name: &str| {
        format!("Invalid parameter: parameterName={name} reason=The request is not schema valid. [must be otherwise]")
    };
    let message = |name: &str| format!("The request is not schema valid. [{}]", reason(name));
    check(
        Dialect::Messages,
        &fault,
        json!({"message": [
            {
                "messageCode": "ERROR_COMMON_SCHEMA_VALIDATION_FAILED",
                "message": message("referredOffers[0].product"),
                "parameterName": "referredOffers[0].product",
                "reason": reason("referredOffers[0].product"),
                "code": "enum",
                "limit": ["VIA", "DEFAULT"],
            },
            {
                "messageCode": "ERROR_COMMON_SCHEMA_VALIDATION_FAILED",
                "message": message("location"),
                "parameterName": "location",
                "reason": reason("location"),
                "code": "location_missing",
            },
        ]}),
    );
}

#[test]
fn messages_say_what_is_wrong_beside_the_body_too() {
    check(
        Dialect::Messages,
        &Fault::AuthenticationRequired,
        json!({"message": [{
            "messageCode": "ERROR_COMMON_AUTHENTICATION_REQUIRED",
            "message": "Key is missing",
            "code": "authentication_required",
        }]}),
    );
}

// shows: IA-031
#[test]
fn a_service_response_begins_with_its_type() {
    let fault = violated(vec![violation("/Parameters/0/Email", "pattern", Some("\"^a$\""))], false);
    assert!(
        written(Dialect::ServiceResponse, &fault).starts_with(r#"{"$type":"ServiceResponseMessage","Error":{"Code":"#)
    );
    check(
        Dialect::ServiceResponse,
        &fault,
        json!({"$type": "ServiceResponseMessage", "Error": {
            "Code": "contract_violated",
            "Description": "The body breaks the contract",
            "Parameters": [{
                "Pointer": "/Parameters/0/Email", "Code": "pattern", "Message": "must be otherwise", "Limit": "^a$",
            }],
            "TransactionId": TRACE,
        }}),
    );
}

#[test]
fn a_refusal_names_its_place() {
    check(
        Dialect::ServiceResponse,
        &Fault::Refused(Refusal::FlowUnknown { pointer: "/Parameters/0/ProcessId" }),
        json!({"$type": "ServiceResponseMessage", "Error": {
            "Code": "flow_unknown",
            "Description": Refusal::FlowUnknown { pointer: "/Parameters/0/ProcessId" }.to_string(),
            "Parameters": [{
                "Pointer": "/Parameters/0/ProcessId",
                "Code": "flow_unknown",
                "Message": Refusal::FlowUnknown { pointer: "/Parameters/0/ProcessId" }.to_string(),
            }],
            "TransactionId": TRACE,
        }}),
    );
}

#[test]
fn long_texts_are_cut_and_the_answer_stays_small() {
    let mut one = violation("/a", "enum", None);
    one.message = "ä".repeat(5_000).into();
    one.limit = Some(format!("\"{}\"", "x".repeat(5_000)).into());
    for dialect in [Dialect::Problem, Dialect::Messages, Dialect::ServiceResponse] {
        let text = written(dialect, &violated(vec![one.clone()], false));
        assert!(text.contains('…') && text.len() < 4_000, "{} bytes", text.len());
        assert!(!text.contains("imit"), "a limit nobody can read is left out");
        let text = written(dialect, &violated(vec![one.clone(); 50], true));
        assert!(text.len() < 200_000, "{} bytes", text.len());
    }
}

#[test]
fn a_call_that_reaches_no_operation_is_answered_in_the_dialect_of_its_path() {
    for (path, dialect) in [
        ("/", Dialect::Problem),
        ("/contact-request/v1/nothing", Dialect::Problem),
        ("/receipts/v1", Dialect::Problem),
        ("/financing/construction/v2/nothing", Dialect::Messages),
        ("/financing", Dialect::Messages),
        ("/financings", Dialect::Problem),
        ("/digital-customer/v1/Nothing", Dialect::ServiceResponse),
    ] {
        assert_eq!(Dialect::of_path(path), dialect, "{path}");
    }
}
