//! The runtime that generated contract code calls: one pass from the bytes of a JSON text to a checked, typed value.
//!
//! It holds the reader, the rules a scalar can obey, violations and where they are, exact decimals, personal data and the
//! canonical form. It knows JSON and JSON Schema, and nothing of HTTP, of storage or of any particular contract.

mod canonical;
mod decimal;
pub mod format;
mod json;
mod message;
mod object;
mod operation;
mod path;
pub mod pattern;
mod personal;
mod reader;
mod rules;
mod scan;
mod text;
mod violation;
pub mod xml;

pub use canonical::{ObjectWriter, Value, Verbatim, Writer, canonical, to_json};
pub use decimal::{Decimal, ParseDecimalError};
pub use json::{Json, Unknown};
pub use message::{Checked, Message, Parsed, parse};
pub use object::{END, Members, Names, OTHER};
pub use operation::{
    ANSWER_BYTES_MAX, Call, Failure, Operation, OperationKind, Parameter, ParameterPlace, Reply, Transport, Unserved,
    exchange, read_parameters,
};
pub use path::Path;
pub use personal::Personal;
pub use reader::{AnyObject, Facts, Finding, Items, Kind, Limits, Mode, Options, Read, Reader, Scalar, Seen, Stop};
pub use rules::{Bound, Choice, Format, ListRule, NumberRule, Pattern, TextRule};
pub use text::{Nullable, Text};
pub use violation::{Unreadable, Violation, Violations, Warning};

/// Takes the value of a required member out of its slot; a slot left empty by a violation ends the reading of the record
/// with no value. Used by generated code only.
#[macro_export]
macro_rules! need {
    ($slot:expr) => {
        match $slot {
            Some(value) => value,
            None => return Ok(None),
        }
    };
}
