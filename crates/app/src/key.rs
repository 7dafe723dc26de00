//! The key that receipts are signed with, of a gateway that is not running: whoever may read its data folder may make another.

use std::io::{self, Write as _};

use miette::Diagnostic;
use thiserror::Error;
use tokio::runtime::Runtime;

use crate::data::{self, Data};
use crate::secrets;
use crate::settings::Settings;

/// Why no key was made.
#[derive(Debug, Diagnostic, Error)]
pub(crate) enum Fault {
    /// The data folder.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Data(#[from] data::Fault),

    /// There is nothing to make a key for.
    #[error("there is no gateway in {folder}")]
    #[diagnostic(
        code(usher::key::no_gateway),
        help("Name its data folder with --data-folder, or start a gateway: the first start makes a key.")
    )]
    NoGateway { folder: String },

    /// The process lacks something from the system.
    #[error("the system refuses threads")]
    #[diagnostic(code(usher::key::system), help("Raise the limit of threads for this process."))]
    System(#[source] io::Error),

    /// The key cannot be shown.
    #[error("cannot write to stdout")]
    #[diagnostic(code(usher::stdout), help("Connect stdout to a terminal, and make another key."))]
    Stdout(#[source] io::Error),
}

/// Makes a new signing key and shows its id.
pub(crate) fn rotate_signing_key(settings: &Settings) -> Result<(), Fault> {
    runtime(settings)?.block_on(async {
        // Opened, the folder belongs to us: no gateway goes on with the old key.
        let data = Data::open(&settings.data_folder).await?;
        let made = secrets::rotate_signing_key(&data.folder).map_err(data::Fault::from);
        data.store.close();
        let made = made?;
        writeln!(io::stdout().lock(), "{}", made.thumbprint()).map_err(Fault::Stdout)
    })
}

/// What the data folder is opened with, if there is one: opening makes it, which here would be a mistake of the operator's.
fn runtime(settings: &Settings) -> Result<Runtime, Fault> {
    if !settings.data_folder.exists() {
        return Err(Fault::NoGateway { folder: settings.data_folder.display().to_string() });
    }
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Fault::System)
}
