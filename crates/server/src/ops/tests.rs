use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::sync::watch;
use tower::ServiceExt as _;

use super::{Ops, router};
use crate::limits::Limits;
use crate::test_support::World;

/// A gateway, what is told of it, and what tells it to stop.
async fn watched() -> (World, Router, watch::Sender<bool>) {
    let (stopping, stopped) = watch::channel(false);
    let mut watched = None;
    let world = World::start(Limits::default(), |gateway| {
        watched = Some(Arc::clone(gateway));
        crate::router(gateway)
    })
    .await;
    let gateway = watched.unwrap();
    let ops = Ops { gateway, stopping: stopped, listeners: Vec::new(), version: "1.2.3" };
    (world, router(ops), stopping)
}

async fn get(router: &Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// The names of the checks that do not hold.
fn failing(body: &str) -> Vec<String> {
    let body: Value = serde_json::from_str(body).unwrap();
    let checks = body["checks"].as_array().unwrap();
    assert_eq!(body["ready"], checks.iter().all(|check| check["ok"] == true));
    let failing = checks.iter().filter(|check| check["ok"] == false);
    failing.map(|check| check["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_gateway_that_is_told_to_stop_lives_but_is_not_ready_from_that_moment_on() {
    let (_world, router, stopping) = watched().await;
    let (status, body) = get(&router, "/readyz").await;
    assert_eq!((status, failing(&body)), (StatusCode::OK, vec![]));
    stopping.send_replace(true);
    let (status, body) = get(&router, "/readyz").await;
    assert_eq!((status, failing(&body)), (StatusCode::SERVICE_UNAVAILABLE, vec!["running".to_owned()]));
    assert_eq!(get(&router, "/livez").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_store_that_is_gone_is_told_by_the_checks_that_need_it() {
    let (world, router, _stopping) = watched().await;
    let store = world.store.clone();
    tokio::task::spawn_blocking(move || store.close()).await.unwrap();
    let (status, body) = get(&router, "/readyz").await;
    assert_eq!((status, failing(&body)), (StatusCode::SERVICE_UNAVAILABLE, vec!["writable".into(), "readers".into()]));
    let (status, text) = get(&router, "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("usher_ready{check=\"writable\"} 0\n") && !text.contains("usher_database_bytes"), "{text}");
}

#[tokio::test]
async fn the_numbers_count_what_was_done_and_name_operations_only() {
    let (world, router, _stopping) = watched().await;
    world.call("GET", "/no/such/path?surname=Canary", &world.key, "", "").await;
    let (status, text) = get(&router, "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    for line in [
        "usher_build_info{version=\"1.2.3\"} 1\n",
        "usher_requests_total{operation=\"none\",status=\"4xx\"} 1\n",
        "usher_request_duration_seconds_count{operation=\"none\"} 1\n",
        "usher_requests_shed_total{operation=\"submitContactRequest\"} 0\n",
        "usher_ready{check=\"space\"} 1\n",
        "usher_products_version 0\n",
        "usher_queue_length 0\n",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(text.contains("\nusher_volume_free_bytes ") && text.contains("\nusher_log_bytes "), "{text}");
    assert!(text.ends_with("# EOF\n") && !text.contains("Canary"), "{text}");
}
