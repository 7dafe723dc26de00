//! What can be wrong with settings, each with its place and its remedy.

use std::io;
use std::path::PathBuf;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceSpan};
use thiserror::Error;

use super::SETTINGS;
use super::file::File;

/// Why there are no settings to start with.
#[derive(Debug, Diagnostic, Error)]
pub(crate) enum Fault {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}", path.display())]
    #[diagnostic(
        code(usher::settings::unreadable),
        help("Name a file that exists and can be read with --config, or leave the option out.")
    )]
    Unreadable { path: PathBuf, source: io::Error },

    /// The file is not text.
    #[error("the configuration file {} is not UTF-8 text", path.display())]
    #[diagnostic(code(usher::settings::not_text), help("Save the file as UTF-8."))]
    NotText { path: PathBuf },

    /// The file is not TOML.
    #[error("the configuration file {} is not valid TOML", path.display())]
    #[diagnostic(
        code(usher::settings::syntax),
        help("Write each setting on a line of its own: name = \"value\". See https://toml.io.")
    )]
    Syntax {
        path: PathBuf,
        reason: String,
        #[label("{reason}")]
        place: SourceSpan,
        #[source_code]
        text: NamedSource<String>,
    },

    /// The file names what is no setting.
    #[error("unknown setting{plural} {names} in the configuration file {}", path.display())]
    #[diagnostic(code(usher::settings::unknown))]
    Unknown {
        path: PathBuf,
        names: String,
        plural: &'static str,
        #[label(collection)]
        places: Vec<LabeledSpan>,
        #[help]
        help: String,
        #[source_code]
        text: NamedSource<String>,
    },

    /// A value in the file cannot be used.
    #[error("the setting `{name}` in the configuration file {} is not valid: {reason}", path.display())]
    #[diagnostic(code(usher::settings::value), help("Write {expected}."))]
    ValueInFile {
        name: String,
        path: PathBuf,
        reason: String,
        expected: &'static str,
        #[label("{reason}")]
        place: Option<SourceSpan>,
        #[source_code]
        text: NamedSource<String>,
    },

    /// A value from elsewhere cannot be used.
    #[error("the value of {origin} is not valid: {reason}")]
    #[diagnostic(code(usher::settings::value), help("Give {expected}."))]
    Value { origin: String, reason: String, expected: &'static str },

    /// Certificate and key come in pairs.
    #[error("`{given}` is set, but `{missing}` is not")]
    #[diagnostic(
        code(usher::settings::tls_half),
        help("Set both --tls-cert and --tls-key, on the command line, in the environment or in the file, or neither.")
    )]
    TlsHalf { given: &'static str, missing: &'static str },

    /// A register is called with a key.
    #[error("`{given}` is set, but `{missing}` is not")]
    #[diagnostic(
        code(usher::settings::register_half),
        help(
            "Set both `register_url` and `register_key_file`, or neither: then no customer is created in production."
        )
    )]
    RegisterHalf { given: &'static str, missing: &'static str },
}

impl Fault {
    /// The fault behind an error of extraction.
    pub(super) fn of_value(error: figment::Error, file: Option<&File>) -> Fault {
        // What follows the name of the setting is how a path is taken apart, which nobody wrote.
        let name = error.path.first().cloned().unwrap_or_default();
        let reason = reason(&error.kind);
        let expected = SETTINGS.iter().find(|setting| setting.name == name).map_or("another value", |it| it.expected);
        let metadata = error.metadata.as_ref();
        let is_in_file = metadata.is_some_and(|metadata| metadata.source.is_some());
        if let Some(file) = file.filter(|_| is_in_file) {
            let (path, place, text) = (file.path().to_owned(), file.place(&name), file.source_code());
            return Fault::ValueInFile { name, path, reason, expected, place, text };
        }
        let profile = figment::Profile::Default;
        let origin = metadata.map_or(name.clone(), |metadata| metadata.interpolate(&profile, &[name.as_str()]));
        Fault::Value { origin, reason, expected }
    }
}

/// What was found, without the words of a programming language.
fn reason(kind: &figment::error::Kind) -> String {
    use figment::error::{Actual, Kind};
    match kind {
        Kind::InvalidType(actual, _) | Kind::InvalidValue(actual, _) => match actual {
            Actual::Str(text) => format!("\"{text}\" was found"),
            Actual::Bool(_) => "a truth value was found".to_owned(),
            Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_) => "a number was found".to_owned(),
            Actual::Seq => "a list was found".to_owned(),
            Actual::Map => "a table was found".to_owned(),
            other => format!("{other} was found"),
        },
        Kind::UnknownVariant(text, _) => format!("\"{text}\" was found"),
        Kind::Message(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The ending of a noun that is counted.
pub(super) fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
