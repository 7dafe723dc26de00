//! What is written and read: scopes, commits, records, flows. Plain values without a way to the database.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::{NewDelivery, NewEntry, NewMessage, StoreError};

/// Unix time in milliseconds, always passed in by the caller.
pub type Millis = i64;

/// A digest of 32 bytes, made by the caller.
pub type Digest = [u8; 32];

/// A partner, inside the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PartnerId(pub Uuid);

/// An application of a partner, inside the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ApplicationId(pub Uuid);

/// Where a key is valid and a record lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Environment {
    /// Trying out, with synthetic persons.
    Sandbox,
    /// Real requests.
    Production,
}

impl Environment {
    /// The name used in texts and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Production => "production",
        }
    }

    /// The number stored in rows and bound into sealed bytes; never to be changed.
    pub fn number(self) -> u8 {
        match self {
            Self::Sandbox => 1,
            Self::Production => 2,
        }
    }

    /// The environment of a stored number.
    pub fn from_number(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::Sandbox),
            2 => Some(Self::Production),
            _ => None,
        }
    }
}

/// Whose rows a command may see and write. There is no ordinary command without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The partner.
    pub partner: PartnerId,
    /// One of its applications.
    pub application: ApplicationId,
    /// Sandbox or production.
    pub environment: Environment,
}

/// Bytes that must never be printed: payloads, replies, salts. The debug form tells the length only.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(Vec<u8>);

impl Content {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, owned.
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Content({} bytes)", self.0.len())
    }
}

/// An answer as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The media type of the body.
    pub content_type: Cow<'static, str>,
    /// Where the receipt can be read again.
    pub location: Option<String>,
    /// The body.
    pub body: Content,
}

/// A caller's key for one attempt at one operation, with what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The operation; the same key under another operation is another key.
    pub operation: &'static str,
    /// Keyed digest of the key.
    pub key_digest: Digest,
    /// Keyed digest of the canonical body.
    pub fingerprint: Digest,
    /// When the stored answer may be forgotten.
    pub expires_at: Millis,
}

/// Everything one accepted request changes: all of it is stored, or nothing.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Whose commit this is.
    pub scope: Scope,
    /// The time of the decision; older idempotency rows and flows count as expired.
    pub now: Millis,
    /// The key the answer is stored under, if the caller sent one.
    pub idempotency: Option<Idempotency>,
    /// What must hold, checked in the same transaction, in order.
    pub conditions: Vec<Condition>,
    /// What is written, in order: a flow stands before the record that names it, a record before its payload.
    pub writes: Vec<Write>,
    /// The answer, handed back once everything is on disk.
    pub reply: Reply,
}

/// A state that must hold for a commit to happen.
#[derive(Clone, Copy, Debug)]
pub enum Condition {
    /// The flow is the caller's, open, not expired, and in one of these states.
    FlowIs {
        /// The flow.
        process_id: i64,
        /// The legal states.
        states: &'static [&'static str],
    },
    /// The record is the caller's, and at least one of its deliveries is open.
    IsOpen {
        /// The record.
        record: Uuid,
    },
    /// The delivery is of this scope, and nothing has happened to it since it was read.
    DeliveryIs {
        /// The delivery.
        id: i64,
        /// The version it was read with.
        version: u32,
    },
    /// Nothing of this person was accepted lately for the same partner, in the same environment.
    NoRecordOfPerson {
        /// Keyed digest of the person.
        person: Digest,
        /// The API it would have come through.
        api: &'static str,
        /// From when on.
        since: Millis,
    },
    /// Nothing was entered for the delivery since the ledger was read.
    LedgerUnmoved {
        /// The delivery.
        delivery: i64,
        /// The newest entry of the delivery that was read; 0 for none.
        last: i64,
    },
}

/// One row, or one change of a row, of a commit. `B` is [`Content`] at the caller and sealed bytes at the engine.
#[derive(Clone, Debug)]
pub enum Write<B = Content> {
    /// A new record; its first status opens the timeline.
    Record(Box<Record>),
    /// Content kept beside a record of this scope.
    Payload(Payload<B>),
    /// A record of this scope is delivered to a destination, with a status and a timeline of its own.
    Delivery(NewDelivery),
    /// Something about a record of this scope must be told.
    Message(NewMessage),
    /// Deliveries of a record of this scope have a new status; it becomes the record's too.
    Status {
        /// The record.
        record: Uuid,
        /// Which delivery; none for all that are open, of which there must be one.
        destination: Option<Cow<'static, str>>,
        /// What happened.
        change: StatusChange,
    },
    /// Something is owed for a delivery of a record of this scope, or no longer; refused in a sandbox.
    Ledger(NewEntry),
    /// A new flow, unless the person has an open one in this scope.
    OpenFlow(NewFlow),
    /// A flow of this scope goes on.
    StepFlow(FlowStep),
    /// A flow of this scope has come to this end, whether or not it could still go on.
    EndFlow(FlowStep),
}

/// Content kept beside a record.
#[derive(Clone, Debug)]
pub struct Payload<B = Content> {
    /// The record.
    pub record: Uuid,
    /// Which of the record's payloads: the request, the reason of a withdrawal, a note of the bank.
    pub part: Cow<'static, str>,
    /// The content.
    pub body: B,
}

/// What is known of an accepted request, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Ordered id (version 7), for inside use only.
    pub id: Uuid,
    /// Random id (version 4), the one partners see.
    pub public_id: Uuid,
    /// Name of the API.
    pub api: Cow<'static, str>,
    /// Version of the API.
    pub version: u32,
    /// The operation that made it.
    pub operation: Cow<'static, str>,
    /// Version of the contract it was checked against.
    pub contract_version: Cow<'static, str>,
    /// The partner's own reference.
    pub partner_reference: Option<String>,
    /// The campaign it came from.
    pub campaign: Option<String>,
    /// The source it came from.
    pub source: Option<String>,
    /// The partner's own partner.
    pub sub_partner: Option<String>,
    /// When it was accepted.
    pub received_at: Millis,
    /// The newest status.
    pub status: Cow<'static, str>,
    /// Salted hash of the canonical body.
    pub payload_hash: Digest,
    /// The salt of the hash; none once the content was erased.
    pub salt: Option<Content>,
    /// What the 2xx stood for when it was given.
    pub durability: Cow<'static, str>,
    /// The warnings of the receipt, as JSON. They may name members the partner made up, so they are sealed on disk; where
    /// those cannot be opened, this is [`Record::UNREADABLE`].
    pub warnings: Cow<'static, str>,
    /// The correlation id of the call.
    pub correlation_id: Uuid,
    /// The flow it is a step of.
    pub process_id: Option<i64>,
    /// The product it is about.
    pub product: Cow<'static, str>,
    /// The version of the products in force when it was accepted; 0 for the built-in ones.
    pub products_version: u32,
    /// The code lists it was checked with, a JSON array of `name@version`.
    pub lists: Cow<'static, str>,
    /// Keyed digest of the person, where repeated persons are looked for.
    pub person: Option<Digest>,
}

impl Record {
    /// Stands for warnings that cannot be opened; no JSON.
    pub const UNREADABLE: &str = "unreadable";
}

/// Who set a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The partner.
    Partner,
    /// The bank.
    Bank,
    /// The gateway itself.
    System,
}

impl Actor {
    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Partner => "partner",
            Self::Bank => "bank",
            Self::System => "system",
        }
    }

    /// The actor of a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Partner, Self::Bank, Self::System].into_iter().find(|actor| actor.as_str() == name)
    }
}

/// Something that happened to a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// The status from then on.
    pub status: Cow<'static, str>,
    /// Whether anything can follow.
    pub open: bool,
    /// Who set it.
    pub actor: Actor,
    /// Which user or program of the actor.
    pub actor_name: Option<String>,
    /// When.
    pub at: Millis,
    /// A code that says why.
    pub reason: Option<Cow<'static, str>>,
    /// The bank's own reference; the one before stays when there is none.
    pub bank_reference: Option<String>,
    /// Whether the bank spoke with the person. Only the first time counts.
    pub first_contact: bool,
}

/// An onboarding flow to be opened.
#[derive(Clone, Debug)]
pub struct NewFlow {
    /// Random number of the flow, unique in the house.
    pub process_id: i64,
    /// Random number of the customer to be, unique in the house.
    pub customer_no: i64,
    /// Keyed digest of the person's identity.
    pub person_digest: Digest,
    /// The first state.
    pub state: &'static str,
    /// Keyed digest of the phone number.
    pub phone_digest: Digest,
    /// Keyed digest of the e-mail address.
    pub email_digest: Digest,
    /// When it was opened.
    pub created_at: Millis,
    /// When it ends unless something happens.
    pub expires_at: Millis,
    /// Whether the partner's application is told of each step.
    pub notify: bool,
}

/// A flow going on.
#[derive(Clone, Debug)]
pub struct FlowStep {
    /// The flow.
    pub process_id: i64,
    /// The state from then on.
    pub state: &'static str,
    /// Whether the flow can go on after this step.
    pub open: bool,
    /// When.
    pub at: Millis,
}

/// A flow as stored. Whether it has expired is for the reader to say, from `expires_at` and the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Number of the flow.
    pub process_id: i64,
    /// Number of the customer to be.
    pub customer_no: i64,
    /// Keyed digest of the person's identity.
    pub person_digest: Digest,
    /// The state it was last put in.
    pub state: String,
    /// Whether it could still go on when it was last written.
    pub open: bool,
    /// Keyed digest of the phone number.
    pub phone_digest: Digest,
    /// Keyed digest of the e-mail address.
    pub email_digest: Digest,
    /// When it was opened.
    pub created_at: Millis,
    /// When it was last changed.
    pub updated_at: Millis,
    /// When it ends unless something happens.
    pub expires_at: Millis,
    /// Whether the partner's application is told of each step.
    pub notify: bool,
}

/// What the time does to flows that nothing happened to.
#[derive(Clone, Copy, Debug)]
pub struct FlowExpiry {
    /// The time now.
    pub now: Millis,
    /// The state of a flow that has expired.
    pub state: &'static str,
    /// What the partner's application is told, where it wants to be.
    pub event: &'static str,
    /// At most so many.
    pub limit: u32,
}

/// What became of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// On disk; this is the commit's own reply.
    Committed(Reply),
    /// The same key and body were accepted before; this is the reply given then. Nothing was written.
    Replayed(Reply),
    /// The key was used for another body. Nothing was written.
    KeyReused,
    /// The condition at this index does not hold. Nothing was written.
    ConditionFailed(usize),
    /// The person has this open flow. Nothing was written.
    FlowExists(Flow),
    /// A random id of the commit is taken. Nothing was written; draw another and commit again.
    IdTaken,
}

/// What is known of an idempotency key before anything is committed. `R` is [`Reply`] at the caller and the stored
/// form at the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<R = Reply> {
    /// The same key and body were accepted before; this is the reply given then.
    Replayed(R),
    /// The key was used for another body.
    KeyReused,
}

/// Which records of a scope to list, newest first.
#[derive(Clone, Debug)]
pub enum Filter {
    /// All of one API.
    Api(Cow<'static, str>),
    /// All with one partner reference, of one API or of all.
    Reference {
        /// The partner's reference.
        reference: String,
        /// The API, if only one is meant.
        api: Option<Cow<'static, str>>,
    },
}

/// Where the next page starts. Its text form is opaque to partners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(pub(crate) Uuid);

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0.as_simple())
    }
}

impl FromStr for Cursor {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        // Only the form given out: a cursor is a token, not another way to spell an id.
        if text.len() != 32 {
            return Err(StoreError::UnknownCursor);
        }
        Uuid::try_parse(text).map(Self).map_err(|_| StoreError::UnknownCursor)
    }
}

/// A page of records.
#[derive(Clone, Debug)]
pub struct Page {
    /// The records, newest first.
    pub records: Vec<Record>,
    /// Where the next page starts; none after the last one.
    pub next: Option<Cursor>,
}

/// How long content is kept. A record goes on without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Content is over that was acknowledged by all destinations and closed no later than this.
    pub closed_before: Millis,
    /// Content is over that could not be delivered and was parked no later than this.
    pub parked_before: Millis,
    /// Parts that are kept all the same.
    pub kept_parts: &'static [&'static str],
}

/// What was found of records whose content may be over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    /// Records whose content is over.
    pub due: Vec<Uuid>,
    /// Records that keep their content.
    pub kept: usize,
    /// Where to go on; none when no older record is left.
    pub next: Option<Uuid>,
}

/// What a reset of a sandbox removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResetCounts {
    /// Records, with their payloads.
    pub records: usize,
    /// Deliveries, with their timelines.
    pub deliveries: usize,
    /// Messages.
    pub messages: usize,
    /// Flows.
    pub flows: usize,
    /// Stored answers to idempotency keys.
    pub replies: usize,
}

impl ResetCounts {
    /// Whether there was nothing to remove.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what a further step removed.
    pub(crate) fn add(&mut self, step: &Self) {
        self.records += step.records;
        self.deliveries += step.deliveries;
        self.messages += step.messages;
        self.flows += step.flows;
        self.replies += step.replies;
    }
}
