//! The way to a server by itself: for generated clients of other APIs than those of partners, with the same limits, repeats
//! and secrecy.

use std::fmt;

use usher_wire::{Call, Reply, Transport, Violations};

use crate::error::NetworkFault;
use crate::http::{Fault, Http, Response};

/// Carries the calls of one generated client over HTTP. Made by [`ClientBuilder::build_transport`].
///
/// [`ClientBuilder::build_transport`]: crate::ClientBuilder::build_transport
pub struct HttpTransport {
    http: Http,
}

impl HttpTransport {
    pub(crate) fn new(http: Http) -> Self {
        HttpTransport { http }
    }
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport").field("url", &self.http.base.as_str()).finish_non_exhaustive()
    }
}

/// Why a call brought no answer, after all its attempts.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// A parameter cannot stand in its place; nothing was sent.
    #[error("not sent: a parameter cannot be carried by HTTP")]
    NotSent(Violations),
    /// What happened on the way.
    #[error("no answer: {fault}")]
    Network {
        /// What happened the last time.
        fault: NetworkFault,
        /// How often the call was sent.
        attempt_count: u32,
    },
}

impl Transport for &HttpTransport {
    type Error = TransportError;

    async fn call(&self, call: Call) -> Result<Reply, TransportError> {
        let (outcome, attempt_count) = self.http.send(call).await.map_err(TransportError::NotSent)?;
        match outcome {
            Ok(Response { status, body, .. }) => Ok(Reply { status, body }),
            Err(Fault { kind: fault, .. }) => Err(TransportError::Network { fault, attempt_count }),
        }
    }
}
