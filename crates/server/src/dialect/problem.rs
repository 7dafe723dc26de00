//! RFC 9457 problem details, with the code, the violations and the correlation id as further members.

use std::borrow::Cow;

use usher_contract::shared;
use usher_wire::{Unknown, Violation, to_json};

use super::{Dialect, limit, message};
use crate::correlation::Correlation;
use crate::fault::Fault;

pub(super) fn write(fault: &Fault, correlation: &Correlation) -> Vec<u8> {
    let violations = fault.violations();
    to_json(&shared::Problem::<Cow<'_, str>> {
        r#type: format!("https://schemas.usher.example/errors/{}", fault.code()).into(),
        title: fault.title().into(),
        status: i64::from(fault.status(Dialect::Problem).as_u16()),
        detail: fault.detail(),
        instance: None,
        code: fault.code().into(),
        violations: violations.iter().map(entry).collect(),
        trace_id: correlation.id.to_string().into(),
        truncated: fault.is_truncated().then_some(true),
        unknown: Unknown::default(),
    })
}

fn entry(violation: &Violation) -> shared::Violation<Cow<'_, str>> {
    shared::Violation {
        pointer: violation.pointer.as_str().into(),
        code: violation.code.into(),
        message: message(violation),
        limit: limit(violation),
        unknown: Unknown::default(),
    }
}
