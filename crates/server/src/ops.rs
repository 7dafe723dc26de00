//! What those who run the gateway ask it, on a listener of its own: whether it lives, whether it can be given work, and
//! what it has done. No key is asked for and nothing is told of a request but counts, so the listener belongs on loopback
//! or into a network of the operators.

mod metrics;
mod ready;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State as Extracted;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::get;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use usher_storage::{Backlog, Extent, Health};

use crate::accept::{ConnectionCounts, Connections};
use crate::exchange::NO_STORE;
use crate::gateway::Gateway;
use crate::meter::Counts;

/// How long the store may take to say how much room it has.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

/// How long what waits to be sent is not counted again: there may be a million of it.
const BACKLOG_TIME_MAX: Duration = Duration::from_secs(5);

/// What is looked at.
pub struct Ops {
    /// The gateway.
    pub gateway: Arc<Gateway>,
    /// Turns true as soon as the gateway is told to stop.
    pub stopping: watch::Receiver<bool>,
    /// The listeners, by what they are for.
    pub listeners: Vec<(&'static str, Connections)>,
    /// The version of the program.
    pub version: &'static str,
}

/// How everything stands at one moment.
#[derive(Debug)]
struct Standing {
    version: &'static str,
    started_at: Timestamp,
    is_stopping: bool,
    health: Health,
    /// None when the store did not say in time.
    extent: Option<Extent>,
    /// What waits to be sent or pulled, and the time it is told by, in milliseconds.
    backlog: Vec<Backlog>,
    now: i64,
    products_version: u32,
    documents_generation: Option<i64>,
    under_way: usize,
    late: Duration,
    operations: Vec<Counts>,
    listeners: Vec<(&'static str, ConnectionCounts)>,
}

/// What is behind the three addresses.
struct State {
    ops: Ops,
    started_at: Timestamp,
    backlog: Mutex<Option<(Instant, Vec<Backlog>)>>,
}

/// `/livez`, `/readyz` and `/metrics`.
pub fn router(ops: Ops) -> Router {
    let state = State { ops, started_at: Timestamp::now(), backlog: Mutex::default() };
    Router::new()
        .route("/livez", get(async || answer(StatusCode::OK, "application/json", "{\"live\":true}\n".to_owned())))
        .route("/readyz", get(readiness))
        .route("/metrics", get(text))
        .with_state(Arc::new(state))
}

async fn readiness(Extracted(state): Extracted<Arc<State>>) -> Response {
    let (status, body) = ready::answer(&Standing::now(&state).await);
    answer(status, "application/json", body)
}

async fn text(Extracted(state): Extracted<Arc<State>>) -> Response {
    let text = metrics::text(Standing::now(&state).await);
    answer(StatusCode::OK, metrics::MEDIA_TYPE, text)
}

fn answer(status: StatusCode, media_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

impl State {
    /// What waits to be sent or pulled; what was counted a moment ago is good enough.
    async fn backlog(&self) -> Vec<Backlog> {
        let known = || self.backlog.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((counted_at, backlog)) = &*known()
            && counted_at.elapsed() < BACKLOG_TIME_MAX
        {
            return backlog.clone();
        }
        let backlog = self.ops.gateway.store.backlog().await.unwrap_or_default();
        *known() = Some((Instant::now(), backlog.clone()));
        backlog
    }
}

impl Standing {
    async fn now(state: &State) -> Standing {
        let State { ops, started_at, .. } = state;
        let gateway = &ops.gateway;
        let store = &gateway.store;
        let asked = async { (store.extent().await.ok(), store.documents_generation().await.ok()) };
        let (extent, documents_generation) = timeout(ANSWER_TIME_MAX, asked).await.unwrap_or_default();
        let backlog = timeout(ANSWER_TIME_MAX, state.backlog()).await.unwrap_or_default();
        Standing {
            version: ops.version,
            started_at: *started_at,
            is_stopping: *ops.stopping.borrow(),
            health: gateway.store.health(),
            extent,
            backlog,
            now: gateway.now().as_millisecond(),
            products_version: gateway.products().version(),
            documents_generation,
            under_way: gateway.pressure.under_way(),
            late: gateway.pressure.late(),
            operations: gateway.meters.counts(),
            listeners: ops.listeners.iter().map(|(name, connections)| (*name, connections.counts())).collect(),
        }
    }
}
