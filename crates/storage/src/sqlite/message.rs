//! Messages: written with what they tell of, claimed under a lease, marked under the number of the claim.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::commit::require_in_scope;
use super::fault::Fault;
use super::{delivery, row};
use crate::message::{PARTNER, SIMULATED_BANK};
use crate::{BankView, Claim, Claimed, Constraint, Environment, Fate, Mark, Marked, Millis, NewMessage, Record, Scope};

/// Due rows of an environment, those with an expired lease first: their work was begun before the others came.
const DUE: &str = "
    SELECT m.id, m.token, m.destination, m.event, m.delivery_id, m.position, m.attempts, r.partner_id,
      r.application_id, r.environment, r.id, r.public_id, r.api, r.version, r.operation, due.turn, due.since
    FROM (
      SELECT * FROM (SELECT id, 0 AS turn, lease_until AS since FROM messages
        WHERE state = 'claimed' AND environment = ?1 AND lease_until <= ?2
          AND CASE WHEN ?4 IS NULL THEN destination <> ?5 ELSE destination = ?4 END ORDER BY lease_until LIMIT ?3)
      UNION ALL
      SELECT * FROM (SELECT id, 1 AS turn, next_due_at AS since FROM messages
        WHERE state = 'pending' AND application_id IS NULL AND environment = ?1 AND next_due_at <= ?2
          AND CASE WHEN ?4 IS NULL THEN destination <> ?5 ELSE destination = ?4 END
        ORDER BY next_due_at LIMIT ?3)
    ) AS due
    JOIN messages AS m ON m.id = due.id
    JOIN records AS r ON r.id = m.record_id
    ORDER BY due.turn, due.since, due.id
    LIMIT ?3";

pub(super) fn insert(
    connection: &Connection,
    scope: &Scope,
    message: &NewMessage,
    own: Option<&Record>,
) -> Result<(), Fault> {
    require_in_scope(connection, scope, message.record, own)?;
    let about = match &message.delivery {
        None => None,
        Some(destination) => {
            let found = delivery::find(connection, message.record, destination)?;
            Some(found.ok_or(Fault::Refused(Constraint::Reference))?)
        }
    };
    let (delivery, position) = about.unzip();
    let mut statement = connection.prepare_cached(
        "INSERT INTO messages (record_id, delivery_id, environment, application_id, destination, event, position, state,
           next_due_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'pending', ?8)",
    )?;
    statement.execute(params![
        message.record.as_bytes(),
        delivery,
        scope.environment.number(),
        (message.destination == PARTNER).then(|| scope.application.0.as_bytes()),
        message.destination,
        message.event,
        position,
        message.due_at,
    ])?;
    Ok(())
}

pub(super) fn claim(connection: &Connection, claim: &Claim) -> Result<Vec<Claimed>, Fault> {
    let lease = Millis::try_from(claim.lease.as_millis()).unwrap_or(Millis::MAX);
    let lease_until = claim.now.saturating_add(lease);
    let mut due = Vec::new();
    for environment in [Environment::Sandbox, Environment::Production] {
        if claim.environment.is_none_or(|only| only == environment) {
            due.extend(due_in(connection, claim, environment, lease_until)?);
        }
    }
    due.sort_by_key(|((turn, since), row)| (*turn, *since, row.id));
    let claimed: Vec<Claimed> =
        due.into_iter().map(|(_, row)| row).take(usize::try_from(claim.limit).unwrap_or(usize::MAX)).collect();
    let mut statement = connection.prepare_cached(
        "UPDATE messages SET state = 'claimed', token = ?2, attempts = ?3, lease_until = ?4 WHERE id = ?1",
    )?;
    for row in &claimed {
        statement.execute(params![row.id, row.token, row.attempts, row.lease_until])?;
    }
    Ok(claimed)
}

type Due = ((i64, Millis), Claimed);

fn due_in(
    connection: &Connection,
    claim: &Claim,
    environment: Environment,
    lease_until: Millis,
) -> rusqlite::Result<Vec<Due>> {
    let mut statement = connection.prepare_cached(DUE)?;
    let due = statement.query_map(
        params![environment.number(), claim.now, claim.limit, claim.destination, SIMULATED_BANK],
        |row| {
            let claimed = Claimed {
                id: row.get(0)?,
                token: row.get::<_, i64>(1)? + 1,
                destination: row.get(2)?,
                event: row.get(3)?,
                delivery: row.get(4)?,
                position: row.get(5)?,
                attempts: row.get::<_, u32>(6)?.saturating_add(1),
                lease_until,
                scope: row::scope(row, 7)?,
                record: row::id(row, 10)?,
                public_id: row::text_id(row, 11)?,
                api: row.get(12)?,
                version: row.get(13)?,
                operation: row.get(14)?,
            };
            Ok(((row.get(15)?, row.get(16)?), claimed))
        },
    )?;
    due.collect()
}

pub(super) fn mark(connection: &Connection, marks: &[Mark]) -> Result<Vec<Marked>, Fault> {
    let mut statement = connection.prepare_cached(
        "UPDATE messages SET state = ?3, lease_until = NULL, next_due_at = coalesce(?4, next_due_at), finished_at = ?5
         WHERE id = ?1 AND token = ?2 AND state = 'claimed'",
    )?;
    let mut marked = Vec::with_capacity(marks.len());
    for Mark { id, token, fate } in marks {
        let (state, due_at, finished_at) = match fate {
            Fate::Delivered { at } => ("delivered", None, Some(at)),
            Fate::Retry { due_at } => ("pending", Some(due_at), None),
            Fate::Parked { at } => ("parked", None, Some(at)),
        };
        if statement.execute(params![id, token, state, due_at, finished_at])? == 0 {
            marked.push(Marked::Stale);
            continue;
        }
        if let Fate::Delivered { at } = fate {
            delivery::acknowledge(connection, *id, *at)?;
        }
        marked.push(Marked::Done);
    }
    Ok(marked)
}

/// What a bank says it has. To say it again changes nothing and is no fault.
pub(super) fn acknowledge(
    connection: &Connection,
    view: &BankView,
    ids: &[i64],
    now: Millis,
) -> Result<Vec<Marked>, Fault> {
    let mut known = connection.prepare_cached(
        "SELECT state = 'delivered' FROM messages
         WHERE id = ?1 AND environment = ?2 AND application_id IS NULL AND (?3 IS NULL OR destination = ?3)
           AND destination <> ?4",
    )?;
    let mut finish = connection.prepare_cached(
        "UPDATE messages SET state = 'delivered', lease_until = NULL, finished_at = ?2 WHERE id = ?1",
    )?;
    let mut marked = Vec::with_capacity(ids.len());
    for id in ids {
        let parameters = params![id, view.environment.number(), view.destination, SIMULATED_BANK];
        let is_delivered: Option<bool> = known.query_row(parameters, |row| row.get(0)).optional()?;
        marked.push(match is_delivered {
            None => Marked::Unknown,
            Some(true) => Marked::Done,
            Some(false) => {
                finish.execute(params![id, now])?;
                delivery::acknowledge(connection, *id, now)?;
                Marked::Done
            }
        });
    }
    Ok(marked)
}
