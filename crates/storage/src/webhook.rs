//! Webhooks of applications, and the secrets that whatever is sent is signed with. A secret must be at hand to sign, so
//! unlike a key it is kept: sealed, bound to what signs with it, and opened by [`crate::Store`] only.

use crate::{ApplicationId, Content, Environment, Millis, Queue, Recipient, Sealed};
use uuid::Uuid;

/// The webhook of an application to be stored, or to take the place of the one there is.
#[derive(Clone)]
pub struct NewWebhook {
    /// The application.
    pub application: ApplicationId,
    /// Where.
    pub environment: Environment,
    /// What is called.
    pub url: String,
    /// How it is signed.
    pub signature: String,
    /// When it was made.
    pub created_at: Millis,
}

/// The webhook of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// The application.
    pub application: ApplicationId,
    /// Its id as its developer knows it.
    pub application_public_id: String,
    /// Where.
    pub environment: Environment,
    /// What is called.
    pub url: String,
    /// How it is signed.
    pub signature: String,
    /// Only messages after this one are sent.
    pub after: i64,
    /// When it was made.
    pub created_at: Millis,
}

impl Webhook {
    /// By how much clocks may go back and messages from after its making are still found, in milliseconds.
    pub const CLOCK_SLACK: Millis = 24 * 60 * 60 * 1000;

    /// What waits for it.
    pub fn queue(&self) -> Queue {
        let since = self.created_at.saturating_sub(Self::CLOCK_SLACK);
        let recipient = Recipient::Application { id: self.application, after: self.after, since };
        Queue { environment: self.environment, recipient }
    }
}

/// A secret to be stored. `S` is sealed bytes at the engine and [`Content`] at the reader of [`crate::Store`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSecret<S = Content> {
    /// Its id; not a secret.
    pub id: Uuid,
    /// What signs with it.
    pub owner: String,
    /// How it signs.
    pub signature: String,
    /// What receivers verify with, where that is no secret.
    pub public_key: Option<String>,
    /// When it was made.
    pub created_at: Millis,
    /// When it no longer signs.
    pub ends_at: Option<Millis>,
    /// The secret.
    pub secret: S,
}

impl WebhookSecret<Sealed> {
    /// The same with another form of the secret.
    pub(crate) fn with<S>(self, secret: S) -> WebhookSecret<S> {
        let Self { id, owner, signature, public_key, created_at, ends_at, secret: _ } = self;
        WebhookSecret { id, owner, signature, public_key, created_at, ends_at, secret }
    }
}
