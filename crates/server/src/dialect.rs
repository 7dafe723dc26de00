//! The three ways an API of ours says that something is wrong. A dialect changes the body, never the meaning.

mod messages;
mod problem;
mod service_response;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use usher_contract::appointment_request::v2::Messages;
use usher_wire::xml::{Document, XmlMessage};
use usher_wire::{Json, Violation};

use crate::correlation::Correlation;
use crate::fault::Fault;

/// The form of an API's error answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// RFC 9457, of every API that has none of its own.
    Problem,
    /// A list of messages, of the appointment request API.
    Messages,
    /// An envelope with `$type`, of the digital customer API.
    ServiceResponse,
}

/// The characters of a message that are passed on, and the bytes of a limit. Together with the number of violations they
/// bound the size of an answer.
const MESSAGE_CHARS_MAX: usize = 500;
const LIMIT_BYTES_MAX: usize = 2048;

impl Dialect {
    /// The dialect of the API that `path` belongs to, for calls that reach none of its operations.
    pub(crate) fn of_path(path: &str) -> Dialect {
        let within =
            |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if within("/financing") {
            Dialect::Messages
        } else if within("/digital-customer") {
            Dialect::ServiceResponse
        } else {
            Dialect::Problem
        }
    }

    /// The media type of an error answer.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Dialect::Problem => "application/problem+json",
            Dialect::Messages | Dialect::ServiceResponse => "application/json",
        }
    }

    /// What an error answer is in XML, where the dialect has that form.
    pub(crate) fn document(self) -> Option<&'static Document> {
        match self {
            Dialect::Messages => Some(<Messages as XmlMessage>::XML),
            Dialect::Problem | Dialect::ServiceResponse => None,
        }
    }

    /// The body of an error answer.
    pub(crate) fn write(self, fault: &Fault, correlation: &Correlation) -> Vec<u8> {
        match self {
            Dialect::Problem => problem::write(fault, correlation),
            Dialect::Messages => messages::write(fault),
            Dialect::ServiceResponse => service_response::write(fault, correlation),
        }
    }
}

pub(crate) use messages::parameter_name;

/// What is told of a fault where there is no place for more than one sentence.
fn description(fault: &Fault) -> Cow<'static, str> {
    fault.detail().unwrap_or(Cow::Borrowed(fault.title()))
}

/// The message of a violation, cut to its bound.
fn message(violation: &Violation) -> Cow<'_, str> {
    match violation.message.char_indices().nth(MESSAGE_CHARS_MAX) {
        None => Cow::Borrowed(&violation.message),
        Some((end, _)) => Cow::Owned(format!("{}…", &violation.message[..end])),
    }
}

/// The limit of a violation, unless it is too long to be of use to anybody.
fn limit(violation: &Violation) -> Option<Json> {
    let limit = violation.limit.as_deref().filter(|limit| limit.len() <= LIMIT_BYTES_MAX)?;
    Json::parse(limit).ok()
}
