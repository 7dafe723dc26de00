//! Messages: what must be told about a record, to a destination or to the partner's application.
//!
//! A worker claims what is for destinations under a lease, sends outside any transaction, and marks. These commands
//! cross partners on purpose; each claimed row says whose it is.

use std::borrow::Cow;
use std::time::Duration;

use uuid::Uuid;

use crate::{ApplicationId, Environment, Millis, Record, Scope, TimelineEntry};

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
    /// For none of these destinations.
    pub except: Vec<String>,
}

/// Messages that wait for one recipient in one environment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Queue {
    /// Where.
    pub environment: Environment,
    /// For whom.
    pub recipient: Recipient,
}

/// Who must be told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Recipient {
    /// A destination.
    Destination(Cow<'static, str>),
    /// An application of a partner.
    Application {
        /// The application.
        id: ApplicationId,
        /// Only messages after this one.
        after: i64,
        /// Only messages that were due then or later: all that came before, and was never to be sent, is passed over
        /// without being read.
        since: Millis,
    },
}

/// A wish for work.
#[derive(Clone, Debug)]
pub struct Claim {
    /// From where.
    pub queue: Queue,
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
    /// When it was claimed first since it was made or replayed.
    pub first_tried_at: Millis,
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
#[derive(Clone, Debug)]
pub struct Mark {
    /// The row.
    pub id: i64,
    /// The number its claim was given.
    pub token: i64,
    /// What became of it.
    pub fate: Fate,
}

/// The result of an attempt.
#[derive(Clone, Debug)]
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
        /// A code that says why, when it failed.
        reason: Option<Cow<'static, str>>,
    },
    /// Given up until a person looks at it; never dropped.
    Parked {
        /// Since when.
        at: Millis,
        /// A code that says why.
        reason: Cow<'static, str>,
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

/// How much waits for a destination, or for all applications that have webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Where.
    pub environment: Environment,
    /// For which destination; [`PARTNER`] for webhooks of applications.
    pub destination: String,
    /// What waits for its turn or its next attempt.
    pub pending: i64,
    /// What was given up until a person looks at it.
    pub parked: i64,
    /// Since when the oldest of those that wait has been due; no attempt moves it.
    pub oldest_due_at: Option<Millis>,
}

/// In which state a message is that is to be listed or sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It waits for its turn or its next attempt.
    Pending,
    /// It was given up.
    Parked,
    /// It has arrived.
    Delivered,
}

impl Held {
    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Parked => "parked",
            Self::Delivered => "delivered",
        }
    }
}

/// A message on its way, as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Its number.
    pub id: i64,
    /// Where.
    pub environment: Environment,
    /// Who must be told.
    pub destination: String,
    /// The application that must be told, by the id its developer knows; none for a destination.
    pub application: Option<String>,
    /// What happened.
    pub event: String,
    /// The record's id as the partner knows it.
    pub public_id: Uuid,
    /// How often it was tried.
    pub attempts: u32,
    /// Since when it has been due.
    pub first_due_at: Millis,
    /// When it is tried next, if at all.
    pub next_due_at: Millis,
    /// Since when it is parked.
    pub finished_at: Option<Millis>,
    /// Why the last attempt failed.
    pub reason: Option<String>,
}

/// Which messages are sent once more.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Those that were given up, or those that have arrived.
    pub state: Held,
    /// Where.
    pub environment: Environment,
    /// For one destination, or for all.
    pub destination: Option<String>,
    /// One message only.
    pub id: Option<i64>,
    /// Given up or arrived then or later.
    pub from: Option<Millis>,
    /// Given up or arrived before.
    pub to: Option<Millis>,
    /// The time now.
    pub now: Millis,
    /// Who wants it.
    pub actor: String,
}

/// One step of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Messages that will be sent once more.
    pub count: usize,
    /// After which message to go on; none at the end.
    pub next: Option<i64>,
}
