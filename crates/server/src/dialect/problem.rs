//! RFC 9457 problem details, with the code, the violations and the correlation id as further members.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{json, limit, message};
use crate::correlation::Correlation;
use crate::dialect::Dialect;
use crate::fault::Fault;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Problem<'f> {
    r#type: String,
    title: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Cow<'static, str>>,
    code: &'static str,
    violations: Vec<Entry<'f>>,
    trace_id: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

#[derive(Serialize)]
struct Entry<'f> {
    pointer: &'f str,
    code: &'static str,
    message: Cow<'f, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'f RawValue>,
}

pub(super) fn write(fault: &Fault, correlation: &Correlation) -> Vec<u8> {
    let violations = fault.violations();
    let entry = |violation| -> Entry<'_> {
        let violation: &usher_wire::Violation = violation;
        Entry {
            pointer: &violation.pointer,
            code: violation.code,
            message: message(violation),
            limit: limit(violation),
        }
    };
    json(&Problem {
        r#type: format!("https://schemas.usher.example/errors/{}", fault.code()),
        title: fault.title(),
        status: fault.status(Dialect::Problem).as_u16(),
        detail: fault.detail(),
        code: fault.code(),
        violations: violations.iter().map(entry).collect(),
        trace_id: correlation.id.to_string(),
        truncated: fault.is_truncated(),
    })
}
