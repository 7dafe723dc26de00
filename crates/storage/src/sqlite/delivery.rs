//! Deliveries: one row for each destination of a record, and a row of the timeline for each change of its status.

use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::commit::require_in_scope;
use super::fault::Fault;
use super::query::Query;
use super::require_one;
use super::row::{delivery_columns, delivery_tables, scoped};
use crate::{Constraint, NewDelivery, Record, Scope, StatusChange};

/// The deliveries of records, in no order.
pub(super) fn query_of_records(scope: &Scope, records: &[Uuid]) -> Query {
    let mut query = Query::new(concat!("SELECT ", delivery_columns!(), " FROM ", delivery_tables!()));
    query.with(" WHERE r.partner_id = ?", scope.partner.0.as_bytes().to_vec());
    query.with(" AND r.application_id = ?", scope.application.0.as_bytes().to_vec());
    query.with(" AND r.environment = ?", scope.environment.number());
    let records: Vec<Vec<u8>> = records.iter().map(|record| record.as_bytes().to_vec()).collect();
    query.with_any(" AND d.record_id IN (", &records);
    query
}

/// Adds a delivery. That of a record of the same commit takes over what is known of it.
pub(super) fn insert(
    connection: &Connection,
    scope: &Scope,
    delivery: &NewDelivery,
    own: Option<&Record>,
) -> Result<(), Fault> {
    let NewDelivery { record, destination, promised_at } = delivery;
    if let Some(own) = own.filter(|own| own.id == *record) {
        let mut statement = connection.prepare_cached(
            "INSERT INTO deliveries (record_id, destination, partner_id, environment, api, product, received_at,
               first_status, status, version, open, promised_at, changed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, 0, 1, ?9, ?7)",
        )?;
        statement.execute(params![
            record.as_bytes(),
            destination,
            scope.partner.0.as_bytes(),
            scope.environment.number(),
            own.api,
            own.product,
            own.received_at,
            own.status,
            promised_at,
        ])?;
        return Ok(());
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO deliveries (record_id, destination, partner_id, environment, api, product, received_at,
           first_status, status, version, open, promised_at, changed_at)
         SELECT id, ?5, partner_id, environment, api, product, received_at, status, status, 0, 1, ?6, received_at
         FROM records WHERE id = ?1 AND partner_id = ?2 AND application_id = ?3 AND environment = ?4",
    )?;
    require_one(&mut statement, scoped!(scope, record.as_bytes(), destination, promised_at))
}

/// Number and version of the delivery of a record to a destination. Whose record it is was looked at before.
pub(super) fn find(connection: &Connection, record: Uuid, destination: &str) -> rusqlite::Result<Option<(i64, u32)>> {
    let mut statement =
        connection.prepare_cached("SELECT id, version FROM deliveries WHERE record_id = ?1 AND destination = ?2")?;
    statement.query_row(params![record.as_bytes(), destination], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// Gives a status to one delivery of a record, or to all that are open, and to the record.
pub(super) fn change_status(
    connection: &Connection,
    scope: &Scope,
    record: Uuid,
    destination: Option<&str>,
    change: &StatusChange,
) -> Result<(), Fault> {
    require_in_scope(connection, scope, record, None)?;
    let changed = {
        let mut statement = connection.prepare_cached(
            "UPDATE deliveries SET status = ?3, version = version + 1, open = ?4, changed_at = ?5,
               first_contact_at = CASE WHEN ?6 THEN coalesce(first_contact_at, ?5) ELSE first_contact_at END,
               bank_reference = coalesce(?7, bank_reference)
             WHERE record_id = ?1 AND CASE WHEN ?2 IS NULL THEN open = 1 ELSE destination = ?2 END
             RETURNING id, version",
        )?;
        let changed = statement.query_map(
            params![
                record.as_bytes(),
                destination,
                change.status,
                change.open,
                change.at,
                change.first_contact,
                change.bank_reference,
            ],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        changed.collect::<rusqlite::Result<Vec<(i64, u32)>>>()?
    };
    if changed.is_empty() {
        return Err(Fault::Refused(Constraint::Reference));
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO statuses (delivery_id, position, status, actor, actor_name, at, reason, bank_reference)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for (delivery, position) in changed {
        statement.execute(params![
            delivery,
            position,
            change.status,
            change.actor.as_str(),
            change.actor_name,
            change.at,
            change.reason,
            change.bank_reference,
        ])?;
    }
    let mut statement = connection.prepare_cached("UPDATE records SET status = ?2 WHERE id = ?1")?;
    require_one(&mut statement, params![record.as_bytes(), change.status])
}

/// Whether the delivery is of this scope and has this version.
pub(super) fn is(connection: &Connection, scope: &Scope, id: i64, version: u32) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM deliveries AS d JOIN records AS r ON r.id = d.record_id
         WHERE d.id = ?1 AND r.partner_id = ?2 AND r.application_id = ?3 AND r.environment = ?4 AND d.version = ?5",
    )?;
    statement.exists(scoped!(scope, id, version))
}

/// Whether the record is of this scope and one of its deliveries is open.
pub(super) fn is_open(connection: &Connection, scope: &Scope, record: Uuid) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM records AS r JOIN deliveries AS d ON d.record_id = r.id
         WHERE r.id = ?1 AND r.partner_id = ?2 AND r.application_id = ?3 AND r.environment = ?4 AND d.open = 1",
    )?;
    statement.exists(scoped!(scope, record.as_bytes()))
}

/// The destination has a message: with the first one it has the delivery.
pub(super) fn acknowledge(connection: &Connection, message: i64, at: i64) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "UPDATE deliveries SET acknowledged_at = ?2
         WHERE id = (SELECT delivery_id FROM messages WHERE id = ?1 AND application_id IS NULL)
           AND acknowledged_at IS NULL",
    )?;
    statement.execute(params![message, at]).map(drop)
}
