//! One call from its preparation to its answer.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::OnceLock;

use usher_wire::{Call, Checked, Failure, Reply, Transport, Violations};
use uuid::Uuid;

use crate::error::{Error, NetworkError, UnexpectedAnswer};
use crate::http::{Fault, Http, Response};
use crate::key::IdempotencyKey;
use crate::refusal::{ErrorForm, Refusal, Told};

/// The next call to the API `A`, and what its caller has to say about it. The call uses it up, so that one idempotency
/// key cannot get to two submits.
pub struct ApiCall<'c, A> {
    http: &'c Http,
    correlation_id: Option<Uuid>,
    idempotency_key: Option<IdempotencyKey>,
    pub(crate) attribution: usher_contract::shared::Attribution,
    api: PhantomData<A>,
}

impl<'c, A> ApiCall<'c, A> {
    pub(crate) fn new(http: &'c Http, correlation_id: Option<Uuid>) -> Self {
        let attribution = usher_contract::shared::Attribution {
            partner_reference: None,
            campaign: None,
            source: None,
            sub_partner: None,
            unknown: Default::default(),
        };
        ApiCall { http, correlation_id, idempotency_key: None, attribution, api: PhantomData }
    }

    /// Sends the submit under a key of yours, instead of a new one. Reads and checks have none and do not look at it.
    pub fn idempotency_key(mut self, key: IdempotencyKey) -> Self {
        self.idempotency_key = Some(key);
        self
    }

    /// Sends the call with this correlation id, instead of the client's or a new one.
    pub fn correlation_id(mut self, id: Uuid) -> Self {
        self.correlation_id = Some(id);
        self
    }

    /// Begins a call that stores nothing.
    pub(crate) fn begin(&self) -> Exchange<'c> {
        Exchange {
            http: self.http,
            correlation_id: self.correlation_id.unwrap_or_else(Uuid::new_v4),
            idempotency_key: None,
            outcome: OnceLock::new(),
        }
    }

    /// Begins a call that stores something: it has a key.
    pub(crate) fn begin_submit(&self) -> Exchange<'c> {
        let key = self.idempotency_key.clone().unwrap_or_else(IdempotencyKey::random);
        Exchange { idempotency_key: Some(key), ..self.begin() }
    }
}

impl<A> fmt::Debug for ApiCall<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiCall").finish_non_exhaustive()
    }
}

/// What a call was sent as: to find it again, and to send it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The same in every log on the way. Quote it when asking for help.
    pub correlation_id: Uuid,
    /// The key of a submit, the same in all its attempts. None for reads and checks.
    pub idempotency_key: Option<IdempotencyKey>,
    /// How often it was sent.
    pub attempt_count: u32,
}

/// A good answer.
#[derive(Debug, Clone)]
pub struct Answer<T> {
    content: Checked<T>,
    location: Option<String>,
    is_replayed: bool,
    sent: Sent,
}

impl<T> Answer<T> {
    /// What the gateway answered.
    pub fn into_content(self) -> Checked<T> {
        self.content
    }

    /// Where the receipt can be read: the `Location` header of a submit.
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// The id of the receipt, of every API the same way: what [`Answer::location`] ends in.
    pub fn receipt_id(&self) -> Option<&str> {
        let id = self.location()?.rsplit('/').next()?;
        Uuid::try_parse(id).is_ok().then_some(id)
    }

    /// Whether an earlier call with this idempotency key was stored, and this is the answer to it.
    pub fn is_replayed(&self) -> bool {
        self.is_replayed
    }

    /// What the call was sent as.
    pub fn sent(&self) -> &Sent {
        &self.sent
    }
}

impl<T> Deref for Answer<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.content
    }
}

/// A call on its way. It is the transport of the generated client for this one call, and keeps of the answer what that
/// client does not look at.
pub(crate) struct Exchange<'c> {
    http: &'c Http,
    correlation_id: Uuid,
    idempotency_key: Option<IdempotencyKey>,
    outcome: OnceLock<(Head, u32)>,
}

/// An answer without its body.
#[derive(Default)]
struct Head {
    location: Option<String>,
    retry_after: Option<std::time::Duration>,
    is_replayed: bool,
}

/// Why the transport has no answer.
pub(crate) enum Unanswered {
    NotSent(Violations),
    Network(Fault),
}

impl Exchange<'_> {
    /// The header `x-correlation-id`.
    pub(crate) fn correlation_id(&self) -> Option<String> {
        Some(self.correlation_id.to_string())
    }

    /// The header `Idempotency-Key`.
    pub(crate) fn idempotency_key(&self) -> Option<String> {
        self.idempotency_key.as_ref().map(IdempotencyKey::header)
    }

    /// The answer, or the error in the form that all APIs share.
    pub(crate) fn end<T, P: ErrorForm>(
        self,
        outcome: Result<Checked<T>, Failure<Unanswered, P>>,
    ) -> Result<Answer<T>, Error> {
        let (head, attempt_count) = self.outcome.into_inner().unwrap_or_default();
        let Head { location, retry_after, is_replayed } = head;
        let sent = Sent { correlation_id: self.correlation_id, idempotency_key: self.idempotency_key, attempt_count };
        let failure = match outcome {
            Ok(content) => return Ok(Answer { content, location, is_replayed, sent }),
            Err(failure) => failure,
        };
        Err(match failure {
            Failure::Transport(Unanswered::NotSent(violations)) => Error::NotSent(violations),
            Failure::Transport(Unanswered::Network(Fault { kind, cause, source })) => {
                Error::Network(Box::new(NetworkError { fault: kind, cause, sent, source }))
            }
            Failure::Refused { status, answer } => {
                let Told { code, message, violations, is_truncated } = answer.into_inner().told();
                let refusal = Refusal { status, code, message, violations, is_truncated, retry_after, sent };
                Error::Refused(Box::new(refusal))
            }
            Failure::Unexpected { status, violations } => {
                Error::Unexpected(Box::new(UnexpectedAnswer { status, violations, retry_after, sent }))
            }
        })
    }
}

impl Transport for &Exchange<'_> {
    type Error = Unanswered;

    async fn call(&self, call: Call) -> Result<Reply, Unanswered> {
        let (outcome, attempt_count) = self.http.send(call).await.map_err(Unanswered::NotSent)?;
        let (head, reply) = match outcome {
            Ok(Response { status, retry_after, location, is_replayed, body }) => {
                (Head { location, retry_after, is_replayed }, Ok(Reply { status, body }))
            }
            Err(fault) => (Head::default(), Err(Unanswered::Network(fault))),
        };
        // Set once: an exchange is one call.
        let _ = self.outcome.set((head, attempt_count));
        reply
    }
}
