//! Resetting the sandbox of one application: everything it sent there goes, with all that hangs on it.

use rusqlite::{Connection, params};

use super::fault::Fault;
use super::row::scoped;
use crate::{Constraint, Environment, ResetCounts, Scope};

/// Removes up to `limit` records, replies and flows each; nothing is left once all counts are 0.
pub(super) fn reset(connection: &Connection, scope: &Scope, limit: u32) -> Result<ResetCounts, Fault> {
    if scope.environment != Environment::Sandbox {
        return Err(Fault::Refused(Constraint::Form));
    }
    let mut counts = ResetCounts::default();
    // The number of the sandbox stands in the text too: only then SQLite knows that the sandbox's own indexes will do.
    let records: Vec<[u8; 16]> = connection
        .prepare_cached(
            "SELECT id FROM records
             WHERE partner_id = ?2 AND application_id = ?3 AND environment = ?4 AND environment = 1 LIMIT ?1",
        )?
        .query_map(scoped!(scope, limit), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for record in &records {
        counts.messages += remove(connection, "DELETE FROM messages WHERE record_id = ?1 AND environment = 1", record)?;
        let timeline = "DELETE FROM statuses WHERE delivery_id IN (SELECT id FROM deliveries WHERE record_id = ?1)";
        remove(connection, timeline, record)?;
        counts.deliveries += remove(connection, "DELETE FROM deliveries WHERE record_id = ?1", record)?;
        remove(connection, "DELETE FROM payloads WHERE record_id = ?1", record)?;
        counts.records += remove(connection, "DELETE FROM records WHERE id = ?1", record)?;
    }
    counts.replies = connection
        .prepare_cached(
            "DELETE FROM idempotency WHERE rowid IN
               (SELECT rowid FROM idempotency
                WHERE partner_id = ?2 AND application_id = ?3 AND environment = ?4 AND environment = 1 LIMIT ?1)",
        )?
        .execute(scoped!(scope, limit))?;
    // A flow goes after the records that are its steps.
    if counts.records == 0 {
        counts.flows = connection
            .prepare_cached(
                "DELETE FROM flows WHERE process_id IN
                   (SELECT process_id FROM flows
                    WHERE partner_id = ?2 AND application_id = ?3 AND environment = ?4 AND environment = 1 LIMIT ?1)",
            )?
            .execute(scoped!(scope, limit))?;
    }
    Ok(counts)
}

fn remove(connection: &Connection, sql: &str, record: &[u8; 16]) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute(params![record])
}
