//! The error envelope of the digital customer API. `$type` stands first: readers of that family decide by it what follows.

use std::borrow::Cow;

use usher_contract::digital_customer::v1;
use usher_wire::{Unknown, Violation, to_json};

use super::{description, limit, message};
use crate::correlation::Correlation;
use crate::fault::Fault;

pub(super) fn write(fault: &Fault, correlation: &Correlation) -> Vec<u8> {
    let violations = fault.violations();
    to_json(&v1::ErrorAnswer::<Cow<'_, str>> {
        error: v1::Error {
            code: fault.code().into(),
            description: description(fault),
            parameters: violations.iter().map(parameter).collect(),
            transaction_id: correlation.id.to_string().into(),
            truncated: fault.is_truncated().then_some(true),
            unknown: Unknown::default(),
        },
        unknown: Unknown::default(),
    })
}

fn parameter(violation: &Violation) -> v1::Violation<Cow<'_, str>> {
    v1::Violation {
        pointer: violation.pointer.as_str().into(),
        code: violation.code.into(),
        message: message(violation),
        limit: limit(violation),
        unknown: Unknown::default(),
    }
}
