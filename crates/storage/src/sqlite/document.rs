//! Documents: appended version by version.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::directory::note;
use super::fault::Fault;
use crate::{Document, DocumentMeta, NewDocument};

/// The columns [`meta`] reads, in its order.
macro_rules! meta_columns {
    () => {
        "kind, name, version, digest, created_at, created_by, length(content)"
    };
}

/// Appends a version; none when the newest one is not the expected one.
pub(super) fn put(
    connection: &Connection,
    document: &NewDocument,
    expected_previous: Option<u32>,
) -> Result<Option<u32>, Fault> {
    let NewDocument { kind, name, content, digest, at, by } = document;
    let mut statement =
        connection.prepare_cached("SELECT max(version) FROM documents WHERE kind = ?1 AND name = ?2")?;
    let previous: Option<u32> = statement.query_row(params![kind, name], |row| row.get(0))?;
    if previous != expected_previous {
        return Ok(None);
    }
    let version = previous.unwrap_or(0) + 1;
    let mut statement = connection.prepare_cached(
        "INSERT INTO documents (kind, name, version, digest, created_at, created_by, content)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    statement.execute(params![kind, name, version, digest, at, by, content])?;
    note(connection, *at, by, "document.imported", &format!("{kind}/{name}"), &version.to_string())?;
    Ok(Some(version))
}

/// All versions of all documents, in the order of their names and versions.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<DocumentMeta>> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        meta_columns!(),
        " FROM documents ORDER BY kind, name, version"
    ))?;
    statement.query_map([], meta)?.collect()
}

/// One version, or the newest.
pub(super) fn one(
    connection: &Connection,
    kind: &str,
    name: &str,
    version: Option<u32>,
) -> rusqlite::Result<Option<Document>> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        meta_columns!(),
        ", content FROM documents WHERE kind = ?1 AND name = ?2 AND (?3 IS NULL OR version = ?3)
         ORDER BY version DESC LIMIT 1"
    ))?;
    let read = |row: &Row<'_>| Ok(Document { meta: meta(row)?, content: row.get(7)? });
    statement.query_row(params![kind, name, version], read).optional()
}

/// A number that grows with every import.
pub(super) fn generation(connection: &Connection) -> rusqlite::Result<i64> {
    let mut statement = connection.prepare_cached("SELECT coalesce(max(id), 0) FROM documents")?;
    statement.query_row([], |row| row.get(0))
}

fn meta(row: &Row<'_>) -> rusqlite::Result<DocumentMeta> {
    Ok(DocumentMeta {
        kind: row.get(0)?,
        name: row.get(1)?,
        version: row.get(2)?,
        digest: row.get(3)?,
        created_at: row.get(4)?,
        created_by: row.get(5)?,
        bytes: row.get(6)?,
    })
}
