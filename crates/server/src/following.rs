//! What became of requests, as partners see it: deliveries in receipts, timelines, events. Nothing of a note, of the bank's own
//! reference or of who at the bank did it leaves here.

use std::borrow::Cow;

use usher_contract::bank::v1::Reason;
use usher_contract::receipts::v1::{Event, EventList, EventType, Timeline, TimelineEntry};
use usher_contract::shared;
use usher_domain::accept::{Decision, Destination};
use usher_domain::event::EventId;
use usher_storage::{Actor, Delivery, Message};
use usher_wire::{Choice, Unknown, Violation, Violations, to_json};

use crate::exchange::{Answer, Call};
use crate::fault::Fault;
use crate::{receipt, receipts};

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 200;

/// The deliveries of a receipt.
pub(crate) fn deliveries(deliveries: &[Delivery]) -> Vec<shared::ReceiptDelivery<Cow<'static, str>>> {
    let delivery = |delivery: &Delivery| shared::ReceiptDelivery {
        destination: delivery.destination.clone().into(),
        provider_id: provider(&delivery.destination).map(|id| id.to_owned().into()),
        status: status(&delivery.status),
        changed_at: receipt::time(delivery.changed_at).into(),
        promised_at: delivery.promised_at.map(|at| receipt::time(at).into()),
        unknown: Unknown::default(),
    };
    deliveries.iter().map(delivery).collect()
}

/// The deliveries of a receipt that is about to be given.
pub(crate) fn accepted(decision: &Decision) -> Vec<shared::ReceiptDelivery<Cow<'static, str>>> {
    let delivery = |destination: &Destination| {
        let destination = destination.to_string();
        shared::ReceiptDelivery {
            provider_id: provider(&destination).map(|id| id.to_owned().into()),
            destination: destination.into(),
            status: status(decision.status.as_str()),
            changed_at: receipt::time(decision.received_at.as_millisecond()).into(),
            promised_at: Some(receipt::time(decision.promised_at.as_millisecond()).into()),
            unknown: Unknown::default(),
        }
    };
    decision.destinations.iter().map(delivery).collect()
}

/// The id of the provider, where the destination is one.
pub(crate) fn provider(destination: &str) -> Option<&str> {
    destination.strip_prefix("provider/")
}

/// Answers with the timeline of a request, over all its destinations.
pub(crate) async fn timeline(call: &Call, id: &str) -> Result<Answer, Fault> {
    let record = receipts::find(call, None, id).await?;
    let mut entries = call.gateway.store.timeline(&call.known.scope, record.id, None).await?;
    entries.sort_by_key(|entry| entry.at);
    let entry = |entry: usher_storage::TimelineEntry| TimelineEntry::<Cow<'_, str>> {
        destination: entry.destination.into(),
        status: status(&entry.status),
        actor: actor(entry.actor),
        at: receipt::time(entry.at).into(),
        reason: entry.reason.map(|name| reason(&name)),
        unknown: Unknown::default(),
    };
    let items = entries.into_iter().map(entry).collect();
    Ok(call.answer(to_json(&Timeline { items, unknown: Unknown::default() })))
}

/// Answers with events of the application, oldest first, from the place after one on.
pub(crate) async fn events(call: &Call, after: Option<&str>, limit: Option<i64>) -> Result<Answer, Fault> {
    let key = &call.gateway.digests;
    let after = match after {
        Some(text) => Some(EventId::parse(text).ok_or_else(unknown_place)?.number(key)),
        None => None,
    };
    // The contract bounds it already.
    let limit = limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
    let messages = call.gateway.store.partner_messages(&call.known.scope, after, limit).await?;
    let id = |message: &Message| EventId::of_number(message.id, key).to_string();
    let next = messages.last().map(|last| id(last).into());
    let items = messages.into_iter().map(|message| event(id(&message), message)).collect();
    Ok(call.answer(to_json(&EventList::<Cow<'_, str>> { items, next, unknown: Unknown::default() })))
}

fn event(id: String, message: Message) -> Event<Cow<'static, str>> {
    let Message { event, record, entry, .. } = message;
    let at = entry.as_ref().map_or(record.received_at, |entry| entry.at);
    let mut event = Event {
        id: id.into(),
        r#type: EventType::find(&event).unwrap_or_else(|| EventType::Unknown(event.as_str().into())),
        at: receipt::time(at).into(),
        request_id: record.public_id.to_string().into(),
        api: api(&record.api),
        partner_reference: record.partner_reference.map(Cow::Owned),
        destination: None,
        status: None,
        actor: None,
        reason: None,
        unknown: Unknown::default(),
    };
    if let Some(entry) = entry {
        event.status = Some(status(&entry.status));
        event.actor = Some(actor(entry.actor));
        event.reason = entry.reason.map(|name| reason(&name));
        event.destination = Some(entry.destination.into());
    }
    event
}

/// A status as the contract spells it; one of a newer version keeps its name.
pub(crate) fn status(name: &str) -> shared::Status {
    shared::Status::find(name).unwrap_or_else(|| shared::Status::Unknown(name.into()))
}

/// An API as the contract spells it.
pub(crate) fn api(name: &str) -> shared::Api {
    shared::Api::find(name).unwrap_or_else(|| shared::Api::Unknown(name.into()))
}

/// A reason as the contract spells it.
pub(crate) fn reason(name: &str) -> Reason {
    Reason::find(name).unwrap_or_else(|| Reason::Unknown(name.into()))
}

/// Who did something, as the contract spells it.
pub(crate) fn actor(actor: Actor) -> shared::Actor {
    match actor {
        Actor::Partner => shared::Actor::Partner,
        Actor::Bank => shared::Actor::Bank,
        Actor::System => shared::Actor::System,
    }
}

fn unknown_place() -> Fault {
    let violation = Violation {
        pointer: "/after".to_owned(),
        code: "format",
        message: "must be the next member of a page of events, or the id of one".into(),
        limit: None,
        schema: "",
        keyword: "",
    };
    Fault::ParameterInvalid(Violations { list: vec![violation], truncated: false })
}
