//! The products file: checked here as the gateway checks it, applied there, with every fault shown where it stands.

use std::path::Path;

use usher_contract::platform::v1::Products as Contract;
use usher_contract::platform::v1::operations::{
    ApplyProductsParameters, ListProductsVersionsParameters, ReadProductsParameters, ReadProductsVersionParameters,
};
use usher_domain::products::Products;
use usher_wire::{Checked, Unknown, Violations, to_json};

use super::file::File;
use super::output::Output;
use super::toml;
use super::{Client, Fault, answered};
use crate::cli::ProductCommand;

/// Checks a file without a gateway: all but whether the partners it names are there.
pub(super) fn check(file: &Path, output: &Output) -> Result<(), Fault> {
    let file = File::read(file)?;
    let products = file.checked(obeys)?;
    output.say(&format!("{} is valid: {} products. Nothing was applied.", file.name, products.products.len()));
    output.print(if output.is_json { "{\"valid\":true}" } else { "valid" })
}

/// Does what was asked for, with a gateway.
pub(super) async fn obey(command: &ProductCommand, client: &Client<'_>, output: &Output) -> Result<(), Fault> {
    match command {
        ProductCommand::Check { file } => check(file, output),
        ProductCommand::Apply { file } => apply(file, client, output).await,
        ProductCommand::List => {
            let parameters = ListProductsVersionsParameters::default();
            output.versions(&answered(client.list_products_versions(&parameters).await)?.into_inner().versions)
        }
        ProductCommand::Show { version } => {
            let shown = match version {
                Some(version) => {
                    let parameters = ReadProductsVersionParameters::<String> {
                        version: *version,
                        x_correlation_id: None,
                        unknown: Unknown::default(),
                    };
                    answered(client.read_products_version(&parameters).await)?
                }
                None => answered(client.read_products(&ReadProductsParameters::default()).await)?,
            };
            if output.is_json {
                return output.print_json(&shown);
            }
            output.say(&format!("# Version {}", shown.version));
            let json = shown.document.as_ref().map(to_json).unwrap_or_default();
            let text = toml::write(&String::from_utf8_lossy(&json)).map_err(|error| Fault::Stdout(error.into()))?;
            output.print(text.trim_end())
        }
    }
}

async fn apply(file: &Path, client: &Client<'_>, output: &Output) -> Result<(), Fault> {
    let file = File::read(file)?;
    let document = file.checked(obeys)?;
    let previous = answered(client.read_products(&ReadProductsParameters::default()).await)?.version;
    let parameters =
        ApplyProductsParameters::<String> { previous, x_correlation_id: None, unknown: Unknown::default() };
    let applied = file.answered(answered(client.apply_products(&parameters, &document).await))?;
    if output.is_json {
        return output.print_json(&applied);
    }
    output.print(&format!("Version {} is in force; before it was {previous}.", applied.version))
}

/// What must hold beyond the schema.
fn obeys(document: &Checked<Contract>) -> Result<(), Violations> {
    Products::of(document, 0).map(drop)
}
