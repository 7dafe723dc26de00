//! A copy of the database while it is in use, and a look at whether a copy is whole.
//!
//! The copy is made from a snapshot: it holds everything that was acknowledged before it began and nothing in part. What
//! stands beside the database (keys, a list of hashes) is for the caller to copy.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use thiserror::Error;

use super::{DATABASE_NAME, connect, read};
use crate::seal::Binding;
use crate::{OpenError, folder, key_file};

/// The name a copy has in its folder, which is the database's own.
pub const FILE_NAME: &str = DATABASE_NAME;

/// The file with the payload key, beside the database.
pub const KEY_FILE_NAME: &str = key_file::NAME;

/// Pages of one step; progress is told between two.
const STEP_PAGES: i32 = 4_096;

/// What a whole copy holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The version of the schema.
    pub schema: u32,
    /// Rows of each table.
    pub rows: BTreeMap<String, u64>,
    /// When the newest request in it was accepted, in milliseconds; none when there is no request.
    pub newest: Option<i64>,
}

/// Why there is no copy, or why it is not whole.
#[derive(Debug, Error)]
pub enum BackupError {
    /// There is nothing to copy.
    #[error("there is no database in {folder}")]
    Missing {
        /// The data folder.
        folder: PathBuf,
    },
    /// There is too little room for the copy.
    #[error("the copy needs {needed_bytes} bytes, and {folder} has {free_bytes} free")]
    Room {
        /// Where it was to be made.
        folder: PathBuf,
        /// The size of the database.
        needed_bytes: u64,
        /// What is free.
        free_bytes: u64,
    },
    /// SQLite cannot read or write a file.
    #[error("the database {path} cannot be copied or read (SQLite code {code})")]
    Database {
        /// The file.
        path: PathBuf,
        /// SQLite's extended result code; 0 when the fault is not SQLite's.
        code: i32,
    },
    /// The file is damaged.
    #[error("the database {path} is damaged: {found} faults")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How many faults SQLite named; it stops at 100.
        found: usize,
    },
    /// A file cannot be made or written.
    #[error("{path} cannot be written: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The payload key beside the copy does not open what is in it.
    #[error(transparent)]
    Key(#[from] OpenError),
}

/// Copies the database of a data folder, in use or not, to [`FILE_NAME`] in another folder, and syncs it. `progress` is
/// told pages done and pages in all.
///
/// # Errors
/// When there is no whole copy. A file that was begun is left where it is.
pub fn copy(data: &Path, target: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<(), BackupError> {
    let database = data.join(DATABASE_NAME);
    if !database.exists() {
        return Err(BackupError::Missing { folder: data.to_owned() });
    }
    let from = |error: rusqlite::Error| fault(&database, &error);
    let source = connect(&database, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(from)?;
    // From here on the connection sees what is committed now, however long copying takes.
    source.execute_batch("BEGIN").map_err(from)?;
    let pages: i64 = source.pragma_query_value(None, "page_count", |row| row.get(0)).map_err(from)?;
    source.query_row("SELECT count(*) FROM payload_keys", [], |_| Ok(())).map_err(from)?;
    let page_bytes: i64 = source.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(from)?;
    let needed_bytes = pages.unsigned_abs().saturating_mul(page_bytes.unsigned_abs());
    let free_bytes =
        folder::free_bytes(target).map_err(|source| BackupError::File { path: target.to_owned(), source })?;
    if free_bytes < needed_bytes {
        return Err(BackupError::Room { folder: target.to_owned(), needed_bytes, free_bytes });
    }

    let path = target.join(FILE_NAME);
    let failed = |source| BackupError::File { path: path.clone(), source };
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
    let to = |error: rusqlite::Error| fault(&path, &error);
    let mut copy = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(to)?;
    {
        let backup = Backup::new(&source, &mut copy).map_err(to)?;
        loop {
            let step = backup.step(STEP_PAGES).map_err(to)?;
            let told = backup.progress();
            let count = |pages: i32| u64::try_from(pages).unwrap_or_default();
            progress(count(told.pagecount.saturating_sub(told.remaining)), count(told.pagecount));
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                // Nobody else has the copy, and readers of a log wait for nobody.
                _ => return Err(BackupError::Database { path, code: 0 }),
            }
        }
    }
    // A log is for a database in use; without one the copy is a single file.
    copy.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(())).map_err(to)?;
    copy.close().map_err(|(_, error)| to(error))?;
    File::open(&path).and_then(|file| file.sync_all()).map_err(failed)?;
    folder::sync(target).map_err(|source| BackupError::File { path: target.to_owned(), source })
}

/// Reads the whole database of a folder and says what is in it. The payload key is tried on it where it stands beside it.
///
/// # Errors
/// When anything in it is damaged, or the key does not fit.
pub fn examine(folder: &Path) -> Result<Content, BackupError> {
    let path = folder.join(FILE_NAME);
    let failed = |error: rusqlite::Error| fault(&path, &error);
    let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).map_err(failed)?;
    let rows_of = |pragma: &str| -> rusqlite::Result<Vec<Option<String>>> {
        let mut statement = connection.prepare(pragma)?;
        statement.query_map([], |row| row.get(0))?.collect()
    };
    let told = rows_of("PRAGMA integrity_check").map_err(failed)?;
    let is_whole = matches!(&told[..], [Some(only)] if only == "ok");
    let strays = rows_of("PRAGMA foreign_key_check").map_err(failed)?;
    if !is_whole || !strays.is_empty() {
        let found = if is_whole { strays.len() } else { told.len() };
        return Err(BackupError::Damaged { path, found });
    }

    let content = content(&connection).map_err(failed)?;
    let keys = read::payload_keys(&connection).map_err(failed)?;
    if let Some(sealer) = key_file::read(folder)? {
        let probe = keys.probes.into_iter().find(|probe| probe.key_id == sealer.key_id());
        let opened = probe.map(|probe| sealer.open(&Binding::Probe, probe));
        if !matches!(opened, Some(Ok(_))) {
            return Err(OpenError::KeyForeign { path: folder.join(key_file::NAME) }.into());
        }
    }
    Ok(content)
}

fn content(connection: &Connection) -> rusqlite::Result<Content> {
    let mut statement =
        connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")?;
    let names: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut rows = BTreeMap::new();
    for name in names {
        // Names of tables are our own, and of letters and underscores.
        let count: i64 = connection.query_row(&format!("SELECT count(*) FROM \"{name}\""), [], |row| row.get(0))?;
        rows.insert(name, count.unsigned_abs());
    }
    let schema = connection.query_row("SELECT max(version) FROM refinery_schema_history", [], |row| row.get(0))?;
    let newest = connection.query_row("SELECT max(received_at) FROM records", [], |row| row.get(0))?;
    Ok(Content { schema, rows, newest })
}

fn fault(path: &Path, error: &rusqlite::Error) -> BackupError {
    let code = match error {
        rusqlite::Error::SqliteFailure(failure, _) => failure.extended_code,
        _ => 0,
    };
    BackupError::Database { path: path.to_owned(), code }
}

impl BackupError {
    /// What the operator can do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Missing { .. } => "Name the data folder of the gateway with --data-folder.".to_owned(),
            Self::Room { .. } => "Choose a folder on a volume with more room.".to_owned(),
            Self::Database { .. } => {
                "Check the disk, and that the file is a backup or a database of this program.".to_owned()
            }
            Self::Damaged { .. } => "Use an older backup, and check the disk this one is on.".to_owned(),
            Self::File { .. } => "Check the permissions and the free space of the folder.".to_owned(),
            Self::Key(error) => error.remedy(),
        }
    }
}
