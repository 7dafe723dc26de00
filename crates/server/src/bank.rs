//! The routes of the bank API: what a destination is handed, what it acknowledges, and what it makes of it.
//!
//! A bank user's view crosses partners and never leaves its environment and destination; every query takes it.

mod content;
mod status;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::str::FromStr;

use jiff::Timestamp;
use usher_contract::bank::v1::operations::{
    AcknowledgeMessagesParameters, CheckDeliveryStatusParameters, ListDeliveriesParameters,
    ListDeliveriesParametersOrder, PullMessagesParameters, ReadDeliveryParameters, ReadDeliveryTimelineParameters,
    ReadFirstContactParameters, Server, SetDeliveryStatusParameters,
};
use usher_contract::bank::v1::{
    Acknowledgement, AcknowledgementResult, Delivery, DeliveryDetail, DeliveryList, FirstContact, FirstContactRow,
    Message, MessageEvent, MessageList, StatusChange, Timeline, TimelineEntry,
};
use usher_contract::shared;
use usher_domain::promise::{Figures, Wait};
use usher_storage::{
    BankView, DeliveryCursor, DeliveryFilter, DeliveryOrder, Environment, Marked, MessageFilter, PartnerId, StoreError,
};
use usher_wire::{Choice, Decimal, Parsed, Unknown, Violation, Violations, to_json};
use uuid::Uuid;

use crate::caller::BankUser;
use crate::exchange::{Answer, Call};
use crate::fault::Fault;
use crate::{following, platform, receipt};

pub(crate) use self::content::{Content, Contents, DAMAGED};
pub(crate) use self::status::Change;

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 200;
/// The longest period of the statistics.
const PERIOD_DAYS_MAX: i64 = 400;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// A call of a bank user.
pub(crate) type BankCall = Call<BankUser>;

/// The API as the contract's server sees it.
pub(crate) struct Bank;

impl Server for Bank {
    type Call = BankCall;
    type Answer = Result<Answer, Fault>;

    async fn pull_messages(&self, call: &BankCall, parameters: PullMessagesParameters) -> Result<Answer, Fault> {
        let view = view(call, parameters.environment.as_ref())?;
        let limit = limit(parameters.limit);
        let filter = MessageFilter {
            api: parameters.api.map(|api| api.as_str().to_owned()),
            event: parameters.event.map(|event| event.as_str().to_owned()),
            destination: parameters.destination,
            // What is sent is not pulled too.
            except: platform::destinations::sent(&call.gateway.destinations(), view.environment),
        };
        let store = &call.gateway.store;
        // One more than asked for tells whether more wait.
        let mut messages = store.messages(view.clone(), filter, parameters.after, limit + 1).await?;
        let more = messages.len() > limit as usize;
        messages.truncate(limit as usize);
        let next = messages.last().filter(|_| more).map(|last| last.id);
        // What is for a destination is about its delivery; the store sees to that.
        let ids: BTreeSet<i64> = messages.iter().filter_map(|message| Some(message.entry.as_ref()?.delivery)).collect();
        let deliveries = store.deliveries_of(view.clone(), ids.into_iter().collect()).await?;
        let contents = Contents::of_requests(call, view, &deliveries).await?;
        let deliveries: HashMap<i64, usher_storage::Delivery> =
            deliveries.into_iter().map(|delivery| (delivery.id, delivery)).collect();
        let item = |message| self::message(call, &deliveries, &contents, message);
        let items = messages.into_iter().map(item).collect::<Result<_, _>>()?;
        let list = MessageList { items, next, unknown: Unknown::default() };
        Ok(call.answer(to_json(&list)))
    }

    async fn acknowledge_messages(
        &self,
        call: &BankCall,
        parameters: AcknowledgeMessagesParameters,
        body: Parsed<Acknowledgement>,
    ) -> Result<Answer, Fault> {
        let view = view(call, parameters.environment.as_ref())?;
        let (acknowledgement, _) = body.into_result().map_err(Fault::Violated)?;
        let ids = acknowledgement.messages.clone();
        let marked = call.gateway.store.acknowledge(view, ids.clone(), call.now.as_millisecond()).await?;
        let unchanged = ids.into_iter().zip(&marked).filter(|(_, marked)| **marked != Marked::Done).map(|(id, _)| id);
        let unchanged: Vec<i64> = unchanged.collect();
        let acknowledged = i64::try_from(marked.len() - unchanged.len()).unwrap_or(i64::MAX);
        let result = AcknowledgementResult { acknowledged, unchanged, unknown: Unknown::default() };
        Ok(call.answer(to_json(&result)))
    }

    async fn list_deliveries(&self, call: &BankCall, parameters: ListDeliveriesParameters) -> Result<Answer, Fault> {
        let view = view(call, parameters.environment.as_ref())?;
        let after = parameters.cursor.as_deref().map(DeliveryCursor::from_str).transpose();
        let after = after.map_err(|_| unknown_cursor())?;
        let (filter, limit) = filter(parameters)?;
        let page = call.gateway.store.deliveries(view, filter, after, limit).await;
        let page = page.map_err(|error| match error {
            StoreError::UnknownCursor => unknown_cursor(),
            other => other.into(),
        })?;
        let items = page.deliveries.iter().map(delivery).collect();
        let next = page.next.map(|next| next.to_string().into());
        let list = DeliveryList { items, next, unknown: Unknown::default() };
        Ok(call.answer(to_json(&list)))
    }

    async fn read_delivery(&self, call: &BankCall, parameters: ReadDeliveryParameters) -> Result<Answer, Fault> {
        let found = find(call, parameters.environment.as_ref(), parameters.id).await?;
        let view = view(call, parameters.environment.as_ref())?;
        let contents = Contents::of_requests(call, view, std::slice::from_ref(&found)).await?;
        let content = contents.content(call, &found);
        let delivery = delivery_with(&found, &content);
        let Content { request, phone, register, withdrawal_reason, .. } = content;
        let detail =
            DeliveryDetail { delivery, request, phone, register, withdrawal_reason, unknown: Unknown::default() };
        Ok(call.answer(to_json(&detail)))
    }

    async fn read_delivery_timeline(
        &self,
        call: &BankCall,
        parameters: ReadDeliveryTimelineParameters,
    ) -> Result<Answer, Fault> {
        let found = find(call, parameters.environment.as_ref(), parameters.id).await?;
        let store = &call.gateway.store;
        let entries = store.timeline(&found.scope, found.record.id, Some(found.destination.clone())).await?;
        let view = view(call, parameters.environment.as_ref())?;
        let notes = Contents::of_notes(call, view, std::slice::from_ref(&found)).await?;
        let item = |entry: usher_storage::TimelineEntry| TimelineEntry::<Cow<'_, str>> {
            position: entry.position.into(),
            status: following::status(&entry.status),
            actor: following::actor(entry.actor),
            actor_name: entry.actor_name.map(Cow::Owned),
            at: receipt::time(entry.at).into(),
            reason: entry.reason.map(|name| following::reason(&name)),
            note: notes.note(found.id, entry.position),
            bank_reference: entry.bank_reference.map(Cow::Owned),
            unknown: Unknown::default(),
        };
        let items = entries.into_iter().map(item).collect();
        Ok(call.answer(to_json(&Timeline { items, unknown: Unknown::default() })))
    }

    async fn set_delivery_status(
        &self,
        call: &BankCall,
        parameters: SetDeliveryStatusParameters,
        body: Parsed<StatusChange>,
    ) -> Result<Answer, Fault> {
        let found = find(call, parameters.environment.as_ref(), parameters.id).await?;
        status::set(call, found, body).await
    }

    async fn check_delivery_status(
        &self,
        call: &BankCall,
        parameters: CheckDeliveryStatusParameters,
        body: Parsed<StatusChange>,
    ) -> Result<Answer, Fault> {
        let found = find(call, parameters.environment.as_ref(), parameters.id).await?;
        status::check(call, &found, body)
    }

    async fn read_first_contact(
        &self,
        call: &BankCall,
        parameters: ReadFirstContactParameters,
    ) -> Result<Answer, Fault> {
        let view = view(call, parameters.environment.as_ref())?;
        let (from, to) = (millis("from", &parameters.from)?, millis("to", &parameters.to)?);
        check_period("to", from, to, PERIOD_DAYS_MAX)?;
        let partner = parameters.partner.as_deref().map(partner).transpose()?;
        let store = &call.gateway.store;
        let rows = store.first_contacts(view, from, to, parameters.product, partner).await?;
        let mut groups: BTreeMap<(String, String), Vec<Wait>> = BTreeMap::new();
        for row in rows {
            let wait = Wait {
                received_at: timestamp(row.received_at),
                promised_at: row.promised_at.map(timestamp),
                first_contact_at: row.first_contact_at.map(timestamp),
            };
            groups.entry((row.product, row.partner.0.to_string())).or_default().push(wait);
        }
        let row = |((product, partner), waits): ((String, String), Vec<Wait>)| {
            let figures = Figures::of(&waits, call.now);
            let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
            FirstContactRow::<Cow<'_, str>> {
                product: product.into(),
                partner: partner.into(),
                count: number(figures.count),
                reached: number(figures.reached),
                median_seconds: figures.median_seconds,
                p90_seconds: figures.p90_seconds,
                promised: number(figures.promised),
                kept: number(figures.kept),
                kept_share: figures.kept_ten_thousandths().and_then(share),
                unknown: Unknown::default(),
            }
        };
        let figures = FirstContact::<Cow<'_, str>> {
            from: receipt::time(from).into(),
            to: receipt::time(to).into(),
            items: groups.into_iter().map(row).collect(),
            unknown: Unknown::default(),
        };
        Ok(call.answer(to_json(&figures)))
    }
}

/// What the caller may see of an environment; production unless another one is named.
pub(crate) fn view(call: &BankCall, environment: Option<&shared::Environment>) -> Result<BankView, Fault> {
    let environment = match environment {
        None | Some(shared::Environment::Production) => Environment::Production,
        Some(shared::Environment::Sandbox) => Environment::Sandbox,
        Some(shared::Environment::Unknown(_)) => {
            return Err(invalid("environment", "enum", "must be sandbox or production"));
        }
    };
    call.known.view(environment)
}

/// The delivery with this number, if the caller may see it.
async fn find(
    call: &BankCall,
    environment: Option<&shared::Environment>,
    id: i64,
) -> Result<usher_storage::Delivery, Fault> {
    let view = view(call, environment)?;
    call.gateway.store.delivery(view, id).await?.ok_or(Fault::NotFound)
}

/// A delivery as the contract writes it.
fn delivery(delivery: &usher_storage::Delivery) -> Delivery<Cow<'static, str>> {
    let record = &delivery.record;
    let text = |text: &Option<String>| text.clone().map(Cow::Owned);
    let time = |millis: Option<i64>| millis.map(|millis| Cow::Owned(receipt::time(millis)));
    Delivery {
        id: delivery.id,
        request_id: record.public_id.to_string().into(),
        destination: delivery.destination.clone().into(),
        api: following::api(&record.api),
        operation: record.operation.clone(),
        product: record.product.clone(),
        environment: match delivery.scope.environment {
            Environment::Sandbox => shared::Environment::Sandbox,
            Environment::Production => shared::Environment::Production,
        },
        partner: delivery.partner_name.clone().into(),
        attribution: shared::Attribution {
            partner_reference: text(&record.partner_reference),
            campaign: text(&record.campaign),
            source: text(&record.source),
            sub_partner: text(&record.sub_partner),
            unknown: Unknown::default(),
        },
        received_at: receipt::time(record.received_at).into(),
        status: following::status(&delivery.status),
        version: delivery.version.into(),
        changed_at: receipt::time(delivery.changed_at).into(),
        promised_at: time(delivery.promised_at),
        first_contact_at: time(delivery.first_contact_at),
        acknowledged_at: time(delivery.acknowledged_at),
        bank_reference: text(&delivery.bank_reference),
        process_id: record.process_id,
        warnings: receipt::stored_warnings(record),
        unknown: Unknown::default(),
    }
}

/// A delivery that is shown with its content.
fn delivery_with(found: &usher_storage::Delivery, content: &Content) -> Delivery<Cow<'static, str>> {
    let mut delivery = delivery(found);
    if content.is_damaged {
        delivery.warnings.push(receipt::unreadable(DAMAGED));
    }
    delivery
}

/// A message with its delivery, as it is now, and the content of the request.
fn message(
    call: &BankCall,
    deliveries: &HashMap<i64, usher_storage::Delivery>,
    contents: &Contents,
    message: usher_storage::Message,
) -> Result<Message<Cow<'static, str>>, Fault> {
    let found = message.entry.as_ref().and_then(|entry| deliveries.get(&entry.delivery)).ok_or(Fault::Internal)?;
    let content = contents.content(call, found);
    let delivery = delivery_with(found, &content);
    let Content { request, phone, register, withdrawal_reason, .. } = content;
    let event = MessageEvent::find(&message.event);
    Ok(Message {
        id: message.id,
        event: event.unwrap_or_else(|| MessageEvent::Unknown(message.event.as_str().into())),
        delivery,
        request,
        phone,
        register,
        withdrawal_reason,
        unknown: Unknown::default(),
    })
}

fn limit(wish: Option<i64>) -> u32 {
    // The contract bounds it already.
    wish.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX)
}

fn filter(parameters: ListDeliveriesParameters) -> Result<(DeliveryFilter, u32), Fault> {
    let time = |name, text: Option<String>| text.map(|text| millis(name, &text)).transpose();
    let filter = DeliveryFilter {
        api: parameters.api.map(|api| api.as_str().to_owned()),
        product: parameters.product,
        partner: parameters.partner.as_deref().map(partner).transpose()?,
        destination: parameters.destination,
        statuses: parameters.status.map(|status| status.as_str().to_owned()).into_iter().collect(),
        open_only: parameters.open.unwrap_or_default(),
        received_from: time("receivedFrom", parameters.received_from)?,
        received_to: time("receivedTo", parameters.received_to)?,
        changed_from: time("changedFrom", parameters.changed_from)?,
        changed_to: time("changedTo", parameters.changed_to)?,
        order: match parameters.order {
            Some(ListDeliveriesParametersOrder::Promised) => DeliveryOrder::Promised,
            Some(ListDeliveriesParametersOrder::Newest) | None => DeliveryOrder::Newest,
        },
    };
    Ok((filter, limit(parameters.limit)))
}

fn partner(id: &str) -> Result<PartnerId, Fault> {
    let id = Uuid::try_parse(id).map_err(|_| invalid("partner", "format", "must be a UUID"))?;
    Ok(PartnerId(id))
}

/// A parameter that is a time.
fn millis(name: &str, text: &str) -> Result<i64, Fault> {
    let time = usher_domain::instant::timestamp(text);
    time.map(|time| time.as_millisecond())
        .ok_or_else(|| invalid(name, "format", "must be an RFC 3339 time with offset"))
}

fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or_default()
}

/// Refuses a period that ends before it begins, or is too long.
pub(crate) fn check_period(name: &str, from: i64, to: i64, days_max: i64) -> Result<(), Fault> {
    if to <= from {
        return Err(invalid(name, "minimum", "must be later than from"));
    }
    if to - from > days_max * DAY_MILLIS {
        return Err(invalid(name, "maximum", &format!("must be at most {days_max} days after from")));
    }
    Ok(())
}

/// Ten-thousandths as a decimal number.
fn share(ten_thousandths: i64) -> Option<Decimal> {
    format!("{}.{:04}", ten_thousandths / 10_000, ten_thousandths % 10_000).parse().ok()
}

fn unknown_cursor() -> Fault {
    invalid("cursor", "format", "must be the next member of the page before, asked for in the same order")
}

/// A parameter that breaks a rule.
pub(crate) fn invalid(name: &str, code: &'static str, message: &str) -> Fault {
    let violation = Violation {
        pointer: format!("/{name}"),
        code,
        message: message.to_owned().into(),
        limit: None,
        schema: "",
        keyword: "",
    };
    Fault::ParameterInvalid(Violations { list: vec![violation], truncated: false })
}
