//! The outbox as its worker sees it: claim rows under a lease, send outside any transaction, mark.
//!
//! These commands cross partners on purpose; each claimed row says whose it is.

use std::time::Duration;

use uuid::Uuid;

use crate::{Millis, Scope};

/// A wish for work.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
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
    /// Where the record must go.
    pub destination: String,
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
    pub delivery: Delivery,
}

/// The result of an attempt.
#[derive(Clone, Copy, Debug)]
pub enum Delivery {
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

/// What became of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    /// Written.
    Done,
    /// The row was claimed again or finished by somebody else; nothing was changed.
    Stale,
}
