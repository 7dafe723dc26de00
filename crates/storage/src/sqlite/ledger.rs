//! The ledger: appended and read, nothing else.

use rusqlite::{Connection, Row, params};

use super::commit::require_in_scope;
use super::fault::Fault;
use super::query::Query;
use super::{delivery, row};
use crate::{ApplicationId, Constraint, Entry, LedgerFilter, NewEntry, PartnerId, Record, Scope};

/// Appends an entry. In a sandbox the table refuses it.
pub(super) fn insert(
    connection: &Connection,
    scope: &Scope,
    entry: &NewEntry,
    own: Option<&Record>,
) -> Result<(), Fault> {
    require_in_scope(connection, scope, entry.record, own)?;
    let found = delivery::find(connection, entry.record, &entry.destination)?;
    let (delivery, _) = found.ok_or(Fault::Refused(Constraint::Reference))?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO ledger (delivery_id, partner_id, application_id, environment, product, kind, amount, currency, at,
           cause, actor, actor_name, reference)
         VALUES (?1, ?2, ?3, ?4, (SELECT product FROM deliveries WHERE id = ?1), ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    statement.execute(params![
        delivery,
        scope.partner.0.as_bytes(),
        scope.application.0.as_bytes(),
        scope.environment.number(),
        entry.kind,
        entry.amount,
        entry.currency,
        entry.at,
        entry.cause,
        entry.actor.as_str(),
        entry.actor_name,
        entry.reference,
    ])?;
    Ok(())
}

/// Whether the newest entry of a delivery is this one; 0 when there is none.
pub(super) fn is_unmoved(connection: &Connection, delivery: i64, last: i64) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached("SELECT coalesce(max(id), 0) FROM ledger WHERE delivery_id = ?1")?;
    statement.query_row([delivery], |row| Ok(row.get::<_, i64>(0)? == last))
}

/// Entries, oldest first, those after one.
pub(super) fn entries(
    connection: &Connection,
    filter: &LedgerFilter,
    after: i64,
    limit: u32,
) -> rusqlite::Result<Vec<Entry>> {
    let mut query = Query::new(
        "SELECT l.id, l.delivery_id, r.public_id, d.destination, l.partner_id, l.application_id, l.product, l.kind,
           l.amount, l.currency, l.at, l.cause, l.actor, l.actor_name, l.reference,
           r.partner_reference, r.campaign, r.source, r.sub_partner
         FROM ledger AS l CROSS JOIN deliveries AS d ON d.id = l.delivery_id
         CROSS JOIN records AS r ON r.id = d.record_id",
    );
    query.with(" WHERE l.id > ?", after);
    query.with_some(" AND l.partner_id = ?", filter.partner.map(|partner| partner.0.as_bytes().to_vec()));
    query.with_some(" AND l.application_id = ?", filter.application.map(|one| one.0.as_bytes().to_vec()));
    query.with_some(" AND l.delivery_id = ?", filter.delivery);
    query.with_some(" AND l.at >= ?", filter.from);
    query.with_some(" AND l.at < ?", filter.to);
    query.with(" ORDER BY l.id LIMIT ?", limit);
    query.rows(connection, entry)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        id: row.get(0)?,
        delivery: row.get(1)?,
        record: row::text_id(row, 2)?,
        destination: row.get(3)?,
        partner: PartnerId(row::id(row, 4)?),
        application: ApplicationId(row::id(row, 5)?),
        product: row.get(6)?,
        kind: row.get(7)?,
        amount: row.get(8)?,
        currency: row.get(9)?,
        at: row.get(10)?,
        cause: row.get(11)?,
        actor: row::actor(row, 12)?,
        actor_name: row.get(13)?,
        reference: row.get(14)?,
        partner_reference: row.get(15)?,
        campaign: row.get(16)?,
        source: row.get(17)?,
        sub_partner: row.get(18)?,
    })
}
