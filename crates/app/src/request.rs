//! A request in a file: what it is a request of, and whether it keeps the rules of its contract.

mod excerpt;
mod fault;
mod guess;
mod place;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use jiff::Timestamp;
use usher_contract::appointment_request::v2::Request as AppointmentRequest;
use usher_contract::contact_request::v1::Request as ContactRequest;
use usher_contract::digital_customer::v1::{
    CompleteDigitalCustomer, CreateDigitalCustomer, UpdateDigitalCustomerInformations,
};
use usher_domain::environment::Environment;
use usher_domain::facts::ContractFacts;
use usher_wire::xml::{self, XmlMessage as _};
use usher_wire::{Checked, Limits, Message, Mode, Options, Warning, parse};

pub(crate) use self::fault::{Broken, Fault, remedy};

/// What a file can be a request of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Contact,
    Appointment,
    CreateDigitalCustomer,
    UpdateDigitalCustomer,
    CompleteDigitalCustomer,
}

/// The names of the kinds on the command line.
pub(crate) const NAMES: [&str; 5] = [
    "contact-request",
    "appointment-request",
    "digital-customer/create",
    "digital-customer/update",
    "digital-customer/complete",
];

impl Kind {
    const ALL: [Kind; 5] = [
        Kind::Contact,
        Kind::Appointment,
        Kind::CreateDigitalCustomer,
        Kind::UpdateDigitalCustomer,
        Kind::CompleteDigitalCustomer,
    ];

    /// The name on the command line.
    pub(crate) fn name(self) -> &'static str {
        NAMES[self as usize]
    }

    fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A file with a request, not yet read as one.
pub(crate) struct Document {
    name: String,
    bytes: Vec<u8>,
}

/// A request that keeps the rules.
pub(crate) enum Request {
    Contact(Checked<ContactRequest>),
    Appointment(Checked<AppointmentRequest>),
    CreateDigitalCustomer(Checked<CreateDigitalCustomer>),
    UpdateDigitalCustomer(Checked<UpdateDigitalCustomerInformations>),
    CompleteDigitalCustomer(Checked<CompleteDigitalCustomer>),
}

/// How a request is judged.
pub(crate) struct Measure {
    /// Where it is to be sent.
    pub(crate) environment: Environment,
    /// The time.
    pub(crate) now: Timestamp,
    /// What becomes of members the contract does not name.
    pub(crate) mode: Mode,
}

impl Document {
    /// Reads a file, or stdin where the path is `-`.
    pub(crate) fn read(path: &Path) -> Result<Self, Fault> {
        if path == Path::new("-") {
            let mut bytes = Vec::new();
            let name = "stdin".to_owned();
            return match io::stdin().lock().read_to_end(&mut bytes) {
                Ok(_) => Ok(Document { name, bytes }),
                Err(source) => Err(Fault::File { name, source }),
            };
        }
        let name = path.display().to_string();
        match fs::read(path) {
            Ok(bytes) => Ok(Document { name, bytes }),
            Err(source) => Err(Fault::File { name, source }),
        }
    }

    /// The document as JSON: one in XML is rewritten, and shown in the form in which its members have places.
    pub(crate) fn into_json(self) -> Result<Self, Fault> {
        let begin = self.bytes.trim_ascii_start();
        if !begin.strip_prefix(b"\xef\xbb\xbf").unwrap_or(begin).starts_with(b"<") {
            return Ok(self);
        }
        match xml::to_json(&self.bytes, AppointmentRequest::<String>::XML, &Limits::GATEWAY) {
            Ok(bytes) => Ok(Document { name: format!("{} (as JSON)", self.name), bytes }),
            Err(unreadable) => Err(Fault::unreadable(&self, &unreadable)),
        }
    }

    /// The name it is shown under.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What it is a request of: what was said, else what its members tell.
    pub(crate) fn kind(&self, said: Option<&str>) -> Result<Kind, Fault> {
        match said.and_then(Kind::of_name) {
            Some(kind) => Ok(kind),
            None => guess::kind(self),
        }
    }

    /// The request in it, and what should be known of it.
    pub(crate) fn check(&self, kind: Kind, measure: &Measure) -> Result<(Request, Vec<Warning>), Fault> {
        Ok(match kind {
            Kind::Contact => {
                let (request, warnings) = self.check_as(kind, measure)?;
                (Request::Contact(request), warnings)
            }
            Kind::Appointment => {
                let (request, warnings) = self.check_as(kind, measure)?;
                (Request::Appointment(request), warnings)
            }
            Kind::CreateDigitalCustomer => {
                let (request, warnings) = self.check_as(kind, measure)?;
                (Request::CreateDigitalCustomer(request), warnings)
            }
            Kind::UpdateDigitalCustomer => {
                let (request, warnings) = self.check_as(kind, measure)?;
                (Request::UpdateDigitalCustomer(request), warnings)
            }
            Kind::CompleteDigitalCustomer => {
                let (request, warnings) = self.check_as(kind, measure)?;
                (Request::CompleteDigitalCustomer(request), warnings)
            }
        })
    }

    fn check_as<T: for<'a> Message<'a>>(
        &self,
        kind: Kind,
        measure: &Measure,
    ) -> Result<(Checked<T>, Vec<Warning>), Fault> {
        let facts = ContractFacts::without_lists(measure.now, measure.environment);
        let options = Options { mode: measure.mode, limits: Limits::GATEWAY, facts: Some(&facts) };
        let parsed = parse::<T>(&self.bytes, &options).map_err(|unreadable| Fault::unreadable(self, &unreadable))?;
        parsed.into_result().map_err(|violations| Fault::broken(self, kind, violations))
    }
}
