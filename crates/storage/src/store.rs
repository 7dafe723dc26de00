//! The handle everybody uses: asynchronous, cheap to clone, sealing and opening on the way.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;
use uuid::Uuid;

use crate::readers::Readers;
use crate::running::Attempts;
use crate::space::Space;
use crate::writer::{Work, Writer};
use crate::{
    ApplicationEntry, ApplicationId, Audit, AuditEntry, Backlog, Balance, BankUserEntry, BankView, Binding, Change,
    Claim, Claimed, Commit, Content, Cursor, Delivery, DeliveryCursor, DeliveryFilter, DeliveryPage, Digest, Document,
    DocumentMeta, Engine, Entry, Environment, Expired, Extent, Filter, FirstContact, Flow, FlowExpiry, Folder, Held,
    Idempotency, KeyEntry, KeySummary, Known, LedgerFilter, Mark, Marked, Message, MessageFilter, Millis, NewDocument,
    OpenError, Outcome, Outgoing, Page, Part, PartnerEntry, PartnerId, Queue, Reader, Record, Replay, Reply,
    ResetCounts, Retention, Room, Running, Scope, Sealed, SealedPart, Sealer, SqliteEngine, StillRunning, StoreError,
    StoredReply, TimelineEntry, Verdict, Webhook, WebhookSecret, Write, key_file,
};

/// Records that one step of a reset removes.
const RESET_STEP: u32 = 200;

/// Sizes of a store, each at least one.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Work that may wait for the writer, and queries for the readers; more is refused as overload.
    pub queue_length_max: usize,
    /// Commits in one transaction.
    pub batch_length_max: usize,
    /// Reading threads.
    pub reader_count: usize,
    /// How much room is kept on the volume of a data folder.
    pub room: Room,
}

impl Default for Options {
    fn default() -> Self {
        Self { queue_length_max: 1_024, batch_length_max: 256, reader_count: 4, room: Room::default() }
    }
}

/// How a store is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// False for ever after an I/O error: the process should end and be started again.
    pub writable: bool,
    /// Whether new requests are turned away because there is too little space, or the last write found none.
    pub full: bool,
    /// Work that waits for the writer.
    pub queue_length: usize,
    /// How long work waits for the writer, going by what it began last; longer where it has not come back since.
    pub queue_wait: Duration,
    /// Transactions that stored commits, since the start.
    pub transactions: u64,
    /// Commits that were stored, since the start.
    pub commits: u64,
    /// Records whose content was erased because its time was over, since the start.
    pub erased: u64,
}

/// Durable storage. Clones share everything.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    writer: Writer,
    readers: Readers,
    sealer: Sealer,
    attempts: Attempts,
    /// Grows whenever there may be something new to be sent.
    sendable: watch::Sender<u64>,
    /// The volume, where the engine has one.
    space: Option<Space>,
    reader_count: usize,
    /// The readers' threads, and the writer's as the last one.
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Store {
    /// Opens the data folder with SQLite: made at first start, with its payload key.
    ///
    /// # Errors
    /// When anything about the folder, the key or the database is not as it must be; nothing is repaired silently.
    pub fn open(folder: &Path, options: &Options) -> Result<Self, OpenError> {
        let folder = Folder::open(folder)?;
        let path = folder.path().to_owned();
        let mut engine = SqliteEngine::open(folder)?;
        let sealer = key_file::unlock(&path, &mut engine)?;
        Self::start_in(Some(Space::new(path, options.room)), engine, sealer, options)
    }

    /// Starts the threads around an engine.
    ///
    /// # Errors
    /// When a thread or a reading connection cannot be had.
    pub fn start(engine: impl Engine, sealer: Sealer, options: &Options) -> Result<Self, OpenError> {
        Self::start_in(None, engine, sealer, options)
    }

    fn start_in(
        space: Option<Space>,
        engine: impl Engine,
        sealer: Sealer,
        options: &Options,
    ) -> Result<Self, OpenError> {
        let readers = (0..options.reader_count).map(|_| engine.reader()).collect::<Result<_, _>>()?;
        let (readers, mut threads) = Readers::start(readers, options.queue_length_max)?;
        let (writer, thread) = Writer::start(engine, options.queue_length_max, options.batch_length_max)?;
        threads.push(thread);
        let attempts = Attempts::default();
        let threads = Mutex::new(threads);
        let sendable = watch::Sender::default();
        let reader_count = options.reader_count;
        let inner = Inner { writer, readers, sealer, attempts, sendable, space, reader_count, threads };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Finishes what is queued, closes the database and gives up the folder. Blocks until then; every later command of
    /// any clone is answered with [`StoreError::Unavailable`].
    pub fn close(&self) {
        for _ in 0..self.inner.reader_count {
            if !self.inner.readers.stop_one() {
                break;
            }
        }
        // The writer ends last: only then its connection is the last one, which copies the log into the database.
        let mut threads = std::mem::take(&mut *self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let writer = threads.pop();
        threads.into_iter().for_each(join);
        self.inner.writer.stop();
        writer.into_iter().for_each(join);
    }

    /// How the store is doing; never waits.
    pub fn health(&self) -> Health {
        let signs = self.inner.writer.signs();
        Health {
            writable: !signs.broken.load(Ordering::Acquire),
            full: signs.full.load(Ordering::Relaxed) || self.is_short_of_space(),
            queue_length: signs.queued.load(Ordering::Relaxed),
            queue_wait: signs.wait(),
            transactions: signs.transactions.load(Ordering::Relaxed),
            commits: signs.commits.load(Ordering::Relaxed),
            erased: signs.erased.load(Ordering::Relaxed),
        }
    }

    /// Looks how much room there is. Requests are turned away from below a bound on, and taken again above it; between,
    /// the reserve is given back so that what makes room can work. To be called every second or so.
    ///
    /// # Errors
    /// See [`StoreError`]; [`StoreError::Full`] when even the reserve could not be touched.
    pub async fn look_at_space(&self) -> Result<(), StoreError> {
        let Some(space) = &self.inner.space else { return Ok(()) };
        let reusable_bytes = self.extent().await?.reusable_bytes;
        let was_short = space.is_short();
        // Seen once: from here on it counts what is free.
        let is_full = self.inner.writer.signs().full.swap(false, Ordering::Relaxed);
        space.look(reusable_bytes, is_full && !was_short).map(drop).map_err(|error| {
            tracing::error!(error = %error.kind(), "the reserve of the data folder cannot be used");
            StoreError::Full
        })
    }

    fn is_short_of_space(&self) -> bool {
        self.inner.space.as_ref().is_some_and(Space::is_short)
    }

    /// Erases the content of up to `limit` records whose time is over, oldest first, those after one. Gives how many
    /// there were, how many keep theirs, and where to go on.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn erase(
        &self,
        retention: Retention,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<(usize, Expired), StoreError> {
        let ask = move |reader: &mut dyn Reader| reader.expired(&retention, after, limit);
        let expired = self.inner.readers.ask(ask).await?;
        if expired.due.is_empty() {
            return Ok((0, expired));
        }
        let records = expired.due.clone();
        let count = self.inner.writer.ask(|answer| Work::Erase { retention, records, answer }).await?;
        Ok((count, expired))
    }

    /// How much room the database takes and has.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn extent(&self) -> Result<Extent, StoreError> {
        self.inner.readers.ask(|reader| reader.extent()).await
    }

    /// Marks a key as being worked on in this process, until the guard is dropped.
    ///
    /// # Errors
    /// When another call with the key is running.
    pub fn begin(&self, scope: &Scope, operation: &'static str, key_digest: Digest) -> Result<Running, StillRunning> {
        self.inner.attempts.begin((*scope, operation, key_digest))
    }

    /// What a key stands for, before anything is committed: so that a retry gets its answer even where the request
    /// would be refused by now.
    ///
    /// # Errors
    /// When the store cannot say; so for all commands below.
    pub async fn lookup(
        &self,
        scope: &Scope,
        idempotency: &Idempotency,
        now: Millis,
    ) -> Result<Option<Known>, StoreError> {
        let (scope, idempotency) = (*scope, *idempotency);
        let known = self.inner.readers.ask(move |reader| reader.reply(&scope, &idempotency, now)).await?;
        Ok(match known {
            None => None,
            Some(Known::KeyReused) => Some(Known::KeyReused),
            Some(Known::Replayed(stored)) => Some(Known::Replayed(self.open_reply(&scope, &idempotency, stored)?)),
        })
    }

    /// Stores a commit. [`Outcome::Committed`] is given only once everything is on disk; a caller that stops waiting
    /// does not undo it.
    ///
    /// # Errors
    /// When nothing was acknowledged; the same commit may be tried again under the same key.
    pub async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        // Statuses, withdrawals and the like go on: they are small, and what is done makes room.
        if self.is_short_of_space() && commit.writes.iter().any(|write| matches!(write, Write::Record(_))) {
            return Err(StoreError::Full);
        }
        let scope = commit.scope;
        let idempotency = commit.idempotency;
        let has_message = commit.writes.iter().any(|write| matches!(write, Write::Message(_)));
        let (commit, reply) = self.inner.sealer.seal_commit(commit)?;
        let verdict = self.inner.writer.ask(|answer| Work::Commit(Box::new(commit), answer)).await?;
        Ok(match (verdict, idempotency) {
            (Verdict::Committed, _) => {
                if has_message {
                    self.wake_senders();
                }
                Outcome::Committed(reply)
            }
            (Verdict::Replayed(stored), Some(idempotency)) => {
                Outcome::Replayed(self.open_reply(&scope, &idempotency, stored)?)
            }
            // An engine has nothing to replay for a commit without a key.
            (Verdict::Replayed(_), None) => return Err(StoreError::Unreadable),
            (Verdict::KeyReused, _) => Outcome::KeyReused,
            (Verdict::ConditionFailed(index), _) => Outcome::ConditionFailed(index),
            (Verdict::FlowExists(flow), _) => Outcome::FlowExists(flow),
            (Verdict::IdTaken, _) => Outcome::IdTaken,
        })
    }

    /// A record by its public id.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn record(&self, scope: &Scope, public_id: Uuid) -> Result<Option<Record>, StoreError> {
        let scope = *scope;
        let record = self.inner.readers.ask(move |reader| reader.record(&scope, public_id)).await?;
        Ok(record.map(|record| self.inner.sealer.open_record(&scope, record)))
    }

    /// A page of records, newest first.
    ///
    /// # Errors
    /// [`StoreError::UnknownCursor`] when the cursor is not of this scope.
    pub async fn records(
        &self,
        scope: &Scope,
        filter: Filter,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page, StoreError> {
        let scope = *scope;
        let Page { records, next } =
            self.inner.readers.ask(move |reader| reader.records(&scope, &filter, after, limit)).await?;
        let open = |record| self.inner.sealer.open_record(&scope, record);
        Ok(Page { records: records.into_iter().map(open).collect(), next })
    }

    /// What each destination makes of these records, in the order of acceptance.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn record_deliveries(&self, scope: &Scope, records: Vec<Uuid>) -> Result<Vec<Delivery>, StoreError> {
        let scope = *scope;
        let deliveries = self.inner.readers.ask(move |reader| reader.record_deliveries(&scope, &records)).await?;
        Ok(self.open_deliveries(deliveries))
    }

    /// The timeline of a record at one destination or at all, oldest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn timeline(
        &self,
        scope: &Scope,
        record: Uuid,
        destination: Option<String>,
    ) -> Result<Vec<TimelineEntry>, StoreError> {
        let scope = *scope;
        self.inner.readers.ask(move |reader| reader.timeline(&scope, record, destination.as_deref())).await
    }

    /// When this person was last accepted for this partner, in this environment and API, if not before `since`. What
    /// other partners know of the person is not told.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn recent_of_person(
        &self,
        scope: &Scope,
        api: &'static str,
        person: Digest,
        since: Millis,
    ) -> Result<Option<Millis>, StoreError> {
        let scope = *scope;
        self.inner.readers.ask(move |reader| reader.recent_of_person(&scope, api, &person, since)).await
    }

    /// A page of the deliveries of a view, over all its partners.
    ///
    /// # Errors
    /// [`StoreError::UnknownCursor`] when the cursor is of another order.
    pub async fn deliveries(
        &self,
        view: BankView,
        filter: DeliveryFilter,
        after: Option<DeliveryCursor>,
        limit: u32,
    ) -> Result<DeliveryPage, StoreError> {
        let DeliveryPage { deliveries, next } =
            self.inner.readers.ask(move |reader| reader.deliveries(&view, &filter, after, limit)).await?;
        Ok(DeliveryPage { deliveries: self.open_deliveries(deliveries), next })
    }

    /// A delivery, if the view shows it. Its scope opens the rest of its record.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn delivery(&self, view: BankView, id: i64) -> Result<Option<Delivery>, StoreError> {
        Ok(self.deliveries_of(view, vec![id]).await?.pop())
    }

    /// Those of these deliveries that the view shows, in the order of their ids.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn deliveries_of(&self, view: BankView, ids: Vec<i64>) -> Result<Vec<Delivery>, StoreError> {
        let deliveries = self.inner.readers.ask(move |reader| reader.deliveries_of(&view, &ids)).await?;
        Ok(self.open_deliveries(deliveries))
    }

    /// Payloads of the records of deliveries, as far as the view shows them and `is_wanted` says yes to their names; the
    /// others are not opened. One that is not what was sealed for its record is there without its body.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn payloads_of(
        &self,
        view: BankView,
        deliveries: &[Delivery],
        is_wanted: impl Fn(&Delivery, &str) -> bool,
    ) -> Result<Vec<Part>, StoreError> {
        let ids: Vec<i64> = deliveries.iter().map(|delivery| delivery.id).collect();
        let sealed = self.inner.readers.ask(move |reader| reader.payloads_of(&view, &ids)).await?;
        let deliveries: HashMap<i64, &Delivery> = deliveries.iter().map(|one| (one.id, one)).collect();
        let mut opened = Vec::with_capacity(sealed.len());
        for SealedPart { delivery, part, body } in sealed {
            let Some(found) = deliveries.get(&delivery).filter(|found| is_wanted(found, &part)) else { continue };
            let Scope { partner, environment, .. } = found.scope;
            let binding = Binding::Payload { record: found.record.id, part: &part, partner, environment };
            let body = self.inner.sealer.open(&binding, body).ok();
            if body.is_none() {
                tracing::error!(record = %found.record.public_id, part, "a payload cannot be opened");
            }
            opened.push(Part { delivery, part, body });
        }
        Ok(opened)
    }

    /// Messages of a view that nobody has taken yet, oldest first, those after one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn messages(
        &self,
        view: BankView,
        filter: MessageFilter,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let messages = self.inner.readers.ask(move |reader| reader.messages(&view, &filter, after, limit)).await?;
        Ok(self.open_messages(messages))
    }

    /// Notes that the bank has these messages, as far as the view shows them, and answers for each, in order. To say
    /// it again changes nothing and is answered the same.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn acknowledge(&self, view: BankView, ids: Vec<i64>, now: Millis) -> Result<Vec<Marked>, StoreError> {
        self.inner.writer.ask(|answer| Work::Acknowledge { view, ids, now, answer }).await
    }

    /// Messages for the partner's application, oldest first, those after one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn partner_messages(
        &self,
        scope: &Scope,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let scope = *scope;
        let messages = self.inner.readers.ask(move |reader| reader.partner_messages(&scope, after, limit)).await?;
        Ok(self.open_messages(messages))
    }

    /// How long everybody waited whose request was accepted from `from` on and before `to`, oldest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn first_contacts(
        &self,
        view: BankView,
        from: Millis,
        to: Millis,
        product: Option<String>,
        partner: Option<PartnerId>,
    ) -> Result<Vec<FirstContact>, StoreError> {
        let ask = move |reader: &mut dyn Reader| reader.first_contacts(&view, from, to, product.as_deref(), partner);
        self.inner.readers.ask(ask).await
    }

    /// A payload of a record, opened.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when it is not what was sealed for this record.
    pub async fn payload(
        &self,
        scope: &Scope,
        record: Uuid,
        part: impl Into<Cow<'static, str>>,
    ) -> Result<Option<Content>, StoreError> {
        let (scope, part) = (*scope, part.into());
        let wanted = part.clone();
        let sealed = self.inner.readers.ask(move |reader| reader.payload(&scope, record, &wanted)).await?;
        let binding = Binding::Payload { record, part: &part, partner: scope.partner, environment: scope.environment };
        sealed.map(|sealed| self.inner.sealer.open(&binding, sealed)).transpose()
    }

    /// A flow by its number.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn flow(&self, scope: &Scope, process_id: i64) -> Result<Option<Flow>, StoreError> {
        let scope = *scope;
        self.inner.readers.ask(move |reader| reader.flow(&scope, process_id)).await
    }

    /// The flow of a person that is open and not expired.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn open_flow(&self, scope: &Scope, person: Digest, now: Millis) -> Result<Option<Flow>, StoreError> {
        let scope = *scope;
        self.inner.readers.ask(move |reader| reader.open_flow(&scope, &person, now)).await
    }

    /// A key by its selector.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn key(&self, selector: String) -> Result<Option<KeyEntry>, StoreError> {
        self.inner.readers.ask(move |reader| reader.key(&selector)).await
    }

    /// All partners, oldest first: for the operator of the house, never for a caller. So are all queries of the directory.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn partners(&self) -> Result<Vec<PartnerEntry>, StoreError> {
        self.inner.readers.ask(|reader| reader.partners()).await
    }

    /// The applications of a partner, oldest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn applications(&self, partner: PartnerId) -> Result<Vec<ApplicationEntry>, StoreError> {
        self.inner.readers.ask(move |reader| reader.applications(Some(partner))).await
    }

    /// All applications of all partners, oldest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn all_applications(&self) -> Result<Vec<ApplicationEntry>, StoreError> {
        self.inner.readers.ask(|reader| reader.applications(None)).await
    }

    /// The keys of an application, oldest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn keys(&self, application: ApplicationId) -> Result<Vec<KeySummary>, StoreError> {
        self.inner.readers.ask(move |reader| reader.keys(application)).await
    }

    /// All users of the bank, oldest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn bank_users(&self) -> Result<Vec<BankUserEntry>, StoreError> {
        self.inner.readers.ask(|reader| reader.bank_users()).await
    }

    /// A user of the bank by the selector of its key.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn bank_user(&self, selector: String) -> Result<Option<BankUserEntry>, StoreError> {
        self.inner.readers.ask(move |reader| reader.bank_user(&selector)).await
    }

    /// Rows of the audit, oldest first, those after one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn audit(&self, after: Option<i64>, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        self.inner.readers.ask(move |reader| reader.audit(after, limit)).await
    }

    /// Entries of the ledger over all partners, oldest first, those after one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn ledger(&self, filter: LedgerFilter, after: Option<i64>, limit: u32) -> Result<Vec<Entry>, StoreError> {
        self.inner.readers.ask(move |reader| reader.ledger(&filter, after, limit)).await
    }

    /// What the entries of a partner before a month in UTC (`2026-11`) add up to, of one destination or of all: a row for
    /// each currency that was used by then, in alphabetical order.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn ledger_balances(
        &self,
        partner: PartnerId,
        destination: Option<String>,
        month: String,
    ) -> Result<Vec<Balance>, StoreError> {
        let ask = move |reader: &mut dyn Reader| reader.ledger_balances(partner, destination.as_deref(), &month);
        self.inner.readers.ask(ask).await
    }

    /// All versions of all documents, in the order of their kinds, names and versions.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn documents(&self) -> Result<Vec<DocumentMeta>, StoreError> {
        self.inner.readers.ask(|reader| reader.documents()).await
    }

    /// A version of a document, or the newest.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn document(
        &self,
        kind: impl Into<String>,
        name: impl Into<String>,
        version: Option<u32>,
    ) -> Result<Option<Document>, StoreError> {
        let (kind, name) = (kind.into(), name.into());
        self.inner.readers.ask(move |reader| reader.document(&kind, &name, version)).await
    }

    /// A number that grows with every version of any document; cheap to read.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn documents_generation(&self) -> Result<i64, StoreError> {
        self.inner.readers.ask(|reader| reader.documents_generation()).await
    }

    /// Stores the next version of a document and says which it is. `expected_previous` is the one it replaces; none when
    /// it is the first.
    ///
    /// # Errors
    /// [`StoreError::VersionConflict`] when the newest version is another one.
    pub async fn put_document(&self, document: NewDocument, expected_previous: Option<u32>) -> Result<u32, StoreError> {
        self.inner.writer.ask(|answer| Work::PutDocument { document, expected_previous, answer }).await
    }

    /// Whether there is any partner; there is none at first start only.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn has_partners(&self) -> Result<bool, StoreError> {
        self.inner.readers.ask(|reader| reader.has_partners()).await
    }

    /// Changes the directory: everything or nothing, with a row of the audit for each change an operator made.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] when a change does not fit.
    pub async fn administer(&self, changes: Vec<Change>, audit: Audit) -> Result<(), StoreError> {
        self.inner.writer.ask(|answer| Work::Administer { changes, audit, answer }).await
    }

    /// Removes everything an application sent to its sandbox, with all that hangs on it. Bit by bit, so that no commit
    /// waits for the whole; when it fails, what is left is removed by the next reset.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] for a scope of production.
    pub async fn reset_sandbox(&self, scope: &Scope) -> Result<ResetCounts, StoreError> {
        let scope = *scope;
        let mut all = ResetCounts::default();
        loop {
            let step = self.inner.writer.ask(|answer| Work::ResetSandbox { scope, limit: RESET_STEP, answer }).await?;
            if step.is_nothing() {
                return Ok(all);
            }
            all.add(&step);
        }
    }

    /// Whether a secret beside the database is the one it was used with, told by a digest made with it; the first one is
    /// remembered.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn check_secret(&self, name: &'static str, digest: Digest) -> Result<bool, StoreError> {
        self.inner.writer.ask(|answer| Work::CheckSecret { name, digest, answer }).await
    }

    /// Ends flows whose time is over and says how many; call again while it is the limit. Applications that want to be
    /// told of each step are told.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn expire_flows(&self, expiry: FlowExpiry) -> Result<usize, StoreError> {
        self.inner.writer.ask(|answer| Work::ExpireFlows(expiry, answer)).await
    }

    /// Forgets up to `limit` expired idempotency keys and says how many; call again while it is the limit. Small limits
    /// keep commits from waiting.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn purge(&self, now: Millis, limit: u32) -> Result<usize, StoreError> {
        self.inner.writer.ask(|answer| Work::Purge { now, limit, answer }).await
    }

    /// Tells of every commit of this process that may have left something to be sent. Other processes are not heard of.
    pub fn sendable(&self) -> watch::Receiver<u64> {
        self.inner.sendable.subscribe()
    }

    /// A message by its number, whoever it is for: for whoever sends it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn message(&self, id: i64) -> Result<Option<Message>, StoreError> {
        let message = self.inner.readers.ask(move |reader| reader.message(id)).await?;
        Ok(self.open_messages(message.into_iter().collect()).pop())
    }

    /// For each of these queues, when its next message is due; none where nothing waits.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn next_due(&self, queues: Vec<Queue>) -> Result<Vec<Option<Millis>>, StoreError> {
        self.inner.readers.ask(move |reader| reader.next_due(&queues)).await
    }

    /// How much waits to be sent or pulled, by environment and destination; what has nothing is left out. It counts
    /// all that waits: not for every request.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn backlog(&self) -> Result<Vec<Backlog>, StoreError> {
        self.inner.readers.ask(|reader| reader.backlog()).await
    }

    /// Messages in a state, oldest first, those after one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn outgoing(
        &self,
        state: Held,
        environment: Environment,
        destination: Option<String>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Outgoing>, StoreError> {
        let ask =
            move |reader: &mut dyn Reader| reader.outgoing(state, environment, destination.as_deref(), after, limit);
        self.inner.readers.ask(ask).await
    }

    /// Lets what was given up, or has arrived, be sent once more under the same ids, and says how much it is. Bit by bit,
    /// so that no commit waits for the whole; each bit has a row of the audit.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn replay(&self, replay: Replay) -> Result<usize, StoreError> {
        let mut count = 0;
        let mut after = Some(0);
        while let Some(place) = after {
            let replay = Box::new(replay.clone());
            let step = self.inner.writer.ask(|answer| Work::Replay { replay, after: place, answer }).await?;
            count += step.count;
            after = step.next;
        }
        self.wake_senders();
        Ok(count)
    }

    /// Gives back what was leased until `now` or before and never marked, and says how much it was.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn release(&self, now: Millis) -> Result<usize, StoreError> {
        self.inner.writer.ask(|answer| Work::Release(now, answer)).await
    }

    /// The webhooks of all applications.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        self.inner.readers.ask(|reader| reader.webhooks()).await
    }

    /// A secret as it is stored, to be handed to [`Store::administer`].
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the system gives no random bytes.
    pub fn seal_webhook_secret(&self, secret: WebhookSecret) -> Result<WebhookSecret<Sealed>, StoreError> {
        let WebhookSecret { id, owner, signature, public_key, created_at, ends_at, secret } = secret;
        let binding = Binding::WebhookSecret { id, owner: &owner };
        let secret = self.inner.sealer.seal(&binding, secret.into_vec())?;
        Ok(WebhookSecret { id, owner, signature, public_key, created_at, ends_at, secret })
    }

    /// The secrets of an owner, opened, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when one is not what was sealed for this owner.
    pub async fn webhook_secrets(&self, owner: impl Into<String>) -> Result<Vec<WebhookSecret>, StoreError> {
        let owner = owner.into();
        let sealed = self.inner.readers.ask(move |reader| reader.webhook_secrets(&owner)).await?;
        let open = |sealed: WebhookSecret<Sealed>| {
            let binding = Binding::WebhookSecret { id: sealed.id, owner: &sealed.owner };
            let secret = self.inner.sealer.open(&binding, sealed.secret.clone())?;
            Ok(sealed.with(secret))
        };
        sealed.into_iter().map(open).collect()
    }

    /// A number that grows with everything operators do; cheap to read.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn audit_generation(&self) -> Result<i64, StoreError> {
        self.inner.readers.ask(|reader| reader.audit_generation()).await
    }

    /// Leases due messages of a queue, of all partners.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        self.inner.writer.ask(|answer| Work::Claim(claim, answer)).await
    }

    /// Writes what became of claimed rows, and answers for each, in order.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn mark(&self, marks: Vec<Mark>) -> Result<Vec<Marked>, StoreError> {
        self.inner.writer.ask(|answer| Work::Mark(marks, answer)).await
    }

    fn wake_senders(&self) {
        self.inner.sendable.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn open_deliveries(&self, deliveries: Vec<Delivery>) -> Vec<Delivery> {
        let open = |delivery: Delivery| {
            let record = self.inner.sealer.open_record(&delivery.scope, delivery.record);
            Delivery { record, ..delivery }
        };
        deliveries.into_iter().map(open).collect()
    }

    fn open_messages(&self, messages: Vec<Message>) -> Vec<Message> {
        let open = |message: Message| {
            let record = self.inner.sealer.open_record(&message.scope, message.record);
            Message { record, ..message }
        };
        messages.into_iter().map(open).collect()
    }

    fn open_reply(&self, scope: &Scope, idempotency: &Idempotency, stored: StoredReply) -> Result<Reply, StoreError> {
        let StoredReply { status, content_type, location, body } = stored;
        let binding = Binding::Reply { scope, operation: idempotency.operation, key_digest: &idempotency.key_digest };
        let body = self.inner.sealer.open(&binding, body)?;
        Ok(Reply { status, content_type: content_type.into(), location, body })
    }
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a thread of the store had panicked");
    }
}
