//! The ledger: appended and read, nothing else.

use rusqlite::{Connection, Row, params};

use super::commit::require_in_scope;
use super::fault::Fault;
use super::query::Query;
use super::{delivery, row};
use crate::{ApplicationId, Balance, Constraint, Entry, LedgerFilter, NewEntry, PartnerId, Record, Scope};

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
    entries_query(filter, after, limit).rows(connection, entry)
}

fn entries_query(filter: &LedgerFilter, after: i64, limit: u32) -> Query {
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
    query.with_any(" AND l.delivery_id IN (", &filter.deliveries);
    query.with_some(" AND l.month = ?", filter.month.clone());
    query.with(" ORDER BY l.id LIMIT ?", limit);
    query
}

const BALANCES: &str = "SELECT currency, sum(units), sum(parts) FROM ledger_months
     WHERE partner_id = ?1 AND month < ?2 AND (?3 IS NULL OR destination = ?3) GROUP BY currency ORDER BY currency";

/// What the entries of a partner before a month add up to, in each currency.
pub(super) fn balances(
    connection: &Connection,
    partner: PartnerId,
    destination: Option<&str>,
    month: &str,
) -> rusqlite::Result<Vec<Balance>> {
    let mut statement = connection.prepare_cached(BALANCES)?;
    let balance = |row: &Row<'_>| {
        let (units, parts): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok(Balance { currency: row.get(0)?, amount: decimal(units, parts) })
    };
    statement.query_map(params![partner.0.as_bytes(), month, destination], balance)?.collect()
}

/// Units and ten-thousandths as one decimal number.
fn decimal(units: i64, parts: i64) -> String {
    let sum = i128::from(units) * 10_000 + i128::from(parts);
    let sign = if sum < 0 { "-" } else { "" };
    format!("{sign}{}.{:04}", sum.unsigned_abs() / 10_000, sum.unsigned_abs() % 10_000)
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

#[cfg(test)]
mod tests {
    use rusqlite::params_from_iter;
    use rusqlite::types::Value;
    use uuid::Uuid;

    use super::{BALANCES, decimal, entries_query};
    use crate::sqlite::SqliteEngine;
    use crate::{Folder, LedgerFilter, PartnerId};

    #[test]
    fn a_statement_reads_the_entries_of_its_month_and_the_sums_of_the_older_ones() {
        let folder = tempfile::tempdir().unwrap();
        let engine = SqliteEngine::open(Folder::open(folder.path()).unwrap()).unwrap();
        let plan = |sql: &str, values: &[Value]| -> Vec<String> {
            let mut statement = engine.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            statement.query_map(params_from_iter(values), |row| row.get(3)).unwrap().map(Result::unwrap).collect()
        };

        let partner = Some(PartnerId(Uuid::nil()));
        let month = LedgerFilter { partner, month: Some("2026-11".to_owned()), ..LedgerFilter::default() };
        let query = entries_query(&month, 0, 1_000);
        let read = plan(&query.sql, &query.values);
        assert_eq!(read[0], "SEARCH l USING INDEX ledger_of_month (partner_id=? AND month=? AND id>?)");
        assert_eq!(read.len(), 3, "a delivery and a record for each entry, and nothing is sorted: {read:?}");

        let page = LedgerFilter { deliveries: (1..=500).collect(), ..LedgerFilter::default() };
        let query = entries_query(&page, 0, 10_000);
        let read = plan(&query.sql, &query.values);
        assert_eq!(read[0], "SEARCH l USING INDEX ledger_of_delivery (delivery_id=? AND id>?)");

        let values = [Value::Blob(vec![0; 16]), Value::Text("2026-11".to_owned()), Value::Null];
        let read = plan(BALANCES, &values);
        assert_eq!(read[0], "SEARCH ledger_months USING PRIMARY KEY (partner_id=? AND month<?)");
    }

    #[test]
    fn sums_keep_every_ten_thousandth() {
        for (units, parts, expected) in [
            (0, 0, "0.0000"),
            (0, -5_000, "-0.5000"),
            (1, -1, "0.9999"),
            (-13, 25_000, "-10.5000"),
            (i64::MAX, 9_999, "9223372036854775807.9999"),
        ] {
            assert_eq!(decimal(units, parts), expected);
        }
    }
}
