//! What is sent: a function of what was stored when it happened, so that every attempt has the same bytes.
//!
//! Nothing that changes later stands in it: no status but the one it tells of, no name of a partner, no acknowledgement.
//! What is for a destination holds the request; what is for a partner's application holds ids and codes only.

use std::borrow::Cow;

use bytes::Bytes;
use jiff::Timestamp;
use usher_contract::bank::v1 as bank;
use usher_contract::receipts::v1 as receipts;
use usher_contract::shared;
use usher_domain::event::EventId;
use usher_domain::hex;
use usher_domain::receipt::DigestKey;
use usher_storage::{
    Actor, BankView, Claimed, Delivery, Environment, Message, Recipient, Store, StoreError, TimelineEntry,
};
use usher_wire::{Checked, Choice as _, Json, Personal, Unknown, to_json};

/// What is told of a withdrawal, the event of the same name.
const WITHDRAWN: &str = "request.withdrawn";

/// A message ready to be signed: its id, the same for ever, and its bytes.
pub(crate) struct Prepared {
    pub(crate) id: String,
    pub(crate) body: Bytes,
}

/// Puts a claimed message into words; none when its content is no longer there, or not what it was.
pub(crate) async fn prepare(
    store: &Store,
    recipient: &Recipient,
    row: &Claimed,
    digests: &DigestKey,
) -> Result<Option<Prepared>, StoreError> {
    let Some(message) = store.message(row.id).await? else { return Ok(None) };
    match recipient {
        Recipient::Destination(_) => of_destination(store, &message).await,
        Recipient::Application { .. } => Ok(of_application(&message, digests)),
    }
}

async fn of_destination(store: &Store, message: &Message) -> Result<Option<Prepared>, StoreError> {
    let Some(entry) = &message.entry else { return Ok(None) };
    let view = BankView { environment: message.scope.environment, destination: None };
    let Some(delivery) = store.delivery(view, entry.delivery).await? else { return Ok(None) };
    let part = async |name: &'static str| {
        let content = store.payload(&message.scope, message.record.id, name).await?;
        Ok::<_, StoreError>(content.and_then(|content| String::from_utf8(content.into_vec()).ok()))
    };
    let Some(request) = part("request").await?.and_then(|text| Json::parse(&text).ok()) else { return Ok(None) };
    let phone = part("phone").await?;
    let register = part("register").await?.and_then(|text| Json::parse(&text).ok());
    let withdrawal =
        if message.event == WITHDRAWN { part("withdrawal").await?.as_deref().and_then(reason) } else { None };
    let content = Content { request, phone, register, withdrawal };
    let body = destination_body(message, entry, &delivery, content);
    Ok(body.map(|body| Prepared { id: format!("msg_{}", message.id), body }))
}

/// What is known of the person.
struct Content {
    request: Json,
    phone: Option<String>,
    register: Option<Json>,
    withdrawal: Option<String>,
}

fn destination_body(message: &Message, entry: &TimelineEntry, delivery: &Delivery, content: Content) -> Option<Bytes> {
    let record = &message.record;
    let text = |text: &Option<String>| text.clone().map(Cow::Owned);
    let warnings: Vec<Checked<shared::Warning>> = serde_json::from_str(&record.warnings).ok()?;
    let warning = |warning: Checked<shared::Warning>| {
        let shared::Warning { pointer, code, message, unknown } = warning.into_inner();
        shared::Warning { pointer: pointer.map(Cow::Owned), code: code.into(), message: message.into(), unknown }
    };
    let body = bank::Webhook::<Cow<'_, str>> {
        r#type: bank::WebhookType::find(&message.event)?,
        timestamp: time(entry.at).into(),
        data: bank::WebhookData {
            message: message.id,
            delivery: entry.delivery,
            request_id: record.public_id.to_string().into(),
            destination: entry.destination.clone().into(),
            environment: environment(message.scope.environment),
            api: api(&record.api),
            operation: record.operation.clone(),
            contract_version: record.contract_version.clone(),
            product: record.product.clone(),
            products_version: record.products_version.into(),
            partner: message.scope.partner.0.to_string().into(),
            attribution: shared::Attribution {
                partner_reference: text(&record.partner_reference),
                campaign: text(&record.campaign),
                source: text(&record.source),
                sub_partner: text(&record.sub_partner),
                unknown: Unknown::default(),
            },
            received_at: time(record.received_at).into(),
            promised_at: delivery.promised_at.map(|at| time(at).into()),
            process_id: record.process_id,
            payload_hash: hex::encode(&record.payload_hash).into(),
            warnings: warnings.into_iter().map(warning).collect(),
            request: Personal::new(content.request),
            phone: content.phone.map(Cow::Owned).map(Personal::new),
            register: content.register.map(Personal::new),
            withdrawal_reason: content.withdrawal.map(Cow::Owned).map(Personal::new),
            unknown: Unknown::default(),
        },
        unknown: Unknown::default(),
    };
    Some(to_json(&body).into())
}

fn of_application(message: &Message, digests: &DigestKey) -> Option<Prepared> {
    let event = EventId::of_number(message.id, digests).to_string();
    let entry = message.entry.as_ref();
    let body = receipts::Webhook::<Cow<'_, str>> {
        r#type: receipts::WebhookType::find(&message.event)?,
        timestamp: time(entry.map_or(message.record.received_at, |entry| entry.at)).into(),
        data: receipts::WebhookData {
            event: event.clone().into(),
            request_id: message.record.public_id.to_string().into(),
            api: api(&message.record.api),
            environment: environment(message.scope.environment),
            destination: entry.map(|entry| entry.destination.clone().into()),
            status: entry.map(|entry| {
                shared::Status::find(&entry.status)
                    .unwrap_or_else(|| shared::Status::Unknown(entry.status.as_ref().into()))
            }),
            actor: entry.map(|entry| match entry.actor {
                Actor::Partner => shared::Actor::Partner,
                Actor::Bank => shared::Actor::Bank,
                Actor::System => shared::Actor::System,
            }),
            reason: entry
                .and_then(|entry| entry.reason.as_deref())
                .map(|reason| bank::Reason::find(reason).unwrap_or_else(|| bank::Reason::Unknown(reason.into()))),
            unknown: Unknown::default(),
        },
        unknown: Unknown::default(),
    };
    Some(Prepared { id: format!("evt_{event}"), body: to_json(&body).into() })
}

/// The reason in a withdrawal.
fn reason(withdrawal: &str) -> Option<String> {
    let withdrawal: serde_json::Value = serde_json::from_str(withdrawal).ok()?;
    withdrawal["reason"].as_str().map(str::to_owned)
}

fn api(name: &str) -> shared::Api {
    shared::Api::find(name).unwrap_or_else(|| shared::Api::Unknown(name.into()))
}

fn environment(environment: Environment) -> shared::Environment {
    match environment {
        Environment::Sandbox => shared::Environment::Sandbox,
        Environment::Production => shared::Environment::Production,
    }
}

/// A time as the contract writes it, RFC 3339 in UTC.
fn time(millis: i64) -> String {
    Timestamp::from_millisecond(millis).unwrap_or_default().to_string()
}
