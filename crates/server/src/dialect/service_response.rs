//! The answer envelope of the digital customer API. `$type` stands first: readers of that family decide by it what follows.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;
use usher_wire::Violation;

use super::{json, limit, message};
use crate::correlation::Correlation;
use crate::fault::Fault;

#[derive(Serialize)]
struct ServiceResponse<'f> {
    #[serde(rename = "$type")]
    r#type: &'static str,
    #[serde(rename = "Error")]
    error: Error<'f>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Error<'f> {
    code: &'static str,
    description: Cow<'static, str>,
    parameters: Vec<Parameter<'f>>,
    transaction_id: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter<'f> {
    pointer: &'f str,
    code: &'static str,
    message: Cow<'f, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'f RawValue>,
}

pub(super) fn write(fault: &Fault, correlation: &Correlation) -> Vec<u8> {
    let violations = fault.violations();
    json(&ServiceResponse {
        r#type: "ServiceResponseMessage",
        error: Error {
            code: fault.code(),
            description: fault.detail().unwrap_or(Cow::Borrowed(fault.title())),
            parameters: violations.iter().map(parameter).collect(),
            transaction_id: correlation.id.to_string(),
            truncated: fault.is_truncated(),
        },
    })
}

fn parameter(violation: &Violation) -> Parameter<'_> {
    Parameter {
        pointer: &violation.pointer,
        code: violation.code,
        message: message(violation),
        limit: limit(violation),
    }
}
