//! Keys of a gateway that is not running: whoever may read its data folder may make one.
//!
//! These are API keys, and the key that receipts are signed with.

use std::io::{self, Write as _};

use jiff::Timestamp;
use miette::Diagnostic;
use thiserror::Error;
use tokio::runtime::Runtime;
use usher_storage::{ApplicationEntry, Audit};

use crate::cli::KeyNewArgs;
use crate::data::{self, Data};
use crate::sandbox;
use crate::secrets;
use crate::settings::Settings;
use crate::welcome;

/// Why no key was made.
#[derive(Debug, Diagnostic, Error)]
pub(crate) enum Fault {
    /// The data folder.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Data(#[from] data::Fault),

    /// There is nobody to make a key for.
    #[error("there is no gateway in {folder}")]
    #[diagnostic(
        code(usher::key::no_gateway),
        help("Name its data folder with --data-folder, or start a gateway: the first start makes a key.")
    )]
    NoGateway { folder: String },

    /// It is not clear whom the key is for.
    #[error("{told}")]
    #[diagnostic(code(usher::key::application), help("Name one with --application:\n{known}"))]
    Application { told: &'static str, known: String },

    /// The process lacks something from the system.
    #[error("the system refuses threads")]
    #[diagnostic(code(usher::key::system), help("Raise the limit of threads for this process."))]
    System(#[source] io::Error),

    /// The key cannot be shown.
    #[error("cannot write to stdout")]
    #[diagnostic(code(usher::stdout), help("Connect stdout to a terminal, and make another key."))]
    Stdout(#[source] io::Error),
}

/// Makes a sandbox key and shows it.
pub(crate) fn new(args: &KeyNewArgs, settings: &Settings) -> Result<(), Fault> {
    let runtime = runtime(settings)?;
    runtime.block_on(async {
        let data = Data::open(&settings.data_folder).await?;
        let made = make(args, &data).await;
        data.store.close();
        made
    })
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

async fn make(args: &KeyNewArgs, data: &Data) -> Result<(), Fault> {
    let applications = data.store.all_applications().await.map_err(data::Fault::from)?;
    let application = choose(&applications, args.application.as_deref(), data)?;
    let now = Timestamp::now();
    let (issued, change) = sandbox::issue(application.id, &application.public_id, &data.secrets.pepper, now);
    let audit = Audit { actor: "usher key new".to_owned(), at: now.as_millisecond() };
    data.store.administer(vec![change], audit).await.map_err(data::Fault::from)?;
    welcome::write_key(&issued, &mut io::stdout().lock()).map_err(Fault::Stdout)
}

fn choose<'a>(
    applications: &'a [ApplicationEntry],
    named: Option<&str>,
    data: &Data,
) -> Result<&'a ApplicationEntry, Fault> {
    let line = |application: &ApplicationEntry| {
        format!("  {} ({}, {})", application.public_id, application.name, application.partner_name)
    };
    let unclear = |told| {
        let known = applications.iter().map(line).collect::<Vec<_>>().join("\n");
        Err(Fault::Application { told, known })
    };
    match (applications, named) {
        ([], _) => Err(Fault::NoGateway { folder: data.folder.display().to_string() }),
        ([only], None) => Ok(only),
        (_, None) => unclear("there are several applications"),
        (_, Some(id)) => match applications.iter().find(|application| application.public_id == id) {
            Some(application) => Ok(application),
            None => unclear("there is no such application"),
        },
    }
}
