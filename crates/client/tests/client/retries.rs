//! Trouble on the way: what is sent again, as what, and when the client gives up.

use std::time::{Duration, Instant};

use usher_client::{Error, IdempotencyKey, NetworkFault, RetryPolicy, TimeLimits};

use crate::server::{Server, Step, answer};
use crate::{KEY, assert_discreet, builder, client, example, request};

fn receipt() -> Step {
    answer(201, example("shared::receipt/every_member")).into()
}

fn problem(status: u16, code: &str) -> crate::server::Answer {
    let body = format!(
        r#"{{"type":"https://schemas.usher.example/errors/{code}","title":"A title","status":{status},"code":"{code}",
        "violations":[],"traceId":"07070707-0707-4707-8707-070707070707"}}"#
    );
    answer(status, body).header("content-type", "application/problem+json")
}

/// Submits against `script` and returns the idempotency keys, the bodies and the correlation ids that were received.
async fn submitted(script: Vec<Step>) -> Vec<(String, String, String)> {
    let server = Server::start(script).await;
    client(&server).contact_request().submit(&request()).await.expect("a receipt");
    let told = |request: &crate::server::Received, name| request.header(name).expect(name).to_owned();
    let sent =
        |request: &_| (told(request, "idempotency-key"), request.body.clone(), told(request, "x-correlation-id"));
    server.received().iter().map(sent).collect()
}

#[tokio::test]
async fn a_submit_is_repeated_as_the_same_submit() {
    for trouble in [
        vec![problem(503, "overloaded").header("retry-after", "0").into()],
        vec![problem(409, "still_running").header("retry-after", "0").into()],
        vec![answer(502, "<html>bad gateway</html>").header("content-type", "text/html").into()],
        vec![problem(408, "request_timeout").into(), problem(429, "too_many_requests").into(), answer(504, "").into()],
        vec![Step::Cut],
        vec![Step::CutAnswer],
        vec![Step::Cut, problem(503, "store_unavailable").into(), Step::CutAnswer],
    ] {
        let attempt_count = trouble.len() + 1;
        let sent = submitted(trouble.into_iter().chain([receipt()]).collect()).await;
        assert_eq!(sent.len(), attempt_count);
        assert!(sent.iter().all(|other| *other == sent[0]), "{sent:?}");
    }
}

#[tokio::test]
async fn two_submits_have_two_keys_even_with_the_same_body() {
    let server = Server::start([receipt(), receipt()]).await;
    let client = client(&server);
    let mut keys = Vec::new();
    for _ in 0..2 {
        let stored = client.contact_request().submit(&request()).await.expect("a receipt");
        keys.push(stored.sent().idempotency_key.clone().expect("a key"));
    }
    assert_ne!(keys[0], keys[1]);
    let received: Vec<_> = server.received();
    assert_eq!(received[0].header("idempotency-key"), Some(keys[0].as_str()));
    assert_eq!(received[1].header("idempotency-key"), Some(keys[1].as_str()));
    assert_ne!(received[0].header("x-correlation-id"), received[1].header("x-correlation-id"));
}

#[tokio::test]
async fn a_failed_submit_can_be_sent_again_later_as_the_same() {
    let replayed = answer(201, example("shared::receipt/every_member")).header("idempotency-replayed", "true");
    let server = Server::start([Step::Cut, replayed.into()]).await;
    let client = builder(&server).retry_policy(RetryPolicy::never()).build().expect("a client");
    let error = client.contact_request().submit(&request()).await.expect_err("the connection is cut");
    assert!(error.is_retryable(), "{error:?}");
    let key: IdempotencyKey = error.sent().and_then(|sent| sent.idempotency_key.clone()).expect("a key");
    let stored = client.contact_request().idempotency_key(key).submit(&request()).await.expect("a receipt");
    assert!(stored.is_replayed());
    let received = server.received();
    assert_eq!(received[0].header("idempotency-key"), received[1].header("idempotency-key"));
}

#[tokio::test]
async fn what_stays_wrong_is_sent_once() {
    for (step, code) in [
        (problem(400, "syntax"), "syntax"),
        (problem(401, "key_unknown"), "key_unknown"),
        (problem(409, "illegal_transition"), "illegal_transition"),
        (problem(422, "contract_violated").header("retry-after", "0"), "contract_violated"),
        (problem(500, "internal"), "internal"),
    ] {
        let server = Server::start([step.into(), receipt()]).await;
        let error = client(&server).contact_request().submit(&request()).await.expect_err(code);
        assert!(matches!(&error, Error::Refused(refusal) if refusal.code == code), "{error:?}");
        assert_eq!(error.is_retryable(), code == "internal", "{code}");
        assert_eq!(server.received().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn reads_and_checks_are_repeated_too() {
    let receipt = || answer(200, example("shared::receipt/every_member")).into();
    let server = Server::start([Step::Cut, receipt()]).await;
    let id = "3f0c6a52-8a3e-4a6b-9d0b-5b1f3f7f9c11";
    let read = client(&server).receipts().read(id).await.expect("a receipt");
    assert_eq!((read.sent().attempt_count, &read.sent().idempotency_key), (2, &None));

    let verdict = answer(200, example("shared::check_result/valid"));
    let server = Server::start([problem(503, "overloaded").into(), verdict.into()]).await;
    let verdict = client(&server).contact_request().check(&request()).await.expect("a verdict");
    assert_eq!(verdict.sent().attempt_count, 2);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_left_in_time() {
    let limits = |attempt, call| TimeLimits {
        attempt_time_max: Duration::from_millis(attempt),
        call_time_max: Duration::from_millis(call),
        ..TimeLimits::default()
    };
    let server = Server::start((0..9).map(|_| Step::Silence)).await;
    let client = builder(&server).time_limits(limits(100, 250)).build().expect("a client");
    let begun = Instant::now();
    let error = client.contact_request().submit(&request()).await.expect_err("nobody answers");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(matches!(&error, Error::Network(network) if network.fault == NetworkFault::Timeout), "{error:?}");
    assert!(error.is_retryable());

    let server = Server::start([Step::Silence, receipt()]).await;
    let client = builder(&server).time_limits(limits(1_000, 60_000)).build().expect("a client");
    client.contact_request().submit(&request()).await.expect("a receipt");
    let received = server.received();
    assert_eq!(received[0].header("idempotency-key"), received[1].header("idempotency-key"));
}

#[tokio::test]
async fn nobody_listening_is_told_as_such() {
    let mut server = Server::start([]).await;
    server.stop().await;
    let key = IdempotencyKey::new(KEY).expect("a key");
    let error = client(&server).contact_request().idempotency_key(key).submit(&request()).await;
    let error = error.expect_err("nobody listens");
    match &error {
        Error::Network(network) => {
            assert_eq!((network.fault, network.sent.attempt_count), (NetworkFault::Connect, 5));
        }
        other => panic!("{other:?}"),
    }
    assert_discreet(&format!("{error} {error:?}"));
    assert!(!format!("{error:?}").contains("localhost"), "an address holds ids: {error:?}");
}

#[tokio::test]
async fn a_long_retry_after_is_given_to_the_caller() {
    let server =
        Server::start([problem(429, "too_many_requests").header("retry-after", "3600").into(), receipt()]).await;
    let error = client(&server).contact_request().submit(&request()).await.expect_err("a refusal");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert!(error.is_retryable());
    assert_eq!(server.received().len(), 1);
}
