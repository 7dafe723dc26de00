//! The peer: what a careful team writes by hand for the same promise. axum takes the request, `jsonschema` (compiled into
//! code, its faster form) and `serde` check and type it, `rusqlite` stores it. Two ways to commit: each request by itself, and all
//! that are queued together.

use std::error::Error;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::jsonschema_peer::ContactRequest;
use crate::plain::contact_request::Request;

/// The key that the peer takes; it is no secret, the peer listens for one benchmark on loopback.
pub const KEY: &str = "peer";

/// Requests that may wait for the group commit, and the most that one transaction takes.
const QUEUE_MAX: usize = 4_096;
const BATCH_MAX: usize = 256;

type Fault = Box<dyn Error + Send + Sync>;

/// When the peer commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commits {
    /// Each request in a transaction of its own.
    Single,
    /// All requests that wait, in one transaction.
    Grouped,
}

/// A request that was checked and is to be stored.
struct Submit {
    idempotency_key: Option<String>,
    body: Vec<u8>,
    partner_reference: Option<String>,
}

/// The status and body of an answer.
type Answer = (StatusCode, String);

enum Store {
    Single(Mutex<Connection>),
    Grouped(SyncSender<(Submit, oneshot::Sender<Answer>)>),
}

/// Serves on a free port of this machine until the process is ended.
///
/// # Errors
/// The database cannot be made, or there is no free port.
pub async fn serve(commits: Commits, folder: &Path) -> Result<(), Fault> {
    let connection = open(folder)?;
    let store = match commits {
        Commits::Single => Store::Single(Mutex::new(connection)),
        Commits::Grouped => {
            let (queue, submits) = sync_channel(QUEUE_MAX);
            std::thread::spawn(move || commit_groups(connection, &submits));
            Store::Grouped(queue)
        }
    };
    let router = axum::Router::new().route("/contact-request/v1/requests", post(submit)).with_state(Arc::new(store));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listens on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

async fn submit(State(store): State<Arc<Store>>, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if text("x-api-key") != Some(KEY) {
        return answer((StatusCode::UNAUTHORIZED, problem("unauthenticated")));
    }
    let request = match check(&body) {
        Ok(request) => request,
        Err(refusal) => return answer(refusal),
    };
    let submit = Submit {
        idempotency_key: text("idempotency-key").map(str::to_owned),
        body: body.to_vec(),
        partner_reference: request.attribution.and_then(|attribution| attribution.partner_reference),
    };
    answer(commit(store, submit).await)
}

fn check(body: &[u8]) -> Result<Request<String>, Answer> {
    let value: Value =
        serde_json::from_slice(body).map_err(|error| (StatusCode::BAD_REQUEST, problem(&error.to_string())))?;
    if !ContactRequest::is_valid(&value) {
        let violations: Vec<Value> = ContactRequest::iter_errors(&value)
            .map(|error| json!({"pointer": error.instance_path().to_string(), "message": error.to_string()}))
            .collect();
        let body = json!({"status": 422, "code": "violations", "violations": violations});
        return Err((StatusCode::UNPROCESSABLE_ENTITY, body.to_string()));
    }
    serde_json::from_value(value).map_err(|error| (StatusCode::UNPROCESSABLE_ENTITY, problem(&error.to_string())))
}

async fn commit(store: Arc<Store>, submit: Submit) -> Answer {
    let unavailable = || (StatusCode::SERVICE_UNAVAILABLE, problem("unavailable"));
    match &*store {
        Store::Single(_) => {
            let stored = tokio::task::spawn_blocking(move || {
                let Store::Single(connection) = &*store else { return None };
                let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).ok()?;
                let answer = insert(&transaction, &submit).ok()?;
                transaction.commit().ok()?;
                Some(answer)
            });
            stored.await.ok().flatten().unwrap_or_else(unavailable)
        }
        Store::Grouped(queue) => {
            let (sender, stored) = oneshot::channel();
            match queue.try_send((submit, sender)) {
                Ok(()) => stored.await.unwrap_or_else(|_| unavailable()),
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => unavailable(),
            }
        }
    }
}

/// Commits whatever waits, in one transaction, and answers then; ends with the queue. A failed transaction drops the
/// senders, which answers 503.
fn commit_groups(mut connection: Connection, submits: &Receiver<(Submit, oneshot::Sender<Answer>)>) {
    while let Ok(first) = submits.recv() {
        let group: Vec<_> = std::iter::once(first).chain(submits.try_iter().take(BATCH_MAX - 1)).collect();
        let stored = connection.transaction_with_behavior(TransactionBehavior::Immediate).and_then(|transaction| {
            let answers: Vec<Answer> =
                group.iter().map(|(submit, _)| insert(&transaction, submit)).collect::<Result<_, _>>()?;
            transaction.commit()?;
            Ok(answers)
        });
        if let Ok(answers) = stored {
            for ((_, sender), answer) in group.into_iter().zip(answers) {
                // Nobody may be waiting any more.
                let _ = sender.send(answer);
            }
        }
    }
}

fn open(folder: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(folder.join("peer.db"))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         CREATE TABLE records (
             id TEXT PRIMARY KEY NOT NULL, partner_reference TEXT, received_at INTEGER NOT NULL, status TEXT NOT NULL
         ) STRICT;
         CREATE INDEX records_by_reference ON records (partner_reference) WHERE partner_reference IS NOT NULL;
         CREATE TABLE payloads (record_id TEXT PRIMARY KEY NOT NULL REFERENCES records (id), body BLOB NOT NULL) STRICT;
         CREATE TABLE idempotency (key TEXT PRIMARY KEY NOT NULL, body BLOB NOT NULL, answer TEXT NOT NULL) STRICT;
         CREATE TABLE outbox (
             id INTEGER PRIMARY KEY, record_id TEXT NOT NULL REFERENCES records (id), due_at INTEGER NOT NULL
         ) STRICT;",
    )?;
    Ok(connection)
}

/// Stores one request, or finds what was answered to its key before.
fn insert(transaction: &Transaction<'_>, submit: &Submit) -> rusqlite::Result<Answer> {
    if let Some(key) = &submit.idempotency_key {
        let mut known = transaction.prepare_cached("SELECT body, answer FROM idempotency WHERE key = ?1")?;
        let known =
            known.query_row([key], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, String>(1)?))).optional()?;
        match known {
            Some((body, answer)) if body == submit.body => return Ok((StatusCode::CREATED, answer)),
            Some(_) => return Ok((StatusCode::UNPROCESSABLE_ENTITY, problem("idempotency_key_reused"))),
            None => {}
        }
    }
    let id = Uuid::new_v4().to_string();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as i64);
    let answer = json!({"id": id, "receivedAt": now, "status": "NEW", "warnings": []}).to_string();
    transaction
        .prepare_cached("INSERT INTO records (id, partner_reference, received_at, status) VALUES (?1, ?2, ?3, 'NEW')")?
        .execute(params![id, submit.partner_reference, now])?;
    transaction
        .prepare_cached("INSERT INTO payloads (record_id, body) VALUES (?1, ?2)")?
        .execute(params![id, submit.body])?;
    transaction.prepare_cached("INSERT INTO outbox (record_id, due_at) VALUES (?1, ?2)")?.execute(params![id, now])?;
    if let Some(key) = &submit.idempotency_key {
        transaction
            .prepare_cached("INSERT INTO idempotency (key, body, answer) VALUES (?1, ?2, ?3)")?
            .execute(params![key, submit.body, answer])?;
    }
    Ok((StatusCode::CREATED, answer))
}

fn problem(code: &str) -> String {
    json!({ "code": code }).to_string()
}

fn answer((status, body): Answer) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
