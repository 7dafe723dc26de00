//! What a data folder holds, read around the gateway when it has stopped.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use usher_oracle::{Handed, Stored};

/// All requests in the SQLite database of a data folder. Their keys are the references that the partner gave them.
pub(crate) fn stored(folder: &Path) -> rusqlite::Result<Vec<Stored>> {
    let database = Connection::open_with_flags(folder.join("usher.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    requests(&database)
}

/// The same, of an open database.
pub(crate) fn requests(database: &Connection) -> rusqlite::Result<Vec<Stored>> {
    // Tables without an index on the record are read once, not once for each record.
    let mut statement = database.prepare(
        "WITH answered AS MATERIALIZED (SELECT DISTINCT record_id FROM idempotency),
           told AS MATERIALIZED (SELECT record_id, max(CASE state WHEN 'delivered' THEN 1 ELSE 2 END) AS handed
             FROM messages WHERE application_id IS NULL GROUP BY record_id)
         SELECT hex(r.application_id), coalesce(r.partner_reference, ''), r.public_id,
           EXISTS (SELECT 1 FROM payloads WHERE record_id = r.id)
             AND EXISTS (SELECT 1 FROM deliveries WHERE record_id = r.id) AND answered.record_id IS NOT NULL,
           told.handed
         FROM records AS r
         LEFT JOIN answered ON answered.record_id = r.id
         LEFT JOIN told ON told.record_id = r.id",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Stored {
            tenant: row.get(0)?,
            key: row.get(1)?,
            id: row.get(2)?,
            is_whole: row.get(3)?,
            handed: match row.get::<_, Option<u8>>(4)? {
                Some(1) => Handed::Over,
                Some(_) => Handed::Waits,
                None => Handed::Lost,
            },
        })
    })?;
    rows.collect()
}
