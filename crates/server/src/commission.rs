//! The routes of the commission API, and reading the ledger for partners and the bank.

mod csv;
mod ledger;

use std::borrow::Cow;

use axum::http::header::ACCEPT;
use usher_contract::commission::v1;
use usher_contract::commission::v1::operations::{
    ListCommissionEntriesParameters, ReadCommissionStatementParameters, ReadCommissionStatementParametersFormat, Server,
};
use usher_contract::shared::{Attribution, Currency};
use usher_domain::commission::{self, Amount, Kind, Line, Month};
use usher_storage::{Actor, Balance, Environment, LedgerFilter, PartnerId, Store};
use usher_wire::{Choice, Unknown, Violation, Violations, to_json};

pub(crate) use self::ledger::{Author, TERMS, accepted, moved, of_delivery, prices, write};
use crate::exchange::{Answer, Call};
use crate::fault::Fault;
use crate::receipt;

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 100;
/// Entries that are read at once for a statement.
const STEP: u32 = 1_000;

/// The API as the contract's server sees it.
pub(crate) struct Commission;

impl Server for Commission {
    type Call = Call;
    type Answer = Result<Answer, Fault>;

    async fn list_commission_entries(
        &self,
        call: &Call,
        parameters: ListCommissionEntriesParameters,
    ) -> Result<Answer, Fault> {
        let ListCommissionEntriesParameters { month, delivery, cursor, limit, .. } = parameters;
        let filter = LedgerFilter { deliveries: delivery.into_iter().collect(), ..reader(call).filter() };
        let wish = PageWish { month: month.as_deref(), cursor: cursor.as_deref(), limit };
        Ok(call.answer(to_json(&page(&call.gateway.store, &reader(call), filter, wish).await?)))
    }

    async fn read_commission_statement(
        &self,
        call: &Call,
        parameters: ReadCommissionStatementParameters,
    ) -> Result<Answer, Fault> {
        let format = parameters.format.map(|format| format == ReadCommissionStatementParametersFormat::Csv);
        let partner = call.known.scope.partner;
        statement(call, &reader(call), partner, &parameters.month, format).await
    }
}

/// Who reads the ledger, and so what of it.
pub(crate) enum Reader {
    /// A partner: its own. In the sandbox nothing is ever earned.
    Partner(PartnerId, Environment),
    /// The bank: that of all partners, or of one destination.
    Bank(Option<String>),
}

/// Which page of entries is wanted.
pub(crate) struct PageWish<'w> {
    pub(crate) month: Option<&'w str>,
    pub(crate) cursor: Option<&'w str>,
    pub(crate) limit: Option<i64>,
}

fn reader(call: &Call) -> Reader {
    let scope = call.known.scope;
    Reader::Partner(scope.partner, scope.environment)
}

impl Reader {
    fn filter(&self) -> LedgerFilter {
        let partner = match self {
            Reader::Partner(partner, _) => Some(*partner),
            Reader::Bank(_) => None,
        };
        LedgerFilter { partner, ..LedgerFilter::default() }
    }

    fn may_see(&self, entry: &usher_storage::Entry) -> bool {
        match self {
            Reader::Partner(partner, environment) => {
                entry.partner == *partner && *environment == Environment::Production
            }
            Reader::Bank(destination) => destination.as_ref().is_none_or(|own| *own == entry.destination),
        }
    }

    fn is_bank(&self) -> bool {
        matches!(self, Reader::Bank(_))
    }
}

/// A page of entries, oldest first.
pub(crate) async fn page(
    store: &Store,
    reader: &Reader,
    filter: LedgerFilter,
    wish: PageWish<'_>,
) -> Result<v1::EntryList<Cow<'static, str>>, Fault> {
    // The contract bounds it already.
    let limit = wish.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(LIMIT_DEFAULT as usize);
    let limit = limit.clamp(1, LIMIT_MAX as usize);
    let month = wish.month.map(read_month).transpose()?;
    let filter = LedgerFilter { month: month.map(|month| month.to_string()), ..filter };
    let after = wish.cursor.map(|cursor| cursor.parse::<i64>().map_err(|_| unknown_cursor())).transpose()?;
    // One more than asked for tells whether more wait.
    let mut entries = read(store, reader, filter, after, limit + 1).await?;
    let is_more = entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().filter(|_| is_more).map(|last| last.id.to_string().into());
    let items = entries.iter().map(|entry| told(entry, reader)).collect::<Result<_, _>>()?;
    Ok(v1::EntryList { items, next, unknown: Unknown::default() })
}

/// The statement of a partner, as JSON or, where `is_csv` or the head of the call says so, as CSV.
pub(crate) async fn statement<K>(
    call: &Call<K>,
    reader: &Reader,
    partner: PartnerId,
    month: &str,
    is_csv: Option<bool>,
) -> Result<Answer, Fault> {
    let month = read_month(month)?;
    let store = &call.gateway.store;
    let filter = LedgerFilter { partner: Some(partner), month: Some(month.to_string()), ..LedgerFilter::default() };
    let entries = read(store, reader, filter, None, usize::MAX).await?;
    let carried = carried(store, reader, partner, month).await?;
    let carried = carried.iter().map(|(currency, amount)| (currency.as_str(), *amount));
    let lines = entries.iter().map(line).collect::<Result<Vec<_>, _>>()?;
    let made = commission::statement(month, carried, &lines);
    let items = entries.iter().map(|entry| told(entry, reader)).collect::<Result<Vec<_>, _>>()?;
    let accepts_csv = || {
        let accepted = call.head.headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        accepted.flat_map(|value| value.split(',')).any(|kind| kind.trim().starts_with("text/csv"))
    };
    if is_csv.unwrap_or_else(accepts_csv) {
        let body = csv::write(&made, &items).into_bytes();
        let media_type = Cow::Borrowed("text/csv; charset=utf-8; header=present");
        return Ok(Answer { media_type, ..call.answer(body) });
    }
    let currencies = made.parts.into_iter().map(part).collect::<Result<_, _>>()?;
    Ok(call.answer(to_json(&v1::Statement::<Cow<'_, str>> {
        month: month.to_string().into(),
        complete: month.end() <= call.now.as_millisecond(),
        partner: partner.0.to_string().into(),
        currencies,
        entries: items,
        unknown: Unknown::default(),
    })))
}

/// What the entries before a month add up to, as far as the reader may see them.
async fn carried(
    store: &Store,
    reader: &Reader,
    partner: PartnerId,
    month: Month,
) -> Result<Vec<(String, Amount)>, Fault> {
    let destination = match reader {
        Reader::Partner(own, Environment::Production) if *own == partner => None,
        Reader::Partner(..) => return Ok(Vec::new()),
        Reader::Bank(destination) => destination.clone(),
    };
    let balances = store.ledger_balances(partner, destination, month.to_string()).await?;
    let carried = |balance: Balance| {
        let amount = balance.amount.parse().map_err(|_| {
            tracing::error!("a sum of the ledger cannot be read");
            Fault::Internal
        })?;
        Ok((balance.currency, amount))
    };
    balances.into_iter().map(carried).collect()
}

/// Entries that the reader may see, oldest first, at most so many.
async fn read(
    store: &Store,
    reader: &Reader,
    filter: LedgerFilter,
    mut after: Option<i64>,
    count_max: usize,
) -> Result<Vec<usher_storage::Entry>, Fault> {
    let mut found = Vec::new();
    let step_length = u32::try_from(count_max).map_or(STEP, |count_max| count_max.min(STEP));
    loop {
        let step = store.ledger(filter.clone(), after, step_length).await?;
        after = step.last().map(|last| last.id);
        let is_last = step.len() < step_length as usize;
        found.extend(step.into_iter().filter(|entry| reader.may_see(entry)));
        if is_last || found.len() >= count_max {
            found.truncate(count_max);
            return Ok(found);
        }
    }
}

/// An entry as the reader is told of it.
pub(crate) fn told(entry: &usher_storage::Entry, reader: &Reader) -> Result<v1::Entry<Cow<'static, str>>, Fault> {
    let text = |text: &String| Cow::Owned(text.clone());
    let bank_only = |text: Option<String>| text.filter(|_| reader.is_bank()).map(Cow::Owned);
    Ok(v1::Entry {
        id: entry.id,
        at: receipt::time(entry.at).into(),
        kind: v1::Kind::find(&entry.kind).ok_or_else(|| unreadable(entry))?,
        amount: amount(entry)?.number(),
        currency: Currency::find(&entry.currency).ok_or_else(|| unreadable(entry))?,
        cause: text(&entry.cause),
        product: text(&entry.product),
        request_id: entry.record.to_string().into(),
        delivery: entry.delivery,
        destination: text(&entry.destination),
        partner: bank_only(Some(entry.partner.0.to_string())),
        actor: match entry.actor {
            Actor::Partner => v1::Actor::Partner,
            Actor::Bank => v1::Actor::Bank,
            Actor::System => v1::Actor::System,
        },
        actor_name: bank_only(entry.actor_name.clone()),
        reference: entry.reference.as_ref().map(text),
        attribution: Attribution {
            partner_reference: entry.partner_reference.as_ref().map(text),
            campaign: entry.campaign.as_ref().map(text),
            source: entry.source.as_ref().map(text),
            sub_partner: entry.sub_partner.as_ref().map(text),
            unknown: Unknown::default(),
        },
        unknown: Unknown::default(),
    })
}

fn part(part: commission::CurrencyPart) -> Result<v1::CurrencyPart<Cow<'static, str>>, Fault> {
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let product = |total: commission::Total<String>| v1::ProductTotal {
        product: total.of.into(),
        count: count(total.count),
        amount: total.amount.number(),
        unknown: Unknown::default(),
    };
    let kind = |total: commission::Total<Kind>| {
        Ok(v1::KindTotal {
            kind: v1::Kind::find(total.of.as_str()).ok_or(Fault::Internal)?,
            count: count(total.count),
            amount: total.amount.number(),
            unknown: Unknown::default(),
        })
    };
    Ok(v1::CurrencyPart {
        currency: Currency::find(&part.currency).ok_or(Fault::Internal)?,
        opening: part.opening.number(),
        products: part.products.into_iter().map(product).collect(),
        kinds: part.kinds.into_iter().map(kind).collect::<Result<_, Fault>>()?,
        closing: part.closing.number(),
        unknown: Unknown::default(),
    })
}

fn line(entry: &usher_storage::Entry) -> Result<Line, Fault> {
    Ok(Line {
        kind: Kind::parse(&entry.kind).ok_or_else(|| unreadable(entry))?,
        product: entry.product.clone(),
        amount: amount(entry)?,
        currency: entry.currency.clone(),
        at: entry.at,
    })
}

fn amount(entry: &usher_storage::Entry) -> Result<Amount, Fault> {
    entry.amount.parse().map_err(|_| unreadable(entry))
}

fn unreadable(entry: &usher_storage::Entry) -> Fault {
    tracing::error!(entry = entry.id, "an entry of the ledger cannot be read");
    Fault::Internal
}

fn read_month(text: &str) -> Result<Month, Fault> {
    // The contract knows the form; a year before the calendar's begin has it, too.
    Month::parse(text).ok_or_else(|| invalid("/month", "pattern", "must be a month such as 2026-11"))
}

fn unknown_cursor() -> Fault {
    invalid("/cursor", "format", "must be the next member of the page before")
}

fn invalid(pointer: &str, code: &'static str, message: &'static str) -> Fault {
    let (pointer, message) = (pointer.to_owned(), message.into());
    let violation = Violation { pointer, code, message, limit: None, schema: "", keyword: "" };
    Fault::ParameterInvalid(Violations { list: vec![violation], truncated: false })
}
