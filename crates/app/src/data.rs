//! The data folder as a whole: the store, the secrets beside it, and whether anybody has used them.

use std::io;
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use thiserror::Error;
use usher_server::gateway::ProductsError;
use usher_storage::{OpenError, Options, Room, Store, StoreError};

use crate::secrets::{self, Secrets};

/// An open data folder. It belongs to this process until the store is closed.
pub(crate) struct Data {
    /// The database.
    pub(crate) store: Store,
    /// The secrets.
    pub(crate) secrets: Secrets,
    /// The absolute path.
    pub(crate) folder: PathBuf,
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
    /// The products in force cannot be had.
    #[error("{error}")]
    #[diagnostic(
        code(usher::data::products),
        help("Run the version of the program that applied them, and apply products that are valid for both.")
    )]
    Products { error: ProductsError },
    /// The socket for operators cannot be made.
    #[error("the socket admin.sock cannot be made in the data folder")]
    #[diagnostic(
        code(usher::data::socket),
        help("Choose a data folder with a shorter absolute path, at most 90 characters, and correct its permissions.")
    )]
    Socket { source: io::Error },
    /// The thread that opens the store ended without a word.
    #[error("opening the data folder failed")]
    #[diagnostic(
        code(usher::data::crashed),
        help("The log line before tells where. Start again; report it when it stays.")
    )]
    Crashed,
}

impl From<ProductsError> for Fault {
    fn from(error: ProductsError) -> Self {
        match error {
            ProductsError::Store(error) => Fault::Failed(error),
            error => Fault::Products { error },
        }
    }
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
        Data::open_with(folder, Room::default()).await
    }

    /// The same, to be served from: this much room is to be kept on its volume.
    pub(crate) async fn open_with(folder: &Path, room: Room) -> Result<Self, Fault> {
        let path = folder.to_owned();
        let options = Options { room, ..Options::default() };
        let opening = tokio::task::spawn_blocking(move || Store::open(&path, &options));
        let store = opening.await.map_err(|_| Fault::Crashed)??;
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        match unlock(&folder, &store).await {
            Ok(secrets) => Ok(Data { store, secrets, folder }),
            Err(fault) => {
                store.close();
                Err(fault)
            }
        }
    }
}

/// The secrets of the folder; they are made while nothing depends on them.
async fn unlock(folder: &Path, store: &Store) -> Result<Secrets, Fault> {
    let secrets = Secrets::open(folder, !store.has_partners().await?)?;
    secrets.check(folder, store).await?;
    Ok(secrets)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Data, Fault};
    use crate::secrets;

    #[tokio::test]
    async fn a_secret_of_another_folder_is_found_at_the_start() {
        let open = async |folder: &tempfile::TempDir| Data::open(folder.path()).await.map(|data| data.store.close());
        let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for folder in [&own, &other, &own] {
            open(folder).await.unwrap();
        }
        for name in ["pepper.key", "digest.key"] {
            let path = own.path().join(name);
            let saved = fs::read(&path).unwrap();
            fs::copy(other.path().join(name), &path).unwrap();
            match open(&own).await {
                Err(Fault::Secret(secrets::Fault::Foreign { path: named, .. })) => assert!(named.ends_with(name)),
                opened => panic!("{name}: {opened:?}"),
            }
            fs::write(&path, saved).unwrap();
            open(&own).await.unwrap();
        }
    }
}
