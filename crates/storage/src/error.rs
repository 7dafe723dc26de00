//! Errors. None of them carries a value of a row: ids, codes and paths only.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a command was not carried out. Nothing was acknowledged, so the caller may try again with the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    /// More is queued than can be written soon; try again later.
    #[error("the store has too much to do")]
    Overloaded,
    /// The volume is full; commits work again once there is space.
    #[error("the volume of the data folder is full")]
    Full,
    /// The store cannot be trusted or is closed. After an I/O error this stays so until the process is started again.
    #[error("the store is unavailable")]
    Unavailable,
    /// A commit names a row that does not exist, or breaks a rule of the tables: an error of the caller.
    #[error("the write breaks a constraint: {0}")]
    Constraint(Constraint),
    /// Stored bytes are not what was written: moved, altered, or sealed under another key.
    #[error("a stored row cannot be read")]
    Unreadable,
    /// Somebody else has stored another version meanwhile; read it first.
    #[error("the newest version is another one")]
    VersionConflict,
    /// The cursor was not given out by this list.
    #[error("the cursor is unknown")]
    UnknownCursor,
}

/// Which kind of rule a write broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Constraint {
    /// A value that must be unique exists.
    #[error("unique")]
    Unique,
    /// A row that is referred to does not exist, or is not of this scope.
    #[error("reference")]
    Reference,
    /// A value has the wrong form or size.
    #[error("form")]
    Form,
}

/// Why a store could not be opened. The text says what is wrong and where; [`OpenError::remedy`] what to do.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The folder cannot be made, read or written.
    #[error("the data folder {folder} cannot be used: {source}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others may look into the folder.
    #[error("the data folder {folder} is open to other users (mode {mode:04o})")]
    FolderMode {
        /// The folder.
        folder: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The folder is on a network file system, where SQLite's locks cannot be relied on.
    #[error("the data folder {folder} is on a network file system ({kind})")]
    NetworkFileSystem {
        /// The folder.
        folder: PathBuf,
        /// The type of the file system.
        kind: String,
    },
    /// Another process has the folder.
    #[error("the data folder {folder} is in use by another process{}", process.as_deref().map(|id| format!(" ({id})")).unwrap_or_default())]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The id of that process, if it left one.
        process: Option<String>,
    },
    /// Others may read the key file.
    #[error("the key file {path} is open to other users (mode {mode:04o})")]
    KeyMode {
        /// The key file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// There are sealed rows, but no key.
    #[error("the key file {path} is missing, but the data folder holds content sealed with it")]
    KeyMissing {
        /// The key file.
        path: PathBuf,
    },
    /// The key file is not one.
    #[error("the key file {path} is not a payload key")]
    KeyMalformed {
        /// The key file.
        path: PathBuf,
    },
    /// The key did not seal what is stored.
    #[error("the key file {path} does not fit the content of the data folder")]
    KeyForeign {
        /// The key file.
        path: PathBuf,
    },
    /// The key file cannot be read or written.
    #[error("the key file {path} cannot be used: {source}")]
    Key {
        /// The key file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no database, but what stands beside one.
    #[error("the database {path} is missing, but {} beside it shows that the data folder was used", beside.display())]
    DatabaseMissing {
        /// The database.
        path: PathBuf,
        /// What was found instead.
        beside: PathBuf,
    },
    /// The database has a schema this program does not know.
    #[error("the database {path} was written by another version of this program")]
    Schema {
        /// The database.
        path: PathBuf,
    },
    /// The database cannot be opened.
    #[error("the database {path} cannot be opened (SQLite code {code})")]
    Database {
        /// The database.
        path: PathBuf,
        /// SQLite's extended result code; 0 when the fault is not SQLite's.
        code: i32,
    },
    /// A thread of the store could not be started.
    #[error("a thread of the store cannot be started: {0}")]
    Thread(io::Error),
}

impl OpenError {
    /// What the operator can do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Folder { .. } => {
                "Choose another data folder, or correct the owner and the permissions of this one.".to_owned()
            }
            Self::FolderMode { folder, .. } => format!("Run: chmod 700 '{}'", folder.display()),
            Self::NetworkFileSystem { .. } => "Choose a data folder on a disk of this machine.".to_owned(),
            Self::InUse { .. } => "Stop the other process, or choose another data folder.".to_owned(),
            Self::KeyMode { path, .. } => format!(
                "Run: chmod 600 '{}'. If others could have read the key, treat the stored content as known to them.",
                path.display()
            ),
            Self::KeyMissing { .. } => {
                "Put the key file back from its backup; without it the stored content cannot be read by anybody."
                    .to_owned()
            }
            Self::KeyMalformed { .. } => "Put the key file back from its backup.".to_owned(),
            Self::KeyForeign { .. } => "Put back the key file that belongs to this data folder.".to_owned(),
            Self::Key { .. } => "Correct the owner and the permissions of the key file.".to_owned(),
            Self::DatabaseMissing { path, .. } => format!(
                "Put the database back from its backup, as '{}'. To begin anew, choose another data folder; requests \
                 that were acknowledged are in the database only.",
                path.display()
            ),
            Self::Schema { .. } => {
                "Start the newest version that has used this data folder, or restore a backup made before.".to_owned()
            }
            Self::Database { .. } => {
                "Check the disk and the permissions of the data folder; restore a backup if the file is damaged."
                    .to_owned()
            }
            Self::Thread(_) => "Raise the limit of threads for this process.".to_owned(),
        }
    }
}
