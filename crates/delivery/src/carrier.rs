//! How a message is carried: one call of a webhook, and what its answer means.
//!
//! Success is a 2xx and nothing else. Redirects are not followed: what is sent is for the endpoint that was set up.
//! Of the answer only the status and `Retry-After` are looked at; its body is read to a bound and thrown away.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use crate::connect::{Resolve, SystemResolver, connect};
use crate::retry_after::retry_after;
use crate::route::Route;

/// The longest head of an answer, in bytes, and the most lines in it.
const HEAD_BYTES_MAX: usize = 16 * 1024;
const HEAD_LINES_MAX: usize = 100;
/// How much of the body of an answer is read, and for how long, so that its connection can be used again.
const BODY_BYTES_MAX: usize = 4 * 1024;
const BODY_TIME_MAX: Duration = Duration::from_secs(1);
/// How long a connection waits for another message.
const IDLE_TIME_MAX: Duration = Duration::from_secs(10);

/// One attempt, ready to leave.
#[derive(Clone)]
pub struct Letter {
    /// The id of the message, the same on every attempt.
    pub id: String,
    /// The time of this attempt, Unix seconds.
    pub timestamp: i64,
    /// Signatures over the id, the time and the body.
    pub signature: String,
    /// The body, the same bytes on every attempt.
    pub body: Bytes,
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The receiver has it.
    Accepted,
    /// The receiver answered something else.
    Refused {
        /// The status of the answer.
        status: u16,
        /// When the receiver wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// There was no answer.
    Failed(Failure),
}

/// Why there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Its name has no address.
    AddressUnknown,
    /// Its name has an address that may not be called.
    AddressForbidden,
    /// Nobody takes the connection.
    ConnectionFailed,
    /// It speaks no TLS, or is not who it should be.
    TlsFailed,
    /// The connection ended before the answer.
    ConnectionLost,
    /// What came is no answer, or too long a one.
    AnswerMalformed,
    /// It took too long.
    Timeout,
}

impl Failure {
    /// The code that is kept with the message.
    pub fn code(self) -> &'static str {
        match self {
            Failure::AddressUnknown => "address_unknown",
            Failure::AddressForbidden => "address_forbidden",
            Failure::ConnectionFailed => "connection_failed",
            Failure::TlsFailed => "tls_failed",
            Failure::ConnectionLost => "connection_lost",
            Failure::AnswerMalformed => "answer_malformed",
            Failure::Timeout => "timeout",
        }
    }
}

/// A way to carry messages.
pub trait Carrier: Send + Sync + 'static {
    /// Makes one attempt.
    fn carry(&self, route: &Route, letter: Letter) -> impl Future<Output = Answer> + Send;
}

/// Calls webhooks over HTTP/1.1.
pub struct HttpCarrier {
    resolver: Box<dyn Resolve>,
}

impl Default for HttpCarrier {
    fn default() -> Self {
        HttpCarrier::new(Box::new(SystemResolver))
    }
}

impl HttpCarrier {
    /// One that looks names up in its own way.
    pub fn new(resolver: Box<dyn Resolve>) -> Self {
        HttpCarrier { resolver }
    }

    async fn attempt(&self, route: &Route, letter: &Letter) -> Result<Answer, Failure> {
        if let Some(connection) = route.idle.take()
            && let Ok(answer) = exchange(connection, route, letter).await
        {
            return Ok(answer);
        }
        // There was no connection, or it had ended meanwhile. Should the receiver have seen the message all the same, the
        // id tells it so.
        let stream = connect(&route.endpoint, &route.guard, &route.tls, &*self.resolver).await?;
        let handshake = Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEAD_LINES_MAX)
            .handshake(TokioIo::new(stream))
            .await;
        let (sender, connection) = handshake.map_err(|_| Failure::ConnectionFailed)?;
        // Whatever ends it, the sender is told.
        let task = tokio::spawn(async move { drop(connection.await) }).abort_handle();
        exchange(Connection { sender, task }, route, letter).await
    }
}

impl Carrier for HttpCarrier {
    async fn carry(&self, route: &Route, letter: Letter) -> Answer {
        match timeout(route.timeout, self.attempt(route, &letter)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(failure)) => Answer::Failed(failure),
            Err(_) => Answer::Failed(Failure::Timeout),
        }
    }
}

/// Sends a message and waits for the head of the answer.
async fn exchange(mut connection: Connection, route: &Route, letter: &Letter) -> Result<Answer, Failure> {
    let request = request(route, letter).ok_or(Failure::ConnectionFailed)?;
    let response = connection
        .sender
        .send_request(request)
        .await
        .map_err(|error| if error.is_parse() { Failure::AnswerMalformed } else { Failure::ConnectionLost })?;
    let status = response.status();
    let told = response.headers().get(RETRY_AFTER).map(|value| value.as_bytes().to_owned());
    let answer = if status.is_success() {
        Answer::Accepted
    } else {
        let now = Timestamp::from_second(letter.timestamp).unwrap_or_default();
        let retry_after = told.and_then(|value| retry_after(&value, now));
        Answer::Refused { status: status.as_u16(), retry_after }
    };
    if let Ok(true) = timeout(BODY_TIME_MAX, is_over(response)).await {
        route.idle.put(connection);
    }
    Ok(answer)
}

fn request(route: &Route, letter: &Letter) -> Option<Request<Full<Bytes>>> {
    Request::post(route.endpoint.target())
        .header(HOST, route.endpoint.authority())
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, concat!("usher/", env!("CARGO_PKG_VERSION")))
        .header("webhook-id", &letter.id)
        .header("webhook-timestamp", letter.timestamp)
        .header("webhook-signature", &letter.signature)
        .body(Full::new(letter.body.clone()))
        .ok()
}

/// Reads the body to its end; false when it has none within the bound.
async fn is_over(mut response: Response<Incoming>) -> bool {
    let mut length = 0;
    while let Some(frame) = response.frame().await {
        let Ok(frame) = frame else { return false };
        length += frame.data_ref().map_or(0, Bytes::len);
        if length > BODY_BYTES_MAX {
            return false;
        }
    }
    true
}

/// A connection; it ends with this.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    task: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Connections of a route that wait for another message.
#[derive(Default)]
pub(crate) struct Idle(Mutex<Vec<(Connection, Instant)>>);

impl Idle {
    fn take(&self) -> Option<Connection> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|(connection, since)| since.elapsed() < IDLE_TIME_MAX && connection.sender.is_ready());
        waiting.pop().map(|(connection, _)| connection)
    }

    fn put(&self, connection: Connection) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((connection, Instant::now()));
    }
}

/// Shared by a carrier and the tests around it.
impl<C: Carrier> Carrier for Arc<C> {
    async fn carry(&self, route: &Route, letter: Letter) -> Answer {
        C::carry(self, route, letter).await
    }
}
