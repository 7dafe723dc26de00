//! Outbox rows: claimed under a lease, marked under the number of the claim.

use rusqlite::{Connection, params};

use super::fault::Fault;
use super::row;
use crate::{Claim, Claimed, Delivery, Mark, Marked, Millis};

/// Due rows, those with an expired lease first: their work was begun before the others came.
const DUE: &str = "
    SELECT o.id, o.token, o.destination, o.attempts, r.partner_id, r.application_id, r.environment, r.id, r.public_id,
      r.api, r.version, r.operation
    FROM (
      SELECT * FROM (SELECT id, 0 AS turn, lease_until AS since FROM outbox
        WHERE state = 'claimed' AND lease_until <= ?1 ORDER BY lease_until LIMIT ?2)
      UNION ALL
      SELECT * FROM (SELECT id, 1 AS turn, next_due_at AS since FROM outbox
        WHERE state = 'pending' AND next_due_at <= ?1 ORDER BY next_due_at LIMIT ?2)
    ) AS due
    JOIN outbox AS o ON o.id = due.id
    JOIN records AS r ON r.id = o.record_id
    ORDER BY due.turn, due.since, due.id
    LIMIT ?2";

pub(super) fn claim(connection: &Connection, claim: &Claim) -> Result<Vec<Claimed>, Fault> {
    let lease = Millis::try_from(claim.lease.as_millis()).unwrap_or(Millis::MAX);
    let lease_until = claim.now.saturating_add(lease);
    let mut due = connection.prepare_cached(DUE)?;
    let claimed: Vec<Claimed> = due
        .query_map(params![claim.now, claim.limit], |row| {
            Ok(Claimed {
                id: row.get(0)?,
                token: row.get::<_, i64>(1)? + 1,
                destination: row.get(2)?,
                attempts: row.get::<_, u32>(3)?.saturating_add(1),
                lease_until,
                scope: row::scope(row, 4)?,
                record: row::id(row, 7)?,
                public_id: row::text_id(row, 8)?,
                api: row.get(9)?,
                version: row.get(10)?,
                operation: row.get(11)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(
        "UPDATE outbox SET state = 'claimed', token = ?2, attempts = ?3, lease_until = ?4 WHERE id = ?1",
    )?;
    for row in &claimed {
        statement.execute(params![row.id, row.token, row.attempts, row.lease_until])?;
    }
    Ok(claimed)
}

pub(super) fn mark(connection: &Connection, marks: &[Mark]) -> Result<Vec<Marked>, Fault> {
    let mut statement = connection.prepare_cached(
        "UPDATE outbox SET state = ?3, lease_until = NULL, next_due_at = coalesce(?4, next_due_at), finished_at = ?5
         WHERE id = ?1 AND token = ?2 AND state = 'claimed'",
    )?;
    let mut marked = Vec::with_capacity(marks.len());
    for Mark { id, token, delivery } in marks {
        let (state, due_at, finished_at) = match delivery {
            Delivery::Delivered { at } => ("delivered", None, Some(at)),
            Delivery::Retry { due_at } => ("pending", Some(due_at), None),
            Delivery::Parked { at } => ("parked", None, Some(at)),
        };
        marked.push(match statement.execute(params![id, token, state, due_at, finished_at])? {
            0 => Marked::Stale,
            _ => Marked::Done,
        });
    }
    Ok(marked)
}
