//! Partners, their applications, what these may call, and their keys.

use usher_contract::platform::v1::{
    Application, ApplicationChange, ApplicationList, ApplicationWish, IssuedKey, Key, KeyList, KeyWish, Mode, Partner,
    PartnerList, PartnerWish, Subscription,
};
use usher_contract::shared;
use usher_domain::environment::Environment;
use usher_domain::key::ApiKey;
use usher_storage::{ApplicationEntry, Change, Constraint, KeySummary, NewKey, PartnerEntry, PartnerId, StoreError};
use usher_wire::{Choice as _, Parsed, Personal, Unknown, to_json};
use uuid::Uuid;

use super::{Created, OperatorCall};
use crate::exchange::Answer;
use crate::fault::Fault;
use crate::{random, receipt};

pub(super) async fn create_partner(call: &OperatorCall, body: Parsed<PartnerWish>) -> Result<Answer, Fault> {
    let (wish, _) = body.into_result().map_err(Fault::Violated)?;
    let id = PartnerId(call.new_id("")?);
    let at = call.now.as_millisecond();
    let created = call.create(Change::Partner { id, name: wish.name.clone(), at }).await?;
    let partner = partner(call, id).await?;
    if partner.name != wish.name {
        return Err(Fault::IdempotencyKeyReused);
    }
    Ok(created.answer(call, to_json(&shown_partner(partner))))
}

pub(super) async fn list_partners(call: &OperatorCall) -> Result<Answer, Fault> {
    let partners = call.gateway.store.partners().await?.into_iter().map(shown_partner).collect();
    Ok(call.answer(to_json(&PartnerList { partners, unknown: Unknown::default() })))
}

pub(super) async fn rename_partner(call: &OperatorCall, id: &str, body: Parsed<PartnerWish>) -> Result<Answer, Fault> {
    let (wish, _) = body.into_result().map_err(Fault::Violated)?;
    let id = partner(call, PartnerId(uuid(id)?)).await?.id;
    call.administer(Change::PartnerRenamed { partner: id, name: wish.into_inner().name }).await?;
    Ok(call.answer(to_json(&shown_partner(partner(call, id).await?))))
}

pub(super) async fn create_application(
    call: &OperatorCall,
    partner_id: &str,
    body: Parsed<ApplicationWish>,
) -> Result<Answer, Fault> {
    let (wish, _) = body.into_result().map_err(Fault::Violated)?;
    let partner = partner(call, PartnerId(uuid(partner_id)?)).await?;
    let public_id = call.new_id(partner_id)?.to_string();
    let mut id = [0; 16];
    random::fill(&mut id);
    let mode = wish.mode.as_ref().map_or(usher_storage::Mode::Strict, stored_mode);
    let change = Change::Application {
        id: usher_storage::ApplicationId(uuid::Builder::from_random_bytes(id).into_uuid()),
        partner: partner.id,
        public_id: public_id.clone(),
        name: wish.name.clone(),
        mode,
        at: call.now.as_millisecond(),
    };
    let created = call.create(change).await?;
    let application = application(call, &public_id).await?;
    if application.name != wish.name || application.mode != mode {
        return Err(Fault::IdempotencyKeyReused);
    }
    Ok(created.answer(call, to_json(&shown_application(application))))
}

pub(super) async fn list_applications(call: &OperatorCall, partner_id: Option<&str>) -> Result<Answer, Fault> {
    let applications = match partner_id {
        Some(id) => call.gateway.store.applications(partner(call, PartnerId(uuid(id)?)).await?.id).await?,
        None => call.gateway.store.all_applications().await?,
    };
    let applications = applications.into_iter().map(shown_application).collect();
    Ok(call.answer(to_json(&ApplicationList { applications, unknown: Unknown::default() })))
}

pub(super) async fn change_application(
    call: &OperatorCall,
    public_id: &str,
    body: Parsed<ApplicationChange>,
) -> Result<Answer, Fault> {
    let (wish, _) = body.into_result().map_err(Fault::Violated)?;
    let id = application(call, public_id).await?.id;
    let change = wish.into_inner();
    let mode = change.mode.as_ref().map(stored_mode);
    call.administer(Change::ApplicationChanged { application: id, mode, name: change.name }).await?;
    Ok(call.answer(to_json(&shown_application(application(call, public_id).await?))))
}

/// Begins a subscription, or ends it.
pub(super) async fn subscribe(
    call: &OperatorCall,
    public_id: &str,
    body: Parsed<Subscription>,
    begins: bool,
) -> Result<Answer, Fault> {
    let (wish, _) = body.into_result().map_err(Fault::Violated)?;
    let id = application(call, public_id).await?.id;
    let (api, environment) = (wish.api.as_str().to_owned(), stored_environment(&wish.environment));
    let change = if begins {
        Change::Subscription { application: id, api: api.into(), environment, at: call.now.as_millisecond() }
    } else {
        Change::SubscriptionEnded { application: id, api: api.into(), environment }
    };
    match call.administer(change).await {
        Ok(()) => {}
        // It is as it was asked for.
        Err(StoreError::Constraint(Constraint::Unique)) if begins => {}
        Err(StoreError::Constraint(Constraint::Reference)) if !begins => return Err(Fault::NotFound),
        Err(error) => return Err(error.into()),
    }
    Ok(call.answer(to_json(&shown_application(application(call, public_id).await?))))
}

pub(super) async fn create_key(call: &OperatorCall, public_id: &str, body: Parsed<KeyWish>) -> Result<Answer, Fault> {
    let (wish, _) = body.into_result().map_err(Fault::Violated)?;
    let application = application(call, public_id).await?;
    let environment = match stored_environment(&wish.environment) {
        usher_storage::Environment::Sandbox => Environment::Sandbox,
        usher_storage::Environment::Production => Environment::Production,
    };
    let mut seed = call.seed(public_id)?;
    // The selector comes from the idempotency key, so that a repeat meets it; the secret is always random.
    let mut source = |bytes: &mut [u8]| match seed.take().filter(|seed| seed.len() == bytes.len()) {
        Some(seed) => bytes.copy_from_slice(&seed),
        None => random::fill(bytes),
    };
    let key = ApiKey::draw(environment, &mut source);
    let expires_at = call.key_end(wish.days);
    let new = NewKey {
        selector: key.selector().to_owned(),
        mac: *call.gateway.callers.pepper().mac(&key).as_bytes(),
        application: application.id,
        environment: stored_environment(&wish.environment),
        created_at: call.now.as_millisecond(),
        expires_at: Some(expires_at),
    };
    // A secret is shown once: a repeat cannot be answered with it again.
    if let Created::Before = call.create(Change::Key(new)).await? {
        return Err(Fault::IdempotencyKeyReused);
    }
    let issued = IssuedKey {
        key: Personal::new(key.reveal().to_owned()),
        prefix: key.selector().to_owned(),
        application: application.public_id,
        environment: wish.environment.clone(),
        expires_at: receipt::time(expires_at),
        unknown: Unknown::default(),
    };
    Ok(call.answer(to_json(&issued)))
}

pub(super) async fn list_keys(call: &OperatorCall, public_id: &str) -> Result<Answer, Fault> {
    let application = application(call, public_id).await?;
    let keys = call.gateway.store.keys(application.id).await?.into_iter().map(shown_key).collect();
    Ok(call.answer(to_json(&KeyList { keys, unknown: Unknown::default() })))
}

pub(super) async fn revoke_key(call: &OperatorCall, public_id: &str, prefix: &str) -> Result<Answer, Fault> {
    let application = application(call, public_id).await?;
    let find = async || {
        let keys = call.gateway.store.keys(application.id).await?;
        keys.into_iter().find(|key| key.selector == prefix).ok_or(Fault::NotFound)
    };
    let selector = find().await?.selector;
    call.administer(Change::KeyRevoked { selector, at: call.now.as_millisecond() }).await?;
    Ok(call.answer(to_json(&shown_key(find().await?))))
}

async fn partner(call: &OperatorCall, id: PartnerId) -> Result<PartnerEntry, Fault> {
    let partners = call.gateway.store.partners().await?;
    partners.into_iter().find(|partner| partner.id == id).ok_or(Fault::NotFound)
}

pub(super) async fn application(call: &OperatorCall, public_id: &str) -> Result<ApplicationEntry, Fault> {
    let public_id = uuid(public_id)?.to_string();
    let applications = call.gateway.store.all_applications().await?;
    applications.into_iter().find(|application| application.public_id == public_id).ok_or(Fault::NotFound)
}

pub(super) fn uuid(text: &str) -> Result<Uuid, Fault> {
    Uuid::try_parse(text).map_err(|_| Fault::NotFound)
}

fn shown_partner(entry: PartnerEntry) -> Partner {
    Partner {
        id: entry.id.0.to_string(),
        name: entry.name,
        created_at: receipt::time(entry.created_at),
        unknown: Unknown::default(),
    }
}

fn shown_application(entry: ApplicationEntry) -> Application {
    let subscription = |subscription: usher_storage::Subscription| Subscription {
        api: shared::Api::find(&subscription.api)
            .unwrap_or_else(|| shared::Api::Unknown(subscription.api.into_boxed_str())),
        environment: shown_environment(subscription.environment),
        unknown: Unknown::default(),
    };
    Application {
        id: entry.public_id,
        name: entry.name,
        partner: entry.partner.0.to_string(),
        partner_name: entry.partner_name,
        mode: match entry.mode {
            usher_storage::Mode::Strict => Mode::Strict,
            usher_storage::Mode::Tolerant => Mode::Tolerant,
        },
        subscriptions: entry.subscriptions.into_iter().map(subscription).collect(),
        created_at: receipt::time(entry.created_at),
        unknown: Unknown::default(),
    }
}

fn shown_key(key: KeySummary) -> Key {
    Key {
        prefix: key.selector,
        environment: shown_environment(key.environment),
        created_at: receipt::time(key.created_at),
        expires_at: key.expires_at.map(receipt::time),
        revoked_at: key.revoked_at.map(receipt::time),
        last_used_at: key.last_used_at.map(receipt::time),
        unknown: Unknown::default(),
    }
}

fn stored_mode(mode: &Mode) -> usher_storage::Mode {
    match mode.as_str() {
        "tolerant" => usher_storage::Mode::Tolerant,
        _ => usher_storage::Mode::Strict,
    }
}

pub(super) fn shown_environment(environment: usher_storage::Environment) -> shared::Environment {
    match environment {
        usher_storage::Environment::Sandbox => shared::Environment::Sandbox,
        usher_storage::Environment::Production => shared::Environment::Production,
    }
}

pub(super) fn stored_environment(environment: &shared::Environment) -> usher_storage::Environment {
    match environment.as_str() {
        "production" => usher_storage::Environment::Production,
        _ => usher_storage::Environment::Sandbox,
    }
}
