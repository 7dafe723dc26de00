//! What a storage engine can do: a few coarse commands, so that a second engine stays affordable.
//!
//! Engines are synchronous and run on threads of their own. They see sealed bytes only; sealing and opening is done
//! before and after them, the same way for every engine.

use std::borrow::Cow;

use uuid::Uuid;

use crate::model::Write;
use crate::{
    ApplicationEntry, ApplicationId, Audit, AuditEntry, Backlog, Balance, BankUserEntry, BankView, Change, Claim,
    Claimed, Condition, Cursor, Delivery, DeliveryCursor, DeliveryFilter, DeliveryPage, Digest, Document, DocumentMeta,
    Entry, Environment, Expired, Filter, FirstContact, Flow, FlowExpiry, Held, Idempotency, KeyEntry, KeySummary,
    Known, LedgerFilter, Mark, Marked, Message, MessageFilter, Millis, NewDocument, OpenError, Outgoing, Page,
    PartnerEntry, PartnerId, Queue, Record, Replay, Replayed, ResetCounts, Retention, Scope, Sealed, StoreError,
    TimelineEntry, Webhook, WebhookSecret,
};

/// The writing half of an engine; one thread owns it.
///
/// An `Err` of a whole command means that nothing of it was stored as far as anybody can tell.
/// [`StoreError::Unavailable`] means that the engine can no longer be trusted: it is not called again.
pub trait Engine: Send + 'static {
    /// Stores a batch in one durable transaction and answers for each commit, in order. A refused commit leaves
    /// nothing behind and does not disturb the others.
    ///
    /// # Errors
    /// When the batch as a whole failed.
    fn commit(&mut self, batch: &[SealedCommit]) -> Result<Vec<Result<Verdict, StoreError>>, StoreError>;

    /// Leases due messages of a queue, those with an expired lease first.
    ///
    /// # Errors
    /// When nothing was claimed.
    fn claim(&mut self, claim: &Claim) -> Result<Vec<Claimed>, StoreError>;

    /// Writes results of attempts in one transaction and answers for each, in order.
    ///
    /// # Errors
    /// When nothing was marked.
    fn mark(&mut self, marks: &[Mark]) -> Result<Vec<Marked>, StoreError>;

    /// Gives back what was leased until `now` or before and never marked, and says how much it was.
    ///
    /// # Errors
    /// When nothing was given back.
    fn release(&mut self, now: Millis) -> Result<usize, StoreError>;

    /// Makes a step of a replay, after a message: what was given up or has arrived waits again as if it had never been
    /// tried, with a row of the audit.
    ///
    /// # Errors
    /// When nothing was changed.
    fn replay(&mut self, replay: &Replay, after: i64) -> Result<Replayed, StoreError>;

    /// Notes that the bank has these messages, as far as the view shows them, and answers for each, in order.
    ///
    /// # Errors
    /// When nothing was noted.
    fn acknowledge(&mut self, view: &BankView, ids: &[i64], now: Millis) -> Result<Vec<Marked>, StoreError>;

    /// Changes the directory: everything or nothing, with a row of the audit for each change an operator made.
    ///
    /// # Errors
    /// When nothing was changed; [`StoreError::Constraint`] when a change does not fit.
    fn administer(&mut self, changes: &[Change], audit: &Audit) -> Result<(), StoreError>;

    /// Stores the next version of a document, with a row of the audit, and says which it is. `expected_previous` is
    /// the one it replaces; none when it is the first.
    ///
    /// # Errors
    /// When nothing was stored; [`StoreError::VersionConflict`] when the newest version is another one.
    fn put_document(&mut self, document: &NewDocument, expected_previous: Option<u32>) -> Result<u32, StoreError>;

    /// Removes up to `limit` records, replies and flows of the sandbox of an application, with all that hangs on them;
    /// nothing is left once all counts are 0.
    ///
    /// # Errors
    /// When nothing was removed; [`StoreError::Constraint`] for a scope of production.
    fn reset_sandbox(&mut self, scope: &Scope, limit: u32) -> Result<ResetCounts, StoreError>;

    /// Whether this is the digest that was first told under this name.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    fn check_secret(&mut self, name: &str, digest: &Digest) -> Result<bool, StoreError>;

    /// Ends flows whose time is over, and says how many.
    ///
    /// # Errors
    /// When nothing was ended.
    fn expire_flows(&mut self, expiry: &FlowExpiry) -> Result<usize, StoreError>;

    /// Forgets up to `limit` expired idempotency rows and says how many.
    ///
    /// # Errors
    /// When nothing was forgotten.
    fn purge(&mut self, now: Millis, limit: u32) -> Result<usize, StoreError>;

    /// Erases the content of these records, as far as its time is over when this runs, and says of how many. What was
    /// stored of it is overwritten by the next checkpoint.
    ///
    /// # Errors
    /// When nothing was erased.
    fn erase(&mut self, retention: &Retention, records: &[Uuid]) -> Result<usize, StoreError>;

    /// What is known of payload keys.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn payload_keys(&mut self) -> Result<PayloadKeys, OpenError>;

    /// Remembers a payload key by its probe. Called only while no key is in use.
    ///
    /// # Errors
    /// When the database cannot be written.
    fn add_payload_key(&mut self, probe: &Sealed) -> Result<(), OpenError>;

    /// Another reading half.
    ///
    /// # Errors
    /// When the database cannot be opened once more.
    fn reader(&self) -> Result<Box<dyn Reader>, OpenError>;
}

/// The reading half of an engine. Each query sees all that was acknowledged before it began; what is not of the scope
/// is not there.
pub trait Reader: Send {
    /// A record by its public id.
    ///
    /// # Errors
    /// When the database cannot be read; so for all queries.
    fn record(&mut self, scope: &Scope, public_id: Uuid) -> Result<Option<Record>, StoreError>;

    /// A page of records, newest first.
    ///
    /// # Errors
    /// [`StoreError::UnknownCursor`] when the cursor is not of this scope.
    fn records(
        &mut self,
        scope: &Scope,
        filter: &Filter,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page, StoreError>;

    /// What each destination makes of these records, in the order of acceptance; nothing of a record that is not of this
    /// scope.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn record_deliveries(&mut self, scope: &Scope, records: &[Uuid]) -> Result<Vec<Delivery>, StoreError>;

    /// The timeline of a record at one destination or at all, oldest first; empty for a record that is not of this
    /// scope.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn timeline(
        &mut self,
        scope: &Scope,
        record: Uuid,
        destination: Option<&str>,
    ) -> Result<Vec<TimelineEntry>, StoreError>;

    /// When this person was last accepted for this partner, in this environment and API, if not before `since`.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn recent_of_person(
        &mut self,
        scope: &Scope,
        api: &str,
        person: &Digest,
        since: Millis,
    ) -> Result<Option<Millis>, StoreError>;

    /// A page of the deliveries of a view.
    ///
    /// # Errors
    /// [`StoreError::UnknownCursor`] when the cursor is of another order.
    fn deliveries(
        &mut self,
        view: &BankView,
        filter: &DeliveryFilter,
        after: Option<DeliveryCursor>,
        limit: u32,
    ) -> Result<DeliveryPage, StoreError>;

    /// Those of these deliveries that the view shows, in the order of their ids.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn deliveries_of(&mut self, view: &BankView, ids: &[i64]) -> Result<Vec<Delivery>, StoreError>;

    /// All sealed payloads of the records of those of these deliveries that the view shows.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn payloads_of(&mut self, view: &BankView, deliveries: &[i64]) -> Result<Vec<SealedPart>, StoreError>;

    /// Messages of a view that nobody has taken yet, oldest first, those after one.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn messages(
        &mut self,
        view: &BankView,
        filter: &MessageFilter,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError>;

    /// Messages for the partner's application, oldest first, those after one.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn partner_messages(&mut self, scope: &Scope, after: Option<i64>, limit: u32) -> Result<Vec<Message>, StoreError>;

    /// A message by its number, whoever it is for: for whoever sends it.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn message(&mut self, id: i64) -> Result<Option<Message>, StoreError>;

    /// For each of these queues, when its next message is due; none where nothing waits.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn next_due(&mut self, queues: &[Queue]) -> Result<Vec<Option<Millis>>, StoreError>;

    /// How much waits, by environment and destination; what has nothing is left out.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn backlog(&mut self) -> Result<Vec<Backlog>, StoreError>;

    /// Messages in a state, oldest first, those after one.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn outgoing(
        &mut self,
        state: Held,
        environment: Environment,
        destination: Option<&str>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Outgoing>, StoreError>;

    /// The webhooks of all applications.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn webhooks(&mut self) -> Result<Vec<Webhook>, StoreError>;

    /// The secrets of an owner, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn webhook_secrets(&mut self, owner: &str) -> Result<Vec<WebhookSecret<Sealed>>, StoreError>;

    /// A number that grows with everything operators do; cheap to read.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn audit_generation(&mut self) -> Result<i64, StoreError>;

    /// How long everybody waited whose request was accepted from `from` on and before `to`, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn first_contacts(
        &mut self,
        view: &BankView,
        from: Millis,
        to: Millis,
        product: Option<&str>,
        partner: Option<PartnerId>,
    ) -> Result<Vec<FirstContact>, StoreError>;

    /// A sealed payload of a record.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn payload(&mut self, scope: &Scope, record: Uuid, part: &str) -> Result<Option<Sealed>, StoreError>;

    /// What a key stands for: answered before with this body, with another one, or not known.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn reply(
        &mut self,
        scope: &Scope,
        idempotency: &Idempotency,
        now: Millis,
    ) -> Result<Option<Known<StoredReply>>, StoreError>;

    /// A flow by its number.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn flow(&mut self, scope: &Scope, process_id: i64) -> Result<Option<Flow>, StoreError>;

    /// The flow of a person that is open and not expired.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn open_flow(&mut self, scope: &Scope, person: &Digest, now: Millis) -> Result<Option<Flow>, StoreError>;

    /// A key by its selector.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn key(&mut self, selector: &str) -> Result<Option<KeyEntry>, StoreError>;

    /// All partners, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn partners(&mut self) -> Result<Vec<PartnerEntry>, StoreError>;

    /// The applications of one partner or of all, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn applications(&mut self, partner: Option<PartnerId>) -> Result<Vec<ApplicationEntry>, StoreError>;

    /// The keys of an application, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn keys(&mut self, application: ApplicationId) -> Result<Vec<KeySummary>, StoreError>;

    /// All users of the bank, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn bank_users(&mut self) -> Result<Vec<BankUserEntry>, StoreError>;

    /// A user of the bank by the selector of its key.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn bank_user(&mut self, selector: &str) -> Result<Option<BankUserEntry>, StoreError>;

    /// Rows of the audit, oldest first, those after one.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn audit(&mut self, after: Option<i64>, limit: u32) -> Result<Vec<AuditEntry>, StoreError>;

    /// Entries of the ledger, oldest first, those after one.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn ledger(&mut self, filter: &LedgerFilter, after: Option<i64>, limit: u32) -> Result<Vec<Entry>, StoreError>;

    /// What the entries of a partner before a month in UTC (`2026-11`) add up to, of one destination or of all: a row for
    /// each currency that was used by then, in alphabetical order. Reads sums of months, not entries.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn ledger_balances(
        &mut self,
        partner: PartnerId,
        destination: Option<&str>,
        month: &str,
    ) -> Result<Vec<Balance>, StoreError>;

    /// All versions of all documents, in the order of their kinds, names and versions.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn documents(&mut self) -> Result<Vec<DocumentMeta>, StoreError>;

    /// A version of a document, or the newest.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn document(&mut self, kind: &str, name: &str, version: Option<u32>) -> Result<Option<Document>, StoreError>;

    /// A number that grows with every version of any document; cheap to read.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn documents_generation(&mut self) -> Result<i64, StoreError>;

    /// How much room the database takes and has.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn extent(&mut self) -> Result<Extent, StoreError>;

    /// Looks at up to `limit` records after one, oldest first: whose content is over and whose is kept.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn expired(&mut self, retention: &Retention, after: Option<Uuid>, limit: u32) -> Result<Expired, StoreError>;

    /// Whether there is any partner; there is none at first start only.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn has_partners(&mut self) -> Result<bool, StoreError>;
}

/// A commit as an engine sees it.
#[derive(Clone, Debug)]
pub struct SealedCommit {
    /// Whose commit this is.
    pub scope: Scope,
    /// The time of the decision.
    pub now: Millis,
    /// The key, with the reply to be stored under it.
    pub idempotency: Option<SealedIdempotency>,
    /// What must hold.
    pub conditions: Vec<Condition>,
    /// What is written.
    pub writes: Vec<Write<Sealed>>,
}

/// An idempotency key and the reply to be stored under it.
#[derive(Clone, Debug)]
pub struct SealedIdempotency {
    /// The key.
    pub idempotency: Idempotency,
    /// The HTTP status.
    pub status: u16,
    /// The media type of the body.
    pub content_type: Cow<'static, str>,
    /// Where the receipt can be read again.
    pub location: Option<String>,
    /// The body, bound to the key.
    pub body: Sealed,
}

/// What became of a sealed commit; see [`crate::Outcome`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// On disk.
    Committed,
    /// Accepted before.
    Replayed(StoredReply),
    /// The key was used for another body.
    KeyReused,
    /// The condition at this index does not hold.
    ConditionFailed(usize),
    /// The person has this open flow.
    FlowExists(Flow),
    /// A random id is taken.
    IdTaken,
}

/// A reply as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReply {
    /// The HTTP status.
    pub status: u16,
    /// The media type of the body.
    pub content_type: String,
    /// Where the receipt can be read again.
    pub location: Option<String>,
    /// The body.
    pub body: Sealed,
}

/// How much room a database takes and has, in bytes. What an engine cannot say is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The database itself.
    pub database_bytes: u64,
    /// What of it is empty and is written to before it grows.
    pub reusable_bytes: u64,
    /// The write-ahead log beside it.
    pub log_bytes: Option<u64>,
    /// What is free on its volume.
    pub volume_free_bytes: Option<u64>,
    /// Checkpoints made since the start.
    pub checkpoints: Option<u64>,
}

/// A payload of the record of a delivery, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedPart {
    /// The delivery.
    pub delivery: i64,
    /// Which of the record's payloads.
    pub part: String,
    /// What it says.
    pub body: Sealed,
}

/// What a database knows of payload keys.
#[derive(Clone, Debug)]
pub struct PayloadKeys {
    /// The probe of every key there ever was.
    pub probes: Vec<Sealed>,
    /// Whether anything is sealed.
    pub in_use: bool,
}
