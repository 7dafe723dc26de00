//! Why there is no backup, or why it was not restored.

use std::io;
use std::path::PathBuf;

use miette::Diagnostic;
use thiserror::Error;
use usher_storage::backup::BackupError;

use crate::data;

/// Why nothing was copied, or not all.
#[derive(Debug, Diagnostic, Error)]
pub(crate) enum Fault {
    /// The database.
    #[error("{error}")]
    #[diagnostic(code(usher::backup::database), help("{}", error.remedy()))]
    Database { error: BackupError },

    /// The restored folder does not open.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Data(#[from] data::Fault),

    /// There is something in the folder already.
    #[error("{} is not empty", folder.display())]
    #[diagnostic(
        code(usher::backup::not_empty),
        help("Name a folder that is empty or not there: nothing is ever overwritten.")
    )]
    NotEmpty { folder: PathBuf },

    /// Others may read the folder.
    #[error("{} is open to other users (mode {mode:04o})", folder.display())]
    #[diagnostic(
        code(usher::backup::open),
        help(
            "Run: chmod 700 '{}'. Where the file system keeps no permissions, choose another one: a copy of requests and keys \
             is for their owner only.",
            folder.display()
        )
    )]
    Open { folder: PathBuf, mode: u32 },

    /// It has no list.
    #[error("{} holds no backup: there is no backup.json in it", folder.display())]
    #[diagnostic(
        code(usher::backup::none),
        help("Name a folder that usher backup has made. Without the list the backup was not finished.")
    )]
    NoBackup { folder: PathBuf },

    /// The list is another one.
    #[error("{} is not the list of a backup that this program can read", path.display())]
    #[diagnostic(code(usher::backup::form), help("Use the program that made it, or a newer one."))]
    Form { path: PathBuf },

    /// A file of it is not there.
    #[error("{} is missing", path.display())]
    #[diagnostic(code(usher::backup::lost), help("The backup is not whole: use another one."))]
    Lost { path: PathBuf },

    /// A file of it is another one.
    #[error("{} is not what was backed up", path.display())]
    #[diagnostic(code(usher::backup::changed), help("The file was damaged or replaced: use another backup."))]
    Changed { path: PathBuf },

    /// There is no key.
    #[error("the key file {} is missing", path.display())]
    #[diagnostic(
        code(usher::backup::key),
        help("Name the folder with the key files with --keys: without them nothing that is sealed can be read.")
    )]
    KeyMissing { path: PathBuf },

    /// A file cannot be read or written.
    #[error("cannot read or write {}", path.display())]
    #[diagnostic(code(usher::backup::file), help("Check the permissions and the free space of its folder."))]
    File { path: PathBuf, source: io::Error },

    /// The process lacks something from the system.
    #[error("the system refuses threads")]
    #[diagnostic(code(usher::backup::system), help("Raise the limit of threads for this process."))]
    System(#[source] io::Error),

    /// Nobody takes the result.
    #[error("cannot write to stdout")]
    #[diagnostic(
        code(usher::stdout),
        help("Connect stdout to a terminal, a file or another program; the copy is made.")
    )]
    Stdout(#[source] io::Error),
}

impl From<BackupError> for Fault {
    fn from(error: BackupError) -> Self {
        Fault::Database { error }
    }
}
