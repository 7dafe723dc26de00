//! Messages: what must be told about a record, to a destination or to the partner's application.
//!
//! A worker claims what is for destinations under a lease, sends outside any transaction, and marks. These commands
//! cross partners on purpose; each claimed row says whose it is.

use std::borrow::Cow;
use std::time::Duration;

use uuid::Uuid;

use crate::{Environment, Millis, Record, Scope, TimelineEntry};

/// The destination of what the partner's application reads.
pub const PARTNER: &str = "partner";

/// The destination of what the simulated bank of the sandbox has to do. No bank is shown it.
pub const SIMULATED_BANK: &str = "simulated-bank";

/// Something to be told about a record.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The record.
    pub record: Uuid,
    /// Who must be told: a destination, or [`PARTNER`].
    pub destination: Cow<'static, str>,
    /// What happened.
    pub event: Cow<'static, str>,
    /// The destination of the delivery it is about, whose place in its timeline is kept with the message; none when it
    /// is about the record as a whole.
    pub delivery: Option<Cow<'static, str>>,
    /// Not before.
    pub due_at: Millis,
}

/// A message as whoever is told reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number, in the order of the commits.
    pub id: i64,
    /// Who is told.
    pub destination: String,
    /// What happened.
    pub event: String,
    /// Whose record it is.
    pub scope: Scope,
    /// The record as it is now.
    pub record: Record,
    /// The entry of a delivery's timeline it is about; none when it is about the record as a whole.
    pub entry: Option<TimelineEntry>,
}

/// Which messages of a view to list. What is left out does not matter.
#[derive(Clone, Debug, Default)]
pub struct MessageFilter {
    /// About records of one API.
    pub api: Option<String>,
    /// Of one kind.
    pub event: Option<String>,
    /// For one destination of those the view shows.
    pub destination: Option<String>,
}

/// A wish for work.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Of one environment, or of both.
    pub environment: Option<Environment>,
    /// For one destination, or for all but [`SIMULATED_BANK`].
    pub destination: Option<&'static str>,
    /// The time now.
    pub now: Millis,
    /// How long the rows are the claimer's.
    pub lease: Duration,
    /// At most so many.
    pub limit: u32,
}

/// A row under a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The row.
    pub id: i64,
    /// Number of this claim; only a mark that shows it is accepted.
    pub token: i64,
    /// Who must be told.
    pub destination: String,
    /// What happened.
    pub event: String,
    /// The delivery it is about.
    pub delivery: Option<i64>,
    /// The place in the delivery's timeline.
    pub position: Option<u32>,
    /// How often it was claimed, this time included: counted before sending, so that a crash while sending cannot
    /// retry for ever.
    pub attempts: u32,
    /// When the row may be claimed by somebody else.
    pub lease_until: Millis,
    /// Whose record it is.
    pub scope: Scope,
    /// The record.
    pub record: Uuid,
    /// The record's id as the partner knows it.
    pub public_id: Uuid,
    /// Name of the API.
    pub api: String,
    /// Version of the API.
    pub version: u32,
    /// The operation that made the record.
    pub operation: String,
}

/// What became of a claimed row.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// The row.
    pub id: i64,
    /// The number its claim was given.
    pub token: i64,
    /// What became of it.
    pub fate: Fate,
}

/// The result of an attempt.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    /// The destination has it.
    Delivered {
        /// Since when.
        at: Millis,
    },
    /// Not now; try again.
    Retry {
        /// Not before.
        due_at: Millis,
    },
    /// Given up until a person looks at it; never dropped.
    Parked {
        /// Since when.
        at: Millis,
    },
}

/// What became of a mark or an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    /// Written.
    Done,
    /// The row was claimed again or finished by somebody else; nothing was changed.
    Stale,
    /// There is no such row for this caller.
    Unknown,
}
