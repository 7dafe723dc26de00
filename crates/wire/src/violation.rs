//! What can be wrong with a document: it cannot be read at all, or it breaks rules of the contract.

use std::borrow::Cow;
use std::fmt;

/// One broken rule: where, which, and the limit that was broken. It never carries the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON Pointer (RFC 6901) into the document as it was sent.
    pub pointer: String,
    /// The kind of rule, from the closed table of codes.
    pub code: &'static str,
    /// What is expected, in English, for the partner.
    pub message: Cow<'static, str>,
    /// The limit that was broken, as JSON text: `100`, `"^[0-9]{5}$"`, `["MR","MRS"]`.
    pub limit: Option<Cow<'static, str>>,
    /// The subschema the rule stands in: `contact_request/v1/person.schema.json#/properties/forename`.
    pub schema: &'static str,
    /// The keyword of that subschema.
    pub keyword: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.pointer, self.code, self.message)
    }
}

/// The violations of one document, in document order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations {
    /// At most as many as the limit of the reader allows.
    pub list: Vec<Violation>,
    /// True when there were more than the limit.
    pub truncated: bool,
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for violation in &self.list {
            writeln!(f, "{violation}")?;
        }
        if self.truncated {
            writeln!(f, "and more")?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}

/// Something that was accepted and should be known all the same: a member nobody reads, a place nobody verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// JSON Pointer into the document as it was sent; empty for the request as a whole.
    pub pointer: String,
    /// The kind of warning, from the closed table of codes.
    pub code: &'static str,
    /// What was noticed, in English, for the partner.
    pub message: Cow<'static, str>,
}

/// The bytes are not a JSON text this reader accepts. Reading ends at the first such fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// `syntax`, `utf8`, `duplicate_key`, `depth`, `surrogate`, `nul`, `number_size` or `body_too_large`.
    pub code: &'static str,
    /// What was expected, in English, for the partner.
    pub message: &'static str,
    /// Byte offset of the fault.
    pub offset: usize,
    /// Line of the fault, from 1.
    pub line: usize,
    /// Column of the fault in characters, from 1.
    pub column: usize,
}

impl Unreadable {
    /// A fault at `offset` of `bytes`.
    #[cold]
    pub fn new(bytes: &[u8], offset: usize, code: &'static str, message: &'static str) -> Self {
        let before = &bytes[..offset.min(bytes.len())];
        let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        // Continuation bytes of UTF-8 do not start a character.
        let column = before[line_start..].iter().filter(|&&byte| byte & 0xc0 != 0x80).count() + 1;
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        Unreadable { code, message, offset, line, column }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for Unreadable {}
