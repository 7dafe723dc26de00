//! What commits write to the ledger: acceptance, and every new status of a delivery, in the commit that brings it about.

use std::borrow::Cow;
use std::collections::HashMap;

use usher_domain::commission::{self, Amount, Cause, Entry, Kind, Term};
use usher_domain::status::{Reason, Status};
use usher_storage::{Actor, Condition, Delivery, Environment, LedgerFilter, Millis, NewEntry, Payload, Store, Write};
use usher_wire::Decimal;
use uuid::Uuid;

use crate::fault::Fault;

/// The payload of a record that holds what its deliveries earn: settled at acceptance, so later products change nothing.
pub(crate) const TERMS: &str = "commission";
/// More entries than a delivery has: each commission of a product has few, and a product few for one partner.
const ENTRIES_MAX: u32 = 10_000;

/// Who brings an entry about.
pub(crate) struct Author {
    pub(crate) actor: Actor,
    pub(crate) actor_name: Option<String>,
    pub(crate) at: Millis,
    /// What is noted with it.
    pub(crate) reference: Option<String>,
}

/// What acceptance writes: the terms, and what each delivery has earned already.
pub(crate) fn accepted(record: Uuid, terms: &[Term], destinations: &[Cow<'static, str>], at: Millis) -> Vec<Write> {
    if terms.is_empty() {
        return Vec::new();
    }
    let body = commission::write_terms(terms).into();
    let mut writes = vec![Write::Payload(Payload { record, part: Cow::Borrowed(TERMS), body })];
    for destination in destinations {
        let author = || Author { actor: Actor::System, actor_name: None, at, reference: None };
        let entries = commission::on_acceptance(terms);
        writes.extend(entries.into_iter().map(|entry| write(record, destination.clone(), entry, author())));
    }
    writes
}

/// What a new status of a delivery writes, and what must hold when it does. Every commit that sets a status adds this.
pub(crate) async fn moved(
    store: &Store,
    delivery: &Delivery,
    status: Status,
    reason: Option<Reason>,
    author: Author,
) -> Result<(Vec<Condition>, Vec<Write>), Fault> {
    if delivery.scope.environment != Environment::Production {
        return Ok((Vec::new(), Vec::new()));
    }
    // Without terms nothing was earned, and nothing will be.
    let Some(kept) = store.payload(&delivery.scope, delivery.record.id, TERMS).await? else {
        return Ok((Vec::new(), Vec::new()));
    };
    let terms = commission::read_terms(kept.as_slice()).ok_or_else(|| {
        tracing::error!(record = %delivery.record.public_id, "the commission terms of a record cannot be read");
        Fault::Internal
    })?;
    let (last, entries) = of_delivery(store, delivery.id).await?;
    let Author { actor, actor_name, at, .. } = author;
    let entries = commission::on_status(&terms, &entries, status, reason);
    let record = delivery.record.id;
    let writes = entries.into_iter().map(|entry| {
        let reference =
            (entry.kind == Kind::Reverse).then(|| reason.map_or(status.as_str(), Reason::as_str).to_owned());
        let author = Author { actor, actor_name: actor_name.clone(), at, reference };
        write(record, delivery.destination.clone().into(), entry, author)
    });
    let conditions = vec![
        Condition::DeliveryIs { id: delivery.id, version: delivery.version },
        Condition::LedgerUnmoved { delivery: delivery.id, last },
    ];
    Ok((conditions, writes.collect()))
}

/// The number of the newest entry of a delivery, 0 for none, and all of them.
pub(crate) async fn of_delivery(store: &Store, delivery: i64) -> Result<(i64, Vec<Entry>), Fault> {
    let filter = LedgerFilter { deliveries: vec![delivery], ..LedgerFilter::default() };
    let stored = store.ledger(filter, None, ENTRIES_MAX).await?;
    let last = stored.last().map_or(0, |last| last.id);
    Ok((last, stored.iter().map(entry).collect::<Result<_, Fault>>()?))
}

fn entry(stored: &usher_storage::Entry) -> Result<Entry, Fault> {
    Ok(Entry {
        kind: Kind::parse(&stored.kind).ok_or_else(|| super::unreadable(stored))?,
        cause: Cause::new(stored.cause.as_str()),
        amount: super::amount(stored)?,
        currency: stored.currency.clone(),
    })
}

/// An entry about a delivery.
pub(crate) fn write(record: Uuid, destination: Cow<'static, str>, entry: Entry, author: Author) -> Write {
    Write::Ledger(NewEntry {
        record,
        destination,
        kind: Cow::Borrowed(entry.kind.as_str()),
        amount: entry.amount.to_string(),
        currency: entry.currency,
        at: author.at,
        cause: entry.cause.as_str().to_owned().into(),
        actor: author.actor,
        actor_name: author.actor_name,
        reference: author.reference,
    })
}

/// What each of some deliveries costs the bank so far; none where nothing was earned.
pub(crate) async fn prices(store: &Store, deliveries: &[Delivery]) -> Result<HashMap<i64, Decimal>, Fault> {
    let deliveries = deliveries.iter().map(|delivery| delivery.id).collect();
    let filter = LedgerFilter { deliveries, ..LedgerFilter::default() };
    let mut entries: HashMap<i64, Vec<Entry>> = HashMap::new();
    let mut after = None;
    loop {
        let step = store.ledger(filter.clone(), after, ENTRIES_MAX).await?;
        for stored in &step {
            entries.entry(stored.delivery).or_default().push(entry(stored)?);
        }
        if step.len() < ENTRIES_MAX as usize {
            break;
        }
        after = step.last().map(|last| last.id);
    }
    Ok(entries.into_iter().filter_map(|(delivery, entries)| Some((delivery, price(&entries)?))).collect())
}

/// What was earned and not taken back, in euro where there is any of it, else in the currency of the first rule.
fn price(entries: &[Entry]) -> Option<Decimal> {
    let commissions = commission::commissions(entries);
    let euro = commissions.iter().find(|commission| commission.currency == "EUR");
    let first = euro.or(commissions.first())?;
    let prices = commissions.iter().filter(|commission| commission.currency == first.currency);
    Some(prices.map(commission::Commission::left).sum::<Amount>().number())
}
