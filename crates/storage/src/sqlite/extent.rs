//! How much room the database takes and has.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use crate::{Extent, folder};

pub(super) fn of(connection: &Connection, database: &Path) -> rusqlite::Result<Extent> {
    let pragma = |name| -> rusqlite::Result<u64> {
        let number: i64 = connection.pragma_query_value(None, name, |row| row.get(0))?;
        Ok(number.unsigned_abs())
    };
    let page_bytes = pragma("page_size")?;
    // The log is there as long as a connection is open; its name is the database's with an ending.
    let log = database.with_extension("db-wal");
    Ok(Extent {
        database_bytes: pragma("page_count")?.saturating_mul(page_bytes),
        reusable_bytes: pragma("freelist_count")?.saturating_mul(page_bytes),
        log_bytes: fs::metadata(log).ok().map(|log| log.len()),
        volume_free_bytes: database.parent().and_then(|folder| folder::free_bytes(folder).ok()),
        checkpoints: None,
    })
}
