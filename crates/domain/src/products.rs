//! What the bank takes, and on which terms: the document that operators apply, checked and ready to be asked.
//!
//! Every request falls in exactly one product. How the document is read and what must hold beyond its schema stands in
//! `products/document.rs`; where versions are kept is the storage's business.

mod document;
#[cfg(test)]
mod tests;

use std::fmt;

use jiff::tz::TimeZone;
use usher_wire::Decimal;

use crate::ids::PartnerId;
use crate::phone::PhoneRegion;
use crate::status::Status;

/// The document that is in force while none was applied.
pub const BUILT_IN: &str = include_str!("products/built_in.json");

/// A version of the document.
#[derive(Debug, Clone)]
pub struct Products {
    version: u32,
    products: Vec<Product>,
    /// For each kind of request, the place of its product.
    places: [usize; Asked::ALL.len()],
}

/// One product: the requests it takes and the terms it takes them on.
#[derive(Debug, Clone)]
pub struct Product {
    /// Its id, in receipts, deliveries and statements.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// The requests it takes.
    pub takes: Vec<Asked>,
    /// Whether they are taken at present.
    pub is_offered: bool,
    /// How soon the bank gets in touch, unless the person asks for a time.
    pub promise: Promise,
    /// Whether a contact request needs the person's consent.
    pub consent_required: bool,
    /// Whether an appointment request needs the data processing agreement.
    pub dpa_required: bool,
    /// The country in which phone numbers without a country code are read.
    pub phone_region: PhoneRegion,
    /// What is done when the partner sends the same person again.
    pub duplicates: Duplicates,
    /// Where its requests go.
    pub routes: Vec<Route>,
    /// What is done about mail addresses of disposable providers.
    pub disposable_email: Policy,
    /// Whether its texts are compared with the blacklists.
    pub blacklist: bool,
    /// What partners earn; see [`Product::commission_of`].
    pub commission: Vec<CommissionRule>,
}

/// A kind of request, as far as products tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asked {
    /// A contact request about anything.
    General,
    /// A contact request about a consumer credit.
    ConsumerCredit,
    /// A contact request about a credit card.
    CreditCard,
    /// A contact request about a mortgage.
    Mortgage,
    /// A contact request about a consolidation of loans.
    LoanConsolidation,
    /// An appointment request.
    Appointment,
    /// A step of digital onboarding.
    Onboarding,
}

/// What is done about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Nothing.
    Allow,
    /// A warning in the answer.
    Warn,
    /// A refusal.
    Refuse,
}

/// What is done when the same partner sends the same person to the same API again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duplicates {
    /// For how long.
    pub days: u16,
    /// What.
    pub action: Policy,
}

/// How soon the bank gets in touch.
#[derive(Debug, Clone)]
pub struct Promise {
    /// Hours until first contact.
    pub hours: u16,
    /// When the bank works: with it, only hours within it count.
    pub service: Option<Service>,
}

/// When the bank works.
#[derive(Debug, Clone)]
pub struct Service {
    /// On which days, Monday first; at least one.
    pub days: [bool; 7],
    /// From this minute of the local day.
    pub from_minute: u16,
    /// To this minute of the local day, later than the first; 1440 is midnight.
    pub to_minute: u16,
    /// Where it is local.
    pub zone: TimeZone,
}

/// Where requests of a product go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// To the bank that runs the gateway.
    Bank,
    /// To one provider, by its id.
    Provider(String),
    /// To each provider that the request names.
    Referred,
}

/// What a partner earns by one request.
#[derive(Debug, Clone, PartialEq)]
pub struct CommissionRule {
    /// The partner that earns it; none for every partner without rules of its own.
    pub partner: Option<PartnerId>,
    /// What earns it.
    pub trigger: Trigger,
    /// How much.
    pub earns: Earns,
    /// The currency, by its ISO 4217 code.
    pub currency: String,
}

/// What earns a commission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The request is accepted.
    Acceptance,
    /// The bank sets this status.
    Status(Status),
}

/// How much a commission is.
#[derive(Debug, Clone, PartialEq)]
pub enum Earns {
    /// This amount.
    Fixed(Decimal),
    /// This percentage of the amount asked for in the rule's currency.
    Percentage(Decimal),
}

impl Products {
    /// Which version it is; 0 is the built-in one.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The product that a kind of request falls in.
    pub fn product_of(&self, asked: Asked) -> &Product {
        &self.products[self.places[asked as usize]]
    }

    /// The product with this id.
    pub fn find(&self, id: &str) -> Option<&Product> {
        self.iter().find(|product| product.id == id)
    }

    /// All products, in the order of the document.
    pub fn iter(&self) -> impl Iterator<Item = &Product> {
        self.products.iter()
    }
}

impl Product {
    /// The rules by which this partner earns: its own where there are any, else those for everybody.
    pub fn commission_of(&self, partner: PartnerId) -> impl Iterator<Item = &CommissionRule> {
        let own = Some(partner).filter(|own| self.commission.iter().any(|rule| rule.partner.as_ref() == Some(own)));
        self.commission.iter().filter(move |rule| rule.partner == own)
    }
}

impl Asked {
    /// All of them.
    pub const ALL: [Asked; 7] = [
        Asked::General,
        Asked::ConsumerCredit,
        Asked::CreditCard,
        Asked::Mortgage,
        Asked::LoanConsolidation,
        Asked::Appointment,
        Asked::Onboarding,
    ];

    /// The name of the API.
    pub const fn api(self) -> &'static str {
        match self {
            Asked::Appointment => "appointment_request",
            Asked::Onboarding => "digital_customer",
            _ => "contact_request",
        }
    }

    /// The `productType` of a contact request.
    pub const fn product_type(self) -> Option<&'static str> {
        match self {
            Asked::General => Some("GENERAL"),
            Asked::ConsumerCredit => Some("CONSUMER_CREDIT"),
            Asked::CreditCard => Some("CREDIT_CARD"),
            Asked::Mortgage => Some("MORTGAGE"),
            Asked::LoanConsolidation => Some("LOAN_CONSOLIDATION"),
            Asked::Appointment | Asked::Onboarding => None,
        }
    }

    /// The contact request of this `productType`.
    pub fn of_product_type(name: &str) -> Option<Asked> {
        Asked::ALL.into_iter().find(|asked| asked.product_type() == Some(name))
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.api())?;
        self.product_type().map_or(Ok(()), |name| write!(f, " {name}"))
    }
}
