//! The data folder as a whole: the store, the secrets beside it, and whether anybody has used them.

use std::path::{Path, PathBuf};

use miette::Diagnostic;
use thiserror::Error;
use usher_storage::{OpenError, Options, Store, StoreError};

use crate::secrets::{self, Secrets};

/// An open data folder. It belongs to this process until the store is closed.
pub(crate) struct Data {
    /// The database.
    pub(crate) store: Store,
    /// The secrets.
    pub(crate) secrets: Secrets,
    /// The absolute path.
    pub(crate) folder: PathBuf,
    /// Whether there is no partner yet.
    pub(crate) is_new: bool,
}

/// Why the data folder cannot be used.
#[derive(Debug, Diagnostic, Error)]
pub(crate) enum Fault {
    /// Another process has it.
    #[error("{error}")]
    #[diagnostic(code(usher::data::in_use), help("{}", error.remedy()))]
    InUse { error: OpenError },
    /// The folder, its key or its database is not as it must be.
    #[error("{error}")]
    #[diagnostic(code(usher::data::unusable), help("{}", error.remedy()))]
    Unusable { error: OpenError },
    /// A secret beside the database.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Secret(#[from] secrets::Fault),
    /// The database is open, but a command failed.
    #[error("the database in the data folder does not work: {0}")]
    #[diagnostic(code(usher::data::failed), help("Check the free space and the health of the disk, and start again."))]
    Failed(#[from] StoreError),
    /// The thread that opens the store ended without a word.
    #[error("opening the data folder failed")]
    #[diagnostic(
        code(usher::data::crashed),
        help("The log line before tells where. Start again; report it when it stays.")
    )]
    Crashed,
}

impl From<OpenError> for Fault {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::InUse { .. } => Fault::InUse { error },
            error => Fault::Unusable { error },
        }
    }
}

impl Data {
    /// Opens the folder; it is made when there is none.
    pub(crate) async fn open(folder: &Path) -> Result<Self, Fault> {
        let path = folder.to_owned();
        let opening = tokio::task::spawn_blocking(move || Store::open(&path, &Options::default()));
        let store = opening.await.map_err(|_| Fault::Crashed)??;
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let is_new = !store.has_partners().await?;
        let secrets = Secrets::open(&folder, is_new)?;
        Ok(Data { store, secrets, folder, is_new })
    }
}
