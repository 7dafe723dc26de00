//! A TOML file that operators apply: read and checked here as the gateway checks it, with every fault shown where it stands.

use std::path::Path;

use miette::{LabeledSpan, NamedSource};
use usher_wire::{Checked, Limits, Message, Mode, Options, Violations, parse};

use super::toml::Document;
use super::{Fault, read_text};

/// A file that was read.
pub(super) struct File {
    pub(super) name: String,
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

impl File {
    pub(super) fn read(path: &Path) -> Result<File, Fault> {
        let (name, text) = (path.display().to_string(), read_text(path)?);
        match Document::read(&text) {
            Ok(document) => Ok(File { name, text, document }),
            Err(unreadable) => {
                let place = LabeledSpan::new_with_span(Some(unreadable.reason), unreadable.place);
                Err(Fault::Syntax { text: NamedSource::new(&name, text), name, places: vec![place] })
            }
        }
    }

    /// The document, if the gateway would take it; `obeys` says what must hold beyond the schema.
    pub(super) fn checked<T: for<'t> Message<'t>>(
        &self,
        obeys: impl FnOnce(&Checked<T>) -> Result<(), Violations>,
    ) -> Result<Checked<T>, Fault> {
        let limits = Limits { body_bytes_max: usize::MAX, ..Limits::GATEWAY };
        let options = Options { mode: Mode::Strict, limits, facts: None };
        let parsed = match parse::<T>(self.document.json.as_bytes(), &options) {
            Ok(parsed) => parsed,
            Err(unreadable) => {
                return Err(self.refused([Found {
                    pointer: "",
                    code: unreadable.code,
                    message: unreadable.message.to_owned(),
                }]));
            }
        };
        let checked = parsed.into_result().and_then(|(document, _)| obeys(&document).map(|()| document));
        checked.map_err(|violations| {
            self.refused(violations.list.iter().map(|found| Found {
                pointer: &found.pointer,
                code: found.code,
                message: told(&found.message, found.limit.as_deref()),
            }))
        })
    }

    /// What the gateway answered to the file; its violations are shown where they stand.
    pub(super) fn answered<T>(&self, outcome: Result<T, Fault>) -> Result<T, Fault> {
        outcome.map_err(|fault| match fault {
            Fault::Refused { problem, .. } if !problem.violations.is_empty() => {
                let limit = |limit: &Option<usher_wire::Json>| limit.as_ref().map(|limit| limit.as_str().to_owned());
                self.refused(problem.violations.iter().map(|found| Found {
                    pointer: &found.pointer,
                    code: &found.code,
                    message: told(&found.message, limit(&found.limit).as_deref()),
                }))
            }
            fault => fault,
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
