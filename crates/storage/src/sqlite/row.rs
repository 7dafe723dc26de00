//! From rows to values.

use std::borrow::Cow;

use rusqlite::Row;
use rusqlite::types::{FromSqlError, Type};
use uuid::Uuid;

use crate::{
    Actor, ApplicationId, Content, Environment, Flow, KeyId, Mode, PartnerId, Record, Scope, Sealed, StatusChange,
};

/// The columns [`record`] reads, in its order.
macro_rules! record_columns {
    () => {
        "id, public_id, api, version, operation, contract_version, partner_reference, campaign, source, sub_partner, \
         received_at, status, payload_hash, salt, durability, warnings, correlation_id, process_id"
    };
}
/// The columns [`flow`] reads, in its order.
macro_rules! flow_columns {
    () => {
        "process_id, customer_no, person_digest, state, open, phone_digest, email_digest, created_at, updated_at, expires_at"
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
pub(super) use {flow_columns, record_columns, scoped};

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
    })
}

/// Reads `status, actor, at`.
pub(super) fn status_change(row: &Row<'_>) -> rusqlite::Result<StatusChange> {
    let actor = row.get_ref(1)?.as_str().ok().and_then(Actor::from_name);
    Ok(StatusChange { status: text(row, 0)?, actor: actor.ok_or_else(|| unknown(1))?, at: row.get(2)? })
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
        environment: Environment::from_number(row.get(first + 2)?).ok_or_else(|| unknown(first + 2))?,
    })
}

pub(super) fn mode(row: &Row<'_>, index: usize) -> rusqlite::Result<Mode> {
    row.get_ref(index)?.as_str().ok().and_then(Mode::from_name).ok_or_else(|| unknown(index))
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
