//! Why a call did not bring what it asked for, in one form for all APIs. Nothing in here holds a value of a request, and
//! no text or debug form shows a key.

use std::fmt;
use std::time::Duration;

use usher_wire::Violations;

use crate::call::Sent;
use crate::refusal::Refusal;
use crate::retry::is_passing;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing was sent: a value or a parameter breaks the contract.
    #[error("not sent, for it breaks the contract: {}", Listed(.0))]
    NotSent(Violations),
    /// The gateway said no, and why.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// No answer came.
    #[error(transparent)]
    Network(Box<NetworkError>),
    /// An answer came that is not what the contract says, from a proxy for example.
    #[error(transparent)]
    Unexpected(Box<UnexpectedAnswer>),
}

impl Error {
    /// Whether the same call can succeed later. For a submit that means: with the same idempotency key, see
    /// [`Error::sent`]; it is then stored once, whatever became of the first one.
    pub fn is_retryable(&self) -> bool {
        // A fault of the gateway may be gone after somebody looked at it, so the client does not try at once.
        let may_pass = |status, retry_after| status == 500 || is_passing(status, retry_after);
        match self {
            Error::NotSent(_) => false,
            Error::Refused(refusal) => may_pass(refusal.status, refusal.retry_after),
            Error::Network(error) => error.fault != NetworkFault::Tls,
            Error::Unexpected(answer) => may_pass(answer.status, answer.retry_after),
        }
    }

    /// How long the gateway asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Refused(refusal) => refusal.retry_after,
            Error::Unexpected(answer) => answer.retry_after,
            Error::NotSent(_) | Error::Network(_) => None,
        }
    }

    /// What the call was sent as, if it was.
    pub fn sent(&self) -> Option<&Sent> {
        match self {
            Error::NotSent(_) => None,
            Error::Refused(refusal) => Some(&refusal.sent),
            Error::Network(error) => Some(&error.sent),
            Error::Unexpected(answer) => Some(&answer.sent),
        }
    }
}

impl From<Violations> for Error {
    fn from(violations: Violations) -> Self {
        Error::NotSent(violations)
    }
}

/// What happened on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkFault {
    /// The gateway could not be reached. It has not seen the call.
    Connect,
    /// The gateway could not prove who it is, or no common TLS was found. It has not seen the call.
    Tls,
    /// No answer in time. Whether the request was stored is not known.
    Timeout,
    /// The connection was lost. Whether the request was stored is not known.
    Interrupted,
}

impl fmt::Display for NetworkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NetworkFault::Connect => "the gateway cannot be reached",
            NetworkFault::Tls => "no trusted connection to the gateway",
            NetworkFault::Timeout => "no answer from the gateway in time",
            NetworkFault::Interrupted => "the connection to the gateway was lost",
        })
    }
}

/// No answer came.
#[derive(Debug, thiserror::Error)]
#[error("{fault}{} (attempts: {}, correlation id {})", Because(.cause), .sent.attempt_count, .sent.correlation_id)]
pub struct NetworkError {
    /// What happened, the last time it was tried.
    pub fault: NetworkFault,
    /// What TLS or the operating system say of it, in their own words.
    pub cause: Option<String>,
    /// What the call was sent as.
    pub sent: Sent,
    pub(crate) source: Option<reqwest::Error>,
}

struct Because<'e>(&'e Option<String>);

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |cause| write!(f, ": {cause}"))
    }
}

/// An answer that is not what the contract says.
#[derive(Debug, thiserror::Error)]
#[error("{} (correlation id {})", Told(self), .sent.correlation_id)]
pub struct UnexpectedAnswer {
    /// HTTP status.
    pub status: u16,
    /// What is wrong with the answer. Pointers are places in it.
    pub violations: Violations,
    /// How long the other end asked to wait.
    pub retry_after: Option<Duration>,
    /// What the call was sent as.
    pub sent: Sent,
}

struct Told<'e>(&'e UnexpectedAnswer);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnexpectedAnswer { status, violations, .. } = self.0;
        match status {
            300..400 => write!(f, "an answer {status} points elsewhere, and redirects are not followed"),
            _ => write!(f, "an answer {status} is not what the contract says: {}", Listed(violations)),
        }
    }
}

/// Violations in one line.
struct Listed<'v>(&'v Violations);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.list.iter().enumerate() {
            write!(f, "{}{violation}", if index > 0 { "; " } else { "" })?;
            write_limit(f, &violation.message, violation.limit.as_deref())?;
        }
        f.write_str(if self.0.truncated { "; and more" } else { "" })
    }
}

/// Writes the limit that was broken, as JSON, unless the message has it. Half of a long one would help nobody.
pub(crate) fn write_limit(f: &mut fmt::Formatter<'_>, message: &str, limit: Option<&str>) -> fmt::Result {
    match limit.filter(|limit| limit.len() <= LIMIT_BYTES_MAX && !message.contains(limit)) {
        Some(limit) => write!(f, " (limit: {limit})"),
        None => Ok(()),
    }
}

/// The longest limit that is told in a text.
const LIMIT_BYTES_MAX: usize = 200;
