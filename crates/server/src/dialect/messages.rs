//! The message list of the appointment request API, whose clients know this form from the platform the contract comes from:
//! one message per mistake, and its place as a path with dots and indexes.

use std::borrow::Cow;

use usher_contract::appointment_request::v2::{AnswerMessage, MessageCode, Messages};
use usher_wire::{Unknown, Violation, to_json};

use super::{Dialect, description, limit, message};
use crate::fault::Fault;

pub(super) fn write(fault: &Fault) -> Vec<u8> {
    let violations = fault.violations();
    let code = message_code(fault);
    let message = if violations.is_empty() {
        vec![AnswerMessage {
            message_code: code,
            message: description(fault),
            parameter_name: None,
            reason: None,
            code: Some(fault.code().into()),
            limit: None,
            unknown: Unknown::default(),
        }]
    } else {
        violations.iter().map(|violation| mistake(violation, code.clone())).collect()
    };
    let truncated = fault.is_truncated().then_some(true);
    to_json(&Messages::<Cow<'_, str>> { message, truncated, unknown: Unknown::default() })
}

fn mistake(violation: &Violation, code: MessageCode) -> AnswerMessage<Cow<'_, str>> {
    let name = parameter_name(violation.code, &violation.pointer);
    let cause = if violation.code == "blacklisted" { blacklisted(&violation.pointer) } else { message(violation) };
    let reason = format!("Invalid parameter: parameterName={name} reason=The request is not schema valid. [{cause}]");
    AnswerMessage {
        message_code: code,
        message: format!("The request is not schema valid. [{reason}]").into(),
        parameter_name: Some(name.into()),
        reason: Some(reason.into()),
        code: Some(violation.code.into()),
        limit: limit(violation),
        unknown: Unknown::default(),
    }
}

/// The cause as that platform gives it: `SURNAME is blacklisted`.
fn blacklisted(pointer: &str) -> Cow<'static, str> {
    let mut name = String::new();
    for character in pointer.rsplit('/').next().unwrap_or_default().chars() {
        if character.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(character.to_ascii_uppercase());
    }
    format!("{name} is blacklisted").into()
}

/// The kind of message, for programs written against the platform.
fn message_code(fault: &Fault) -> MessageCode {
    match fault.status(Dialect::Messages).as_u16() {
        400 if matches!(fault, Fault::Violated(_) | Fault::Refused(_)) => {
            MessageCode::ErrorCommonSchemaValidationFailed
        }
        400 => MessageCode::ErrorCommonBadRequest,
        401 => MessageCode::ErrorCommonAuthenticationRequired,
        403 => MessageCode::ErrorCommonAccessDenied,
        404 => MessageCode::ErrorCommonResourceNotFound,
        405 => MessageCode::ErrorCommonMethodNotAllowed,
        408 => MessageCode::ErrorCommonRequestTimeout,
        409 => MessageCode::ErrorCommonConflict,
        413 | 414 | 431 => MessageCode::ErrorCommonRequestTooLarge,
        415 => MessageCode::ErrorCommonUnsupportedMediaType,
        422 => MessageCode::ErrorCommonIdempotencyKeyReused,
        429 => MessageCode::ErrorCommonTooManyRequests,
        503 => MessageCode::ErrorCommonServiceUnavailable,
        _ => MessageCode::ErrorCommonInternalError,
    }
}

/// A place as that platform names it: `referredOffers[0].product` for `/referredOffers/0/product`.
pub(crate) fn parameter_name(code: &str, pointer: &str) -> String {
    if code == "location_missing" {
        return "location".to_owned();
    }
    let mut name = String::with_capacity(pointer.len());
    for step in pointer.split('/').skip(1) {
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
    name
}
