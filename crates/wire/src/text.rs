//! What a string of a contract type can be made of, and the third state beside absent and present.

use std::borrow::Cow;
use std::fmt::Debug;

use crate::canonical::{Value, Writer};

/// A string of a contract type: owned (`String`, the default) or borrowed from the bytes that were read (`Cow<str>`).
pub trait Text<'a>: Value + Clone + Debug + PartialEq + Sized {
    /// Keeps a string that was read.
    fn from_cow(text: Cow<'a, str>) -> Self;
    /// The string.
    fn as_str(&self) -> &str;
}

impl<'a> Text<'a> for String {
    #[inline(always)]
    fn from_cow(text: Cow<'a, str>) -> Self {
        text.into_owned()
    }

    #[inline(always)]
    fn as_str(&self) -> &str {
        self
    }
}

impl<'a> Text<'a> for Cow<'a, str> {
    #[inline(always)]
    fn from_cow(text: Cow<'a, str>) -> Self {
        text
    }

    #[inline(always)]
    fn as_str(&self) -> &str {
        self
    }
}

/// A member that may be `null`. `Option<Nullable<T>>` keeps absent, null and present apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Nullable<T> {
    /// The literal `null`.
    Null,
    /// A value.
    Value(T),
}

impl<T> Nullable<T> {
    /// The value, if it is not null.
    pub fn value(&self) -> Option<&T> {
        match self {
            Nullable::Null => None,
            Nullable::Value(value) => Some(value),
        }
    }
}

impl<T: Value> Value for Nullable<T> {
    fn write(&self, writer: &mut Writer) {
        match self {
            Nullable::Null => writer.null(),
            Nullable::Value(value) => value.write(writer),
        }
    }
}
