//! A house with two partners, and commits that differ by a number.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use usher_storage::{
    Actor, ApplicationId, Audit, BankView, Binding, Change, Claim, Claimed, Commit, Content, Digest, Engine,
    Environment, FlowExpiry, Folder, Idempotency, KeyId, Mark, Marked, Millis, Mode, NewDelivery, NewDocument,
    NewMessage, OpenError, Options, Outcome, PartnerId, Payload, PayloadKeys, Queue, Reader, Recipient, Record, Replay,
    Replayed, Reply, ResetCounts, Retention, Scope, Sealed, SealedCommit, Sealer, SqliteEngine, StatusChange, Store,
    StoreError, Verdict, Write,
};
use uuid::Uuid;
use zeroize::Zeroizing;

/// The time of most tests.
pub(crate) const NOW: Millis = 1_800_000_000_000;
/// What the store must never show.
pub(crate) const SECRET: &str = "wants-to-be-called-about-a-mortgage";

/// Applications 1 and 2 belong to partner 1, application 3 to partner 2.
pub(crate) const OWN: Scope = scope(1, 1, Environment::Sandbox);
/// Everybody who must not see what is [`OWN`].
pub(crate) const STRANGERS: [Scope; 3] =
    [scope(1, 2, Environment::Sandbox), scope(2, 3, Environment::Sandbox), scope(1, 1, Environment::Production)];

const fn scope(partner: u128, application: u128, environment: Environment) -> Scope {
    Scope { partner: partner_id(partner), application: application_id(application), environment }
}

pub(crate) const fn partner_id(number: u128) -> PartnerId {
    PartnerId(Uuid::from_u128(number))
}

pub(crate) const fn application_id(number: u128) -> ApplicationId {
    ApplicationId(Uuid::from_u128(number))
}

/// A store in a folder of its own.
pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) folder: TempDir,
}

impl House {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &Options::default()).unwrap();
        store.administer(directory(), audit()).await.unwrap();
        Self { store, folder }
    }

    /// A house whose engine does what `before` says first.
    pub(crate) async fn with_engine(
        options: Options,
        before: impl FnMut(&[SealedCommit]) -> Result<(), StoreError> + Send + 'static,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut engine = SqliteEngine::open(Folder::open(folder.path()).unwrap()).unwrap();
        let sealer = Sealer::new(KeyId([1; 8]), &Zeroizing::new([7; 32]));
        engine.add_payload_key(&sealer.seal(&Binding::Probe, Vec::new()).unwrap()).unwrap();
        let store = Store::start(Intercepted { engine, before }, sealer, &options).unwrap();
        store.administer(directory(), audit()).await.unwrap();
        Self { store, folder }
    }

    /// A house whose commits wait at a gate.
    pub(crate) async fn gated(options: Options) -> (Self, Gate) {
        let (arrive, arrivals) = channel();
        let (open, opened) = channel::<()>();
        let house = Self::with_engine(options, move |batch| {
            // Once the test has gone, the gate stands open.
            let _ = arrive.send(batch.len());
            let _ = opened.recv();
            Ok(())
        })
        .await;
        (house, Gate { arrivals, open })
    }

    pub(crate) async fn commit(&self, commit: Commit) -> Outcome {
        self.store.commit(commit).await.unwrap()
    }

    /// Closes the store and opens it again.
    pub(crate) fn reopen(&mut self) {
        self.store.close();
        self.store = Store::open(self.folder.path(), &Options::default()).unwrap();
    }

    pub(crate) fn database(&self) -> Connection {
        database(self.folder.path())
    }

    /// Rows of a table, as another program would count them.
    pub(crate) fn count(&self, table: &str) -> i64 {
        self.database().query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    }
}

/// A folder that may be used though something is put into it first.
pub(crate) fn private_folder() -> TempDir {
    tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir().unwrap()
}

/// The way around the store.
pub(crate) fn database(folder: &Path) -> Connection {
    Connection::open_with_flags(folder.join("usher.db"), OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap()
}

/// Where batches wait before they are written.
pub(crate) struct Gate {
    arrivals: Receiver<usize>,
    open: Sender<()>,
}

impl Gate {
    /// Waits for a batch and tells its length.
    pub(crate) fn arrival(&self) -> usize {
        self.arrivals.recv().unwrap()
    }

    /// Lets one batch pass.
    pub(crate) fn open(&self) {
        self.open.send(()).unwrap();
    }
}

/// SQLite with something before each commit.
struct Intercepted<F> {
    engine: SqliteEngine,
    before: F,
}

impl<F: FnMut(&[SealedCommit]) -> Result<(), StoreError> + Send + 'static> Engine for Intercepted<F> {
    fn commit(&mut self, batch: &[SealedCommit]) -> Result<Vec<Result<Verdict, StoreError>>, StoreError> {
        (self.before)(batch)?;
        self.engine.commit(batch)
    }

    fn claim(&mut self, claim: &Claim) -> Result<Vec<Claimed>, StoreError> {
        self.engine.claim(claim)
    }

    fn mark(&mut self, marks: &[Mark]) -> Result<Vec<Marked>, StoreError> {
        self.engine.mark(marks)
    }

    fn release(&mut self, now: Millis) -> Result<usize, StoreError> {
        self.engine.release(now)
    }

    fn replay(&mut self, replay: &Replay, after: i64) -> Result<Replayed, StoreError> {
        self.engine.replay(replay, after)
    }

    fn acknowledge(&mut self, view: &BankView, ids: &[i64], now: Millis) -> Result<Vec<Marked>, StoreError> {
        self.engine.acknowledge(view, ids, now)
    }

    fn administer(&mut self, changes: &[Change], audit: &Audit) -> Result<(), StoreError> {
        self.engine.administer(changes, audit)
    }

    fn put_document(&mut self, document: &NewDocument, expected_previous: Option<u32>) -> Result<u32, StoreError> {
        self.engine.put_document(document, expected_previous)
    }

    fn reset_sandbox(&mut self, scope: &Scope, limit: u32) -> Result<ResetCounts, StoreError> {
        self.engine.reset_sandbox(scope, limit)
    }

    fn check_secret(&mut self, name: &str, digest: &Digest) -> Result<bool, StoreError> {
        self.engine.check_secret(name, digest)
    }

    fn expire_flows(&mut self, expiry: &FlowExpiry) -> Result<usize, StoreError> {
        self.engine.expire_flows(expiry)
    }

    fn purge(&mut self, now: Millis, limit: u32) -> Result<usize, StoreError> {
        self.engine.purge(now, limit)
    }

    fn erase(&mut self, retention: &Retention, records: &[Uuid]) -> Result<usize, StoreError> {
        self.engine.erase(retention, records)
    }

    fn payload_keys(&mut self) -> Result<PayloadKeys, OpenError> {
        self.engine.payload_keys()
    }

    fn add_payload_key(&mut self, probe: &Sealed) -> Result<(), OpenError> {
        self.engine.add_payload_key(probe)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, OpenError> {
        self.engine.reader()
    }
}

/// A wish for what waits for a destination in the sandbox, for a minute.
pub(crate) fn wish(destination: &'static str, now: Millis) -> Claim {
    let recipient = Recipient::Destination(destination.into());
    let queue = Queue { environment: Environment::Sandbox, recipient };
    Claim { queue, now, lease: Duration::from_secs(60), limit: 10 }
}

/// Who changes the directory.
pub(crate) fn audit() -> Audit {
    Audit { actor: "operator".to_owned(), at: NOW }
}

fn directory() -> Vec<Change> {
    let partner = |number| Change::Partner { id: partner_id(number), name: format!("partner {number}"), at: NOW };
    let application = |number, partner| Change::Application {
        id: application_id(number),
        partner: partner_id(partner),
        public_id: format!("app-{number}"),
        name: format!("application {number}"),
        mode: Mode::Strict,
        at: NOW,
    };
    vec![partner(1), partner(2), application(1, 1), application(2, 1), application(3, 2)]
}

pub(crate) fn digest(number: u8) -> Digest {
    [number; 32]
}

/// The idempotency key of a number, standing for the body of another.
pub(crate) fn idempotency(key: u8, body: u8) -> Idempotency {
    Idempotency {
        operation: "submitContactRequest",
        key_digest: digest(key),
        fingerprint: digest(body),
        expires_at: NOW + 1_000,
    }
}

pub(crate) fn record_id(number: u8) -> Uuid {
    Uuid::from_u128(u128::from(number))
}

pub(crate) fn public_id(number: u8) -> Uuid {
    // Falls while the internal id rises, so that no order of one can pass for the other.
    Uuid::from_u128(u128::MAX - u128::from(number))
}

pub(crate) fn record(number: u8) -> Record {
    Record {
        id: record_id(number),
        public_id: public_id(number),
        api: "contact_request".into(),
        version: 1,
        operation: "submitContactRequest".into(),
        contract_version: "1.0.0".into(),
        partner_reference: Some("order-7".to_owned()),
        campaign: Some("autumn".to_owned()),
        source: None,
        sub_partner: None,
        received_at: NOW + Millis::from(number),
        status: "NEW".into(),
        payload_hash: digest(number),
        salt: Some(Content::from(vec![number; 16])),
        durability: "single-disk".into(),
        warnings: "[]".into(),
        correlation_id: Uuid::from_u128(99),
        process_id: None,
        product: "mortgage".into(),
        products_version: 3,
        lists: "[\"banks@1\"]".into(),
        person: Some(digest(200)),
    }
}

pub(crate) fn reply(number: u8) -> Reply {
    Reply {
        status: 201,
        content_type: "application/json".into(),
        location: Some(format!("/receipts/v1/{}", public_id(number))),
        body: Content::from(format!("{{\"number\":{number},\"about\":\"{SECRET}\"}}").into_bytes()),
    }
}

pub(crate) fn payload(number: u8) -> Write {
    let body = format!("{{\"number\":{number},\"person\":\"{SECRET}\"}}").into_bytes();
    Write::Payload(Payload { record: record_id(number), part: "request".into(), body: Content::from(body) })
}

/// A way of a record.
pub(crate) fn delivery(number: u8, destination: &'static str) -> Write {
    let promised_at = Some(NOW + 1_000 - Millis::from(number));
    Write::Delivery(NewDelivery { record: record_id(number), destination: destination.into(), promised_at })
}

/// What a destination is told of a record first.
pub(crate) fn accepted(number: u8, destination: &'static str, due_at: Millis) -> Write {
    told(number, destination, "request.accepted", destination, due_at)
}

/// Something `to` is told about the delivery of a record to a destination.
pub(crate) fn told(
    number: u8,
    to: &'static str,
    event: &'static str,
    destination: &'static str,
    due_at: Millis,
) -> Write {
    Write::Message(NewMessage {
        record: record_id(number),
        destination: to.into(),
        event: event.into(),
        delivery: Some(destination.into()),
        due_at,
    })
}

/// A status given by an agent of the bank.
pub(crate) fn change(status: &'static str, at: Millis) -> StatusChange {
    StatusChange {
        status: status.into(),
        open: true,
        actor: Actor::Bank,
        actor_name: Some("agent-7".to_owned()),
        at,
        reason: None,
        bank_reference: None,
        first_contact: false,
    }
}

/// A commit of writes alone.
pub(crate) fn writing(scope: Scope, writes: Vec<Write>) -> Commit {
    Commit { scope, now: NOW, idempotency: None, conditions: Vec::new(), writes, reply: reply(0) }
}

/// A whole commit of a record, its payload and its way out.
pub(crate) fn commit(number: u8) -> Commit {
    Commit {
        scope: OWN,
        now: NOW,
        idempotency: Some(idempotency(number, number)),
        conditions: Vec::new(),
        writes: vec![
            Write::Record(Box::new(record(number))),
            payload(number),
            delivery(number, "bank"),
            accepted(number, "bank", NOW),
        ],
        reply: reply(number),
    }
}

/// Starts commits together, so that all of them are queued when this returns.
pub(crate) async fn queue(
    store: &Store,
    commits: impl IntoIterator<Item = Commit>,
) -> Vec<tokio::task::JoinHandle<Result<Outcome, StoreError>>> {
    let tasks = commits
        .into_iter()
        .map(|commit| {
            let store = store.clone();
            tokio::spawn(async move { store.commit(commit).await })
        })
        .collect();
    // The runtime of a test has one thread and is fair: every task has run up to its first wait when this one goes on.
    tokio::task::yield_now().await;
    tasks
}
