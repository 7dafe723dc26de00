//! Onboarding flows: at most one open flow of a person in a scope.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::fault::Fault;
use super::require_one;
use super::row::{self, flow_columns, scoped};
use crate::message::PARTNER;
use crate::{Digest, Flow, FlowExpiry, FlowStep, Millis, NewFlow, Scope};

/// Whether the flow is of this scope, open, not expired, and in one of the states.
pub(super) fn is_in(
    connection: &Connection,
    scope: &Scope,
    process_id: i64,
    states: &[&str],
    now: Millis,
) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT state FROM flows
         WHERE process_id = ?1 AND partner_id = ?2 AND application_id = ?3 AND environment = ?4
           AND open = 1 AND expires_at > ?5",
    )?;
    let holds = statement.query_row(scoped!(scope, process_id, now), |row| {
        let state = row.get_ref(0)?.as_str()?;
        Ok(states.contains(&state))
    });
    Ok(holds.optional()?.unwrap_or(false))
}

/// The flow of a person that is open and not expired.
pub(super) fn of_person(
    connection: &Connection,
    scope: &Scope,
    person: &Digest,
    now: Millis,
) -> rusqlite::Result<Option<Flow>> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        flow_columns!(),
        " FROM flows
         WHERE person_digest = ?1 AND partner_id = ?2 AND application_id = ?3 AND environment = ?4
           AND open = 1 AND expires_at > ?5"
    ))?;
    statement.query_row(scoped!(scope, person, now), row::flow).optional()
}

/// Opens a flow. The one it replaces, if any, has expired: it is closed, and its state is left, since what expiry is
/// called is not known here.
pub(super) fn open(connection: &Connection, scope: &Scope, flow: &NewFlow, now: Millis) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(
        "UPDATE flows SET open = 0, updated_at = ?5
         WHERE person_digest = ?1 AND partner_id = ?2 AND application_id = ?3 AND environment = ?4
           AND open = 1 AND expires_at <= ?5",
    )?;
    statement.execute(scoped!(scope, flow.person_digest, now))?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO flows (process_id, partner_id, application_id, environment, customer_no, person_digest, state, open,
           phone_digest, email_digest, created_at, updated_at, expires_at, notify)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?9, ?10, ?10, ?11, ?12)",
    )?;
    statement.execute(scoped!(
        scope,
        flow.process_id,
        flow.customer_no,
        flow.person_digest,
        flow.state,
        flow.phone_digest,
        flow.email_digest,
        flow.created_at,
        flow.expires_at,
        flow.notify,
    ))?;
    Ok(())
}

/// Moves an open flow on.
pub(super) fn step(connection: &Connection, scope: &Scope, step: &FlowStep) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(
        "UPDATE flows SET state = ?5, open = ?6, updated_at = ?7
         WHERE process_id = ?1 AND partner_id = ?2 AND application_id = ?3 AND environment = ?4 AND open = 1",
    )?;
    require_one(&mut statement, scoped!(scope, step.process_id, step.state, step.open, step.at))
}

/// Ends a flow, open or not.
pub(super) fn end(connection: &Connection, scope: &Scope, step: &FlowStep) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(
        "UPDATE flows SET state = ?5, open = 0, updated_at = ?6
         WHERE process_id = ?1 AND partner_id = ?2 AND application_id = ?3 AND environment = ?4",
    )?;
    require_one(&mut statement, scoped!(scope, step.process_id, step.state, step.at))
}

/// Ends flows whose time is over, and tells of it beside the newest step of each.
pub(super) fn expire(connection: &Connection, expiry: &FlowExpiry) -> Result<usize, Fault> {
    let FlowExpiry { now, state, event, limit } = expiry;
    let mut due = connection.prepare_cached(
        "SELECT process_id FROM flows WHERE open = 1 AND expires_at <= ?1 ORDER BY expires_at LIMIT ?2",
    )?;
    let due: Vec<i64> = due.query_map(params![now, limit], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut end =
        connection.prepare_cached("UPDATE flows SET state = ?2, open = 0, updated_at = ?3 WHERE process_id = ?1")?;
    let mut tell = connection.prepare_cached(
        "INSERT INTO messages (record_id, environment, application_id, destination, event, state, next_due_at)
         SELECT r.id, f.environment, f.application_id, ?2, ?3, 'pending', ?4
         FROM flows AS f JOIN records AS r ON r.process_id = f.process_id
         WHERE f.process_id = ?1 AND f.notify = 1 ORDER BY r.id DESC LIMIT 1",
    )?;
    for process_id in &due {
        end.execute(params![process_id, state, now])?;
        tell.execute(params![process_id, PARTNER, event, now])?;
    }
    Ok(due.len())
}
