//! SQLite as a storage engine: one writing connection, reading connections, checkpoints on a thread of their own.

pub mod backup;
mod bank;
mod checkpoint;
mod commit;
mod delivery;
mod directory;
mod document;
mod extent;
mod fault;
mod flow;
mod ledger;
mod message;
mod migrate;
mod query;
mod read;
mod retention;
mod row;
mod sandbox;
mod webhook;

use std::fs::{self, File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags, Params};
use uuid::Uuid;

pub use self::checkpoint::Checkpointing;
use self::checkpoint::{Checkpointer, Checkpoints, Wal};
use self::fault::{Fault, open_error};
use self::read::SqliteReader;
use crate::folder::{self, Folder};
use crate::{
    Audit, BankView, Change, Claim, Claimed, Constraint, Digest, Engine, FlowExpiry, Mark, Marked, Millis, NewDocument,
    OpenError, PayloadKeys, Reader, Replay, Replayed, ResetCounts, Retention, Scope, Sealed, SealedCommit, StoreError,
    Verdict,
};

const DATABASE_NAME: &str = "usher.db";
/// What SQLite calls the log of that database.
const LOG_NAME: &str = "usher.db-wal";
/// What all key files of this program begin with.
const KEY_FORM: [u8; 6] = *b"usher-";

/// Longer than any statement of ours; only a foreign program holding the database can use it up.
const BUSY_MAX: Duration = Duration::from_secs(5);

/// The pages of a new database.
const PAGE_BYTES: u32 = 8_192;

/// There are fewer statements than this, so each is prepared once per connection.
const STATEMENTS_MAX: usize = 128;

/// SQLite in a data folder.
pub struct SqliteEngine {
    // In the order they must be dropped: closing the writing connection makes a final checkpoint, and only then the
    // folder may be given up.
    checkpointer: Checkpointer,
    connection: Connection,
    wal: Arc<Wal>,
    database: PathBuf,
    _folder: Folder,
}

impl SqliteEngine {
    /// Opens the database of the folder, made and brought to the newest schema as needed.
    ///
    /// # Errors
    /// When it cannot be opened, or belongs to another version.
    pub fn open(folder: Folder) -> Result<Self, OpenError> {
        Self::open_with(folder, Checkpointing::default())
    }

    /// The same, with other rules for checkpoints.
    ///
    /// # Errors
    /// As [`SqliteEngine::open`].
    pub fn open_with(folder: Folder, checkpointing: Checkpointing) -> Result<Self, OpenError> {
        let database = folder.path().join(DATABASE_NAME);
        refuse_loss(folder.path(), &database)?;
        create(folder.path(), &database)
            .map_err(|source| OpenError::Folder { folder: folder.path().to_owned(), source })?;
        let failed = |error: rusqlite::Error| open_error(&database, &error);
        let mut connection = connect(&database, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
        // Before any other connection exists: the switch to WAL needs the database for itself.
        prepare_writing(&connection).map_err(failed)?;
        migrate::run(&mut connection, &database)?;
        let wal = Arc::new(Wal::default());
        let checkpoints = connect(&database, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
        let checkpoints = Checkpoints::new(checkpoints, Arc::clone(&wal), checkpointing).map_err(failed)?;
        settle(&checkpoints, &database)?;
        let checkpointer = Checkpointer::start(checkpoints).map_err(OpenError::Thread)?;
        Ok(Self { checkpointer, connection, wal, database, _folder: folder })
    }

    /// One durable transaction: when this returns `Ok`, the disk has it.
    fn transaction<T>(&mut self, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, StoreError> {
        let turn = self.wal.write();
        if self.wal.is_broken() {
            return Err(StoreError::Unavailable);
        }
        let result = run(&self.connection, work);
        drop(turn);
        match result {
            Ok(value) => {
                self.checkpointer.nudge();
                Ok(value)
            }
            Err(fault) => {
                if let Fault::Broken { code } = fault {
                    tracing::error!(code, "the database failed; no more commits until a restart");
                    self.wal.break_down();
                }
                Err(fault.into())
            }
        }
    }
}

impl Drop for SqliteEngine {
    fn drop(&mut self) {
        self.checkpointer.stop();
        // A checkpoint at closing would sync a broken file again and could take pages for written that are not.
        if self.wal.is_broken()
            && self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).is_err()
        {
            tracing::error!("the final checkpoint could not be switched off");
        }
    }
}

impl Engine for SqliteEngine {
    fn commit(&mut self, batch: &[SealedCommit]) -> Result<Vec<Result<Verdict, StoreError>>, StoreError> {
        // Savepoints copy every page they may have to restore. That a commit is refused after it has written something
        // is rare enough to begin again with them.
        match self.transaction(|connection| commit::run(connection, batch, commit::write_plainly)) {
            Err(StoreError::Constraint(_) | StoreError::Unreadable) => {
                self.transaction(|connection| commit::run(connection, batch, commit::write_undoably))
            }
            result => result,
        }
    }

    fn claim(&mut self, claim: &Claim) -> Result<Vec<Claimed>, StoreError> {
        self.transaction(|connection| message::claim(connection, claim))
    }

    fn mark(&mut self, marks: &[Mark]) -> Result<Vec<Marked>, StoreError> {
        self.transaction(|connection| message::mark(connection, marks))
    }

    fn release(&mut self, now: Millis) -> Result<usize, StoreError> {
        self.transaction(|connection| message::release(connection, now))
    }

    fn replay(&mut self, replay: &Replay, after: i64) -> Result<Replayed, StoreError> {
        self.transaction(|connection| message::replay(connection, replay, after))
    }

    fn acknowledge(&mut self, view: &BankView, ids: &[i64], now: Millis) -> Result<Vec<Marked>, StoreError> {
        self.transaction(|connection| message::acknowledge(connection, view, ids, now))
    }

    fn administer(&mut self, changes: &[Change], audit: &Audit) -> Result<(), StoreError> {
        self.transaction(|connection| directory::administer(connection, changes, audit))
    }

    fn put_document(&mut self, document: &NewDocument, expected_previous: Option<u32>) -> Result<u32, StoreError> {
        let version = self.transaction(|connection| document::put(connection, document, expected_previous))?;
        version.ok_or(StoreError::VersionConflict)
    }

    fn reset_sandbox(&mut self, scope: &Scope, limit: u32) -> Result<ResetCounts, StoreError> {
        self.transaction(|connection| sandbox::reset(connection, scope, limit))
    }

    fn check_secret(&mut self, name: &str, digest: &Digest) -> Result<bool, StoreError> {
        self.transaction(|connection| directory::check_secret(connection, name, digest))
    }

    fn expire_flows(&mut self, expiry: &FlowExpiry) -> Result<usize, StoreError> {
        self.transaction(|connection| flow::expire(connection, expiry))
    }

    fn purge(&mut self, now: Millis, limit: u32) -> Result<usize, StoreError> {
        self.transaction(|connection| commit::purge(connection, now, limit))
    }

    fn erase(&mut self, retention: &Retention, records: &[Uuid]) -> Result<usize, StoreError> {
        self.transaction(|connection| retention::erase(connection, retention, records))
    }

    fn payload_keys(&mut self) -> Result<PayloadKeys, OpenError> {
        read::payload_keys(&self.connection).map_err(|error| open_error(&self.database, &error))
    }

    fn add_payload_key(&mut self, probe: &Sealed) -> Result<(), OpenError> {
        read::add_payload_key(&self.connection, probe).map_err(|error| open_error(&self.database, &error))
    }

    fn reader(&self) -> Result<Box<dyn Reader>, OpenError> {
        let connection = connect(&self.database, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .map_err(|error| open_error(&self.database, &error))?;
        Ok(Box::new(SqliteReader::new(connection, self.database.clone(), Arc::clone(&self.wal))))
    }
}

fn run<T>(connection: &Connection, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
    execute(connection, "BEGIN IMMEDIATE")?;
    let result = work(connection).and_then(|value| {
        execute(connection, "COMMIT")?;
        Ok(value)
    });
    // After some errors SQLite has rolled back by itself.
    if result.is_err() && !connection.is_autocommit() {
        execute(connection, "ROLLBACK")?;
    }
    result
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute([])
}

/// Runs a change of one row that must exist.
fn require_one(statement: &mut CachedStatement<'_>, parameters: impl Params) -> Result<(), Fault> {
    match statement.execute(parameters)? {
        0 => Err(Fault::Refused(Constraint::Reference)),
        _ => Ok(()),
    }
}

/// A database that was lost must not be taken for a first start: everybody would be told that their requests are unknown.
fn refuse_loss(folder: &Path, database: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::Folder { folder: folder.to_owned(), source };
    if database.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(failed)? {
        let beside = entry.map_err(failed)?.path();
        let is_log = beside.file_name().is_some_and(|name| name == LOG_NAME);
        if is_log || beside.extension().is_some_and(|extension| extension == "key") && is_ours(&beside) {
            return Err(OpenError::DatabaseMissing { path: database.to_owned(), beside });
        }
    }
    Ok(())
}

/// Whether a key file was made by this program; a key for TLS may be there before the first start.
fn is_ours(key: &Path) -> bool {
    let mut start = [0; KEY_FORM.len()];
    File::open(key).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == KEY_FORM
}

/// SQLite would make the file readable by others; its companions take over the permissions it has.
fn create(folder: &Path, database: &Path) -> std::io::Result<()> {
    if database.exists() {
        return Ok(());
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(database)?.sync_all()?;
    folder::sync(folder)
}

/// A process that was killed may have left commits in the log that were never synced. They can be read, so a client that sends
/// again would be told that they are stored; before anybody is told anything, they are put on disk.
fn settle(checkpoints: &Checkpoints, database: &Path) -> Result<(), OpenError> {
    match checkpoints.empty() {
        Ok(()) => Ok(()),
        // No room to copy the log into the database: the log itself needs none.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
            let log = database.with_file_name(LOG_NAME);
            let synced = File::open(&log).and_then(|log| log.sync_all());
            synced.map_err(|source| OpenError::Folder { folder: log, source })
        }
        Err(error) => Err(open_error(database, &error)),
    }
}

fn connect(database: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(database, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_MAX)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    // One plan for every value bound: otherwise a partial index that a value could match has its statement prepared anew
    // with each execution.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(
        "PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;
         PRAGMA foreign_keys = ON;
         PRAGMA secure_delete = ON;
         PRAGMA synchronous = FULL;
         PRAGMA fullfsync = ON;
         PRAGMA checkpoint_fullfsync = ON;
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -8192;",
    )?;
    Ok(connection)
}

fn prepare_writing(connection: &Connection) -> rusqlite::Result<()> {
    // Random ids touch pages all over their indexes; the inner pages at least should stay in memory.
    connection.execute_batch("PRAGMA cache_size = -32768;")?;
    // Every page of a commit costs two writes to the log. A database that is there keeps the size it has.
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |row| {
        let mode: String = row.get(0)?;
        if mode == "wal" { Ok(()) } else { Err(rusqlite::Error::InvalidQuery) }
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use rusqlite::types::Value;
    use rusqlite::{StatementStatus, params};

    use super::{DATABASE_NAME, Folder, LOG_NAME, SqliteEngine};

    #[test]
    fn a_statement_is_prepared_once_whatever_is_bound() {
        let folder = tempfile::tempdir().unwrap();
        let engine = SqliteEngine::open(Folder::open(folder.path()).unwrap()).unwrap();
        let sql = "SELECT 1 FROM idempotency WHERE application_id = ?1 AND environment = ?2";
        let mut statement = engine.connection.prepare(sql).unwrap();
        for environment in [1, 2, 1] {
            assert!(!statement.exists(params![[0_u8; 16], environment]).unwrap());
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }

    #[test]
    fn every_commit_is_synced_and_every_delete_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let engine = SqliteEngine::open(Folder::open(folder.path()).unwrap()).unwrap();
        let pragma =
            |name: &str| -> Value { engine.connection.pragma_query_value(None, name, |row| row.get(0)).unwrap() };

        assert_eq!(pragma("journal_mode"), Value::Text("wal".to_owned()));
        assert_eq!(pragma("synchronous"), Value::Integer(2));
        assert_eq!(pragma("secure_delete"), Value::Integer(1));
        assert_eq!(pragma("foreign_keys"), Value::Integer(1));
        assert_eq!(pragma("trusted_schema"), Value::Integer(0));
        assert_eq!(pragma("wal_autocheckpoint"), Value::Integer(0));
        assert_eq!(pragma("busy_timeout"), Value::Integer(5_000));
        assert_eq!(pragma("page_size"), Value::Integer(8_192));
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
        }
    }

    #[test]
    fn what_a_killed_process_left_in_the_log_is_put_on_disk_before_anybody_is_served() {
        let (killed, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let engine = SqliteEngine::open(Folder::open(killed.path()).unwrap()).unwrap();
        engine.connection.execute("INSERT INTO partners VALUES (zeroblob(16), 'A partner', 0)", []).unwrap();
        for name in [DATABASE_NAME, LOG_NAME] {
            std::fs::copy(killed.path().join(name), folder.path().join(name)).unwrap();
        }
        let log = folder.path().join(LOG_NAME);
        assert!(std::fs::metadata(&log).unwrap().len() > 0);
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let engine = SqliteEngine::open(Folder::open(folder.path()).unwrap()).unwrap();
        assert_eq!(std::fs::metadata(&log).unwrap().len(), 0);
        let count: i64 = engine.connection.query_row("SELECT count(*) FROM partners", [], |row| row.get(0)).unwrap();
        assert_eq!(count, 1);
    }
}
