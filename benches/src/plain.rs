//! The peer's types: plain structs for `serde`, written by hand as one would without a generator. They check nothing but
//! the shape. Strings are owned (`String`) or borrowed from the input ([`Lent`]).

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, StrDeserializer, StringDeserializer};
use serde::de::{Deserializer, Error, Visitor};

pub mod appointment_request;
pub mod contact_request;
pub mod digital_customer;

/// A string borrowed from the input where it has no escapes.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Lent<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// A number, or the same as text. Its visitor is written by hand: `#[serde(untagged)]` would buffer each value first, and
/// make the peer slower than it has to be.
#[derive(Debug)]
pub enum NumberOrText<S> {
    /// A JSON number.
    Number(f64),
    /// A JSON integer.
    Integer(i64),
    /// A JSON string.
    Text(S),
}

impl<'de, S: Deserialize<'de>> Deserialize<'de> for NumberOrText<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrTextVisitor(PhantomData))
    }
}

struct NumberOrTextVisitor<S>(PhantomData<S>);

impl<'de, S: Deserialize<'de>> Visitor<'de> for NumberOrTextVisitor<S> {
    type Value = NumberOrText<S>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number or a string")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        i64::try_from(value).map(NumberOrText::Integer).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(NumberOrText::Integer(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(NumberOrText::Number(value))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Self::Value, E> {
        S::deserialize(BorrowedStrDeserializer::new(value)).map(NumberOrText::Text)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        S::deserialize(StrDeserializer::new(value)).map(NumberOrText::Text)
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Self::Value, E> {
        S::deserialize(StringDeserializer::new(value)).map(NumberOrText::Text)
    }
}
