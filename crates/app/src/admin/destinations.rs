//! The destinations file, and the secrets that whatever is sent is signed with.

use std::path::Path;

use usher_contract::platform::v1::operations::{
    ApplyDestinationsParameters, CreateWebhookSecretParameters, ListDestinationsVersionsParameters,
    ListWebhookSecretsParameters, ReadDestinationsParameters,
};
use usher_contract::platform::v1::{Destinations as Contract, WebhookSecretWish, WebhookSignature};
use usher_domain::destinations::Destinations;
use usher_wire::{Checked, Choice as _, Unknown, Violations, to_json};

use super::file::File;
use super::output::Output;
use super::{Client, Fault, answered, checked, environment, find_application, toml};
use crate::cli::{DestinationCommand, SecretArgs};

/// Checks a file without a gateway: all but where names lead, and whether there are secrets.
pub(super) fn check(file: &Path, output: &Output) -> Result<(), Fault> {
    let file = File::read(file)?;
    let document = file.checked(obeys)?;
    let count = document.destinations.len();
    output.say(&format!("{} is valid: {count} destinations are sent their messages. Nothing was applied.", file.name));
    output.print(if output.is_json { "{\"valid\":true}" } else { "valid" })
}

/// Does what was asked for, with a gateway.
pub(super) async fn obey(command: &DestinationCommand, client: &Client<'_>, output: &Output) -> Result<(), Fault> {
    match command {
        DestinationCommand::Check { file } => check(file, output),
        DestinationCommand::Apply { file } => apply(file, client, output).await,
        DestinationCommand::List => {
            let parameters = ListDestinationsVersionsParameters::default();
            let listed = client.list_destinations_versions(&parameters).await;
            output.destinations_versions(&answered(listed)?.into_inner().versions)
        }
        DestinationCommand::Show { version } => {
            let parameters = ReadDestinationsParameters { version: *version, ..Default::default() };
            let shown = answered(client.read_destinations(&parameters).await)?;
            if output.is_json {
                return output.print_json(&shown);
            }
            output.say(&format!("# Version {}", shown.version));
            let json = shown.document.as_ref().map(to_json).unwrap_or_default();
            let text = toml::write(&String::from_utf8_lossy(&json)).map_err(|error| Fault::Stdout(error.into()))?;
            output.print(text.trim_end())
        }
        DestinationCommand::Secret { destination, secret } => {
            make_secret(Signer::Destination(destination), secret, client, output).await
        }
        DestinationCommand::Secrets { destination, environment } => {
            list_secrets(Signer::Destination(destination), environment, client, output).await
        }
    }
}

async fn apply(file: &Path, client: &Client<'_>, output: &Output) -> Result<(), Fault> {
    let file = File::read(file)?;
    let document = file.checked(obeys)?;
    let previous = answered(client.read_destinations(&ReadDestinationsParameters::default()).await)?.version;
    let parameters =
        ApplyDestinationsParameters::<String> { previous, x_correlation_id: None, unknown: Unknown::default() };
    let applied = file.answered(answered(client.apply_destinations(&parameters, &document).await))?;
    if output.is_json {
        return output.print_json(&applied);
    }
    output.print(&format!("Version {} is in force; before it was {previous}.", applied.version))
}

/// What must hold beyond the schema.
fn obeys(document: &Checked<Contract>) -> Result<(), Violations> {
    Destinations::of(document).map(drop)
}

/// What signs with a secret.
pub(super) enum Signer<'s> {
    /// A destination.
    Destination(&'s str),
    /// The webhook of an application.
    Application(&'s str),
}

impl Signer<'_> {
    /// Destination and application, one of which is none.
    async fn names(&self, client: &Client<'_>) -> Result<(Option<String>, Option<String>), Fault> {
        Ok(match self {
            Signer::Destination(name) => (Some((*name).to_owned()), None),
            Signer::Application(id) => (None, Some(find_application(client, Some(id)).await?.id)),
        })
    }
}

/// Makes a secret and shows it once.
pub(super) async fn make_secret(
    signer: Signer<'_>,
    args: &SecretArgs,
    client: &Client<'_>,
    output: &Output,
) -> Result<(), Fault> {
    let (destination, application) = signer.names(client).await?;
    let wish = checked(WebhookSecretWish {
        environment: environment(&args.environment),
        destination,
        application,
        signature: signature(&args.signature),
        overlap_hours: args.overlap,
        unknown: Unknown::default(),
    })?;
    let parameters = CreateWebhookSecretParameters::default();
    output.issued_webhook_secret(&answered(client.create_webhook_secret(&parameters, &wish).await)?)
}

/// Lists secrets, without the secrets themselves.
pub(super) async fn list_secrets(
    signer: Signer<'_>,
    place: &str,
    client: &Client<'_>,
    output: &Output,
) -> Result<(), Fault> {
    let (destination, application) = signer.names(client).await?;
    let parameters = ListWebhookSecretsParameters {
        environment: Some(environment(place)),
        destination,
        application,
        ..Default::default()
    };
    output.webhook_secrets(&answered(client.list_webhook_secrets(&parameters).await)?.into_inner().secrets)
}

/// A way to sign, by its name.
pub(super) fn signature(name: &str) -> WebhookSignature {
    WebhookSignature::find(name).unwrap_or_else(|| WebhookSignature::Unknown(name.into()))
}
