//! What the identity register said of a person, and what follows from it for a flow that is to be opened.
//!
//! Asking is the gateway's; a register that gave no answer never gets here.

use usher_contract::register::v1::Person;
use usher_wire::{Personal, canonical};

use crate::refusal::Refusal;

/// An answer of the register.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// The person, who lives.
    Found(Box<Person>),
    /// Nobody has this number.
    NotFound,
    /// The person has died.
    Deceased,
    /// What was told of the person is not what the register holds.
    Mismatch,
}

impl Finding {
    /// The person in canonical form, as it is kept beside the request.
    ///
    /// # Errors
    /// Who is not found, is not living or is somebody else opens no flow.
    pub fn person(self) -> Result<Personal<Vec<u8>>, Refusal> {
        match self {
            Finding::Found(person) => Ok(Personal::new(canonical(&*person))),
            Finding::NotFound => Err(Refusal::PersonNotFound),
            Finding::Deceased => Err(Refusal::PersonDeceased),
            Finding::Mismatch => Err(Refusal::PersonMismatch),
        }
    }
}
