//! What a route hands to the domain, and what it gets back to store: the frame that all APIs share.

use jiff::Timestamp;
use usher_wire::{Checked, Personal, Warning};

use crate::environment::Environment;
use crate::ids::{ApplicationId, PartnerId, PublicId};
use crate::receipt::{PayloadHash, Salt, Scope};
use crate::status::Status;

/// Who calls: what the key told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The partner.
    pub partner: PartnerId,
    /// The partner's application.
    pub application: ApplicationId,
    /// The environment of its key.
    pub environment: Environment,
    /// The id by which the application names itself in a body (`AppKey`). Not a secret.
    pub app_key: String,
}

impl Caller {
    /// Where an idempotency key of this caller counts.
    pub fn scope<'a>(&self, operation: &'a str) -> Scope<'a> {
        Scope { partner: self.partner, application: self.application, environment: self.environment, operation }
    }
}

/// A checked request, with everything its decision may depend on.
#[derive(Debug)]
pub struct Accept<'a, T> {
    /// Who sent it.
    pub caller: &'a Caller,
    /// The request.
    pub request: &'a Checked<T>,
    /// The same in canonical form.
    pub canonical: Personal<Vec<u8>>,
    /// What the contract and its facts warned of.
    pub warnings: Vec<Warning>,
    /// What the attribution headers said.
    pub attribution: Attribution,
    /// The id it gets when it is accepted.
    pub id: PublicId,
    /// The salt of its hash.
    pub salt: Salt,
    /// The time of the decision, to the millisecond: what is answered is what is stored.
    pub now: Timestamp,
}

/// Where a request came from. It cannot change after acceptance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attribution {
    /// The partner's own id of the request.
    pub partner_reference: Option<String>,
    /// Campaign.
    pub campaign: Option<String>,
    /// Page, application or medium.
    pub source: Option<String>,
    /// The partner's own partner or branch.
    pub sub_partner: Option<String>,
}

/// Where an accepted request must go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// The bank that runs the gateway.
    Bank,
    /// One mortgage provider, by the id the request names.
    Provider(String),
}

impl std::fmt::Display for Destination {
    /// The name in the store: `bank`, or `provider/` and the provider's id.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Destination::Bank => f.write_str("bank"),
            Destination::Provider(id) => write!(f, "provider/{id}"),
        }
    }
}

/// An accepted request: all of it is stored, in one transaction, before anybody is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Its public id.
    pub id: PublicId,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// Its first status.
    pub status: Status,
    /// The one body that is stored, hashed and delivered.
    pub canonical: Personal<Vec<u8>>,
    /// The salt of its hash.
    pub salt: Salt,
    /// Salted hash of the canonical body.
    pub payload_hash: PayloadHash,
    /// The phone number in E.164, kept beside the body.
    pub phone: Option<Personal<String>>,
    /// Where it came from.
    pub attribution: Attribution,
    /// Where it must go, each with a status of its own; at least one.
    pub destinations: Vec<Destination>,
    /// What was accepted with a reservation.
    pub warnings: Vec<Warning>,
}

impl<T> Accept<'_, T> {
    /// Decides to store the request and send it on.
    pub(crate) fn store(self, phone: Option<String>, destinations: Vec<Destination>) -> Decision {
        Decision {
            id: self.id,
            received_at: self.now,
            status: Status::New,
            payload_hash: PayloadHash::of(&self.salt, self.canonical.expose()),
            canonical: self.canonical,
            salt: self.salt,
            phone: phone.map(Personal::new),
            attribution: self.attribution,
            destinations,
            warnings: self.warnings,
        }
    }
}
