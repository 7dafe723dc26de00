//! The message list of the appointment request API, whose clients know this form from the platform the contract comes from:
//! one message per mistake, and its place as a path with dots and indexes.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;
use usher_wire::Violation;

use super::{json, limit, message};
use crate::dialect::Dialect;
use crate::fault::Fault;

#[derive(Serialize)]
struct Messages<'f> {
    message: Vec<Message<'f>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'f> {
    message_code: &'static str,
    message: Cow<'f, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter_name: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'f RawValue>,
}

pub(super) fn write(fault: &Fault) -> Vec<u8> {
    let violations = fault.violations();
    let message_code = message_code(fault);
    let list = if violations.is_empty() {
        vec![Message {
            message_code,
            message: fault.detail().unwrap_or(Cow::Borrowed(fault.title())),
            parameter_name: None,
            reason: None,
            code: fault.code(),
            limit: None,
        }]
    } else {
        violations.iter().map(|violation| mistake(violation, message_code)).collect()
    };
    json(&Messages { message: list, truncated: fault.is_truncated() })
}

fn mistake<'v>(violation: &'v Violation, message_code: &'static str) -> Message<'v> {
    let name = parameter_name(violation);
    let cause = message(violation);
    let reason = format!("Invalid parameter: parameterName={name} reason=The request is not schema valid. [{cause}]");
    Message {
        message_code,
        message: format!("The request is not schema valid. [{reason}]").into(),
        parameter_name: Some(name),
        reason: Some(reason),
        code: violation.code,
        limit: limit(violation),
    }
}

/// The kind of message, for programs written against the platform.
fn message_code(fault: &Fault) -> &'static str {
    match fault.status(Dialect::Messages).as_u16() {
        400 if matches!(fault, Fault::Violated(_) | Fault::Refused(_)) => "ERROR_COMMON_SCHEMA_VALIDATION_FAILED",
        400 => "ERROR_COMMON_BAD_REQUEST",
        401 => "ERROR_COMMON_AUTHENTICATION_REQUIRED",
        403 => "ERROR_COMMON_ACCESS_DENIED",
        404 => "ERROR_COMMON_RESOURCE_NOT_FOUND",
        405 => "ERROR_COMMON_METHOD_NOT_ALLOWED",
        408 => "ERROR_COMMON_REQUEST_TIMEOUT",
        409 => "ERROR_COMMON_CONFLICT",
        413 | 414 | 431 => "ERROR_COMMON_REQUEST_TOO_LARGE",
        415 => "ERROR_COMMON_UNSUPPORTED_MEDIA_TYPE",
        422 => "ERROR_COMMON_IDEMPOTENCY_KEY_REUSED",
        429 => "ERROR_COMMON_TOO_MANY_REQUESTS",
        503 => "ERROR_COMMON_SERVICE_UNAVAILABLE",
        _ => "ERROR_COMMON_INTERNAL_ERROR",
    }
}

/// The place of a violation as that platform names it: `referredOffers[0].product` for `/referredOffers/0/product`.
fn parameter_name(violation: &Violation) -> Cow<'static, str> {
    if violation.code == "location_missing" {
        return Cow::Borrowed("location");
    }
    let mut name = String::with_capacity(violation.pointer.len());
    for step in violation.pointer.split('/').skip(1) {
        if !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit()) {
            name.push('[');
            name.push_str(step);
            name.push(']');
        } else {
            if !name.is_empty() {
                name.push('.');
            }
            name.push_str(&step.replace("~1", "/").replace("~0", "~"));
        }
    }
    Cow::Owned(name)
}
