//! The correlation id of a request: taken from `x-correlation-id` or made, and in every answer.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use usher_domain::ids::CorrelationId;
use usher_domain::random::Random;
use usher_wire::Warning;

/// The header, in requests and answers.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-correlation-id");

/// The correlation id of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Correlation {
    pub(crate) id: CorrelationId,
    /// Whether the client sent something that is no id.
    pub(crate) replaced: bool,
}

impl Correlation {
    /// Takes the id the client sent, or makes one.
    pub(crate) fn of(headers: &HeaderMap, random: &mut dyn Random) -> Self {
        let sent = headers.get(HEADER);
        match sent.and_then(|value| value.to_str().ok()).and_then(CorrelationId::parse) {
            Some(id) => Correlation { id, replaced: false },
            None => Correlation { id: CorrelationId::draw(random), replaced: sent.is_some() },
        }
    }

    /// What the client should know.
    pub(crate) fn warning(&self) -> Option<Warning> {
        self.replaced.then(|| Warning {
            pointer: String::new(),
            code: "correlation_id_replaced",
            message: "x-correlation-id was not a UUID; the answer carries the one made instead".into(),
        })
    }

    pub(crate) fn header_value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.id.to_string()).expect("a UUID is visible ASCII")
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::{Correlation, HEADER};

    fn of(value: Option<&[u8]>) -> Correlation {
        let mut headers = HeaderMap::new();
        if let Some(value) = value {
            headers.insert(HEADER, HeaderValue::from_bytes(value).expect("a header value"));
        }
        Correlation::of(&headers, &mut |bytes: &mut [u8]| bytes.fill(7))
    }

    #[test]
    fn a_uuid_is_taken_in_either_case() {
        let sent = "3F1C2B7A-9d4e-4c58-8a60-5b7e1d2f3c4a";
        let correlation = of(Some(sent.as_bytes()));
        assert_eq!(correlation.header_value(), &sent.to_lowercase());
        assert_eq!(correlation.warning(), None);
    }

    #[test]
    fn one_is_made_when_none_is_sent() {
        let correlation = of(None);
        assert_eq!(correlation.header_value(), "07070707-0707-4707-8707-070707070707");
        assert_eq!(correlation.warning(), None);
    }

    #[test]
    fn a_malformed_one_is_replaced_with_a_warning_that_does_not_repeat_it() {
        for sent in ["", "1", "3f1c2b7a9d4e4c588a605b7e1d2f3c4a", "x".repeat(5000).as_str(), "\u{e9}"] {
            let correlation = of(Some(sent.as_bytes()));
            assert_eq!(correlation.header_value(), "07070707-0707-4707-8707-070707070707");
            let warning = correlation.warning().expect("a warning");
            assert_eq!((warning.pointer.as_str(), warning.code), ("", "correlation_id_replaced"));
            assert!(sent.len() < 2 || !warning.message.contains(sent));
        }
    }
}
