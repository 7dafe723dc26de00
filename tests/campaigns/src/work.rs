//! Work for a store without a gateway: commits that differ by a number, and a worker that delivers what they tell.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use usher_oracle::Answer;
use usher_storage::{
    ApplicationId, Audit, Change, Checkpointing, Claim, Commit, Content, Digest, Engine as _, Environment, Fate,
    Folder, Idempotency, KeyId, Mark, Marked, Millis, Mode, NewDelivery, NewMessage, OpenError, Options, Outcome,
    PartnerId, Payload, Queue, Recipient, Record, Reply, Scope, Sealer, SqliteEngine, Store, StoreError, Write,
};
use usher_testkit::random::Random;
use usher_vfs::Disk;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::load::{TENANT, reference};

/// The time of all of it.
pub(crate) const NOW: Millis = 1_800_000_000_000;
const PARTNER: PartnerId = PartnerId(Uuid::from_u128(1));
const APPLICATION: ApplicationId = ApplicationId(Uuid::from_u128(2));
/// Whose commits these are.
pub(crate) const SCOPE: Scope =
    Scope { partner: PARTNER, application: APPLICATION, environment: Environment::Production };

/// How long a worker has what it claimed.
pub(crate) const LEASE: Duration = Duration::from_secs(60);

/// So small that a few commits meet every kind of checkpoint.
const CHECKPOINTING: Checkpointing =
    Checkpointing { waiting_pages_min: 24, log_pages_max: 60, empty_interval: Duration::from_millis(30) };

/// Opens the store of a folder, or makes it, with its partner.
pub(crate) fn open(folder: &Path) -> Result<Store, OpenError> {
    let mut engine = SqliteEngine::open_with(Folder::open(folder)?, CHECKPOINTING)?;
    let sealer = Sealer::new(KeyId([1; 8]), &Zeroizing::new([7; 32]));
    if engine.payload_keys()?.probes.is_empty() {
        let probe = sealer.seal(&usher_storage::Binding::Probe, Vec::new()).expect("there is randomness");
        engine.add_payload_key(&probe)?;
    }
    Store::start(engine, sealer, &Options { reader_count: 1, ..Options::default() })
}

/// Adds the partner; once in the life of a store.
pub(crate) async fn add_partner(store: &Store) -> Result<(), StoreError> {
    let changes = vec![
        Change::Partner { id: PARTNER, name: "A partner".to_owned(), at: NOW },
        Change::Application {
            id: APPLICATION,
            partner: PARTNER,
            public_id: "app".to_owned(),
            name: "An application".to_owned(),
            mode: Mode::Strict,
            at: NOW,
        },
    ];
    store.administer(changes, Audit { actor: "campaign".to_owned(), at: NOW }).await
}

fn digest(kind: u8, number: usize) -> Digest {
    let mut digest = [kind; 32];
    digest[..8].copy_from_slice(&(number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    digest
}

/// The public id of a request.
pub(crate) fn public_id(number: usize) -> Uuid {
    Uuid::from_u128(u128::from((number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 64 | 1 << 63 | number as u128)
}

/// A request with a payload of so many bytes.
pub(crate) fn commit(number: usize, payload_bytes: usize) -> Commit {
    let id = Uuid::from_u128(number as u128 + 1);
    let record = Record {
        id,
        public_id: public_id(number),
        api: "contact_request".into(),
        version: 1,
        operation: "submitContactRequest".into(),
        contract_version: "1.0.0".into(),
        partner_reference: Some(reference(number)),
        campaign: None,
        source: None,
        sub_partner: None,
        received_at: NOW + number as Millis,
        status: "NEW".into(),
        payload_hash: digest(3, number),
        salt: None,
        durability: "single-disk".into(),
        warnings: "[]".into(),
        correlation_id: Uuid::from_u128(99),
        process_id: None,
        product: "mortgage".into(),
        products_version: 0,
        lists: "[]".into(),
        person: None,
    };
    let message = NewMessage {
        record: id,
        destination: "bank".into(),
        event: "request.accepted".into(),
        delivery: Some("bank".into()),
        due_at: NOW,
    };
    Commit {
        scope: SCOPE,
        now: NOW,
        idempotency: Some(Idempotency {
            operation: "submitContactRequest",
            key_digest: digest(1, number),
            fingerprint: digest(2, number),
            expires_at: NOW + 1_000_000,
        }),
        conditions: Vec::new(),
        writes: vec![
            Write::Record(Box::new(record)),
            Write::Payload(Payload {
                record: id,
                part: "request".into(),
                body: Content::from(vec![b'x'; payload_bytes]),
            }),
            Write::Delivery(NewDelivery { record: id, destination: "bank".into(), promised_at: None }),
            Write::Message(message),
        ],
        reply: Reply {
            status: 201,
            content_type: "application/json".into(),
            location: None,
            body: Content::from(public_id(number).to_string().into_bytes()),
        },
    }
}

/// What a client was told, and how far the disk was when it was.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) answer: Answer,
    pub(crate) position: usize,
}

/// What was done: answers to clients, and messages that were marked delivered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done {
    pub(crate) told: Vec<Told>,
    pub(crate) delivered: Vec<(i64, usize)>,
}

/// Sends a request to the store; says what its client is told.
pub(crate) async fn submit(store: &Store, number: usize, payload_bytes: usize) -> Answer {
    let id = |reply: &Reply| String::from_utf8(reply.body.as_slice().to_vec()).ok();
    let (status, id) = match store.commit(commit(number, payload_bytes)).await {
        Ok(Outcome::Committed(reply) | Outcome::Replayed(reply)) => (201, id(&reply)),
        Ok(_) => (409, None),
        Err(_) => (503, None),
    };
    Answer { tenant: TENANT.to_owned(), key: reference(number), body: String::new(), at: 0, status: Some(status), id }
}

/// Sends requests from several clients at once, while a worker delivers, until all are sent or the store gives up.
pub(crate) async fn work(
    store: &Store,
    disk: &Arc<Disk>,
    numbers: std::ops::Range<usize>,
    random: &mut Random,
) -> Done {
    const CLIENTS: usize = 6;
    let done = Arc::new(Mutex::new(Done::default()));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (store, disk, done) = (store.clone(), Arc::clone(disk), Arc::clone(&done));
        let mut random = Random::of_run(random.next());
        let numbers = numbers.clone().skip(client).step_by(CLIENTS);
        clients.spawn(async move {
            for number in numbers {
                let answer = submit(&store, number, 100 + random.below(3_000)).await;
                let told = Told { answer, position: disk.position() };
                done.lock().expect("no panic under the lock").told.push(told);
                if !store.health().writable {
                    return;
                }
                if random.below(4) == 0 {
                    for id in deliver(&store, 1 + random.below(5)).await {
                        let position = disk.position();
                        done.lock().expect("no panic under the lock").delivered.push((id, position));
                    }
                }
            }
        });
    }
    while let Some(client) = clients.join_next().await {
        client.expect("a client ends");
    }
    Arc::into_inner(done).expect("all clients have ended").into_inner().expect("no panic under the lock")
}

/// A wish for so much work.
pub(crate) fn claim(now: Millis, count: usize) -> Claim {
    Claim {
        queue: Queue { environment: Environment::Production, recipient: Recipient::Destination("bank".into()) },
        now,
        lease: LEASE,
        limit: u32::try_from(count).unwrap_or(u32::MAX),
    }
}

/// Claims messages and marks them delivered; gives those that are.
async fn deliver(store: &Store, count: usize) -> Vec<i64> {
    let Ok(claimed) = store.claim(claim(NOW, count)).await else { return Vec::new() };
    let mark = |row: &usher_storage::Claimed| Mark { id: row.id, token: row.token, fate: Fate::Delivered { at: NOW } };
    let Ok(marked) = store.mark(claimed.iter().map(mark).collect()).await else { return Vec::new() };
    let done = claimed.iter().zip(marked).filter(|(_, marked)| *marked == Marked::Done);
    done.map(|(row, _)| row.id).collect()
}
