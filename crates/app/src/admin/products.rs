//! The products file: checked here as the gateway checks it, applied there, with every fault shown where it stands.

use std::path::Path;

use miette::{LabeledSpan, NamedSource};
use usher_contract::platform::v1::Products as Contract;
use usher_contract::platform::v1::operations::{
    ApplyProductsParameters, ListProductsVersionsParameters, ReadProductsParameters, ReadProductsVersionParameters,
};
use usher_domain::products::Products;
use usher_wire::{Checked, Limits, Mode, Options, Unknown, parse, to_json};

use super::output::Output;
use super::toml::{self, Document};
use super::{Client, Fault, answered, read_text};
use crate::cli::ProductCommand;

/// A products file that was read.
struct File {
    name: String,
    text: String,
    document: Document,
}

/// Something wrong with a file.
struct Found<'f> {
    pointer: &'f str,
    code: &'f str,
    message: String,
}

/// What is wrong, with the limit where it helps: a pattern helps few.
fn told(message: &str, limit: Option<&str>) -> String {
    match limit.filter(|limit| limit.len() <= 120 && !limit.starts_with("\"^")) {
        Some(limit) => format!("{message}: {limit}"),
        None => message.to_owned(),
    }
}

/// Checks a file without a gateway: all but whether the partners it names are there.
pub(super) fn check(file: &Path, output: &Output) -> Result<(), Fault> {
    let file = File::read(file)?;
    let products = file.checked()?;
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
    let document = file.checked()?;
    let previous = answered(client.read_products(&ReadProductsParameters::default()).await)?.version;
    let parameters =
        ApplyProductsParameters::<String> { previous, x_correlation_id: None, unknown: Unknown::default() };
    let applied = match answered(client.apply_products(&parameters, &document).await) {
        Ok(applied) => applied,
        Err(Fault::Refused { problem, .. }) if !problem.violations.is_empty() => {
            let limit = |limit: &Option<usher_wire::Json>| limit.as_ref().map(|limit| limit.as_str().to_owned());
            let found = problem.violations.iter();
            return Err(file.refused(found.map(|found| Found {
                pointer: &found.pointer,
                code: &found.code,
                message: told(&found.message, limit(&found.limit).as_deref()),
            })));
        }
        Err(fault) => return Err(fault),
    };
    if output.is_json {
        return output.print_json(&applied);
    }
    output.print(&format!("Version {} is in force; before it was {previous}.", applied.version))
}

impl File {
    fn read(path: &Path) -> Result<File, Fault> {
        let (name, text) = (path.display().to_string(), read_text(path)?);
        match Document::read(&text) {
            Ok(document) => Ok(File { name, text, document }),
            Err(unreadable) => {
                let place = LabeledSpan::new_with_span(Some(unreadable.reason), unreadable.place);
                Err(Fault::Syntax { text: NamedSource::new(&name, text), name, places: vec![place] })
            }
        }
    }

    /// The document, if the gateway would take it.
    fn checked(&self) -> Result<Checked<Contract>, Fault> {
        let limits = Limits { body_bytes_max: usize::MAX, ..Limits::GATEWAY };
        let options = Options { mode: Mode::Strict, limits, facts: None };
        let parsed = match parse::<Contract>(self.document.json.as_bytes(), &options) {
            Ok(parsed) => parsed,
            Err(unreadable) => {
                return Err(self.refused([Found {
                    pointer: "",
                    code: unreadable.code,
                    message: unreadable.message.to_owned(),
                }]));
            }
        };
        let checked = parsed.into_result().and_then(|(document, _)| Products::of(&document, 0).map(|_| document));
        checked.map_err(|violations| {
            self.refused(violations.list.iter().map(|found| Found {
                pointer: &found.pointer,
                code: found.code,
                message: told(&found.message, found.limit.as_deref()),
            }))
        })
    }

    /// All that is wrong, each at its place.
    fn refused<'f>(&self, found: impl IntoIterator<Item = Found<'f>>) -> Fault {
        let found: Vec<_> = found.into_iter().collect();
        let label = |Found { pointer, message, .. }: &Found<'_>| {
            let member = pointer.rsplit('/').next().unwrap_or_default();
            let text = if member.is_empty() { message.clone() } else { format!("{member}: {message}") };
            LabeledSpan::new_with_span(Some(text), self.document.place(pointer))
        };
        let line = |Found { pointer, code, message }: &Found<'_>| {
            let place = self.document.place(pointer).start;
            let line = self.text[..place].matches('\n').count() + 1;
            format!("  line {line}: {pointer} {message} ({code})")
        };
        let list: Vec<String> = found.iter().map(line).collect();
        let count = if found.len() == 1 { "one fault".to_owned() } else { format!("{} faults", found.len()) };
        Fault::Products {
            name: self.name.clone(),
            count,
            list: list.join("\n"),
            places: found.iter().map(label).collect(),
            text: NamedSource::new(&self.name, self.text.clone()),
        }
    }
}
