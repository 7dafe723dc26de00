//! What a route hands to the domain, and what it gets back to store: the frame that all APIs share.

use jiff::Timestamp;
use usher_wire::{Checked, Personal, Warning};

use crate::commission::{self, Sum, Term};
use crate::environment::Environment;
use crate::ids::{ApplicationId, PartnerId, PublicId};
use crate::products::{Asked, Policy, Product, Products, Route};
use crate::promise;
use crate::receipt::{Digest, PayloadHash, Salt};
use crate::refusal::Refusal;
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
    /// The products in force.
    pub products: &'a Products,
    /// Whom it is about, where the product wants to know whether the partner sent the person before.
    pub person: Option<Person>,
    /// The id it gets when it is accepted.
    pub id: PublicId,
    /// The salt of its hash.
    pub salt: Salt,
    /// The time of the decision, to the millisecond: what is answered is what is stored.
    pub now: Timestamp,
}

/// The person of a request, as this partner's requests are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// Recognises the person among requests of one partner in one environment, and nowhere else.
    pub digest: Digest,
    /// Whether this partner sent the person to this API within the time the product names.
    pub was_sent: bool,
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
    /// The id of its product.
    pub product: String,
    /// The version of the products in force; 0 is the built-in one.
    pub products_version: u32,
    /// Until when the bank has to get in touch.
    pub promised_at: Timestamp,
    /// By which later requests about the same person are recognised.
    pub person: Option<Digest>,
    /// The phone number in E.164, kept beside the body.
    pub phone: Option<Personal<String>>,
    /// Where it came from.
    pub attribution: Attribution,
    /// Where it must go, each with a status of its own; at least one.
    pub destinations: Vec<Destination>,
    /// What was accepted with a reservation.
    pub warnings: Vec<Warning>,
    /// What each of its deliveries earns, and when. Nothing outside production.
    pub terms: Vec<Term>,
}

/// What a request is worth to who sent it.
pub(crate) enum Worth {
    /// Nothing: it is a step on the way to what is.
    Nothing,
    /// A commission; a percentage is of this sum, or of nothing.
    Commission(Option<Sum>),
}

/// What a decision takes from the request itself.
pub(crate) struct Placed<'r> {
    /// The kind of request it is.
    pub(crate) asked: Asked,
    /// The phone number in E.164.
    pub(crate) phone: Option<String>,
    /// The providers it names.
    pub(crate) referred: &'r [&'r str],
    /// When the person asks to hear from the bank.
    pub(crate) contact_at: Option<Timestamp>,
    /// What it is worth.
    pub(crate) worth: Worth,
}

impl<T> Accept<'_, T> {
    /// Decides to store the request and send it on.
    pub(crate) fn store(self, placed: Placed<'_>) -> Decision {
        let Placed { asked, phone, referred, contact_at, worth } = placed;
        let product = self.products.product_of(asked);
        let mut destinations = Vec::with_capacity(product.routes.len());
        for route in &product.routes {
            match route {
                Route::Bank => push_once(&mut destinations, Destination::Bank),
                Route::Provider(id) => push_once(&mut destinations, Destination::Provider(id.clone())),
                Route::Referred => {
                    referred.iter().for_each(|id| push_once(&mut destinations, Destination::Provider((*id).to_owned())))
                }
            }
        }
        let terms = match worth {
            Worth::Commission(sum) if self.caller.environment == Environment::Production => {
                commission::terms(product, self.caller.partner, sum.as_ref())
            }
            _ => Vec::new(),
        };
        Decision {
            terms,
            product: product.id.clone(),
            products_version: self.products.version(),
            promised_at: promise::promised_at(&product.promise, contact_at, self.now),
            person: self.person.map(|person| person.digest),
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

/// Whether the product refuses a person whom the partner sent a short while ago; `pointer` is where the body names them.
pub(crate) fn duplicate_refused(product: &Product, person: Option<Person>, pointer: &'static str) -> Option<Refusal> {
    let is_refused = person.is_some_and(|person| person.was_sent) && product.duplicates.action == Policy::Refuse;
    is_refused.then_some(Refusal::DuplicateRefused { pointer })
}

/// What the partner is told where the product only warns. Nothing of it tells whether another partner knows the person.
pub(crate) fn duplicate_warning(product: &Product, person: Option<Person>, pointer: &'static str) -> Option<Warning> {
    let is_told = person.is_some_and(|person| person.was_sent) && product.duplicates.action == Policy::Warn;
    let message = "you sent a request about this person a short while ago; the bank sees both";
    is_told.then(|| Warning { pointer: pointer.to_owned(), code: "duplicate_person", message: message.into() })
}

/// A destination gets a request once, however often it is named.
fn push_once(destinations: &mut Vec<Destination>, destination: Destination) {
    if !destinations.contains(&destination) {
        destinations.push(destination);
    }
}
