//! From bytes to a checked value and back.

use std::ops::Deref;

use crate::canonical::{Value, canonical, to_json};
use crate::path::Path;
use crate::reader::{Limits, Mode, Options, Read, Reader, Stop};
use crate::violation::{Unreadable, Violations, Warning};

/// A type of a contract: it is read under its rules. Implemented by generated code.
pub trait Message<'a>: Value + Sized {
    /// The `$id` of its schema, with a pointer where it is a definition.
    const SCHEMA: &'static str;

    /// Reads the value at the cursor and records every rule it breaks.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    fn read(reader: &mut Reader<'a>, at: &Path<'_>) -> Read<Self>;
}

/// A value of which every rule of its contract is known to hold. Only reading makes one.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked<T>(T);

impl<T> Checked<T> {
    /// The value itself, no longer known to be checked.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Checked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: for<'t> Message<'t>> Checked<T> {
    /// Checks a value that was built by hand, with the reader that checks it at the other end.
    ///
    /// # Errors
    /// Every rule of the contract that the value breaks. Rules that need facts are not asked.
    pub fn check(value: T) -> Result<Checked<T>, Violations> {
        let json = to_json(&value);
        let limits = Limits { body_bytes_max: usize::MAX, ..Limits::GATEWAY };
        let options = Options { mode: Mode::Tolerant, limits, facts: None };
        match parse::<T>(&json, &options).map(Parsed::into_result) {
            Ok(Ok(_)) => Ok(Checked(value)),
            Ok(Err(violations)) => Err(violations),
            Err(unreadable) => Err(unreadable.into()),
        }
    }
}

impl From<Unreadable> for Violations {
    /// A value of ours that does not read back (nested too deep, a NUL in a string) breaks the rules as a whole.
    fn from(unreadable: Unreadable) -> Self {
        let violation = crate::Violation {
            pointer: String::new(),
            code: unreadable.code,
            message: unreadable.message.into(),
            limit: None,
            schema: "",
            keyword: "",
        };
        Violations { list: vec![violation], truncated: false }
    }
}

/// What reading a document found.
#[derive(Debug, Clone)]
pub struct Parsed<T> {
    value: Option<T>,
    /// Broken rules, in document order.
    pub violations: Violations,
    /// What was taken and should be known, in document order.
    pub warnings: Vec<Warning>,
}

impl<T> Parsed<T> {
    /// The value, if its shape is right, even where rules that need facts refused it: enough to recognise a repeated
    /// request, not to accept one.
    pub fn shaped(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// Whether every rule holds.
    pub fn is_valid(&self) -> bool {
        self.value.is_some() && self.violations.list.is_empty()
    }

    /// The checked value and the warnings, or every broken rule.
    ///
    /// # Errors
    /// The violations, if there is one.
    pub fn into_result(self) -> Result<(Checked<T>, Vec<Warning>), Violations> {
        match self.value {
            Some(value) if self.violations.list.is_empty() => Ok((Checked(value), self.warnings)),
            _ => Err(self.violations),
        }
    }
}

impl<T: Value> Parsed<T> {
    /// The canonical form of the value, if its shape is right.
    pub fn canonical(&self) -> Option<Vec<u8>> {
        self.value.as_ref().map(canonical)
    }
}

/// Reads one document: to a typed value, with every rule checked and every violation listed, in one pass.
///
/// # Errors
/// The bytes are not a JSON text within the limits.
pub fn parse<'a, T: Message<'a>>(bytes: &'a [u8], options: &Options<'a>) -> Result<Parsed<T>, Unreadable> {
    let mut reader = Reader::new(bytes, options)?;
    let value = match T::read(&mut reader, &Path::ROOT).and_then(|value| reader.finish().map(|()| value)) {
        Ok(value) => value,
        Err(Stop) => return Err(reader.unreadable()),
    };
    let (violations, warnings, shape) = reader.into_findings();
    Ok(Parsed { value: value.filter(|_| shape == 0), violations, warnings })
}

impl<T: Value> serde::Serialize for Checked<T> {
    /// Writes the value as it goes over the wire. For `serde_json`: other formats cannot hold exact decimals.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = String::from_utf8(to_json(&self.0)).map_err(serde::ser::Error::custom)?;
        serde_json::value::RawValue::from_string(json).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de, T: for<'t> Message<'t>> serde::Deserialize<'de> for Checked<T> {
    /// Reads under the rules of the contract, tolerant of unknown members. For `serde_json` only.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<serde_json::value::RawValue>::deserialize(deserializer)?;
        let options = Options { mode: Mode::Tolerant, limits: Limits::GATEWAY, facts: None };
        let parsed = parse::<T>(raw.get().as_bytes(), &options).map_err(serde::de::Error::custom)?;
        parsed.into_result().map(|(checked, _)| checked).map_err(serde::de::Error::custom)
    }
}
