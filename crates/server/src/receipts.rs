//! The routes of the receipts API, and reading receipts for the APIs that offer their own.

use std::borrow::Cow;
use std::collections::HashMap;
use std::str::FromStr;

use usher_contract::receipts::v1::operations::{
    ListEventsParameters, ListReceiptsParameters, ReadReceiptParameters, ReadTimelineParameters, Server,
};
use usher_contract::shared::{Receipt, ReceiptList};
use usher_domain::ids::PublicId;
use usher_storage::{Cursor, Delivery, Filter, Page, Record, StoreError};
use usher_wire::{Unknown, Violation, Violations, to_json};
use uuid::Uuid;

use crate::exchange::{Answer, Call};
use crate::fault::Fault;
use crate::{appointment_request, contact_request, digital_customer, following, receipt};

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 100;

/// The API as the contract's server sees it.
pub(crate) struct Receipts;

/// Which page of receipts is wanted.
pub(crate) struct PageWish {
    pub(crate) partner_reference: Option<String>,
    pub(crate) cursor: Option<String>,
    pub(crate) limit: Option<i64>,
}

impl Server for Receipts {
    type Call = Call;
    type Answer = Result<Answer, Fault>;

    async fn list_receipts(&self, call: &Call, parameters: ListReceiptsParameters) -> Result<Answer, Fault> {
        let ListReceiptsParameters { partner_reference, cursor, limit, .. } = parameters;
        list(call, None, PageWish { partner_reference, cursor, limit }).await
    }

    async fn read_receipt(&self, call: &Call, parameters: ReadReceiptParameters) -> Result<Answer, Fault> {
        read(call, None, &parameters.id).await
    }

    async fn read_timeline(&self, call: &Call, parameters: ReadTimelineParameters) -> Result<Answer, Fault> {
        following::timeline(call, &parameters.id).await
    }

    async fn list_events(&self, call: &Call, parameters: ListEventsParameters) -> Result<Answer, Fault> {
        following::events(call, parameters.after.as_deref(), parameters.limit).await
    }
}

/// The record with this public id, of `api` if one is named. What is another's is not there.
pub(crate) async fn find(call: &Call, api: Option<&str>, id: &str) -> Result<Record, Fault> {
    let id = PublicId::parse(id).ok_or(Fault::NotFound)?;
    let record = call.gateway.store.record(&call.known.scope, Uuid::from_bytes(*id.as_bytes())).await?;
    record.filter(|record| api.is_none_or(|api| record.api == api)).ok_or(Fault::NotFound)
}

/// Answers with one receipt.
pub(crate) async fn read(call: &Call, api: Option<&str>, id: &str) -> Result<Answer, Fault> {
    let record = find(call, api, id).await?;
    let receipt = told(call, std::slice::from_ref(&record)).await?.pop().ok_or(Fault::Internal)?;
    Ok(call.answer(to_json(&receipt)))
}

/// The receipts of records, with what became of each: however many they are, the store is asked once.
async fn told<'r>(call: &Call, records: &'r [Record]) -> Result<Vec<Receipt<Cow<'r, str>>>, Fault> {
    let ids = records.iter().map(|record| record.id).collect();
    let mut deliveries: HashMap<Uuid, Vec<Delivery>> = HashMap::new();
    for delivery in call.gateway.store.record_deliveries(&call.known.scope, ids).await? {
        deliveries.entry(delivery.record.id).or_default().push(delivery);
    }
    let told = |record: &'r Record| {
        let mut receipt = receipt::stored(&call.gateway, record, call.known.caller.environment);
        receipt.deliveries = Some(following::deliveries(deliveries.get(&record.id).map_or(&[], Vec::as_slice)));
        receipt
    };
    Ok(records.iter().map(told).collect())
}

/// Answers with a page of receipts, newest first, of `api` or of all.
pub(crate) async fn list(call: &Call, api: Option<&'static str>, wish: PageWish) -> Result<Answer, Fault> {
    let after = wish.cursor.as_deref().map(Cursor::from_str).transpose().map_err(|_| unknown_cursor())?;
    // The contract bounds it already.
    let limit = wish.limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
    let page = match (wish.partner_reference, api) {
        (Some(reference), api) => {
            page(call, Filter::Reference { reference, api: api.map(Into::into) }, after, limit).await?
        }
        (None, Some(api)) => page(call, Filter::Api(api.into()), after, limit).await?,
        (None, None) => page_of_all(call, after, limit).await?,
    };
    let items = told(call, &page.records).await?;
    let next = page.next.map(|next| next.to_string().into());
    Ok(call.answer(to_json(&ReceiptList { items, next, unknown: Unknown::default() })))
}

async fn page(call: &Call, filter: Filter, after: Option<Cursor>, limit: u32) -> Result<Page, Fault> {
    let page = call.gateway.store.records(&call.known.scope, filter, after, limit).await;
    page.map_err(|error| match error {
        StoreError::UnknownCursor => unknown_cursor(),
        other => other.into(),
    })
}

/// A page over all APIs, put together from one page of each: rows of an API stand together in the store.
async fn page_of_all(call: &Call, after: Option<Cursor>, limit: u32) -> Result<Page, Fault> {
    let mut records: Vec<Record> = Vec::new();
    let mut more = false;
    for api in [&contact_request::API, &appointment_request::API, &digital_customer::API] {
        let page = page(call, Filter::Api(api.name.into()), after, limit).await?;
        more |= page.next.is_some();
        records.extend(page.records);
    }
    records.sort_unstable_by_key(|record| std::cmp::Reverse(record.id));
    let length = limit as usize;
    more |= records.len() > length;
    records.truncate(length);
    let last = records.last().filter(|_| more).map(|record| record.public_id.simple().to_string());
    // The text of a cursor is the public id of the last record before it, so this one reads back.
    let next = last.and_then(|last| Cursor::from_str(&last).ok());
    Ok(Page { records, next })
}

fn unknown_cursor() -> Fault {
    let violation = Violation {
        pointer: "/cursor".to_owned(),
        code: "format",
        message: "must be the next member of the page before".into(),
        limit: None,
        schema: "",
        keyword: "",
    };
    Fault::ParameterInvalid(Violations { list: vec![violation], truncated: false })
}
