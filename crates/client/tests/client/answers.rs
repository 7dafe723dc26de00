//! What comes back: refusals of three forms as one, answers from the future, and what is no answer at all.

use usher_client::contract::shared::{Status, Violation};
use usher_client::{Client, Error, Refusal, RetryPolicy, UnexpectedAnswer};

use crate::server::{Server, Step, answer};
use crate::{assert_discreet, builder, example, message, request};

async fn once(step: impl Into<Step>) -> (Server, Client) {
    let server = Server::start([step.into()]).await;
    let client = builder(&server).retry_policy(RetryPolicy::never()).build().expect("a client");
    (server, client)
}

fn refusal(error: Error) -> Refusal {
    assert_discreet(&format!("{error} {error:?}"));
    match error {
        Error::Refused(refusal) => *refusal,
        other => panic!("{other:?}"),
    }
}

/// Place, code and limit of each violation.
fn listed(violations: &[Violation]) -> Vec<(&str, &str, Option<&str>)> {
    violations
        .iter()
        .map(|one| (one.pointer.as_str(), one.code.as_str(), one.limit.as_ref().map(|limit| limit.as_str())))
        .collect()
}

#[tokio::test]
async fn a_problem_becomes_a_refusal() {
    let body = r#"{"type":"https://schemas.usher.example/errors/contract_violated",
        "title":"The body breaks the contract","status":422,"code":"contract_violated","traceId":"07070707-0707-4707-8707-070707070707","truncated":true,
        "violations":[{"pointer":"/person/surname","code":"pattern","message":"is too long","limit":"^a$"},
                      {"pointer":"/message","code":"required","message":"is missing"}]}"#;
    let (_server, client) = once(answer(422, body)).await;
    let refusal = refusal(client.contact_request().submit(&request()).await.expect_err("a refusal"));
    assert_eq!((refusal.status, refusal.code.as_str(), refusal.is_truncated), (422, "contract_violated", true));
    assert_eq!(
        listed(&refusal.violations),
        [("/person/surname", "pattern", Some("\"^a$\"")), ("/message", "required", None)]
    );
    let id = refusal.sent.correlation_id;
    assert_eq!(
        refusal.to_string(),
        format!(
            "refused with 422 contract_violated: The body breaks the contract; /person/surname pattern: is too long \
             (limit: \"^a$\"); /message required: is missing; and more (correlation id {id})"
        )
    );
}

#[tokio::test]
async fn messages_become_a_refusal() {
    let request = message("appointment_request/v2::request/minimal");
    let (_server, client) = once(answer(400, example("appointment_request/v2::messages/violation"))).await;
    let violated = refusal(client.appointment_request().submit(&request).await.expect_err("a refusal"));
    assert_eq!((violated.status, violated.code.as_str()), (400, "contract_violated"));
    assert_eq!(listed(&violated.violations), [("/referredOffers/0/product", "enum", Some(r#"["VIA","DEFAULT"]"#))]);

    let (_server, client) = once(answer(403, example("appointment_request/v2::messages/access_denied"))).await;
    let denied = refusal(client.appointment_request().check(&request).await.expect_err("a refusal"));
    assert_eq!((denied.status, denied.code.as_str(), denied.violations.len()), (403, "not_subscribed", 0));

    // The platform the form comes from has no code of ours.
    let body = r#"{"message":[{"messageCode":"ERROR_COMMON_AUTHENTICATION_REQUIRED","message":"Who are you?"}]}"#;
    let (_server, client) = once(answer(401, body)).await;
    let unknown = refusal(client.appointment_request().submit(&request).await.expect_err("a refusal"));
    assert_eq!(unknown.code, "ERROR_COMMON_AUTHENTICATION_REQUIRED");
}

#[tokio::test]
async fn a_service_response_becomes_a_refusal() {
    let request = message("digital_customer/v1::update/home_selected");
    let (_server, client) = once(answer(422, example("digital_customer/v1::error/violations"))).await;
    let refusal = refusal(client.digital_customer().update(&request).await.expect_err("a refusal"));
    assert_eq!((refusal.status, refusal.code.as_str()), (422, "contract_violated"));
    assert_eq!(listed(&refusal.violations)[0], ("/Header/AppKey", "max_length", Some("64")));
    assert_eq!(refusal.violations.len(), 4);
}

#[tokio::test]
async fn an_answer_from_the_future_is_understood() {
    let today = example("shared::receipt/every_member");
    let status = today.find("\"NEW\"").expect("a status to change");
    let future = format!("{}\"SENT_TO_THE_MOON\"{}", &today[..status], &today[status + "\"NEW\"".len()..]);
    let future = future.replacen('{', r#"{"orbit":{"height":[384400,null]},"#, 1);
    let (_server, client) = once(answer(201, future)).await;
    let receipt = client.contact_request().submit(&request()).await.expect("a receipt");
    assert_eq!(receipt.status, Status::Unknown("SENT_TO_THE_MOON".into()));
    assert_eq!(receipt.unknown.member("orbit").map(|orbit| orbit.as_str()), Some(r#"{"height":[384400,null]}"#));

    let body = r#"{"type":"about:blank","title":"No","status":422,"code":"of_next_year","violations":[],"hint":"wait",
        "traceId":"07070707-0707-4707-8707-070707070707"}"#;
    let (_server, client) = once(answer(422, body)).await;
    let refusal = refusal(client.contact_request().submit(&request()).await.expect_err("a refusal"));
    assert_eq!(refusal.code, "of_next_year");
}

fn unexpected(error: Error) -> UnexpectedAnswer {
    assert_discreet(&format!("{error} {error:?}"));
    match error {
        Error::Unexpected(answer) => *answer,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_no_answer_of_the_gateway_is_told_as_such() {
    for (status, body, code, is_retryable) in [
        (502, "<html>canary-message</html>", "syntax", true),
        (503, "", "syntax", true),
        (200, "<html>log in first</html>", "syntax", false),
        (201, "{}", "required", false),
        (201, "[]", "type", false),
        (404, "{\"error\":\"canary-message\"}", "required", false),
        (422, "\u{0}", "syntax", false),
    ] {
        let (_server, client) = once(answer(status, body)).await;
        let error = client.contact_request().submit(&request()).await.expect_err(body);
        assert_eq!(error.is_retryable(), is_retryable, "{status} {body}");
        let answer = unexpected(error);
        assert_eq!(answer.status, status);
        assert_eq!(answer.violations.list.first().map(|violation| violation.code), Some(code), "{status} {body}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Server::start([]).await;
    for status in [301, 302, 303, 307, 308] {
        let moved = answer(status, "").header("location", elsewhere.url());
        let (server, client) = once(moved).await;
        let error = client.contact_request().submit(&request()).await.expect_err("a redirect");
        assert!(error.to_string().contains("redirects are not followed"), "{error}");
        assert_eq!((unexpected(error).status, server.received().len()), (status, 1));
    }
    assert!(elsewhere.received().is_empty());
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let (_server, client) = once(Step::Endless).await;
    let error = client.contact_request().list(&Default::default()).await.expect_err("too long");
    let answer = unexpected(error);
    assert_eq!((answer.status, answer.violations.list[0].code), (200, "body_too_large"));
}
