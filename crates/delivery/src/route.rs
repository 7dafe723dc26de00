//! Who is sent what waits in which queue: read from the store, each with all that an attempt needs.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use usher_domain::destinations::{Destinations, KIND, PartnerWebhooks, application_owner, destination_owner};
use usher_domain::environment::Environment;
use usher_domain::network::{Endpoint, Guard};
use usher_domain::webhook::{Secret, signatures};
use usher_storage::{Content, Millis, Queue, Recipient, Store, StoreError, WebhookSecret};

use crate::carrier::Idle;
use crate::connect::tls;

/// A recipient that is sent its messages.
pub struct Route {
    /// What signs: environment and destination, or environment and application. It names the route in logs too.
    pub owner: String,
    /// What waits for it.
    pub queue: Queue,
    /// What is called.
    pub endpoint: Endpoint,
    /// How many messages are on their way at once.
    pub concurrency: u32,
    /// How long an attempt may take in all.
    pub timeout: Duration,
    pub(crate) guard: Guard,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) idle: Idle,
    secrets: Vec<Dated>,
}

/// A secret and when it no longer signs.
struct Dated {
    secret: Secret,
    ends_at: Option<Millis>,
}

impl Route {
    /// The signatures of an attempt, one of each secret in use; none when nothing can be signed.
    pub(crate) fn sign(&self, id: &str, now: Millis, body: &[u8]) -> Option<(i64, String)> {
        let timestamp = now.div_euclid(1_000);
        let signed = signatures(self.in_use(now), id, timestamp, body);
        (!signed.is_empty()).then_some((timestamp, signed))
    }

    /// Whether there is anything to sign with.
    pub(crate) fn can_sign(&self, now: Millis) -> bool {
        self.in_use(now).next().is_some()
    }

    fn in_use(&self, now: Millis) -> impl Iterator<Item = &Secret> {
        self.secrets.iter().filter(move |dated| dated.ends_at.is_none_or(|end| now < end)).map(|dated| &dated.secret)
    }
}

/// Why the routes cannot be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RoutesError {
    /// The store cannot say.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The document in force is of another program.
    #[error("the destinations in force are not valid for this program")]
    Document,
}

/// All routes there are at present.
pub(crate) async fn routes(store: &Store) -> Result<Vec<Route>, RoutesError> {
    let destinations = match store.document(KIND, KIND, None).await? {
        Some(document) => Destinations::read(&document.content).map_err(|_| RoutesError::Document)?,
        None => Destinations::default(),
    };
    let mut routes = Vec::new();
    for webhook in destinations.webhooks {
        let owner = destination_owner(webhook.environment, &webhook.name);
        let queue =
            Queue { environment: stored(webhook.environment), recipient: Recipient::Destination(webhook.name.into()) };
        routes.push(Route {
            secrets: secrets(store, &owner).await?,
            owner,
            queue,
            endpoint: webhook.endpoint,
            concurrency: webhook.concurrency,
            timeout: webhook.timeout,
            guard: webhook.guard,
            tls: tls(webhook.tls_ca.as_deref()).map_err(|_| RoutesError::Document)?,
            idle: Idle::default(),
        });
    }
    let PartnerWebhooks { guard, tls_ca, .. } = &destinations.partners;
    let partner_tls = tls(tls_ca.as_deref()).map_err(|_| RoutesError::Document)?;
    for webhook in store.webhooks().await? {
        let environment = match webhook.environment {
            usher_storage::Environment::Sandbox => Environment::Sandbox,
            usher_storage::Environment::Production => Environment::Production,
        };
        let owner = application_owner(environment, &webhook.application_public_id);
        // What an operator has forbidden since waits, and can still be read by the application.
        let Ok(endpoint) = destinations.partners.endpoint(&webhook.url) else {
            tracing::warn!(owner, "the address of a webhook may no longer be called");
            continue;
        };
        routes.push(Route {
            secrets: secrets(store, &owner).await?,
            owner,
            queue: webhook.queue(),
            endpoint,
            concurrency: PartnerWebhooks::CONCURRENCY,
            timeout: PartnerWebhooks::TIMEOUT,
            guard: guard.clone(),
            tls: partner_tls.clone(),
            idle: Idle::default(),
        });
    }
    Ok(routes)
}

async fn secrets(store: &Store, owner: &str) -> Result<Vec<Dated>, StoreError> {
    let dated = |WebhookSecret { secret, ends_at, .. }: WebhookSecret<Content>| {
        let text = std::str::from_utf8(secret.as_slice()).ok()?;
        Some(Dated { secret: Secret::parse(text)?, ends_at })
    };
    Ok(store.webhook_secrets(owner).await?.into_iter().filter_map(dated).collect())
}

fn stored(environment: Environment) -> usher_storage::Environment {
    match environment {
        Environment::Sandbox => usher_storage::Environment::Sandbox,
        Environment::Production => usher_storage::Environment::Production,
    }
}
