//! Where a request may carry its key. Whether the key is any good is decided elsewhere.

use std::fmt;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::fault::Fault;

pub(crate) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
pub(crate) const SUBSCRIPTION_KEY: HeaderName = HeaderName::from_static("ocp-apim-subscription-key");

/// The text sent as a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Credential<'h>(&'h [u8]);

impl<'h> Credential<'h> {
    /// The one key of the request, whichever of the three headers it came in.
    pub(crate) fn of(headers: &'h HeaderMap) -> Result<Self, Fault> {
        let sent = [
            headers.get(API_KEY).map(HeaderValue::as_bytes),
            headers.get(SUBSCRIPTION_KEY).map(HeaderValue::as_bytes),
            headers.get(AUTHORIZATION).and_then(bearer),
        ];
        let mut sent = sent.into_iter().flatten().map(<[u8]>::trim_ascii).filter(|key| !key.is_empty());
        let key = sent.next().ok_or(Fault::AuthenticationRequired)?;
        if sent.any(|other| other != key) {
            return Err(Fault::KeysConflict);
        }
        Ok(Credential(key))
    }

    /// The text, when it is text at all.
    pub(crate) fn as_str(&self) -> Option<&'h str> {
        std::str::from_utf8(self.0).ok()
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}

/// The token of an `Authorization: Bearer` header; any other scheme carries no key of ours.
fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName};

    use super::Credential;
    use crate::fault::Fault;

    fn check(sent: &[(&'static str, &'static str)], expected: Result<&str, &str>) {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(HeaderName::from_static(name), value.parse().expect("a header value"));
        }
        let found = Credential::of(&headers);
        let found = found.as_ref().map(|key| key.as_str().unwrap_or_default()).map_err(Fault::code);
        assert_eq!(found, expected, "{sent:?}");
    }

    // shows: IA-006
    #[test]
    fn one_key_is_taken_from_any_of_the_three_headers() {
        check(&[("x-api-key", "k")], Ok("k"));
        check(&[("ocp-apim-subscription-key", "k")], Ok("k"));
        check(&[("authorization", "Bearer k")], Ok("k"));
        check(&[("authorization", "bearer  k ")], Ok("k"));
        check(&[("authorization", "Basic eDp5"), ("x-api-key", "k")], Ok("k"));
        check(&[("x-api-key", ""), ("ocp-apim-subscription-key", "k")], Ok("k"));
    }

    #[test]
    fn the_same_key_twice_is_one_key_and_two_keys_are_a_conflict() {
        check(&[("x-api-key", "k"), ("authorization", "Bearer k"), ("ocp-apim-subscription-key", "k")], Ok("k"));
        check(&[("x-api-key", "k"), ("authorization", "Bearer l")], Err("keys_conflict"));
        check(&[("x-api-key", "k"), ("ocp-apim-subscription-key", "K")], Err("keys_conflict"));
        check(
            &[("x-api-key", "k"), ("ocp-apim-subscription-key", "k"), ("authorization", "Bearer l")],
            Err("keys_conflict"),
        );
    }

    #[test]
    fn no_key_is_told_apart_from_a_wrong_one() {
        for sent in
            [&[] as &[_], &[("x-api-key", "")], &[("authorization", "Basic eDp5")], &[("authorization", "Bearer")]]
        {
            check(sent, Err("authentication_required"));
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let mut headers = HeaderMap::new();
        headers.insert(super::API_KEY, "hidden".parse().expect("a header value"));
        assert_eq!(format!("{:?}", Credential::of(&headers)), "Ok(Credential(..))");
    }
}
