//! Erasing content whose time is over: payloads go and are overwritten, the record stays.

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::fault::Fault;
use super::row;
use crate::{Expired, Millis, Retention};

/// Whether the content of record `r` is over: `?1` is when it must have been closed and acknowledged, `?2` when it must have
/// been parked. What waits to be sent or pulled keeps it, and so does an open delivery or flow.
macro_rules! is_over {
    () => {
        "r.received_at <= ?1
         AND NOT EXISTS (SELECT 1 FROM flows AS f
             WHERE f.process_id = r.process_id AND (f.open = 1 OR f.updated_at > ?1))
         AND NOT EXISTS (SELECT 1 FROM messages AS m
             WHERE m.record_id = r.id AND m.application_id IS NULL AND m.state IN ('pending', 'claimed'))
         AND CASE WHEN EXISTS (SELECT 1 FROM messages AS m
             WHERE m.record_id = r.id AND m.application_id IS NULL AND m.state = 'parked')
           THEN NOT EXISTS (SELECT 1 FROM messages AS m
             WHERE m.record_id = r.id AND m.application_id IS NULL AND m.state = 'parked'
               AND coalesce(m.finished_at, ?2 + 1) > ?2)
           ELSE NOT EXISTS (SELECT 1 FROM deliveries AS d
             WHERE d.record_id = r.id
               AND (d.open = 1 OR d.changed_at > ?1 OR coalesce(d.acknowledged_at, ?1 + 1) > ?1))
           AND NOT EXISTS (SELECT 1 FROM messages AS m
             WHERE m.record_id = r.id AND m.application_id IS NULL AND m.finished_at > ?1)
           END"
    };
}

/// Looks at up to `limit` records after one, oldest first.
pub(super) fn expired(
    connection: &Connection,
    retention: &Retention,
    after: Option<Uuid>,
    limit: u32,
) -> rusqlite::Result<Expired> {
    let Retention { closed_before, parked_before, .. } = *retention;
    // Ids are in time order: nothing younger than this can be over.
    let until = id_of(closed_before.max(parked_before));
    let mut statement = connection.prepare_cached(concat!(
        "SELECT r.id, r.salt IS NOT NULL, r.salt IS NOT NULL AND ",
        is_over!(),
        " FROM records AS r WHERE r.id > ?3 AND r.id < ?4 ORDER BY r.id LIMIT ?5"
    ))?;
    let after = after.unwrap_or(Uuid::nil());
    let parameters = params![closed_before, parked_before, after.as_bytes(), until.as_bytes(), limit];
    let rows = statement.query_map(parameters, |row| Ok((row::id(row, 0)?, row.get(1)?, row.get(2)?)))?;
    let mut expired = Expired { due: Vec::new(), kept: 0, next: None };
    let mut looked_at = 0;
    for row in rows {
        let (id, has_content, is_due): (Uuid, bool, bool) = row?;
        looked_at += 1;
        expired.next = Some(id);
        if is_due {
            expired.due.push(id);
        } else if has_content {
            expired.kept += 1;
        }
    }
    if looked_at < limit {
        expired.next = None;
    }
    Ok(expired)
}

/// Erases the content of these records, as far as it is still over, and says of how many.
pub(super) fn erase(connection: &Connection, retention: &Retention, records: &[Uuid]) -> Result<usize, Fault> {
    let Retention { closed_before, parked_before, kept_parts } = *retention;
    let mut mark = connection.prepare_cached(concat!(
        "UPDATE records AS r SET salt = NULL WHERE r.id = ?3 AND r.salt IS NOT NULL AND ",
        is_over!()
    ))?;
    let mut parts = connection.prepare_cached("SELECT part FROM payloads WHERE record_id = ?1")?;
    let mut remove = connection.prepare_cached("DELETE FROM payloads WHERE record_id = ?1 AND part = ?2")?;
    let mut count = 0;
    for record in records {
        if mark.execute(params![closed_before, parked_before, record.as_bytes()])? == 0 {
            continue;
        }
        count += 1;
        let parts: Vec<String> =
            parts.query_map(params![record.as_bytes()], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        for part in parts.iter().filter(|part| !kept_parts.contains(&part.as_str())) {
            remove.execute(params![record.as_bytes(), part])?;
        }
    }
    Ok(count)
}

/// The smallest id that can have been made after this time.
fn id_of(at: Millis) -> Uuid {
    let millis = u128::try_from(at.max(0)).unwrap_or_default() + 1;
    Uuid::from_u128(millis << 80)
}
