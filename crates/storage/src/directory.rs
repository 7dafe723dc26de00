//! Partners, applications, subscriptions, keys and bank users: who may call, and how a caller is recognised. Every change
//! of it by an operator is audited.
//!
//! Secrets never come here: a key is its selector and a keyed digest of the rest.

use std::borrow::Cow;

use uuid::Uuid;

use crate::{ApplicationId, Digest, Environment, Millis, NewWebhook, PartnerId, Scope, Sealed, WebhookSecret};

/// How an application's unknown members are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Refused.
    Strict,
    /// Accepted and named in the warnings.
    Tolerant,
}

impl Mode {
    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Tolerant => "tolerant",
        }
    }

    /// The mode of a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Strict, Self::Tolerant].into_iter().find(|mode| mode.as_str() == name)
    }
}

/// One change of the directory. Several are made together or not at all.
#[derive(Clone)]
pub enum Change {
    /// A new partner.
    Partner {
        /// Its id.
        id: PartnerId,
        /// Its name.
        name: String,
        /// When.
        at: Millis,
    },
    /// A partner has another name.
    PartnerRenamed {
        /// The partner.
        partner: PartnerId,
        /// Its name from then on.
        name: String,
    },
    /// A new application of a partner.
    Application {
        /// Its id.
        id: ApplicationId,
        /// The partner it belongs to.
        partner: PartnerId,
        /// The id its developer knows (`AppKey`); not a secret.
        public_id: String,
        /// Its name.
        name: String,
        /// How its unknown members are treated.
        mode: Mode,
        /// When.
        at: Millis,
    },
    /// Something of an application is different; what is none stays.
    ApplicationChanged {
        /// The application.
        application: ApplicationId,
        /// How its unknown members are treated from then on.
        mode: Option<Mode>,
        /// Its name from then on.
        name: Option<String>,
    },
    /// An application may call an API in an environment.
    Subscription {
        /// The application.
        application: ApplicationId,
        /// Name of the API.
        api: Cow<'static, str>,
        /// Where.
        environment: Environment,
        /// When.
        at: Millis,
    },
    /// An application may call an API in an environment no longer.
    SubscriptionEnded {
        /// The application.
        application: ApplicationId,
        /// Name of the API.
        api: Cow<'static, str>,
        /// Where.
        environment: Environment,
    },
    /// A new key.
    Key(NewKey),
    /// A key is valid no longer.
    KeyRevoked {
        /// The key.
        selector: String,
        /// Since when; the first revocation stays.
        at: Millis,
    },
    /// A key was used. A key that is gone meanwhile is no error.
    KeyUsed {
        /// The key.
        selector: String,
        /// When; an older time than the stored one changes nothing.
        at: Millis,
    },
    /// A new user of the bank, with a key.
    BankUser(NewBankUser),
    /// A user of the bank may call no longer.
    BankUserRevoked {
        /// The user.
        id: Uuid,
        /// Since when; the first revocation stays.
        at: Millis,
    },
    /// A webhook of an application, new or in the place of the one there is.
    Webhook(NewWebhook),
    /// An application has a webhook no longer; its events stay to be read.
    WebhookEnded {
        /// The application.
        application: ApplicationId,
        /// Where.
        environment: Environment,
    },
    /// A new secret to sign with, sealed by [`crate::Store::seal_webhook_secret`].
    WebhookSecret(WebhookSecret<Sealed>),
    /// All secrets of an owner but one sign no longer.
    WebhookSecretsEnd {
        /// Whose.
        owner: String,
        /// The one that stays.
        except: Uuid,
        /// From when on; those that end before stay as they are.
        at: Millis,
    },
}

/// Who changes the directory, and when: what the audit says of every change.
#[derive(Clone, Debug)]
pub struct Audit {
    /// Who.
    pub actor: String,
    /// When.
    pub at: Millis,
}

/// A row of the audit. It is never changed and never goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number, in the order of what was done.
    pub id: i64,
    /// When.
    pub at: Millis,
    /// Who.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what: an id, or the name of a document.
    pub target: String,
    /// More of it, ids and codes only.
    pub detail: String,
}

/// A user of the bank to be stored.
#[derive(Clone)]
pub struct NewBankUser {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: String,
    /// The one destination it may see, or none for all.
    pub destination: Option<String>,
    /// Where its key is valid.
    pub environments: Vec<Environment>,
    /// The part of the key it is found by.
    pub selector: String,
    /// Keyed digest of the secret part.
    pub mac: Digest,
    /// When it was made.
    pub created_at: Millis,
    /// When the key ends.
    pub expires_at: Option<Millis>,
}

/// A stored user of the bank. Whether its key is valid is for the caller to say: the digest must be compared first, so
/// that an expired key and a wrong one take the same time.
#[derive(Clone)]
pub struct BankUserEntry {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: String,
    /// The one destination it may see, or none for all.
    pub destination: Option<String>,
    /// Where its key is valid.
    pub environments: Vec<Environment>,
    /// The part of the key it is found by.
    pub selector: String,
    /// Keyed digest of the secret part.
    pub mac: Digest,
    /// When it was made.
    pub created_at: Millis,
    /// When the key ends.
    pub expires_at: Option<Millis>,
    /// Since when it is revoked.
    pub revoked_at: Option<Millis>,
}

/// A key to be stored.
#[derive(Clone)]
pub struct NewKey {
    /// The part of the key it is found by.
    pub selector: String,
    /// Keyed digest of the secret part.
    pub mac: Digest,
    /// Whose key it is.
    pub application: ApplicationId,
    /// Where it is valid.
    pub environment: Environment,
    /// When it was made.
    pub created_at: Millis,
    /// When it ends.
    pub expires_at: Option<Millis>,
}

/// A stored key with all an authenticator needs. Whether it is valid is for the caller to say: the digest must be
/// compared first, so that an expired key and a wrong one take the same time.
#[derive(Clone)]
pub struct KeyEntry {
    /// Keyed digest of the secret part.
    pub mac: Digest,
    /// What the key opens.
    pub scope: Scope,
    /// The id the application's developer knows (`AppKey`).
    pub application_public_id: String,
    /// How the application's unknown members are treated.
    pub mode: Mode,
    /// The APIs the application may call in the key's environment, in alphabetical order.
    pub subscriptions: Vec<String>,
    /// When it ends.
    pub expires_at: Option<Millis>,
    /// Since when it is revoked.
    pub revoked_at: Option<Millis>,
}

/// A partner as the operator of the house sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerEntry {
    /// Its id.
    pub id: PartnerId,
    /// Its name.
    pub name: String,
    /// When it was added.
    pub created_at: Millis,
}

/// An application as the operator of the house sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationEntry {
    /// Its id.
    pub id: ApplicationId,
    /// The id its developer knows (`AppKey`).
    pub public_id: String,
    /// Its name.
    pub name: String,
    /// The partner it belongs to.
    pub partner: PartnerId,
    /// The name of that partner.
    pub partner_name: String,
    /// How its unknown members are treated.
    pub mode: Mode,
    /// What it may call, in alphabetical order.
    pub subscriptions: Vec<Subscription>,
    /// When it was added.
    pub created_at: Millis,
}

/// An API an application may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Name of the API.
    pub api: String,
    /// Where.
    pub environment: Environment,
}

/// A key as the operator of the house sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySummary {
    /// The part of the key it is found by.
    pub selector: String,
    /// Where it is valid.
    pub environment: Environment,
    /// When it was made.
    pub created_at: Millis,
    /// When it ends.
    pub expires_at: Option<Millis>,
    /// Since when it is revoked.
    pub revoked_at: Option<Millis>,
    /// When it was last used.
    pub last_used_at: Option<Millis>,
}
