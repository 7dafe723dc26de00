//! What can be wrong with a request in a file, shown at its place in the file.

use std::io;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceSpan};
use serde::Serialize;
use serde_json::value::RawValue;
use thiserror::Error;
use usher_contract::shared::Violation;
use usher_wire::{Unreadable, Violations};

use super::{Document, Kind, NAMES, excerpt, place};

/// How much of a limit is shown beside its place. A longer one, such as a pattern, would bury the rest; it is in the result
/// as JSON.
const LIMIT_CHARS_MAX: usize = 100;

/// Why a file holds no request that could be sent.
#[derive(Debug, Diagnostic, Error)]
pub(crate) enum Fault {
    /// The file cannot be read.
    #[error("cannot read {name}")]
    #[diagnostic(code(usher::request::file), help("Name a file with a body in JSON or XML, or - for stdin."))]
    File { name: String, source: io::Error },

    /// It could be a request of several APIs, or of none.
    #[error("cannot tell what {name} is a request of")]
    #[diagnostic(code(usher::request::kind), help("Say it with --api, one of: {}.", NAMES.join(", ")))]
    Kind { name: String },

    /// It is no JSON text, or XML document, the gateway would read.
    #[error("{name} cannot be read: line {line}, column {column}: {reason}")]
    #[diagnostic(code(usher::request::unreadable), help("Correct the marked place."))]
    Unreadable {
        name: String,
        code: &'static str,
        line: usize,
        column: usize,
        reason: &'static str,
        #[label("{code}")]
        place: Option<SourceSpan>,
        #[source_code]
        text: NamedSource<String>,
    },

    /// It breaks rules of the contract.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Broken(Box<Broken>),
}

/// A request that breaks rules, each shown at its place.
#[derive(Debug, Diagnostic, Error)]
#[error("{name} breaks {count} of {api}")]
#[diagnostic(code(usher::request::broken))]
pub(crate) struct Broken {
    name: String,
    count: String,
    api: &'static str,
    /// What the result is as JSON.
    pub(crate) verdict: Verdict,
    #[label(collection)]
    places: Vec<LabeledSpan>,
    #[help]
    help: &'static str,
    #[source_code]
    text: NamedSource<String>,
}

/// The result of a check as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    valid: bool,
    violations: Vec<Line>,
    truncated: bool,
}

#[derive(Debug, Serialize)]
struct Line {
    pointer: String,
    code: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<Box<RawValue>>,
}

impl Fault {
    pub(super) fn unreadable(document: &Document, fault: &Unreadable) -> Self {
        // Only in text that is UTF-8 throughout do the offsets of the bytes hold.
        let text = std::str::from_utf8(&document.bytes).ok();
        let shown = text.map(|text| excerpt::around(text, text.floor_char_boundary(fault.offset)));
        Fault::Unreadable {
            name: document.name.clone(),
            code: fault.code,
            line: fault.line,
            column: fault.column,
            reason: fault.message,
            place: shown.as_ref().map(|(_, offset)| (*offset).into()),
            text: NamedSource::new(&document.name, shown.map(|(text, _)| text.into_owned()).unwrap_or_default()),
        }
    }

    /// Broken rules found here.
    pub(super) fn broken(document: &Document, kind: Kind, violations: Violations) -> Self {
        let line = |violation: usher_wire::Violation| Line {
            pointer: violation.pointer,
            code: violation.code.to_owned(),
            message: violation.message.into_owned(),
            limit: violation.limit.and_then(|limit| raw(limit.into_owned())),
        };
        let lines = violations.list.into_iter().map(line).collect();
        Fault::Broken(Box::new(Broken::new(document, kind, lines, violations.truncated)))
    }
}

impl Broken {
    /// Broken rules the gateway found.
    pub(crate) fn told(document: &Document, kind: Kind, violations: &[Violation], is_truncated: bool) -> Self {
        let line = |violation: &Violation| Line {
            pointer: violation.pointer.clone(),
            code: violation.code.clone(),
            message: violation.message.clone(),
            limit: violation.limit.as_ref().and_then(|limit| raw(limit.as_str().to_owned())),
        };
        Broken::new(document, kind, violations.iter().map(line).collect(), is_truncated)
    }

    fn new(document: &Document, kind: Kind, lines: Vec<Line>, truncated: bool) -> Self {
        let text = excerpt::laid_out(std::str::from_utf8(&document.bytes).unwrap_or_default());
        let label = |line: &Line| {
            let mut said = format!("{} {}: {}", line.pointer, line.code, line.message).trim_start().to_owned();
            let is_said = |limit: &&str| line.message.contains(limit);
            if let Some(limit) = line.limit.as_ref().map(|limit| limit.get()).filter(|limit| !is_said(limit)) {
                let end = limit.char_indices().nth(LIMIT_CHARS_MAX).map(|(end, _)| end);
                let more = if end.is_some() { "…" } else { "" };
                said.push_str(&format!(" (limit: {}{more})", &limit[..end.unwrap_or(limit.len())]));
            }
            LabeledSpan::new_with_span(Some(said), place::of(&text, &line.pointer))
        };
        let count = match (lines.len(), truncated) {
            (1, false) => "a rule".to_owned(),
            (count, false) => format!("{count} rules"),
            (count, true) => format!("more than {count} rules"),
        };
        let help = lines.iter().find_map(|line| remedy(&line.code)).unwrap_or(
            "Correct the marked places; nothing was stored. The same rules stand in the schemas of the API.",
        );
        Broken {
            name: document.name.clone(),
            count,
            api: kind.name(),
            places: lines.iter().map(label).collect(),
            verdict: Verdict { valid: false, violations: lines, truncated },
            help,
            text: NamedSource::new(&document.name, text.into_owned()),
        }
    }
}

/// What to do about a refusal whose place does not tell.
pub(crate) fn remedy(code: &str) -> Option<&'static str> {
    Some(match code {
        "idempotency_key_reused" => {
            "This key stands for another body: send the body of the first call again to get its answer, or leave \
             --idempotency-key out to send a new request."
        }
        "app_key_mismatch" => {
            "Header.AppKey must be the public id of the application whose key you call with; the gateway told it beside \
             the key."
        }
        "consent_required" => {
            "The product demands consent: ask the person, and add it to the request with textId, textHash, givenAt, \
             channel and language."
        }
        "dpa_required" => "The product demands it: ask the person, and send contactRequest.dpaAccepted as true.",
        _ => return None,
    })
}

fn raw(json: String) -> Option<Box<RawValue>> {
    RawValue::from_string(json).ok()
}
