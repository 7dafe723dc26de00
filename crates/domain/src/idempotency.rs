//! The `Idempotency-Key` header. The draft standard asks for a quoted string, many clients send a bare token;
//! both are the same key.

use std::fmt;

/// The longest key, in characters after unquoting.
pub const KEY_CHARS_MAX: usize = 255;

/// A key the partner chose: 1 to 255 visible ASCII characters. Partners put mail addresses into such keys, so it is
/// neither shown nor stored; see `DigestKey::idempotency_key`.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// Why a header is no idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFault {
    /// The header is there more than once.
    Repeated,
    /// There is nothing in it.
    Empty,
    /// There are more than 255 characters in it.
    TooLong,
    /// A space, a control or non-ASCII character, or one that is not allowed without quotes.
    Character,
    /// A quote that does not end, an unknown escape, or text after the closing quote.
    Quotes,
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyFault::Repeated => "Idempotency-Key must be sent once",
            KeyFault::Empty => "Idempotency-Key is empty",
            KeyFault::TooLong => "Idempotency-Key is longer than 255 characters",
            KeyFault::Character => {
                "Idempotency-Key must be visible ASCII without spaces; quote it when it holds a comma, semicolon or quote"
            }
            KeyFault::Quotes => "Idempotency-Key must be one quoted string, with only \\\" and \\\\ escaped",
        })
    }
}

impl std::error::Error for KeyFault {}

impl IdempotencyKey {
    /// Reads the values of all `Idempotency-Key` headers of a request; none means the partner sent no key.
    pub fn from_headers<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<IdempotencyKey>, KeyFault> {
        let mut values = values.into_iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(KeyFault::Repeated);
        }
        Self::parse(value).map(Some)
    }

    /// Reads one header value, quoted or bare.
    pub fn parse(value: &[u8]) -> Result<IdempotencyKey, KeyFault> {
        let value = value.trim_ascii();
        let key = match value.strip_prefix(b"\"") {
            Some(quoted) => unquote(quoted)?,
            // Comma and semicolon would be a second header or a parameter, were this the standard's form.
            None if value.iter().any(|byte| matches!(byte, b'"' | b'\\' | b',' | b';')) => {
                return Err(KeyFault::Character);
            }
            None => value.to_vec(),
        };
        match key.len() {
            0 => return Err(KeyFault::Empty),
            1..=KEY_CHARS_MAX => {}
            _ => return Err(KeyFault::TooLong),
        }
        if !key.iter().all(u8::is_ascii_graphic) {
            return Err(KeyFault::Character);
        }
        String::from_utf8(key).map(IdempotencyKey).map_err(|_| KeyFault::Character)
    }

    /// The key, unquoted.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key as a header value, in the quoted form of the standard.
    pub fn header(&self) -> String {
        format!("\"{}\"", self.0.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey(..)")
    }
}

/// The text of a structured-field string (RFC 9651), from behind its opening quote.
fn unquote(quoted: &[u8]) -> Result<Vec<u8>, KeyFault> {
    let mut key = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'"' if bytes.as_slice().is_empty() => return Ok(key),
            b'"' => return Err(KeyFault::Quotes),
            b'\\' => match bytes.next() {
                Some(&escaped @ (b'"' | b'\\')) => key.push(escaped),
                _ => return Err(KeyFault::Quotes),
            },
            _ => key.push(byte),
        }
    }
    Err(KeyFault::Quotes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_and_bare_are_the_same_key() {
        for (header, key) in [
            ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            ("\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            (" \t\"a\" ", "a"),
            (" a ", "a"),
            ("\"a,b;c=d\"", "a,b;c=d"),
            (r#""a\"b\\c""#, r#"a"b\c"#),
            ("!#$%&'()*+-./:<=>?@[]^_`{|}~", "!#$%&'()*+-./:<=>?@[]^_`{|}~"),
            ("order=1", "order=1"),
        ] {
            let read = IdempotencyKey::parse(header.as_bytes()).unwrap();
            assert_eq!(read.as_str(), key);
            assert_eq!(IdempotencyKey::parse(read.header().as_bytes()), Ok(read));
        }
    }

    #[test]
    fn a_malformed_key_is_refused_with_its_reason() {
        for (header, fault) in [
            (&b""[..], KeyFault::Empty),
            (b"   ", KeyFault::Empty),
            (b"\"\"", KeyFault::Empty),
            (b"a b", KeyFault::Character),
            (b"\"a b\"", KeyFault::Character),
            (b"a,b", KeyFault::Character),
            (b"a;b", KeyFault::Character),
            (b"a\"", KeyFault::Character),
            (b"a\\", KeyFault::Character),
            (b"\xc3\xa9", KeyFault::Character),
            (b"\"\xc3\xa9\"", KeyFault::Character),
            (b"\"\xff\"", KeyFault::Character),
            (b"\"a\x7f\"", KeyFault::Character),
            (b"\"a\x00\"", KeyFault::Character),
            (b"\"", KeyFault::Quotes),
            (b"\"a", KeyFault::Quotes),
            (b"\"a\\\"", KeyFault::Quotes),
            (b"\"a\\n\"", KeyFault::Quotes),
            (b"\"a\"b", KeyFault::Quotes),
            (b"\"a\";p=1", KeyFault::Quotes),
            (b"\"a\", \"b\"", KeyFault::Quotes),
        ] {
            assert_eq!(IdempotencyKey::parse(header), Err(fault), "{}", header.escape_ascii());
        }
    }

    #[test]
    fn the_limit_counts_the_unquoted_key() {
        let longest = "k".repeat(KEY_CHARS_MAX);
        for at_limit in [longest.clone(), format!("\"{longest}\""), format!("\"{}\"", "\\\"".repeat(KEY_CHARS_MAX))] {
            assert_eq!(IdempotencyKey::parse(at_limit.as_bytes()).map(|key| key.as_str().len()), Ok(255));
        }
        for past in [format!("{longest}k"), format!("\"{longest}k\"")] {
            assert_eq!(IdempotencyKey::parse(past.as_bytes()), Err(KeyFault::TooLong));
        }
    }

    #[test]
    fn no_header_is_no_key_and_two_are_a_fault() {
        assert_eq!(IdempotencyKey::from_headers([]), Ok(None));
        assert_eq!(IdempotencyKey::from_headers([&b"a"[..]]).unwrap().unwrap().as_str(), "a");
        assert_eq!(IdempotencyKey::from_headers([&b"a"[..], b"a"]), Err(KeyFault::Repeated));
    }

    #[test]
    fn debug_does_not_show_the_key() {
        let key = IdempotencyKey::parse(b"ada@example.org").unwrap();
        assert_eq!(format!("{key:?}"), "IdempotencyKey(..)");
    }
}
