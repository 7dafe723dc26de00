//! The lead list of the platform the appointment request comes from: a view of the bank's deliveries in that platform's words.

use std::borrow::Cow;

use usher_contract::appointment_request::v2::Request;
use usher_contract::lead::v2::operations::{ListLeadsParameters, Server};
use usher_contract::lead::v2::{Lead, LeadList, RequestType};
use usher_storage::{BankView, Delivery, DeliveryFilter, DeliveryOrder, Environment};
use usher_wire::{Decimal, Json, Limits, Mode, Options, Personal, Unknown, parse, to_json};

use crate::bank::{self, BankCall, Contents};
use crate::exchange::Answer;
use crate::fault::Fault;
use crate::{appointment_request, commission, following};

const PERIOD_DAYS_MAX: i64 = 31;
/// Leads in one answer. The platform knows no pages, so a longer period has to be cut by the caller.
const LEADS_MAX: usize = 10_000;
const PAGE_LENGTH: u32 = 500;

/// The API as the contract's server sees it.
pub(crate) struct Leads;

impl Server for Leads {
    type Call = BankCall;
    type Answer = Result<Answer, Fault>;

    async fn list_leads(&self, call: &BankCall, parameters: ListLeadsParameters) -> Result<Answer, Fault> {
        let ListLeadsParameters { from, to, test, .. } = parameters;
        let is_test = test.unwrap_or_default();
        let view = call.known.view(if is_test { Environment::Sandbox } else { Environment::Production })?;
        bank::check_period("to", from, to, PERIOD_DAYS_MAX)?;
        let deliveries = deliveries(call, view.clone(), from, to).await?;
        let mut leads = Vec::with_capacity(deliveries.len());
        for page in deliveries.chunks(PAGE_LENGTH as usize) {
            let contents = Contents::of_all(call, view.clone(), page).await?;
            let prices = commission::prices(&call.gateway.store, page).await?;
            for delivery in page {
                leads.push(lead(call, delivery, &contents, prices.get(&delivery.id).cloned())?);
            }
        }
        leads.reverse();
        Ok(call.answer(to_json(&LeadList { lead: leads, unknown: Unknown::default() })))
    }
}

/// All appointment requests of a period, newest first.
async fn deliveries(call: &BankCall, view: BankView, from: i64, to: i64) -> Result<Vec<Delivery>, Fault> {
    let filter = DeliveryFilter {
        api: Some(appointment_request::API.name.to_owned()),
        received_from: Some(from),
        received_to: Some(to),
        order: DeliveryOrder::Newest,
        ..DeliveryFilter::default()
    };
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = call.gateway.store.deliveries(view.clone(), filter.clone(), after, PAGE_LENGTH).await?;
        found.extend(page.deliveries);
        if found.len() > LEADS_MAX {
            return Err(bank::invalid(
                "to",
                "max_items",
                "the period has more than 10,000 leads; ask for a shorter one",
            ));
        }
        after = page.next;
        if after.is_none() {
            return Ok(found);
        }
    }
}

fn lead(
    call: &BankCall,
    delivery: &Delivery,
    contents: &Contents,
    price: Option<Decimal>,
) -> Result<Lead<Cow<'static, str>>, Fault> {
    let content = contents.content(call, delivery);
    let provider = following::provider(&delivery.destination).unwrap_or(&delivery.destination);
    Ok(Lead {
        id: delivery.id,
        provider_id: provider.to_owned().into(),
        processing_status: following::status(&delivery.status),
        processing_status_changed: delivery.changed_at,
        note: note(delivery, contents, content.is_damaged),
        price,
        request_date: delivery.record.received_at,
        request_type: RequestType::AppointmentRequest,
        contact_request: content.request.as_ref().and_then(contact_request),
        unknown: Unknown::default(),
    })
}

/// The note that was left last. The platform's form has no other place to say that a request cannot be read.
fn note(delivery: &Delivery, contents: &Contents, is_damaged: bool) -> Option<Personal<Cow<'static, str>>> {
    let note = contents.newest_note(delivery);
    if !is_damaged {
        return note;
    }
    let note = note.map(|note| format!("{} ", note.expose())).unwrap_or_default();
    Some(Personal::new(format!("{note}[{}]", bank::DAMAGED).into()))
}

/// The contact request within a request. Both are exact: what is written is what was read.
fn contact_request(request: &Personal<Json>) -> Option<Personal<Json>> {
    let options = Options { mode: Mode::Tolerant, limits: Limits::OPEN, facts: None };
    let request = parse::<Request>(request.expose().as_str().as_bytes(), &options).ok()?;
    let contact_request = String::from_utf8(to_json(&request.shaped()?.contact_request)).ok()?;
    Json::parse(&contact_request).ok().map(Personal::new)
}
