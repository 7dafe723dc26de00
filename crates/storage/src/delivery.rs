//! Deliveries: what each destination makes of an accepted request, as the partner and the bank see it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::{Actor, Content, Environment, Millis, PartnerId, Record, Scope, StoreError};

/// A record to be delivered to a destination. Its first status is the record's.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// The record.
    pub record: Uuid,
    /// Where it goes; each place once.
    pub destination: Cow<'static, str>,
    /// Until when the person was promised to be contacted.
    pub promised_at: Option<Millis>,
}

/// A record at one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its number, in the order of acceptance.
    pub id: i64,
    /// Whose record it is.
    pub scope: Scope,
    /// The record.
    pub record: Record,
    /// The partner's name.
    pub partner_name: String,
    /// Where it went.
    pub destination: String,
    /// Its own newest status.
    pub status: Cow<'static, str>,
    /// Position of that status in its timeline.
    pub version: u32,
    /// Whether anything can still happen.
    pub open: bool,
    /// Until when the person was promised to be contacted.
    pub promised_at: Option<Millis>,
    /// When the bank first spoke with the person.
    pub first_contact_at: Option<Millis>,
    /// When the destination said that it has it.
    pub acknowledged_at: Option<Millis>,
    /// The bank's own reference.
    pub bank_reference: Option<String>,
    /// Since when the status is what it is.
    pub changed_at: Millis,
}

/// One entry of a delivery's timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    /// The delivery.
    pub delivery: i64,
    /// Where it went.
    pub destination: String,
    /// The place in the timeline; 0 for the acceptance.
    pub position: u32,
    /// The status from then on.
    pub status: Cow<'static, str>,
    /// Who set it.
    pub actor: Actor,
    /// Which user or program of the actor.
    pub actor_name: Option<String>,
    /// When.
    pub at: Millis,
    /// A code that says why.
    pub reason: Option<Cow<'static, str>>,
    /// The bank's own reference, if it was given then.
    pub bank_reference: Option<String>,
}

/// What a caller of the bank may see: it crosses partners, and never environments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankView {
    /// Where.
    pub environment: Environment,
    /// One destination, or none for all.
    pub destination: Option<String>,
}

/// Which deliveries of a view to list. What is left out does not matter.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Through one API.
    pub api: Option<String>,
    /// About one product.
    pub product: Option<String>,
    /// Of one partner.
    pub partner: Option<PartnerId>,
    /// At one destination of those the view shows.
    pub destination: Option<String>,
    /// With one of these statuses; none for any.
    pub statuses: Vec<String>,
    /// Only those to which anything can still happen.
    pub open_only: bool,
    /// Accepted then or later.
    pub received_from: Option<Millis>,
    /// Accepted before.
    pub received_to: Option<Millis>,
    /// With a status since then or later.
    pub changed_from: Option<Millis>,
    /// With a status since before.
    pub changed_to: Option<Millis>,
    /// In which order.
    pub order: DeliveryOrder,
}

/// In which order deliveries are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeliveryOrder {
    /// What was promised first comes first, what was promised nothing last. Open ones only: what has come to its end
    /// keeps nobody waiting.
    #[default]
    Promised,
    /// What was accepted last comes first.
    Newest,
}

/// Where the next page of deliveries starts. Its text form is opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryCursor {
    pub(crate) order: DeliveryOrder,
    pub(crate) at: Millis,
    pub(crate) id: i64,
}

impl fmt::Display for DeliveryCursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = match self.order {
            DeliveryOrder::Promised => 'p',
            DeliveryOrder::Newest => 'n',
        };
        write!(formatter, "{order}{:016x}{:016x}", self.at, self.id)
    }
}

impl FromStr for DeliveryCursor {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let unknown = StoreError::UnknownCursor;
        let (order, digits) = match text.as_bytes() {
            [b'p', digits @ ..] => (DeliveryOrder::Promised, digits),
            [b'n', digits @ ..] => (DeliveryOrder::Newest, digits),
            _ => return Err(unknown),
        };
        if digits.len() != 32 || !digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(unknown);
        }
        // Of one byte each, so the text can be cut anywhere.
        let number = |digits: &str| u64::from_str_radix(digits, 16).map(u64::cast_signed).map_err(|_| unknown);
        Ok(Self { order, at: number(&text[1..17])?, id: number(&text[17..])? })
    }
}

/// A page of deliveries.
#[derive(Clone, Debug)]
pub struct DeliveryPage {
    /// The deliveries.
    pub deliveries: Vec<Delivery>,
    /// Where the next page starts; none after the last one.
    pub next: Option<DeliveryCursor>,
}

/// A payload of the record of a delivery, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The delivery.
    pub delivery: i64,
    /// Which of the record's payloads.
    pub part: String,
    /// What it says; none where it cannot be opened, which is in the log.
    pub body: Option<Content>,
}

/// How long somebody waited for the bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstContact {
    /// The product.
    pub product: String,
    /// The partner.
    pub partner: PartnerId,
    /// When the request was accepted.
    pub received_at: Millis,
    /// Until when a contact was promised.
    pub promised_at: Option<Millis>,
    /// When it happened, if it did.
    pub first_contact_at: Option<Millis>,
}
