//! The configuration file: TOML, every value with its place in the text, no name that is not a setting.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use figment::Metadata;
use figment::value::Value;
use miette::{LabeledSpan, NamedSource, SourceSpan};
use toml::Spanned;

use super::fault::{Fault, plural};
use super::{SETTINGS, Source};

/// A configuration file that could be read.
pub(super) struct File {
    path: PathBuf,
    text: String,
    entries: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
}

impl File {
    pub(super) fn read(path: &Path) -> Result<Self, Fault> {
        let bytes = fs::read(path).map_err(|source| Fault::Unreadable { path: path.to_owned(), source })?;
        let text = String::from_utf8(bytes).map_err(|_| Fault::NotText { path: path.to_owned() })?;
        let entries = toml::from_str(&text).map_err(|error| Fault::Syntax {
            path: path.to_owned(),
            reason: error.message().to_owned(),
            place: error.span().unwrap_or_default().into(),
            text: named(path, &text),
        })?;
        Ok(File { path: path.to_owned(), text, entries })
    }

    /// The values, provided each has the name of a setting.
    pub(super) fn source(&self) -> Result<Source, Fault> {
        let is_known = |name: &str| SETTINGS.iter().any(|setting| setting.name == name);
        let mut unknown: Vec<_> = self.entries.keys().filter(|name| !is_known(name.get_ref())).collect();
        unknown.sort_by_key(|name| name.span().start);
        if !unknown.is_empty() {
            return Err(self.unknown(&unknown));
        }
        // Serialising plain TOML values cannot fail; should it ever, the setting is reported as not valid.
        let value =
            |value: &Spanned<toml::Value>| Value::serialize(value.get_ref()).unwrap_or_else(|_| Value::from(""));
        let values = self.entries.iter().map(|(name, entry)| (name.get_ref().clone(), value(entry))).collect();
        Ok(Source { metadata: Metadata::from("the configuration file", self.path.as_path()), values })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn source_code(&self) -> NamedSource<String> {
        named(&self.path, &self.text)
    }

    /// Where the value of a setting stands.
    pub(super) fn place(&self, name: &str) -> Option<SourceSpan> {
        self.entries.get(name).map(|entry| entry.span().into())
    }

    fn unknown(&self, names: &[&Spanned<String>]) -> Fault {
        let label = |name: &&Spanned<String>| {
            let hint = match nearest(name.get_ref()) {
                Some(known) => format!("did you mean `{known}`?"),
                None => "there is no such setting".to_owned(),
            };
            LabeledSpan::at(name.span(), hint)
        };
        let known: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
        Fault::Unknown {
            path: self.path.clone(),
            names: names.iter().map(|name| format!("`{}`", name.get_ref())).collect::<Vec<_>>().join(", "),
            plural: plural(names.len()),
            places: names.iter().map(label).collect(),
            help: format!("Correct or remove it. The settings are: {}.", known.join(", ")),
            text: self.source_code(),
        }
    }
}

fn named(path: &Path, text: &str) -> NamedSource<String> {
    NamedSource::new(path.display().to_string(), text.to_owned())
}

/// The setting that was probably meant.
fn nearest(name: &str) -> Option<&'static str> {
    // The spelling of the command line is a near miss too.
    let name = name.to_ascii_lowercase().replace('-', "_");
    most_like(&name, SETTINGS.iter().map(|setting| setting.name))
}

/// The known name that another most looks like, if it looks like one.
pub(super) fn most_like<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    known
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, known)| known)
}
