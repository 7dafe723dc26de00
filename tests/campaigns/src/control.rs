//! Gateways that break a promise on purpose. Each campaign must notice the one that is made for it; a check that never
//! failed shows nothing.
//!
//! They are made of the parts of the real one, in a data folder that the real one has made, and are in no other program.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use usher_domain::environment::Environment;
use usher_domain::hex;
use usher_domain::key::Pepper;
use usher_domain::products::Products;
use usher_domain::receipt::DigestKey;
use usher_domain::signature::{SigningKey, SigningKeys};
use usher_register::Simulator;
use usher_server::accept::{Listener, Transport};
use usher_server::gateway::{Gateway, Parts};
use usher_server::limits::Limits;
use usher_server::register::Registers;
use usher_storage::{
    Audit, BankView, Change, Claim, Claimed, Digest, Engine, FlowExpiry, Folder, KeyId, Mark, Marked, Millis,
    NewDocument, OpenError, Options, PayloadKeys, Reader, Replay, Replayed, ResetCounts, Retention, Scope, Sealed,
    SealedCommit, Sealer, SqliteEngine, Store, StoreError, Verdict,
};
use uuid::Uuid;
use zeroize::Zeroizing;

/// The word on the command line that makes this program a gateway that answers before it commits.
pub const ANSWER_EARLY: &str = "answer-early";
/// The word for one that stores only half of what belongs together.
pub const STORE_HALVES: &str = "store-halves";

/// How such a gateway is run.
pub(crate) fn gateway(program: &Path, word: &str) -> [OsString; 2] {
    [program.into(), word.into()]
}

/// Serves the data folder in the working folder until SIGTERM, if the word is one of the above.
pub fn serve_as(word: &str) -> bool {
    if word != ANSWER_EARLY && word != STORE_HALVES {
        return false;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(serve(Path::new("usher-data"), word == STORE_HALVES));
    true
}

async fn serve(folder: &Path, is_halving: bool) {
    let secret = |name: &str| {
        let line = fs::read_to_string(folder.join(name)).expect("the real gateway made it");
        hex::decode::<32>(line.trim().rsplit(' ').next().unwrap_or_default()).expect("a key in hex digits")
    };
    let mut terminate = signal(SignalKind::terminate()).expect("a signal");
    let engine = SqliteEngine::open(Folder::open(folder).expect("the folder is free")).expect("a database");
    let line = fs::read_to_string(folder.join("payload.key")).expect("the real gateway made it");
    let id = line.split(' ').nth(1).unwrap_or_default();
    let id = (0..8).map(|at| u8::from_str_radix(&id[2 * at..2 * at + 2], 16).expect("hex digits"));
    let id = KeyId(id.collect::<Vec<_>>().try_into().expect("eight bytes"));
    let sealer = Sealer::new(id, &Zeroizing::new(secret("payload.key")));
    let store =
        Store::start(Broken { engine, is_halving, held: Vec::new() }, sealer, &Options::default()).expect("threads");
    let limits = Limits::default();
    let gateway = Arc::new(Gateway::new(Parts {
        store: store.clone(),
        pepper: Pepper::new(secret("pepper.key")),
        digests: Arc::new(DigestKey::new(secret("digest.key"))),
        signing: SigningKeys::new(SigningKey::new(&secret("signing.key")), Vec::new()),
        environments: Environment::ALL.to_vec(),
        products: Products::built_in(),
        registers: Registers { sandbox: Arc::new(Simulator::new(Duration::ZERO)), production: None },
        sandbox_step: Duration::ZERO,
        limits: limits.clone(),
        clock: Timestamp::now,
    }));
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), Transport::Loopback, limits).await.expect("a port");
    println!("A control listens on http://{}\nFor the bank: off\nKeys are as before", listener.address());
    let stop = async {
        terminate.recv().await;
    };
    listener.serve(usher_server::router(&gateway), stop).await;
    store.close();
}

/// How many commits are held back until they are stored.
const HELD_MAX: usize = 8;

/// SQLite that stores the first half of each commit, or says yes to each and stores it some commits later.
struct Broken {
    engine: SqliteEngine,
    is_halving: bool,
    held: Vec<SealedCommit>,
}

impl Engine for Broken {
    fn commit(&mut self, batch: &[SealedCommit]) -> Result<Vec<Result<Verdict, StoreError>>, StoreError> {
        if self.is_halving {
            let mut batch = batch.to_vec();
            batch.iter_mut().for_each(|commit| commit.writes.truncate(commit.writes.len() / 2));
            return self.engine.commit(&batch);
        }
        self.held.extend_from_slice(batch);
        if self.held.len() >= HELD_MAX {
            self.engine.commit(&self.held)?;
            self.held.clear();
        }
        Ok(batch.iter().map(|_| Ok(Verdict::Committed)).collect())
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
