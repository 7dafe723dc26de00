//! Webhooks of applications, and the secrets that everything that is sent is signed with. A secret is made here, shown
//! once, and kept sealed; another one takes its place while both still sign.

use usher_contract::platform::v1::{
    IssuedWebhookSecret, Webhook, WebhookEnd, WebhookList, WebhookSecret, WebhookSecretList, WebhookSecretWish,
    WebhookSignature, WebhookWish,
};
use usher_contract::shared;
use usher_domain::destinations::{application_owner, code, destination_owner};
use usher_domain::environment::Environment;
use usher_domain::webhook::{Secret, Signature};
use usher_storage::{ApplicationEntry, Audit, Change, Content, Millis, NewWebhook, Store, StoreError};
use usher_wire::{Choice as _, Parsed, Personal, Unknown, Violations, to_json};
use uuid::Uuid;

use super::OperatorCall;
use super::destinations::{forbidden, violation};
use super::directory::{application, shown_environment, stored_environment};
use crate::exchange::Answer;
use crate::fault::Fault;
use crate::{random, receipt};

/// How long those before sign too, where nobody says otherwise.
const OVERLAP_HOURS: i64 = 24;
const HOUR_MILLIS: i64 = 60 * 60 * 1000;

/// What signs: a destination or an application, in an environment.
struct Owner {
    environment: shared::Environment,
    destination: Option<String>,
    application: Option<String>,
}

impl Owner {
    /// The one that is named; both or neither is nobody.
    async fn of(
        call: &OperatorCall,
        environment: Option<&shared::Environment>,
        destination: Option<String>,
        application_id: Option<&str>,
    ) -> Result<Owner, Fault> {
        let environment = environment.cloned().unwrap_or(shared::Environment::Production);
        match (&destination, application_id) {
            (Some(_), None) => Ok(Owner { environment, destination, application: None }),
            (None, Some(id)) => {
                let application = Some(application(call, id).await?.public_id);
                Ok(Owner { environment, destination, application })
            }
            _ => {
                let message = "must be named, or an application, and not both";
                let list = vec![violation("/destination", "required", message)];
                Err(Fault::Violated(Violations { list, truncated: false }))
            }
        }
    }

    /// Its name in the store.
    fn name(&self) -> String {
        let environment = Environment::parse(self.environment.as_str()).unwrap_or(Environment::Sandbox);
        match (&self.destination, &self.application) {
            (Some(destination), _) => destination_owner(environment, destination),
            (None, application) => application_owner(environment, application.as_deref().unwrap_or_default()),
        }
    }

    fn shown<S>(&self, secret: &usher_storage::WebhookSecret<S>) -> WebhookSecret {
        WebhookSecret {
            id: secret.id.to_string(),
            environment: self.environment.clone(),
            destination: self.destination.clone(),
            application: self.application.clone(),
            signature: signature(&secret.signature),
            public_key: secret.public_key.clone(),
            created_at: receipt::time(secret.created_at),
            ends_at: secret.ends_at.map(receipt::time),
            unknown: Unknown::default(),
        }
    }
}

/// Makes a secret; those before it sign for a while too, so that a receiver can change over in between.
pub(super) async fn create_secret(call: &OperatorCall, body: Parsed<WebhookSecretWish>) -> Result<Answer, Fault> {
    let (wish, _) = body.into_result().map_err(Fault::Violated)?;
    let wish = wish.into_inner();
    let application = wish.application.as_deref();
    let owner = Owner::of(call, Some(&wish.environment), wish.destination.clone(), application).await?;
    let name = owner.name();
    let store = &call.gateway.store;
    let now = call.now.as_millisecond();
    let signature = Signature::parse(wish.signature.as_str()).unwrap_or(Signature::Hmac);
    let secret = Secret::draw(signature, &mut random::fill);
    let text = secret.to_text();
    let stored = usher_storage::WebhookSecret {
        id: new_id(),
        owner: name.clone(),
        signature: signature.as_str().to_owned(),
        public_key: secret.public_text(),
        created_at: now,
        ends_at: None,
        secret: Content::from(text.as_bytes().to_vec()),
    };
    let about = owner.shown(&stored);
    let mut changes = Vec::new();
    if !live_signatures(store, &name, now).await?.is_empty() {
        let at = now + wish.overlap_hours.unwrap_or(OVERLAP_HOURS) * HOUR_MILLIS;
        changes.push(Change::WebhookSecretsEnd { owner: name, except: stored.id, at });
    }
    changes.push(Change::WebhookSecret(store.seal_webhook_secret(stored)?));
    store.administer(changes, Audit { actor: call.known.name.clone(), at: now }).await?;
    // The private half of a pair is nobody's but the gateway's.
    let secret = (signature == Signature::Hmac).then(|| Personal::new(text.to_string()));
    Ok(call.answer(to_json(&IssuedWebhookSecret { secret, about, unknown: Unknown::default() })))
}

fn new_id() -> Uuid {
    let mut bytes = [0; 16];
    random::fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// Lists the secrets of a destination or of an application.
pub(super) async fn list_secrets(
    call: &OperatorCall,
    environment: Option<&shared::Environment>,
    destination: Option<String>,
    application: Option<&str>,
) -> Result<Answer, Fault> {
    let owner = Owner::of(call, environment, destination, application).await?;
    let secrets = call.gateway.store.webhook_secrets(owner.name()).await?;
    let secrets = secrets.iter().map(|secret| owner.shown(secret)).collect();
    Ok(call.answer(to_json(&WebhookSecretList { secrets, unknown: Unknown::default() })))
}

/// How the secrets of an owner sign that do so now.
pub(super) async fn live_signatures(store: &Store, owner: &str, now: Millis) -> Result<Vec<String>, StoreError> {
    let secrets = store.webhook_secrets(owner).await?;
    let live = secrets.into_iter().filter(|secret| secret.ends_at.is_none_or(|end| now < end));
    Ok(live.map(|secret| secret.signature).collect())
}

/// Sets up the webhook of an application, or gives it another address.
pub(super) async fn set(call: &OperatorCall, id: &str, body: Parsed<WebhookWish>) -> Result<Answer, Fault> {
    let application = application(call, id).await?;
    let (wish, _) = body.into_result().map_err(Fault::Violated)?;
    let environment = stored_environment(&wish.environment);
    let partners = &call.gateway.destinations().partners;
    let mut list = Vec::new();
    match partners.endpoint(&wish.url) {
        Err(fault) => list.push(violation("/url", code(fault), fault.to_string())),
        Ok(endpoint) => {
            let forbidden = forbidden(&endpoint, &partners.guard).await;
            list.extend(forbidden.map(|message| violation("/url", "address_forbidden", message)));
        }
    }
    let owner = Environment::parse(environment.as_str()).unwrap_or(Environment::Sandbox);
    let owner = application_owner(owner, &application.public_id);
    let live = live_signatures(&call.gateway.store, &owner, call.now.as_millisecond()).await?;
    if !live.iter().any(|signature| signature == wish.signature.as_str()) {
        let message = format!(
            "there is no secret for it: usher admin application secret {} --environment {} --signature {}",
            application.public_id,
            environment.as_str(),
            wish.signature.as_str()
        );
        list.push(violation("/signature", "secret_missing", message));
    }
    if !list.is_empty() {
        return Err(Fault::Violated(Violations { list, truncated: false }));
    }
    let webhook = NewWebhook {
        application: application.id,
        environment,
        url: wish.url.clone(),
        signature: wish.signature.as_str().to_owned(),
        created_at: call.now.as_millisecond(),
    };
    call.administer(Change::Webhook(webhook)).await?;
    let found = shown(call, Some(&application)).await?.into_iter();
    let found = found.rev().find(|webhook| webhook.environment == wish.environment).ok_or(Fault::Internal)?;
    Ok(call.answer(to_json(&found)))
}

/// Lets an application have a webhook no longer.
pub(super) async fn end(call: &OperatorCall, id: &str, body: Parsed<WebhookEnd>) -> Result<Answer, Fault> {
    let application = application(call, id).await?;
    let (wish, _) = body.into_result().map_err(Fault::Violated)?;
    if !shown(call, Some(&application)).await?.iter().any(|webhook| webhook.environment == wish.environment) {
        return Err(Fault::NotFound);
    }
    let environment = stored_environment(&wish.environment);
    call.administer(Change::WebhookEnded { application: application.id, environment }).await?;
    let webhooks = shown(call, Some(&application)).await?;
    Ok(call.answer(to_json(&WebhookList { webhooks, unknown: Unknown::default() })))
}

/// Lists all webhooks.
pub(super) async fn list(call: &OperatorCall) -> Result<Answer, Fault> {
    let webhooks = shown(call, None).await?;
    Ok(call.answer(to_json(&WebhookList { webhooks, unknown: Unknown::default() })))
}

async fn shown(call: &OperatorCall, of: Option<&ApplicationEntry>) -> Result<Vec<Webhook>, Fault> {
    let mut webhooks = call.gateway.store.webhooks().await?;
    webhooks.retain(|webhook| of.is_none_or(|application| application.id == webhook.application));
    let shown = |webhook: usher_storage::Webhook| Webhook {
        application: webhook.application_public_id,
        environment: shown_environment(webhook.environment),
        url: webhook.url,
        signature: signature(&webhook.signature),
        created_at: receipt::time(webhook.created_at),
        unknown: Unknown::default(),
    };
    Ok(webhooks.into_iter().map(shown).collect())
}

fn signature(name: &str) -> WebhookSignature {
    WebhookSignature::find(name).unwrap_or_else(|| WebhookSignature::Unknown(name.into()))
}
