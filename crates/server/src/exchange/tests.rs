//! What holds for every operation, shown on a few that exist for these tests only.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::routing::{get, post};
use usher_domain::environment::Environment;
use usher_storage::Change;
use usher_wire::{Operation, OperationKind};

use super::{Answer, Call, NO_STORE, Route, exchange, refuse};
use crate::dialect::Dialect;
use crate::fault::Fault;
use crate::gateway::Gateway;
use crate::limits::Limits;
use crate::test_support::{Log, PARTNER, World, audit};

const fn operation(id: &'static str, path: &'static str, body: bool) -> Operation {
    let method = if body { "POST" } else { "GET" };
    Operation { id, method, path, kind: OperationKind::Submit, success: 200, body, parameters: &[], xml: None }
}

static ECHO: Operation = operation("testEcho", "/test/echo", true);
static PANIC: Operation = operation("testPanic", "/test/panic", true);
static STUCK: Operation = operation("testStuck", "/test/stuck", true);
static OTHER: Operation = operation("testOther", "/other", false);

fn route(operation: &'static Operation, api: &'static str) -> Route<Option<&'static str>> {
    Route { operation, demand: Some(api), dialect: Dialect::Problem, meter: Arc::default() }
}

async fn echo(call: Call) -> Result<Answer, Fault> {
    Ok(Answer {
        status: 200,
        media_type: "application/json".into(),
        location: None,
        body: call.body.to_vec(),
        is_replayed: false,
        cache_control: NO_STORE,
        etag: None,
    })
}

fn router(gateway: &Arc<Gateway>) -> Router {
    let state = || gateway.clone();
    let (one, two, three, four, five, six) = (state(), state(), state(), state(), state(), state());
    Router::new()
        .route(ECHO.path, post(move |request: Request| exchange(one.clone(), route(&ECHO, "test"), request, echo)))
        .route(
            PANIC.path,
            post(move |request: Request| {
                exchange(two.clone(), route(&PANIC, "test"), request, |call: Call| async move {
                    panic!("hidden in a panic: {}", String::from_utf8_lossy(&call.body));
                })
            }),
        )
        .route(
            STUCK.path,
            post(move |request: Request| {
                exchange(three.clone(), route(&STUCK, "test"), request, |_: Call| std::future::pending())
            }),
        )
        .route(OTHER.path, get(move |request: Request| exchange(four.clone(), route(&OTHER, "other"), request, echo)))
        .fallback(move |request: Request| refuse(five.clone(), Fault::NotFound, request))
        .method_not_allowed_fallback(move |request: Request| refuse(six.clone(), Fault::MethodNotAllowed, request))
}

async fn world() -> World {
    World::start(Limits::default(), router).await
}

/// The status and the code of an answer.
fn told(answer: &str) -> (u16, String) {
    let status = answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_default();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let code = serde_json::from_str::<serde_json::Value>(body).map(|body| body["code"].as_str().map(str::to_owned));
    (status, code.ok().flatten().unwrap_or_default())
}

fn check(answer: &str, status: u16, code: &str) {
    assert_eq!(told(answer), (status, code.to_owned()), "{answer}");
}

#[tokio::test]
async fn a_body_of_the_largest_size_is_taken_and_one_byte_more_is_not() {
    let world = world().await;
    let bytes_max = Limits::default().body_bytes_max;
    let (largest, too_large) = ("x".repeat(bytes_max), "x".repeat(bytes_max + 1));
    assert!(world.post("/test/echo", "", &largest).await.ends_with(&largest));
    check(&world.post("/test/echo", "", &too_large).await, 413, "body_too_large");
}

#[tokio::test]
async fn a_chunked_body_has_the_same_limit() {
    let world = world().await;
    let bytes_max = Limits::default().body_bytes_max;
    for (bytes, status) in [(bytes_max, 200), (bytes_max + 1, 413)] {
        let whole: String = "y".repeat(bytes);
        let chunks: String = whole
            .as_bytes()
            .chunks(7_000)
            .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), "y".repeat(chunk.len())))
            .collect();
        let key = &world.key;
        let answer = world
            .send(&format!(
                "POST /test/echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nx-api-key: {key}\r\n\
                 Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"
            ))
            .await;
        assert_eq!(told(&answer).0, status);
        assert_eq!(answer.ends_with(&whole), status == 200);
    }
}

#[tokio::test]
async fn a_body_announced_too_large_is_refused_before_it_is_sent() {
    let world = world().await;
    let (key, length) = (&world.key, Limits::default().body_bytes_max + 1);
    let answer = world
        .send(&format!(
            "POST /test/echo HTTP/1.1\r\nHost: a\r\nx-api-key: {key}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
        ))
        .await;
    assert!(!answer.contains("100 Continue"), "{answer}");
    check(&answer, 413, "body_too_large");
}

#[tokio::test]
async fn a_body_shorter_than_announced_is_no_request_and_what_is_longer_is_another() {
    let world = World::start(Limits { request_time_max: Duration::from_secs(1), ..Limits::default() }, router).await;
    let head = |length: usize| {
        let key = &world.key;
        format!(
            "POST /test/echo HTTP/1.1\r\nHost: a\r\nx-api-key: {key}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n"
        )
    };
    check(&world.send(&format!("{}12345", head(6))).await, 408, "request_timeout");
    let answer = world.send(&format!("{}12345rest\r\n\r\n", head(5))).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("12345HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn a_broken_chunk_is_a_malformed_request() {
    let world = world().await;
    let key = &world.key;
    let answer = world
        .send(&format!(
            "POST /test/echo HTTP/1.1\r\nHost: a\r\nx-api-key: {key}\r\nContent-Type: application/json\r\n\
             Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n5\nabcde\r\n0\r\n\r\n"
        ))
        .await;
    check(&answer, 400, "request_malformed");
}

#[tokio::test]
async fn a_body_of_another_kind_is_not_read() {
    let world = world().await;
    let key = &world.key;
    for lines in ["Content-Type: text/plain", "Content-Type: application/json\r\nContent-Encoding: gzip", "X: y"] {
        let answer = world
            .send(&format!(
                "POST /test/echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nx-api-key: {key}\r\nContent-Length: 2\r\n{lines}\r\n\r\n{{}}"
            ))
            .await;
        check(&answer, 415, "media_type_unsupported");
    }
}

#[tokio::test]
async fn a_refused_request_leaves_the_connection_usable() {
    let world = world().await;
    let key = &world.key;
    let answer = world
        .send(&format!(
            "POST /test/echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}\
             POST /test/echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nx-api-key: {key}\r\n\
             Content-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"
        ))
        .await;
    assert!(
        answer.starts_with("HTTP/1.1 401") && answer.contains("HTTP/1.1 200") && answer.ends_with("[]"),
        "{answer}"
    );
}

#[tokio::test]
async fn every_answer_carries_the_correlation_id_and_may_not_be_kept() {
    let world = world().await;
    let id = "3f1c2b7a-9d4e-4c58-8a60-5b7e1d2f3c4a";
    let with_id = format!("x-correlation-id: {id}\r\n");
    let answers = [
        world.post("/test/echo", &with_id, "{}").await,
        world.post("/test/panic", &with_id, "{}").await,
        world.post("/nowhere", &with_id, "{}").await,
        world.post("/other", &with_id, "{}").await,
        world.send(&format!("GET /test/echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{with_id}\r\n")).await,
    ];
    for answer in &answers {
        assert!(answer.contains(&format!("x-correlation-id: {id}\r\n")), "{answer}");
        assert!(answer.contains("cache-control: no-store\r\n"), "{answer}");
        assert!(answer.contains("x-content-type-options: nosniff\r\n"), "{answer}");
    }
    assert_eq!(answers.map(|answer| told(&answer).0), [200, 500, 404, 405, 405]);
}

#[tokio::test]
async fn what_is_not_there_is_told_in_the_dialect_of_its_path() {
    let world = world().await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    check(&world.send(&get("/nowhere")).await, 404, "not_found");
    let answer = world.send(&get("/digital-customer/v1/Nothing")).await;
    assert!(answer.contains(r#"{"$type":"ServiceResponseMessage","Error":{"Code":"not_found""#), "{answer}");
    let answer = world.send(&get("/financing/nothing")).await;
    assert!(answer.contains("ERROR_COMMON_RESOURCE_NOT_FOUND"), "{answer}");
    let answer = world.send(&get("/test/echo")).await;
    check(&answer, 405, "method_not_allowed");
    assert!(answer.contains("allow: POST\r\n"), "{answer}");
    for path in ["/test//echo", "/test/%2e%2e/echo", "/receipts/v1/..%2f"] {
        check(&world.send(&get(path)).await, 400, "request_malformed");
    }
}

#[tokio::test]
async fn methods_that_no_operation_has_are_off() {
    let world = world().await;
    for (line, status, code) in [
        ("TRACE /test/echo", 405, "method_not_allowed"),
        ("OPTIONS /test/echo", 405, "method_not_allowed"),
        ("BREW /test/echo", 405, "method_not_allowed"),
        ("OPTIONS *", 404, "not_found"),
        ("CONNECT example.org:443", 404, "not_found"),
    ] {
        let answer = world.send(&format!("{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await;
        check(&answer, status, code);
    }
}

#[tokio::test]
async fn a_header_that_may_be_sent_once_is_not_taken_twice() {
    let world = world().await;
    let answer = world.post("/test/echo", "Idempotency-Key: a\r\nIdempotency-Key: a\r\n", "{}").await;
    check(&answer, 400, "request_malformed");
    assert!(answer.contains("connection: close"), "{answer}");
}

// shows: KB-006, KB-026, KB-028, IA-079
#[tokio::test]
async fn only_a_known_key_of_a_subscribed_application_gets_through() {
    let world = world().await;
    let call = async |path: &str, key: &str| {
        let method = if path == "/other" { "GET" } else { "POST" };
        let lines = "Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close";
        world.send(&format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{key}{lines}\r\n\r\n{{}}")).await
    };
    let own = world.key.clone();
    let swapped = own.replace(&world.selector, &world.selector.chars().rev().collect::<String>());
    let unknown = usher_domain::key::ApiKey::draw(Environment::Sandbox, &mut crate::random::fill);
    let production = world.add_key(Environment::Production, None).await;
    let expired = world.add_key(Environment::Sandbox, Some(1)).await;
    let revoked = world.add_key(Environment::Sandbox, None).await;
    let change = Change::KeyRevoked { selector: revoked.selector().to_owned(), at: 1 };
    world.store.administer(vec![change], audit()).await.expect("the key is there");

    for (path, key, status, code) in [
        ("/test/echo", String::new(), 401, "authentication_required"),
        ("/test/echo", "x-api-key: nonsense\r\n".to_owned(), 401, "key_unknown"),
        ("/test/echo", format!("x-api-key: {swapped}\r\n"), 401, "key_unknown"),
        ("/test/echo", format!("x-api-key: {}\r\n", unknown.reveal()), 401, "key_unknown"),
        ("/test/echo", format!("x-api-key: {}\r\n", expired.reveal()), 401, "key_expired"),
        ("/test/echo", format!("x-api-key: {}\r\n", revoked.reveal()), 401, "key_revoked"),
        ("/test/echo", format!("x-api-key: {}\r\n", production.reveal()), 403, "wrong_environment"),
        ("/test/echo", format!("x-api-key: {own}\r\nAuthorization: Bearer {swapped}\r\n"), 400, "keys_conflict"),
        ("/other", format!("x-api-key: {own}\r\n"), 403, "not_subscribed"),
        ("/test/echo", format!("Ocp-Apim-Subscription-Key: {own}\r\n"), 200, ""),
        ("/test/echo", format!("Authorization: Bearer {own}\r\n"), 200, ""),
        ("/test/echo", format!("x-api-key: {own}\r\nAuthorization: Bearer {own}\r\n"), 200, ""),
    ] {
        check(&call(path, &key).await, status, code);
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_although_it_was_just_used() {
    let world = world().await;
    check(&world.post("/test/echo", "", "{}").await, 200, "");
    let change = Change::KeyRevoked { selector: world.selector.clone(), at: 1 };
    world.store.administer(vec![change], audit()).await.expect("the key is there");
    let mut answer = String::new();
    for _ in 0..50 {
        answer = world.post("/test/echo", "", "{}").await;
        if told(&answer).0 != 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    check(&answer, 401, "key_revoked");
}

#[tokio::test]
async fn a_panic_reaches_neither_the_client_nor_the_next_request() {
    let (log, _guard) = Log::keep();
    crate::log_panics_without_text();
    let world = world().await;
    let key = &world.key;
    let request = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nx-api-key: {key}\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n\"secret\""
        )
    };
    let answer =
        world.send(&format!("{}{}{}", request("/test/panic"), request("/test/echo"), "GET / HTTP/1.1\n\n")).await;
    assert!(answer.starts_with("HTTP/1.1 500") && answer.contains("HTTP/1.1 200"), "{answer}");
    assert!(!answer.contains("hidden"), "{answer}");
    let text = log.text();
    assert!(text.contains("exchange/tests.rs") && !text.contains("hidden") && !text.contains("secret"), "{text}");
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered() {
    let limits = Limits { request_time_max: Duration::from_secs(1), ..Limits::default() };
    let world = World::start(limits, router).await;
    let answer = world.post("/test/stuck", "", "{}").await;
    check(&answer, 503, "store_unavailable");
    assert!(answer.contains("retry-after: 5\r\n"), "{answer}");
}

#[tokio::test]
async fn one_line_is_logged_for_each_request_and_none_of_it_is_a_value() {
    let (log, _guard) = Log::keep();
    let world = world().await;
    let id = "3f1c2b7a-9d4e-4c58-8a60-5b7e1d2f3c4a";
    let lines = format!("x-correlation-id: {id}\r\nIdempotency-Key: canary-header\r\n");
    world.post("/test/echo?canary=query", &lines, "\"canary-body\"").await;
    world.post("/canary-path?canary=query", "x-canary: canary-header\r\n", "canary-body").await;

    let requests = log.requests();
    let fields = ["operation", "status", "code", "correlation_id", "partner_id"];
    let told: Vec<_> = requests.iter().map(|request| fields.map(|field| request[field].clone())).collect();
    let random = requests.get(1).map(|request| request["correlation_id"].clone()).unwrap_or_default();
    assert_eq!(
        told,
        [
            ["testEcho".into(), 200.into(), "ok".into(), id.into(), PARTNER.to_string().into()],
            ["none".into(), 404.into(), "not_found".into(), random, serde_json::Value::Null],
        ]
    );
    assert!(requests.iter().all(|request| request["latency_micros"].is_u64()));
    let text = log.text();
    assert!(!text.contains("canary") && !text.contains(&world.key), "{text}");
}
