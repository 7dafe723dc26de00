//! Canonical form v1: what is stored, hashed, compared and delivered. Members sorted by code point, exact decimals without
//! exponent or trailing zeros, strings with the shortest escapes, nothing between the tokens. Frozen: see
//! `docs/decisions/` and the published vectors.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::decimal::Decimal;
use crate::json::{Json, Unknown};

/// Something that can be written as JSON.
pub trait Value {
    /// Writes the value.
    fn write(&self, writer: &mut Writer);
}

/// The canonical form of a value, without the credentials in it.
pub fn canonical<T: Value + ?Sized>(value: &T) -> Vec<u8> {
    write(value, false)
}

/// The JSON text of a value as it goes over the wire: the canonical form with the credentials in it.
pub fn to_json<T: Value + ?Sized>(value: &T) -> Vec<u8> {
    write(value, true)
}

fn write<T: Value + ?Sized>(value: &T, credentials: bool) -> Vec<u8> {
    let mut writer = Writer { out: Vec::with_capacity(1024), credentials };
    value.write(&mut writer);
    writer.out
}

/// Collects the bytes of a canonical JSON text.
pub struct Writer {
    out: Vec<u8>,
    credentials: bool,
}

impl Writer {
    /// Writes a string.
    pub fn text(&mut self, text: &str) {
        write_text(text, &mut self.out);
    }

    /// Writes a number.
    pub fn number(&mut self, number: &Decimal) {
        use std::io::Write as _;
        // Writing to a vector cannot fail.
        let _ = write!(self.out, "{number}");
    }

    /// Writes an integer.
    pub fn integer(&mut self, integer: i64) {
        use std::io::Write as _;
        let _ = write!(self.out, "{integer}");
    }

    /// Writes `true` or `false`.
    pub fn boolean(&mut self, boolean: bool) {
        self.out.extend_from_slice(if boolean { b"true" } else { b"false" });
    }

    /// Writes `null`.
    pub fn null(&mut self) {
        self.out.extend_from_slice(b"null");
    }

    /// Writes text that is already canonical JSON.
    pub(crate) fn verbatim(&mut self, json: &str) {
        self.out.extend_from_slice(json.as_bytes());
    }

    /// Writes the items of an array.
    pub fn array<'v, T: Value + 'v>(&mut self, items: impl IntoIterator<Item = &'v T>) {
        self.out.push(b'[');
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            item.write(self);
        }
        self.out.push(b']');
    }

    /// Opens an object; `unknown` are its members that the contract does not name.
    pub fn object<'u>(&mut self, unknown: &'u Unknown) -> ObjectWriter<'_, 'u> {
        self.out.push(b'{');
        ObjectWriter { writer: self, unknown: unknown.members(), first: true }
    }
}

/// Writes the members of an object. They come in the order of their names; unknown ones are put between them.
pub struct ObjectWriter<'w, 'u> {
    writer: &'w mut Writer,
    unknown: &'u [(String, Json)],
    first: bool,
}

impl ObjectWriter<'_, '_> {
    /// Writes a member.
    pub fn put<T: Value + ?Sized>(&mut self, name: &str, value: &T) -> &mut Self {
        while let Some(((unknown, json), rest)) = self.unknown.split_first() {
            if unknown.as_str() >= name {
                break;
            }
            self.unknown = rest;
            self.name(unknown);
            self.writer.verbatim(json.as_str());
        }
        self.name(name);
        value.write(self.writer);
        self
    }

    /// Writes a member that may be absent.
    pub fn put_if<T: Value>(&mut self, name: &str, value: &Option<T>) -> &mut Self {
        if let Some(value) = value {
            self.put(name, value);
        }
        self
    }

    /// Writes a member that is a credential: left out of the canonical form.
    pub fn credential<T: Value>(&mut self, name: &str, value: Option<&T>) -> &mut Self {
        match value.filter(|_| self.writer.credentials) {
            Some(value) => self.put(name, value),
            None => self,
        }
    }

    /// Writes the unknown members that remain and closes the object.
    pub fn close(&mut self) {
        for (name, json) in std::mem::take(&mut self.unknown) {
            self.name(name);
            self.writer.verbatim(json.as_str());
        }
        self.writer.out.push(b'}');
    }

    fn name(&mut self, name: &str) {
        if !std::mem::replace(&mut self.first, false) {
            self.writer.out.push(b',');
        }
        self.writer.text(name);
        self.writer.out.push(b':');
    }
}

/// Writes `text` as a JSON string with the shortest escapes: only the quote, the backslash and control characters.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bytes = text.as_bytes();
    out.push(b'"');
    let mut from = 0;
    loop {
        let stop = crate::scan::plain_end(bytes, from);
        out.extend_from_slice(&bytes[from..stop]);
        let Some(&byte) = bytes.get(stop) else { break };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
        from = stop + 1;
    }
    out.push(b'"');
}

impl Value for str {
    fn write(&self, writer: &mut Writer) {
        writer.text(self);
    }
}

impl Value for String {
    fn write(&self, writer: &mut Writer) {
        writer.text(self);
    }
}

impl Value for Cow<'_, str> {
    fn write(&self, writer: &mut Writer) {
        writer.text(self);
    }
}

/// A constant of a contract that is no string, in canonical form. Used by generated code.
pub struct Verbatim(
    /// The JSON text.
    pub &'static str,
);

impl Value for Verbatim {
    fn write(&self, writer: &mut Writer) {
        writer.verbatim(self.0);
    }
}

impl Value for i64 {
    fn write(&self, writer: &mut Writer) {
        writer.integer(*self);
    }
}

impl Value for bool {
    fn write(&self, writer: &mut Writer) {
        writer.boolean(*self);
    }
}

impl<T: Value> Value for Vec<T> {
    fn write(&self, writer: &mut Writer) {
        writer.array(self);
    }
}

impl<T: Value> Value for Box<T> {
    fn write(&self, writer: &mut Writer) {
        (**self).write(writer);
    }
}

impl<T: Value> Value for BTreeMap<String, T> {
    fn write(&self, writer: &mut Writer) {
        let none = Unknown::default();
        let mut object = writer.object(&none);
        for (name, value) in self {
            object.put(name, value);
        }
        object.close();
    }
}
