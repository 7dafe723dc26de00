//! What those who run the gateway ask it, on a listener of its own: whether it lives, whether it can be given work, and
//! what it has done. No key is asked for and nothing is told of a request but counts, so the listener belongs on loopback
//! or into a network of the operators.

mod metrics;
mod ready;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::get;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::timeout;
use usher_storage::{Extent, Health};

use crate::accept::{ConnectionCounts, Connections};
use crate::exchange::NO_STORE;
use crate::gateway::Gateway;
use crate::meter::Counts;

/// How long the store may take to say how much room it has.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

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
    products_version: u32,
    documents_generation: Option<i64>,
    operations: Vec<Counts>,
    listeners: Vec<(&'static str, ConnectionCounts)>,
}

/// `/livez`, `/readyz` and `/metrics`.
pub fn router(ops: Ops) -> Router {
    let ops = Arc::new((ops, Timestamp::now()));
    Router::new()
        .route("/livez", get(async || answer(StatusCode::OK, "application/json", "{\"live\":true}\n".to_owned())))
        .route("/readyz", get(readiness))
        .route("/metrics", get(text))
        .with_state(ops)
}

async fn readiness(State(ops): State<Arc<(Ops, Timestamp)>>) -> Response {
    let (status, body) = ready::answer(&Standing::now(&ops.0, ops.1).await);
    answer(status, "application/json", body)
}

async fn text(State(ops): State<Arc<(Ops, Timestamp)>>) -> Response {
    let text = metrics::text(Standing::now(&ops.0, ops.1).await);
    answer(StatusCode::OK, metrics::MEDIA_TYPE, text)
}

fn answer(status: StatusCode, media_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

impl Standing {
    async fn now(ops: &Ops, started_at: Timestamp) -> Standing {
        let gateway = &ops.gateway;
        let asked = async { (gateway.store.extent().await.ok(), gateway.store.documents_generation().await.ok()) };
        let (extent, documents_generation) = timeout(ANSWER_TIME_MAX, asked).await.unwrap_or_default();
        Standing {
            version: ops.version,
            started_at,
            is_stopping: *ops.stopping.borrow(),
            health: gateway.store.health(),
            extent,
            products_version: gateway.products().version(),
            documents_generation,
            operations: gateway.meters.counts(),
            listeners: ops.listeners.iter().map(|(name, connections)| (*name, connections.counts())).collect(),
        }
    }
}
