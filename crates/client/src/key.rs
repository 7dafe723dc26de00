//! The two keys a call carries: the secret that says who calls, and the name of the submit that makes a repeat
//! harmless.

use std::fmt;

use reqwest::header::HeaderValue;
use uuid::Uuid;

/// A text that is no key. It does not say which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedKey {
    /// There is nothing in it.
    #[error("the key is empty")]
    Empty,
    /// A blank, a control or a non-ASCII character.
    #[error("the key must be visible ASCII characters without blanks")]
    Character,
    /// More characters than the contract allows.
    #[error("the key is longer than 255 characters")]
    TooLong,
    /// Not the form of an API key.
    #[error("not an API key: expected usher_sbx_ or usher_prd_ and three groups of letters and digits")]
    Form,
    /// The form of an API key, but its checksum does not fit.
    #[error("a character of the API key is wrong or missing; copy it again")]
    Checksum,
}

/// The secret key of an application. No debug form shows it.
#[derive(Clone)]
pub struct ApiKey(HeaderValue);

impl ApiKey {
    /// The key in `text`, which may have blanks or a line end around it, as a file has. Form and checksum are looked at,
    /// so that a key that was copied in part is found before anything is sent.
    ///
    /// # Errors
    /// The text cannot be a key.
    pub fn new(text: &str) -> Result<ApiKey, MalformedKey> {
        let key = ApiKey::of_other_service(text)?;
        let (covered, checksum) = split(text.trim()).ok_or(MalformedKey::Form)?;
        if checksum.as_bytes() == checksum_of(covered) { Ok(key) } else { Err(MalformedKey::Checksum) }
    }

    /// The key of a service that is no gateway, such as an identity register: any visible ASCII characters.
    ///
    /// # Errors
    /// The text cannot be a key.
    pub fn of_other_service(text: &str) -> Result<ApiKey, MalformedKey> {
        let text = text.trim();
        check(text)?;
        let mut value = HeaderValue::from_str(text).map_err(|_| MalformedKey::Character)?;
        value.set_sensitive(true);
        Ok(ApiKey(value))
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

/// Names one submit: sent twice with the same key and body, it is stored once, and answered the same, for 7 days.
///
/// The client makes one for every submit. To be safe against a crash of your own program too, make it yourself, keep it
/// beside the request, and send both again until an answer comes. No debug form shows it, for it may hold anything.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// A key nobody had before.
    pub fn random() -> IdempotencyKey {
        IdempotencyKey(Uuid::new_v4().to_string())
    }

    /// A key of your own, 1 to 255 visible ASCII characters.
    ///
    /// # Errors
    /// The text cannot be a key.
    pub fn new(text: &str) -> Result<IdempotencyKey, MalformedKey> {
        check(text)?;
        Ok(IdempotencyKey(text.to_owned()))
    }

    /// The key, to be kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key as the header carries it: bare where it can be, else a quoted string. Both are the same key.
    pub(crate) fn header(&self) -> String {
        if self.0.contains(['"', '\\', ',', ';']) {
            format!("\"{}\"", self.0.replace('\\', r"\\").replace('"', "\\\""))
        } else {
            self.0.clone()
        }
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey(..)")
    }
}

/// What the checksum of an API key covers, and the checksum.
fn split(text: &str) -> Option<(&str, &str)> {
    let groups: Vec<&str> = text.split('_').collect();
    let [_, environment, _, _, checksum] = groups[..] else { return None };
    let is_base62 = groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let is_formed = groups.iter().map(|group| group.len()).eq([5, 3, 12, 32, 6]) && text.starts_with("usher_");
    let is_key = is_formed && is_base62 && matches!(environment, "sbx" | "prd");
    is_key.then(|| (&text[..text.len() - checksum.len() - 1], checksum))
}

/// CRC-32 in base62, most significant digit first, as the gateway makes it.
fn checksum_of(text: &str) -> [u8; 6] {
    const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

fn check(text: &str) -> Result<(), MalformedKey> {
    match text.len() {
        0 => Err(MalformedKey::Empty),
        _ if !text.bytes().all(|byte| byte.is_ascii_graphic()) => Err(MalformedKey::Character),
        1..=255 => Ok(()),
        _ => Err(MalformedKey::TooLong),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{ApiKey, IdempotencyKey, MalformedKey};

    /// A well-made key that no gateway knows.
    pub(crate) const KEY: &str = "usher_sbx_Canary000001_CanaryCanaryCanaryCanaryCanary01_2kmdhn";

    #[test]
    fn an_api_key_is_taken_as_a_file_holds_it_and_never_shown() {
        let key = ApiKey::new(&format!(" {KEY}\r\n")).expect("a key");
        assert_eq!(key.header(), KEY);
        assert_eq!(format!("{key:?} {:?}", key.header()), "ApiKey(..) Sensitive");
    }

    #[test]
    fn an_api_key_that_was_not_copied_whole_is_refused_here() {
        let production = KEY.replace("sbx", "prd");
        let mistyped = KEY.replace("y000001", "y000002");
        for (text, fault) in [
            ("x", MalformedKey::Form),
            (&KEY[..KEY.len() - 1], MalformedKey::Form),
            (&KEY[1..], MalformedKey::Form),
            (&KEY.replace("usher", "usherx"), MalformedKey::Form),
            (&KEY.replace("sbx", "abc"), MalformedKey::Form),
            (&KEY.replace("_Canary0", "-Canary0"), MalformedKey::Form),
            (&production, MalformedKey::Checksum),
            (&mistyped, MalformedKey::Checksum),
        ] {
            assert_eq!(ApiKey::new(text).err(), Some(fault), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_a_key_is_refused() {
        let long = "k".repeat(256);
        for (text, fault) in [
            ("", MalformedKey::Empty),
            ("two words", MalformedKey::Character),
            ("a\nb", MalformedKey::Character),
            ("klíč", MalformedKey::Character),
            (long.as_str(), MalformedKey::TooLong),
        ] {
            assert_eq!(ApiKey::new(text).err(), Some(fault), "{text}");
            assert_eq!(IdempotencyKey::new(text).err(), Some(fault), "{text}");
        }
    }

    #[test]
    fn an_idempotency_key_is_quoted_where_it_must_be() {
        for (text, header) in [("order-1", "order-1"), ("a,b;c", "\"a,b;c\""), (r#"a"b\c"#, r#""a\"b\\c""#)] {
            let key = IdempotencyKey::new(text).expect("a key");
            assert_eq!((key.as_str(), key.header().as_str()), (text, header));
        }
        assert_eq!(format!("{:?}", IdempotencyKey::random()), "IdempotencyKey(..)");
    }
}
