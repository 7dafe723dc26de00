//! Who calls: from the key a request carries to the partner, application and environment it stands for.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use usher_domain::accept::Caller;
use usher_domain::environment::Environment;
use usher_domain::ids::{ApplicationId, PartnerId};
use usher_domain::key::{ApiKey, KeyMac, Pepper};
use usher_storage::{KeyEntry, Scope, Store};
use usher_wire::Mode;

use crate::credentials::Credential;
use crate::fault::Fault;

/// How long a key is known without asking the store again. A revocation is in force everywhere after this time.
const KNOWN_TIME_MAX: Duration = Duration::from_secs(2);
/// Keys known at once; with more, all are forgotten and asked for anew.
const KNOWN_COUNT_MAX: usize = 10_000;

/// A caller that has proved to be one.
#[derive(Debug)]
pub(crate) struct Known {
    /// As the domain sees it.
    pub(crate) caller: Caller,
    /// Whose rows it may see and write.
    pub(crate) scope: Scope,
    /// How unknown members of its requests are treated.
    pub(crate) mode: Mode,
    subscriptions: Vec<String>,
    mac: KeyMac,
    expires_at: Option<Timestamp>,
    is_revoked: bool,
}

/// Recognises callers.
pub(crate) struct Callers {
    pepper: Pepper,
    environments: Vec<Environment>,
    known: RwLock<HashMap<String, (Arc<Known>, Instant)>>,
}

impl Callers {
    pub(crate) fn new(pepper: Pepper, environments: Vec<Environment>) -> Self {
        Callers { pepper, environments, known: RwLock::default() }
    }

    /// The caller whose key this is, provided it may use `api`; receipts and the like belong to no single API.
    pub(crate) async fn identify(
        &self,
        store: &Store,
        credential: Credential<'_>,
        api: Option<&str>,
        now: Timestamp,
    ) -> Result<Arc<Known>, Fault> {
        let key = credential.as_str().and_then(|text| ApiKey::parse(text).ok()).ok_or(Fault::KeyUnknown)?;
        let known = self.prove(store, &key).await?;
        if known.is_revoked {
            return Err(Fault::KeyRevoked);
        }
        if known.expires_at.is_some_and(|end| end <= now) {
            return Err(Fault::KeyExpired);
        }
        if !self.environments.contains(&known.caller.environment) {
            return Err(Fault::WrongEnvironment);
        }
        if api.is_some_and(|api| !known.subscriptions.iter().any(|subscribed| subscribed == api)) {
            return Err(Fault::NotSubscribed);
        }
        Ok(known)
    }

    /// Finds the key and compares it. What is remembered only shortens the way to a yes: every no has asked the store, so
    /// the time it takes does not tell which part of a key was wrong.
    async fn prove(&self, store: &Store, key: &ApiKey) -> Result<Arc<Known>, Fault> {
        let remembered = self.remembered(key.selector());
        let proved = self.pepper.admits(key, remembered.as_ref().map(|known| &known.mac));
        if let Some(known) = remembered.filter(|_| proved) {
            return Ok(known);
        }
        let known = store.key(key.selector().to_owned()).await?.map(Known::from);
        let proved = self.pepper.admits(key, known.as_ref().map(|known| &known.mac));
        let known = known.filter(|_| proved).ok_or(Fault::KeyUnknown).map(Arc::new)?;
        self.remember(key.selector(), &known);
        Ok(known)
    }

    fn remembered(&self, selector: &str) -> Option<Arc<Known>> {
        // A poisoned lock still guards a whole map: nothing that can panic runs under it.
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let (known, since) = known.get(selector)?;
        (since.elapsed() < KNOWN_TIME_MAX).then(|| known.clone())
    }

    fn remember(&self, selector: &str, new: &Arc<Known>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_COUNT_MAX {
            known.clear();
        }
        known.insert(selector.to_owned(), (new.clone(), Instant::now()));
    }
}

impl From<KeyEntry> for Known {
    fn from(entry: KeyEntry) -> Self {
        let scope = entry.scope;
        Known {
            caller: Caller {
                partner: PartnerId::from_bytes(scope.partner.0.into_bytes()),
                application: ApplicationId::from_bytes(scope.application.0.into_bytes()),
                environment: match scope.environment {
                    usher_storage::Environment::Sandbox => Environment::Sandbox,
                    usher_storage::Environment::Production => Environment::Production,
                },
                app_key: entry.application_public_id,
            },
            scope,
            mode: match entry.mode {
                usher_storage::Mode::Strict => Mode::Strict,
                usher_storage::Mode::Tolerant => Mode::Tolerant,
            },
            subscriptions: entry.subscriptions,
            mac: KeyMac::from_bytes(entry.mac),
            // A time the calendar does not know is over or far away; over is the safe reading.
            expires_at: entry.expires_at.map(|end| Timestamp::from_millisecond(end).unwrap_or(Timestamp::UNIX_EPOCH)),
            is_revoked: entry.revoked_at.is_some(),
        }
    }
}
