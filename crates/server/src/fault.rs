//! Everything that can keep a request from the answer it asked for, and what HTTP makes of it. No other file chooses the
//! status of a refused request; the dialects only choose how its body looks.

use std::borrow::Cow;

use axum::http::header::{CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use usher_domain::idempotency::KeyFault;
use usher_domain::refusal::Refusal;
use usher_storage::StoreError;
use usher_wire::{Unreadable, Violation, Violations};

use crate::dialect::Dialect;

/// Why a request is not answered with what it asked for. None of it carries a value of the request.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The head or the framing cannot be accepted; the text says what of it.
    Malformed(&'static str),
    UrlTooLong,
    HeadersTooLarge,
    NotFound,
    /// The path exists with other methods, which the router lists.
    MethodNotAllowed,
    AuthenticationRequired,
    KeysConflict,
    KeyUnknown,
    KeyExpired,
    KeyRevoked,
    NotSubscribed,
    WrongEnvironment,
    /// The role of the bank user is not enough.
    NotPermitted,
    /// The text says what was expected.
    MediaTypeUnsupported(&'static str),
    BodyTooLarge {
        bytes_max: usize,
    },
    RequestTimeout,
    IdempotencyKeyMalformed(KeyFault),
    IdempotencyKeyReused,
    /// A call with the same idempotency key has not ended.
    StillRunning,
    /// A path, query or header parameter breaks its rule. Pointers are names of parameters.
    ParameterInvalid(Violations),
    /// The body is no JSON text, or XML document, of the accepted kind.
    Unreadable(Unreadable),
    /// The body breaks rules of the contract.
    Violated(Violations),
    /// A business rule said no.
    Refused(Refusal),
    /// What was decided on has changed meanwhile; nothing was stored.
    VersionConflict,
    /// More is queued than can be written soon; nothing was stored.
    Overloaded,
    StoreUnavailable,
    /// The identity register gave no answer; nothing was stored. It may be worth trying again after so many seconds.
    RegisterUnavailable {
        retry_after_seconds: u16,
    },
    Internal,
}

/// One row of the table of codes, `schemas/errors.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    code: &'static str,
    status: u16,
    title: &'static str,
}

/// Short for a table.
const fn row(code: &'static str, status: u16, title: &'static str) -> Row {
    Row { code, status, title }
}

const UNREADABLE: [Row; 12] = [
    row("syntax", 400, "Not well-formed"),
    row("utf8", 400, "Not UTF-8"),
    row("duplicate_key", 400, "Repeated member"),
    row("depth", 400, "Nested too deeply"),
    row("surrogate", 400, "Broken escape"),
    row("nul", 400, "NUL character"),
    row("number_size", 400, "Number is too long"),
    row("body_too_large", 413, "Body is too large"),
    row("doctype", 400, "Document type declaration"),
    row("entity", 400, "Unknown entity"),
    row("markup_size", 400, "Too much markup"),
    row("root_element", 400, "Other root element"),
];

const REFUSALS: [Row; 17] = [
    row("product_not_offered", 422, "Product is not offered"),
    row("duplicate_refused", 422, "Person was sent before"),
    row("consent_required", 422, "Consent is required"),
    row("dpa_required", 422, "Data protection agreement is required"),
    row("app_key_mismatch", 401, "AppKey is of another application"),
    row("reason_mismatch", 422, "Reason of another status"),
    row("flow_unknown", 404, "Flow is not known"),
    row("flow_contact_mismatch", 422, "Contact data differ from the flow's"),
    row("person_not_found", 422, "Person is not in the register"),
    row("person_deceased", 422, "Person has died"),
    row("person_mismatch", 422, "Person's data differ from the register's"),
    row("register_not_configured", 422, "No identity register is connected"),
    row("illegal_transition", 409, "Not possible in this state"),
    row("update_required", 409, "Update comes first"),
    row("commission_unknown", 422, "No such commission"),
    row("commission_move_illegal", 409, "Not possible for this commission"),
    row("commission_amount_refused", 422, "Amount cannot be reversed"),
];

/// Seconds after which a call that met its twin, or a full queue, has a good chance.
const RETRY_SOON_SECONDS: u16 = 1;
/// Seconds after which a store that failed may be back.
const RETRY_LATER_SECONDS: u16 = 5;

impl Fault {
    fn row(&self) -> Row {
        match self {
            Fault::Malformed(_) => row("request_malformed", 400, "Request cannot be accepted"),
            Fault::UrlTooLong => row("url_too_long", 414, "Address is too long"),
            Fault::HeadersTooLarge => row("headers_too_large", 431, "Headers are too large"),
            Fault::NotFound => row("not_found", 404, "Not found"),
            Fault::MethodNotAllowed => row("method_not_allowed", 405, "Method is not allowed"),
            Fault::AuthenticationRequired => row("authentication_required", 401, "Key is missing"),
            Fault::KeysConflict => row("keys_conflict", 400, "Different keys in one call"),
            Fault::KeyUnknown => row("key_unknown", 401, "Key is not known"),
            Fault::KeyExpired => row("key_expired", 401, "Key has expired"),
            Fault::KeyRevoked => row("key_revoked", 401, "Key was revoked"),
            Fault::NotSubscribed => row("not_subscribed", 403, "No subscription"),
            Fault::WrongEnvironment => row("wrong_environment", 403, "Key of the other environment"),
            Fault::NotPermitted => row("not_permitted", 403, "Not permitted to this user"),
            Fault::VersionConflict => row("version_conflict", 409, "Changed meanwhile"),
            Fault::MediaTypeUnsupported(_) => row("media_type_unsupported", 415, "Media type is not supported"),
            Fault::BodyTooLarge { .. } => row("body_too_large", 413, "Body is too large"),
            Fault::RequestTimeout => row("request_timeout", 408, "Request took too long"),
            Fault::IdempotencyKeyMalformed(_) => row("idempotency_key_malformed", 400, "Idempotency key is malformed"),
            Fault::IdempotencyKeyReused => {
                row("idempotency_key_reused", 422, "Idempotency key was used for another body")
            }
            Fault::StillRunning => row("still_running", 409, "First call is still running"),
            Fault::ParameterInvalid(_) => row("parameter_invalid", 400, "Parameter is not valid"),
            Fault::Unreadable(unreadable) => find(&UNREADABLE, unreadable.code),
            Fault::Violated(_) => row("contract_violated", 422, "The body breaks the contract"),
            Fault::Refused(refusal) => find(&REFUSALS, refusal.code()),
            Fault::Overloaded => row("overloaded", 503, "Gateway has too much to do"),
            Fault::StoreUnavailable => row("store_unavailable", 503, "Store is not available"),
            Fault::RegisterUnavailable { .. } => row("register_unavailable", 503, "Identity register is not available"),
            Fault::Internal => row("internal", 500, "Fault of the gateway"),
        }
    }

    /// Its code, which a program may go by.
    pub(crate) fn code(&self) -> &'static str {
        self.row().code
    }

    /// Its short name, the same for every occurrence.
    pub(crate) fn title(&self) -> &'static str {
        self.row().title
    }

    /// Its HTTP status.
    pub(crate) fn status(&self, dialect: Dialect) -> StatusCode {
        let status = match (dialect, self) {
            // The platform this dialect comes from knows one status for all that is wrong with a body.
            (Dialect::Messages, Fault::Violated(_) | Fault::Refused(_)) if self.row().status == 422 => 400,
            _ => self.row().status,
        };
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What happened this time, where the title does not say it all.
    pub(crate) fn detail(&self) -> Option<Cow<'static, str>> {
        match self {
            Fault::Malformed(detail) | Fault::MediaTypeUnsupported(detail) => Some(Cow::Borrowed(detail)),
            Fault::BodyTooLarge { bytes_max } => Some(format!("the gateway reads at most {bytes_max} bytes").into()),
            Fault::IdempotencyKeyMalformed(fault) => Some(fault.to_string().into()),
            Fault::Unreadable(unreadable) => Some(unreadable.to_string().into()),
            Fault::Refused(refusal) => Some(refusal.to_string().into()),
            Fault::ParameterInvalid(violations) => {
                let told = |violation: &Violation| match violation.pointer.trim_start_matches('/') {
                    "" => violation.message.to_string(),
                    name => format!("{name}: {}", violation.message),
                };
                let told: Vec<_> = violations.list.iter().map(told).collect();
                Some(told.join("; ").into())
            }
            Fault::RegisterUnavailable { .. } => {
                Some("the identity register gave no answer and nothing was stored; send the same request again".into())
            }
            Fault::StoreUnavailable => Some(
                "whether the request was stored is not certain; send it again with the same idempotency key".into(),
            ),
            _ => None,
        }
    }

    /// The places in the body it is about, in document order, or the parameters by name.
    pub(crate) fn violations(&self) -> Cow<'_, [Violation]> {
        match self {
            Fault::Violated(violations) | Fault::ParameterInvalid(violations) => Cow::Borrowed(&violations.list),
            Fault::Refused(refusal) => places(refusal).into(),
            _ => Cow::Borrowed(&[]),
        }
    }

    /// Whether there are more violations than are listed.
    pub(crate) fn is_truncated(&self) -> bool {
        matches!(self, Fault::Violated(violations) | Fault::ParameterInvalid(violations) if violations.truncated)
    }

    /// Adds what HTTP asks for beside the status.
    pub(crate) fn write_headers(&self, headers: &mut HeaderMap) {
        let retry_seconds = match self {
            Fault::StillRunning | Fault::Overloaded => Some(RETRY_SOON_SECONDS),
            Fault::StoreUnavailable => Some(RETRY_LATER_SECONDS),
            Fault::RegisterUnavailable { retry_after_seconds } => Some(*retry_after_seconds),
            _ => None,
        };
        if let Some(seconds) = retry_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.row().status == 401 {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // What follows on such a connection may be the rest of a body, or meant for somebody else.
        if matches!(self, Fault::Malformed(_) | Fault::RequestTimeout | Fault::HeadersTooLarge) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Overloaded => Fault::Overloaded,
            StoreError::Full | StoreError::Unavailable => Fault::StoreUnavailable,
            StoreError::VersionConflict => Fault::VersionConflict,
            StoreError::Constraint(_) | StoreError::Unreadable | StoreError::UnknownCursor => {
                // The text of a store error holds kinds and codes only.
                tracing::error!(%error, "the store cannot do what it was asked for");
                Fault::Internal
            }
        }
    }
}

/// The places in the body that a refusal is about.
pub(crate) fn places(refusal: &Refusal) -> Vec<Violation> {
    let place = |refusal: &Refusal, pointer: &'static str| Violation {
        pointer: pointer.to_owned(),
        code: refusal.code(),
        message: refusal.to_string().into(),
        limit: None,
        schema: "",
        keyword: "",
    };
    let each = refusal.each().iter();
    each.flat_map(|refusal| refusal.pointers().iter().map(move |pointer| place(refusal, pointer))).collect()
}

/// The row of `code`. A code without a row is a fault of ours, and a test looks for one.
fn find(table: &[Row], code: &str) -> Row {
    table.iter().find(|row| row.code == code).copied().unwrap_or_else(|| Fault::Internal.row())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::http::HeaderMap;
    use usher_domain::commission::{Kind, State};
    use usher_domain::flow::{FlowState, Method};
    use usher_domain::status::Status;
    use usher_storage::Constraint;
    use usher_wire::Unreadable;

    use super::*;

    /// Codes that no fault of today has: their features come later, the table is closed now.
    const LATER: [&str; 2] = ["shutting_down", "too_many_requests"];

    fn every_fault() -> Vec<Fault> {
        let mut faults = vec![
            Fault::Malformed("a text"),
            Fault::UrlTooLong,
            Fault::HeadersTooLarge,
            Fault::NotFound,
            Fault::MethodNotAllowed,
            Fault::AuthenticationRequired,
            Fault::KeysConflict,
            Fault::KeyUnknown,
            Fault::KeyExpired,
            Fault::KeyRevoked,
            Fault::NotSubscribed,
            Fault::WrongEnvironment,
            Fault::NotPermitted,
            Fault::VersionConflict,
            Fault::MediaTypeUnsupported("a text"),
            Fault::BodyTooLarge { bytes_max: 262_144 },
            Fault::RequestTimeout,
            Fault::IdempotencyKeyMalformed(KeyFault::Empty),
            Fault::IdempotencyKeyReused,
            Fault::StillRunning,
            Fault::ParameterInvalid(Violations::default()),
            Fault::Violated(Violations::default()),
            Fault::Refused(Refusal::ProductNotOffered { pointer: None }),
            Fault::Refused(Refusal::DuplicateRefused { pointer: "/phoneNumber" }),
            Fault::Refused(Refusal::ConsentRequired),
            Fault::Refused(Refusal::DpaRequired),
            Fault::Refused(Refusal::AppKeyMismatch),
            Fault::Refused(Refusal::FlowUnknown { pointer: "/Parameters/0/ProcessId" }),
            Fault::Refused(Refusal::FlowTransition { state: FlowState::Completed, method: Method::Update }),
            Fault::Refused(Refusal::FlowTransition { state: FlowState::Created, method: Method::Complete }),
            Fault::Refused(Refusal::FlowContactMismatch { pointers: vec!["/Parameters/0/Email"] }),
            Fault::Refused(Refusal::StatusFinal),
            Fault::Refused(Refusal::PersonNotFound),
            Fault::Refused(Refusal::PersonDeceased),
            Fault::Refused(Refusal::PersonMismatch),
            Fault::Refused(Refusal::RegisterNotConfigured),
            Fault::RegisterUnavailable { retry_after_seconds: 1 },
            Fault::Refused(Refusal::StatusMove { from: Status::New, to: Status::OfferSent }),
            Fault::Refused(Refusal::ReasonOfOtherStatus { status: Status::Claimed }),
            Fault::Refused(Refusal::CommissionUnknown { pointer: "/cause" }),
            Fault::Refused(Refusal::CommissionMove { state: State::Paid, kind: Kind::Hold }),
            Fault::Refused(Refusal::CommissionAmount),
            Fault::Overloaded,
            Fault::StoreUnavailable,
            Fault::Internal,
        ];
        faults.extend(UNREADABLE.map(|row| Fault::Unreadable(Unreadable::new(b"", 0, row.code, "a text"))));
        faults
    }

    #[test]
    fn the_table_of_codes_and_the_faults_say_the_same() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/errors.json");
        let table = std::fs::read(path).expect("schemas/errors.json");
        let table: Vec<serde_json::Value> = serde_json::from_slice(&table).expect("a list");
        let answers = ["gateway", "state", "refusal", "unreadable"];
        let mut told: BTreeSet<(String, u64, String)> = table
            .iter()
            .filter(|row| {
                answers.contains(&row["kind"].as_str().unwrap_or_default()) || row["code"] == "contract_violated"
            })
            .filter(|row| !LATER.contains(&row["code"].as_str().unwrap_or_default()))
            .map(|row| {
                let text = |name: &str| row[name].as_str().expect("a text").to_owned();
                (text("code"), row["status"].as_u64().expect("a status"), text("title"))
            })
            .collect();
        for fault in every_fault() {
            let row = fault.row();
            let row = (row.code.to_owned(), u64::from(row.status), row.title.to_owned());
            assert!(told.contains(&row), "schemas/errors.json has no {row:?}");
        }
        for fault in every_fault() {
            told.retain(|(code, ..)| code != fault.code());
        }
        assert!(told.is_empty(), "no fault has the codes {told:?}");
    }

    #[test]
    fn only_the_messages_dialect_has_one_status_for_all_that_is_wrong_with_a_body() {
        for fault in every_fault() {
            let told = fault.row().status;
            let is_of_body = matches!(fault, Fault::Violated(_) | Fault::Refused(_)) && told == 422;
            assert_eq!(fault.status(Dialect::Problem), told);
            assert_eq!(fault.status(Dialect::ServiceResponse), told);
            assert_eq!(fault.status(Dialect::Messages), if is_of_body { 400 } else { told });
        }
    }

    #[test]
    fn what_the_store_cannot_do_is_told_without_its_reasons() {
        for (error, code) in [
            (StoreError::Overloaded, "overloaded"),
            (StoreError::Full, "store_unavailable"),
            (StoreError::Unavailable, "store_unavailable"),
            (StoreError::Constraint(Constraint::Unique), "internal"),
            (StoreError::Unreadable, "internal"),
            (StoreError::UnknownCursor, "internal"),
        ] {
            assert_eq!(Fault::from(error).code(), code, "{error}");
        }
    }

    #[test]
    fn a_client_is_told_when_to_try_again_and_how_to_authenticate() {
        for fault in every_fault() {
            let mut headers = HeaderMap::new();
            fault.write_headers(&mut headers);
            let may_retry =
                matches!(fault.code(), "still_running" | "overloaded" | "store_unavailable" | "register_unavailable");
            assert_eq!(headers.contains_key("retry-after"), may_retry, "{}", fault.code());
            assert_eq!(headers.contains_key("www-authenticate"), fault.row().status == 401, "{}", fault.code());
        }
    }
}
