//! Whether the gateway can be given work, and if not, why: one named check for each reason.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::Standing;

/// The store has stopped moving when work waits longer than this, in milliseconds.
const QUEUE_WAIT_MILLIS_MAX: u128 = 5_000;

/// One reason to be given work or not.
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) is_ok: bool,
    /// What it was judged by.
    facts: Vec<(&'static str, Value)>,
}

/// All checks, in the order a reader would ask.
pub(super) fn checks(standing: &Standing) -> Vec<Check> {
    let Standing { health, extent, .. } = standing;
    let wait_millis = health.queue_wait.as_millis();
    vec![
        Check { name: "running", is_ok: !standing.is_stopping, facts: Vec::new() },
        Check { name: "writable", is_ok: health.writable, facts: Vec::new() },
        Check {
            name: "space",
            is_ok: !health.full,
            facts: vec![("volumeFreeBytes", json!(extent.and_then(|extent| extent.volume_free_bytes)))],
        },
        Check {
            name: "writer",
            is_ok: wait_millis <= QUEUE_WAIT_MILLIS_MAX,
            facts: vec![("queueLength", json!(health.queue_length)), ("queueWaitMillis", json!(wait_millis))],
        },
        Check { name: "readers", is_ok: extent.is_some(), facts: Vec::new() },
    ]
}

/// Status and body: 200 when every check holds, else 503. What waits is told, but a bank that takes nothing is no reason to
/// refuse partners.
pub(super) fn answer(standing: &Standing) -> (StatusCode, String) {
    let checks = checks(standing);
    let is_ready = checks.iter().all(|check| check.is_ok);
    let shown = |check: Check| {
        let named = [("name", json!(check.name)), ("ok", json!(check.is_ok))];
        let members: Map<String, Value> =
            named.into_iter().chain(check.facts).map(|(name, value)| (name.to_owned(), value)).collect();
        Value::Object(members)
    };
    let checks: Vec<Value> = checks.into_iter().map(shown).collect();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let waiting: Vec<Value> = standing
        .backlog
        .iter()
        .map(|it| {
            json!({
                "environment": it.environment.as_str(),
                "destination": it.destination,
                "pending": it.pending,
                "parked": it.parked,
                "oldestDueSeconds": it.oldest_due_at.map(|at| (standing.now - at).max(0) / 1000),
            })
        })
        .collect();
    (status, format!("{}\n", json!({ "ready": is_ready, "checks": checks, "backlog": waiting })))
}
