//! What the gateway says when it says no. The three APIs say it in three forms; here they are one.

use std::fmt;
use std::time::Duration;

use usher_contract::appointment_request::v2::{AnswerMessage, MessageCode, Messages};
use usher_contract::digital_customer::v1::{self as digital_customer, ErrorAnswer};
use usher_contract::shared::{Problem, Violation};

use crate::call::Sent;
use crate::error::write_limit;

/// The gateway said no.
#[derive(Debug, thiserror::Error)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// What kind of refusal, from the table of codes. The appointment request API has no code for broken rules as a
    /// whole; it is `contract_violated` or `parameter_invalid` here as everywhere.
    pub code: String,
    /// What happened, in English, for a developer.
    pub message: String,
    /// The broken rules, in document order, with pointers into the body that was sent.
    pub violations: Vec<Violation>,
    /// Whether there are more violations than are listed.
    pub is_truncated: bool,
    /// How long the gateway asked to wait.
    pub retry_after: Option<Duration>,
    /// What the call was sent as.
    pub sent: Sent,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused with {} {}: {}", self.status, self.code, self.message)?;
        for violation in &self.violations {
            write!(f, "; {} {}: {}", violation.pointer, violation.code, violation.message)?;
            write_limit(f, &violation.message, violation.limit.as_ref().map(|limit| limit.as_str()))?;
        }
        f.write_str(if self.is_truncated { "; and more" } else { "" })?;
        write!(f, " (correlation id {})", self.sent.correlation_id)
    }
}

/// What an error answer says, whatever its form.
pub(crate) struct Told {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) violations: Vec<Violation>,
    pub(crate) is_truncated: bool,
}

/// The form of an API's error answers.
pub(crate) trait ErrorForm {
    /// What it says.
    fn told(self) -> Told;
}

const CONTRACT_VIOLATED: &str = "contract_violated";
const PARAMETER_INVALID: &str = "parameter_invalid";

impl ErrorForm for Problem {
    fn told(self) -> Told {
        Told {
            code: self.code,
            message: self.detail.unwrap_or(self.title),
            violations: self.violations,
            is_truncated: self.truncated == Some(true),
        }
    }
}

impl ErrorForm for ErrorAnswer {
    fn told(self) -> Told {
        let violation = |from: digital_customer::Violation| Violation {
            pointer: from.pointer,
            code: from.code,
            message: from.message,
            limit: from.limit,
            unknown: from.unknown,
        };
        Told {
            code: self.error.code,
            message: self.error.description,
            violations: self.error.parameters.into_iter().map(violation).collect(),
            is_truncated: self.error.truncated == Some(true),
        }
    }
}

impl ErrorForm for Messages {
    fn told(self) -> Told {
        let is_truncated = self.truncated == Some(true);
        // A message that names no place is about the call as a whole.
        let (of_members, of_call): (Vec<_>, Vec<_>) =
            self.message.into_iter().partition(|message| message.parameter_name.is_some());
        let is_of_parameters =
            of_members.iter().any(|message| message.message_code == MessageCode::ErrorCommonBadRequest);
        let (code, message) = match of_call.into_iter().next() {
            Some(whole) => (whole.code.unwrap_or_else(|| whole.message_code.as_str().to_owned()), whole.message),
            None if is_of_parameters => (PARAMETER_INVALID.to_owned(), "A parameter is not valid.".to_owned()),
            None => (CONTRACT_VIOLATED.to_owned(), "The request is not schema valid.".to_owned()),
        };
        Told { code, message, violations: of_members.into_iter().map(violation).collect(), is_truncated }
    }
}

fn violation(from: AnswerMessage) -> Violation {
    let name = from.parameter_name.unwrap_or_default();
    Violation {
        pointer: pointer_of_parameter_name(&name),
        code: from.code.unwrap_or_else(|| from.message_code.as_str().to_owned()),
        message: from.reason.unwrap_or(from.message),
        limit: from.limit,
        unknown: from.unknown,
    }
}

/// The JSON Pointer of a place that the appointment request API names with dots and indexes (`parameterName`):
/// `/referredOffers/0/product` for `referredOffers[0].product`.
pub fn pointer_of_parameter_name(name: &str) -> String {
    // The platform's name for the pair of which one is needed; it is no member.
    if name == "location" {
        return "/contactRequest/financingTerms".to_owned();
    }
    let mut pointer = String::with_capacity(name.len() + 1);
    for step in name.split(['.', '[']).map(|step| step.trim_end_matches(']')).filter(|step| !step.is_empty()) {
        pointer.push('/');
        pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::pointer_of_parameter_name;

    #[test]
    fn a_place_with_dots_and_indexes_becomes_a_pointer() {
        for (name, expected) in [
            ("", ""),
            ("referredOffers", "/referredOffers"),
            ("referredOffers[0].product", "/referredOffers/0/product"),
            ("a[10][2].b", "/a/10/2/b"),
            ("a/b.c~d", "/a~1b/c~0d"),
            ("location", "/contactRequest/financingTerms"),
            ("contactRequest.contactAddress.location", "/contactRequest/contactAddress/location"),
        ] {
            assert_eq!(pointer_of_parameter_name(name), expected, "{name}");
        }
    }
}
