//! From rows to values.

use std::borrow::Cow;

use rusqlite::Row;
use rusqlite::types::{FromSqlError, Type, ValueRef};
use uuid::Uuid;

use crate::{
    Actor, ApplicationId, Content, Delivery, Environment, Flow, KeyId, Message, Mode, PartnerId, Record, Scope, Sealed,
    TimelineEntry,
};

/// The columns of `records AS r` that [`record`] reads, in its order.
macro_rules! record_columns {
    () => {
        "r.id, r.public_id, r.api, r.version, r.operation, r.contract_version, r.partner_reference, r.campaign, r.source, \
         r.sub_partner, r.received_at, r.status, r.payload_hash, r.salt, r.durability, r.warnings, r.correlation_id, \
         r.process_id, r.product, r.products_version, r.lists, r.person_digest"
    };
}
/// The columns [`delivery`] reads, in its order, of [`delivery_tables`].
macro_rules! delivery_columns {
    () => {
        concat!(
            $crate::sqlite::row::record_columns!(),
            ", r.partner_id, r.application_id, r.environment, p.name, d.id, d.destination, d.status, d.version, d.open, \
             d.promised_at, d.first_contact_at, d.acknowledged_at, d.bank_reference, d.changed_at"
        )
    };
}
/// Deliveries with their records and partners. `CROSS` tells SQLite to begin with the deliveries.
macro_rules! delivery_tables {
    ($($hint:literal)?) => {
        concat!(
            "deliveries AS d ",
            $($hint,)?
            "CROSS JOIN records AS r ON r.id = d.record_id CROSS JOIN partners AS p ON p.id = d.partner_id"
        )
    };
}
/// The columns [`entry`] reads, in its order, of a delivery `d` and its timeline `s`. The acceptance has no row.
macro_rules! entry_columns {
    () => {
        "d.id, d.destination, coalesce(s.position, 0), coalesce(s.status, d.first_status), \
         coalesce(s.actor, 'partner'), s.actor_name, coalesce(s.at, d.received_at), s.reason, s.bank_reference"
    };
}
/// The columns [`message`] reads, in its order, of [`message_tables`].
macro_rules! message_columns {
    () => {
        concat!(
            $crate::sqlite::row::record_columns!(),
            ", r.partner_id, r.application_id, r.environment, m.id, m.destination, m.event, ",
            $crate::sqlite::row::entry_columns!()
        )
    };
}
/// Messages with their records and entries of the timeline.
macro_rules! message_tables {
    () => {
        "messages AS m CROSS JOIN records AS r ON r.id = m.record_id LEFT JOIN deliveries AS d ON d.id = m.delivery_id \
         LEFT JOIN statuses AS s ON s.delivery_id = m.delivery_id AND s.position = m.position"
    };
}
/// The columns [`flow`] reads, in its order.
macro_rules! flow_columns {
    () => {
        "process_id, customer_no, person_digest, state, open, phone_digest, email_digest, created_at, updated_at, expires_at, notify"
    };
}
/// Parameters that begin with the row looked for and the scope it must be of: `?1`, then partner `?2`, application `?3`
/// and environment `?4`; the others follow from `?5`.
macro_rules! scoped {
    ($scope:expr, $first:expr $(, $other:expr)* $(,)?) => {
        rusqlite::params![
            $first,
            $scope.partner.0.as_bytes(),
            $scope.application.0.as_bytes(),
            $scope.environment.number()
            $(, $other)*
        ]
    };
}
pub(super) use {
    delivery_columns, delivery_tables, entry_columns, flow_columns, message_columns, message_tables, record_columns,
    scoped,
};

pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record {
        id: id(row, 0)?,
        public_id: text_id(row, 1)?,
        api: text(row, 2)?,
        version: row.get(3)?,
        operation: text(row, 4)?,
        contract_version: text(row, 5)?,
        partner_reference: row.get(6)?,
        campaign: row.get(7)?,
        source: row.get(8)?,
        sub_partner: row.get(9)?,
        received_at: row.get(10)?,
        status: text(row, 11)?,
        payload_hash: row.get(12)?,
        salt: row.get::<_, Option<Vec<u8>>>(13)?.map(Content::from),
        durability: text(row, 14)?,
        warnings: text(row, 15)?,
        correlation_id: text_id(row, 16)?,
        process_id: row.get(17)?,
        product: text(row, 18)?,
        products_version: row.get(19)?,
        lists: text(row, 20)?,
        person: row.get(21)?,
    })
}

pub(super) fn flow(row: &Row<'_>) -> rusqlite::Result<Flow> {
    Ok(Flow {
        process_id: row.get(0)?,
        customer_no: row.get(1)?,
        person_digest: row.get(2)?,
        state: row.get(3)?,
        open: row.get(4)?,
        phone_digest: row.get(5)?,
        email_digest: row.get(6)?,
        created_at: row.get(7)?,
        updated_at: row.get(8)?,
        expires_at: row.get(9)?,
        notify: row.get(10)?,
    })
}

/// How many columns [`record_columns`] names.
const RECORD_COLUMNS: usize = 22;

/// Reads [`delivery_columns`].
pub(super) fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let own = RECORD_COLUMNS;
    Ok(Delivery {
        record: record(row)?,
        scope: scope(row, own)?,
        partner_name: row.get(own + 3)?,
        id: row.get(own + 4)?,
        destination: row.get(own + 5)?,
        status: text(row, own + 6)?,
        version: row.get(own + 7)?,
        open: row.get(own + 8)?,
        promised_at: row.get(own + 9)?,
        first_contact_at: row.get(own + 10)?,
        acknowledged_at: row.get(own + 11)?,
        bank_reference: row.get(own + 12)?,
        changed_at: row.get(own + 13)?,
    })
}

/// Reads [`message_columns`].
pub(super) fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    let own = RECORD_COLUMNS;
    let is_about_a_delivery = row.get_ref(own + 6)? != ValueRef::Null;
    Ok(Message {
        record: record(row)?,
        scope: scope(row, own)?,
        id: row.get(own + 3)?,
        destination: row.get(own + 4)?,
        event: row.get(own + 5)?,
        entry: if is_about_a_delivery { Some(entry(row, own + 6)?) } else { None },
    })
}

/// Reads [`entry_columns`], starting at `first`.
pub(super) fn entry(row: &Row<'_>, first: usize) -> rusqlite::Result<TimelineEntry> {
    Ok(TimelineEntry {
        delivery: row.get(first)?,
        destination: row.get(first + 1)?,
        position: row.get(first + 2)?,
        status: text(row, first + 3)?,
        actor: actor(row, first + 4)?,
        actor_name: row.get(first + 5)?,
        at: row.get(first + 6)?,
        reason: row.get::<_, Option<String>>(first + 7)?.map(Cow::Owned),
        bank_reference: row.get(first + 8)?,
    })
}

/// Reads `key_id, nonce, ciphertext`, starting at `first`.
pub(super) fn sealed(row: &Row<'_>, first: usize) -> rusqlite::Result<Sealed> {
    Ok(Sealed { key_id: KeyId(row.get(first)?), nonce: row.get(first + 1)?, ciphertext: row.get(first + 2)? })
}

/// Reads `partner_id, application_id, environment`, starting at `first`.
pub(super) fn scope(row: &Row<'_>, first: usize) -> rusqlite::Result<Scope> {
    Ok(Scope {
        partner: PartnerId(id(row, first)?),
        application: ApplicationId(id(row, first + 1)?),
        environment: environment(row, first + 2)?,
    })
}

pub(super) fn environment(row: &Row<'_>, index: usize) -> rusqlite::Result<Environment> {
    Environment::from_number(row.get(index)?).ok_or_else(|| unknown(index))
}

pub(super) fn mode(row: &Row<'_>, index: usize) -> rusqlite::Result<Mode> {
    row.get_ref(index)?.as_str().ok().and_then(Mode::from_name).ok_or_else(|| unknown(index))
}

pub(super) fn actor(row: &Row<'_>, index: usize) -> rusqlite::Result<Actor> {
    row.get_ref(index)?.as_str().ok().and_then(Actor::from_name).ok_or_else(|| unknown(index))
}

pub(super) fn id(row: &Row<'_>, index: usize) -> rusqlite::Result<Uuid> {
    row.get(index).map(Uuid::from_bytes)
}

pub(super) fn text_id(row: &Row<'_>, index: usize) -> rusqlite::Result<Uuid> {
    row.get_ref(index)?.as_str().ok().and_then(|text| Uuid::try_parse(text).ok()).ok_or_else(|| unknown(index))
}

fn text(row: &Row<'_>, index: usize) -> rusqlite::Result<Cow<'static, str>> {
    row.get(index).map(Cow::Owned)
}

/// The column does not hold what was written there. The value is left out of the error.
fn unknown(index: usize) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(FromSqlError::InvalidType))
}
