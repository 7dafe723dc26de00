//! Deliveries: what each destination makes of an accepted request, as the partner and the bank see it.

use std::borrow::Cow;

use uuid::Uuid;

use crate::{Actor, Millis, Record, Scope};

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
