//! The sandbox partner: what a new user needs to send a first request a minute after the first start.

use jiff::{SignedDuration, Timestamp};
use usher_contract::shared::Api;
use usher_domain::environment::Environment;
use usher_domain::ids::{ApplicationId, PartnerId, PublicId};
use usher_domain::key::{ApiKey, Pepper};
use usher_storage::{Audit, Change, Mode, NewKey, Store, StoreError};
use uuid::Uuid;

/// The name of the partner that the first start makes.
pub(crate) const PARTNER: &str = "Sandbox partner";
const APPLICATION: &str = "Sandbox application";

/// How long a key is valid.
const KEY_LIFE: SignedDuration = SignedDuration::from_hours(365 * 24);

/// The APIs there are, by the names in subscriptions.
pub(crate) const APIS: [Api; 3] = [Api::ContactRequest, Api::AppointmentRequest, Api::DigitalCustomer];

/// A new key of an application. It is shown once and kept nowhere.
pub(crate) struct Issued {
    /// The public id of the application, `AppKey` in bodies.
    pub(crate) app_key: String,
    /// The key.
    pub(crate) key: ApiKey,
    /// When it ends.
    pub(crate) expires_at: Timestamp,
}

/// Whether there was never a key to the sandbox: at the first start, whatever operators have set up before it. Keys that
/// were revoked count, so what somebody ended does not come back.
pub(crate) async fn is_wanted(store: &Store) -> Result<bool, StoreError> {
    for application in store.all_applications().await? {
        let keys = store.keys(application.id).await?;
        if keys.iter().any(|key| key.environment == usher_storage::Environment::Sandbox) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes the sandbox partner with an application, subscribed to every API, and a key: all of it or nothing.
pub(crate) async fn create(store: &Store, pepper: &Pepper, now: Timestamp) -> Result<Issued, StoreError> {
    let partner = usher_storage::PartnerId(Uuid::from_bytes(*PartnerId::draw(&mut fill).as_bytes()));
    let application = usher_storage::ApplicationId(Uuid::from_bytes(*ApplicationId::draw(&mut fill).as_bytes()));
    let public_id = PublicId::draw(&mut fill).to_string();
    let at = now.as_millisecond();
    let (issued, key) = issue(application, &public_id, pepper, now);
    let mut changes = vec![
        Change::Partner { id: partner, name: PARTNER.to_owned(), at },
        Change::Application {
            id: application,
            partner,
            public_id,
            name: APPLICATION.to_owned(),
            mode: Mode::Strict,
            at,
        },
    ];
    changes.extend(APIS.map(|api| Change::Subscription {
        application,
        api: api.as_str().to_owned().into(),
        environment: usher_storage::Environment::Sandbox,
        at,
    }));
    changes.push(key);
    let audit = Audit { actor: "first start".to_owned(), at };
    store.administer(changes, audit).await?;
    Ok(issued)
}

/// A new sandbox key of an application, and the change that stores what is kept of it.
pub(crate) fn issue(
    application: usher_storage::ApplicationId,
    app_key: &str,
    pepper: &Pepper,
    now: Timestamp,
) -> (Issued, Change) {
    let key = ApiKey::draw(Environment::Sandbox, &mut fill);
    let expires_at = now.saturating_add(KEY_LIFE).unwrap_or(Timestamp::MAX);
    let change = Change::Key(NewKey {
        selector: key.selector().to_owned(),
        mac: *pepper.mac(&key).as_bytes(),
        application,
        environment: usher_storage::Environment::Sandbox,
        created_at: now.as_millisecond(),
        expires_at: Some(expires_at.as_millisecond()),
    });
    (Issued { app_key: app_key.to_owned(), key, expires_at }, change)
}

/// Random bytes from the operating system.
pub(crate) fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system has randomness once it has started");
}
