//! Who calls: kinds of callers, and from the key a request carries to whom it stands for.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::http::request::Parts;
use jiff::Timestamp;
use tokio::time::Instant;
use usher_domain::accept::Caller;
use usher_domain::environment::Environment;
use usher_domain::ids::{ApplicationId, PartnerId};
use usher_domain::key::{ApiKey, BankKey, Key, KeyMac, Pepper};
use usher_domain::role::Role;
use usher_storage::{Audit, BankUserEntry, BankView, Change, KeyEntry, Scope, Store};
use usher_wire::Mode;
use uuid::Uuid;

use crate::credentials::Credential;
use crate::fault::Fault;
use crate::gateway::Gateway;

/// How long a key is known without asking the store again. A revocation is in force everywhere after this time.
const KNOWN_TIME_MAX: Duration = Duration::from_secs(2);
/// Keys known at once; with more, all are forgotten and asked for anew.
const KNOWN_COUNT_MAX: usize = 10_000;

/// A kind of caller: what proves one, and what an operation may demand of it. The exchange is the same for all of them.
pub(crate) trait Kind: Send + Sync + Sized + 'static {
    /// What an operation asks of its callers.
    type Demand: Copy + Send + Sync + 'static;

    /// Whether what they submit takes room: only that is turned away for want of space. What others do makes room.
    const TAKES_ROOM: bool = false;

    /// Who calls, provided it is one of this kind that meets the demand.
    fn admit(
        gateway: &Gateway,
        head: &Parts,
        demand: Self::Demand,
    ) -> impl Future<Output = Result<Arc<Self>, Fault>> + Send;

    /// How unknown members of its requests are treated.
    fn mode(&self) -> Mode;

    /// How the log names it.
    fn name(&self) -> Name;
}

/// A caller as the log names it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Name {
    /// An application of a partner.
    Application {
        /// Whose application.
        partner: PartnerId,
        /// Which.
        application: ApplicationId,
    },
    /// This user of the bank.
    BankUser(Uuid),
    /// Who has access to the data folder, and so needs no key.
    Folder,
    /// Nobody in particular.
    Anyone,
}

/// Nobody in particular: the caller of what is public.
pub(crate) struct Anyone;

/// Whoever runs the house.
pub(crate) struct Operator {
    /// How the audit names this operator.
    pub(crate) name: String,
    /// The user of the bank it is, unless it came in through the data folder.
    id: Option<Uuid>,
}

/// How an operator comes in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Door {
    /// Through the bank's listener, with the key of a bank user who is one.
    Listener,
    /// Through the data folder: the permissions of its files are the authority.
    Folder,
}

/// A user of the bank that has proved to be one.
pub(crate) struct BankUser {
    pub(crate) id: Uuid,
    /// As timelines name it.
    pub(crate) name: String,
    role: Role,
    /// The one destination it may see, or none for all.
    destination: Option<String>,
    environments: Vec<usher_storage::Environment>,
    mac: KeyMac,
    expires_at: Option<Timestamp>,
    is_revoked: bool,
}

impl BankUser {
    /// What it may see of an environment.
    pub(crate) fn view(&self, environment: usher_storage::Environment) -> Result<BankView, Fault> {
        if !self.environments.contains(&environment) {
            return Err(Fault::WrongEnvironment);
        }
        Ok(BankView { environment, destination: self.destination.clone() })
    }
}

/// An application of a partner that has proved to be one.
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

/// Recognises callers by their keys.
pub(crate) struct Callers {
    pepper: Pepper,
    environments: Vec<Environment>,
    partners: Proved<Known>,
    bank_users: Proved<BankUser>,
    used: Mutex<HashMap<String, i64>>,
}

/// What is kept of the holder of a key.
trait Holder {
    fn mac(&self) -> &KeyMac;
}

/// Holders whose keys were proved a moment ago, by selector.
struct Proved<T>(RwLock<HashMap<String, (Arc<T>, Instant)>>);

impl Callers {
    pub(crate) fn new(pepper: Pepper, environments: Vec<Environment>) -> Self {
        Callers {
            pepper,
            environments,
            partners: Proved::default(),
            bank_users: Proved::default(),
            used: Mutex::default(),
        }
    }

    /// Turns new keys into what is kept of them.
    pub(crate) fn pepper(&self) -> &Pepper {
        &self.pepper
    }

    /// The partner whose key this is, provided it may use `api`; receipts and the like belong to no single API.
    pub(crate) async fn partner(
        &self,
        store: &Store,
        credential: Credential<'_>,
        api: Option<&str>,
        now: Timestamp,
    ) -> Result<Arc<Known>, Fault> {
        let key = credential.as_str().and_then(|text| ApiKey::parse(text).ok()).ok_or(Fault::KeyUnknown)?;
        let ask = async || Ok(store.key(key.selector().to_owned()).await?.map(Known::from));
        let known = self.partners.prove(&self.pepper, &key, ask).await?;
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
        self.note_use(store, key.selector(), now.as_millisecond());
        Ok(known)
    }

    /// The bank user whose key this is, provided its role is at least `role`.
    async fn bank_user(
        &self,
        store: &Store,
        credential: Credential<'_>,
        role: Role,
        now: Timestamp,
    ) -> Result<Arc<BankUser>, Fault> {
        let key = credential.as_str().and_then(|text| BankKey::parse(text).ok()).ok_or(Fault::KeyUnknown)?;
        let ask = async || match store.bank_user(key.selector().to_owned()).await? {
            Some(entry) => BankUser::of(entry).map(Some),
            None => Ok(None),
        };
        let user = self.bank_users.prove(&self.pepper, &key, ask).await?;
        if user.is_revoked {
            return Err(Fault::KeyRevoked);
        }
        if user.expires_at.is_some_and(|end| end <= now) {
            return Err(Fault::KeyExpired);
        }
        if user.role < role {
            return Err(Fault::NotPermitted);
        }
        Ok(user)
    }

    /// Lets operators see when a key was last used, to the minute: more would cost a write with every call.
    fn note_use(&self, store: &Store, selector: &str, at: i64) {
        let minute = at / 60_000;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.get(selector) == Some(&minute) {
            return;
        }
        if used.len() >= KNOWN_COUNT_MAX {
            used.clear();
        }
        used.insert(selector.to_owned(), minute);
        drop(used);
        let (store, selector) = (store.clone(), selector.to_owned());
        tokio::spawn(async move {
            let change = Change::KeyUsed { selector, at };
            // It is no act of an operator, so the audit does not tell it.
            if let Err(error) = store.administer(vec![change], Audit { actor: String::new(), at }).await {
                tracing::debug!(%error, "the use of a key was not noted");
            }
        });
    }
}

impl<T: Holder> Proved<T> {
    /// Finds the holder and compares the key. What is remembered only shortens the way to a yes: every no has asked the
    /// store, so the time it takes does not tell which part of a key was wrong.
    async fn prove(
        &self,
        pepper: &Pepper,
        key: &impl Key,
        ask: impl AsyncFnOnce() -> Result<Option<T>, Fault>,
    ) -> Result<Arc<T>, Fault> {
        let remembered = self.remembered(key.selector());
        let proved = pepper.admits(key, remembered.as_ref().map(|holder| holder.mac()));
        if let Some(holder) = remembered.filter(|_| proved) {
            return Ok(holder);
        }
        let holder = ask().await?;
        let proved = pepper.admits(key, holder.as_ref().map(Holder::mac));
        let holder = holder.filter(|_| proved).ok_or(Fault::KeyUnknown).map(Arc::new)?;
        self.remember(key.selector(), &holder);
        Ok(holder)
    }

    fn remembered(&self, selector: &str) -> Option<Arc<T>> {
        // A poisoned lock still guards a whole map: nothing that can panic runs under it.
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (holder, since) = known.get(selector)?;
        (since.elapsed() < KNOWN_TIME_MAX).then(|| holder.clone())
    }

    fn remember(&self, selector: &str, new: &Arc<T>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_COUNT_MAX {
            known.clear();
        }
        known.insert(selector.to_owned(), (new.clone(), Instant::now()));
    }
}

impl<T> Default for Proved<T> {
    fn default() -> Self {
        Proved(RwLock::default())
    }
}

impl Holder for Known {
    fn mac(&self) -> &KeyMac {
        &self.mac
    }
}

impl Kind for Known {
    /// The API an application must be subscribed to; none for what every application may call.
    type Demand = Option<&'static str>;

    const TAKES_ROOM: bool = true;

    async fn admit(gateway: &Gateway, head: &Parts, api: Self::Demand) -> Result<Arc<Self>, Fault> {
        let credential = Credential::of(&head.headers)?;
        gateway.callers.partner(&gateway.store, credential, api, gateway.now()).await
    }

    fn mode(&self) -> Mode {
        self.mode
    }

    fn name(&self) -> Name {
        Name::Application { partner: self.caller.partner, application: self.caller.application }
    }
}

impl Kind for Anyone {
    type Demand = ();

    async fn admit(_: &Gateway, _: &Parts, (): ()) -> Result<Arc<Self>, Fault> {
        Ok(Arc::new(Anyone))
    }

    fn mode(&self) -> Mode {
        Mode::Strict
    }

    fn name(&self) -> Name {
        Name::Anyone
    }
}

impl Kind for Operator {
    type Demand = Door;

    async fn admit(gateway: &Gateway, head: &Parts, door: Door) -> Result<Arc<Self>, Fault> {
        let operator = match door {
            Door::Listener => {
                let user = BankUser::admit(gateway, head, Role::Operator).await?;
                // The audit holds ids, not names.
                Operator { name: user.id.to_string(), id: Some(user.id) }
            }
            Door::Folder => Operator { name: "local".to_owned(), id: None },
        };
        Ok(Arc::new(operator))
    }

    fn mode(&self) -> Mode {
        Mode::Strict
    }

    fn name(&self) -> Name {
        self.id.map_or(Name::Folder, Name::BankUser)
    }
}

impl Kind for BankUser {
    /// The least role.
    type Demand = Role;

    async fn admit(gateway: &Gateway, head: &Parts, role: Role) -> Result<Arc<Self>, Fault> {
        let credential = Credential::of(&head.headers)?;
        gateway.callers.bank_user(&gateway.store, credential, role, gateway.now()).await
    }

    fn mode(&self) -> Mode {
        Mode::Strict
    }

    fn name(&self) -> Name {
        Name::BankUser(self.id)
    }
}

impl Holder for BankUser {
    fn mac(&self) -> &KeyMac {
        &self.mac
    }
}

impl BankUser {
    fn of(entry: BankUserEntry) -> Result<Self, Fault> {
        // A role of a newer version allows what we cannot know, so it allows nothing.
        let role = Role::parse(&entry.role).ok_or(Fault::NotPermitted)?;
        Ok(BankUser {
            id: entry.id,
            name: entry.name,
            role,
            destination: entry.destination,
            environments: entry.environments,
            mac: KeyMac::from_bytes(entry.mac),
            expires_at: entry.expires_at.map(end),
            is_revoked: entry.revoked_at.is_some(),
        })
    }
}

/// A time the calendar does not know is over or far away; over is the safe reading.
fn end(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The environment of a row.
pub(crate) fn environment(environment: usher_storage::Environment) -> Environment {
    match environment {
        usher_storage::Environment::Sandbox => Environment::Sandbox,
        usher_storage::Environment::Production => Environment::Production,
    }
}

impl From<KeyEntry> for Known {
    fn from(entry: KeyEntry) -> Self {
        let scope = entry.scope;
        Known {
            caller: Caller {
                partner: PartnerId::from_bytes(scope.partner.0.into_bytes()),
                application: ApplicationId::from_bytes(scope.application.0.into_bytes()),
                environment: environment(scope.environment),
                app_key: entry.application_public_id,
            },
            scope,
            mode: match entry.mode {
                usher_storage::Mode::Strict => Mode::Strict,
                usher_storage::Mode::Tolerant => Mode::Tolerant,
            },
            subscriptions: entry.subscriptions,
            mac: KeyMac::from_bytes(entry.mac),
            expires_at: entry.expires_at.map(end),
            is_revoked: entry.revoked_at.is_some(),
        }
    }
}
