//! C20: the store of the first version is brought to the newest, and the process is killed or the power lost at every step on
//! the way. Afterwards the store opens, everything is there, and it is the newest.
//!
//! The control upgrades without a transaction around it.

use std::fs;
use std::path::Path;

use refinery::{Migration, Runner};
use rusqlite::Connection;
use tokio::runtime::Runtime;
use usher_oracle::{Answer, Step};
use usher_testkit::random::Random;
use usher_vfs::{Disk, Image, watch};

use crate::load::{TENANT, reference};
use crate::power::{lay_out, look, scratch};
use crate::work::{add_partner, open, public_id, submit};
use crate::{Campaign, Round, Tally, nothing};

pub(crate) const CAMPAIGN: Campaign = Campaign { name: "upgrade", round_runs: 1_000, needs: nothing, round };

/// Requests in the old store.
const REQUESTS: usize = 40;

const FIRST: (&str, &str) = ("V1__first", include_str!("../../../crates/storage/migrations/sqlite/V1__first.sql"));
const SECOND: &str = include_str!("../../../crates/storage/migrations/sqlite/V2__deliveries.sql");

fn round(round: &Round<'_>) -> Tally {
    let mut random = Random::of_run(round.seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let place = scratch();
    let folder = place.path().join("old");
    lay_out(&folder, &old(&runtime, place.path()));
    let watch = watch(&folder, Disk::default());
    if round.is_control {
        // A statement after the other, each a transaction of its own.
        let database = Connection::open(folder.join("usher.db")).expect("the old store");
        database.execute_batch(&format!("PRAGMA foreign_keys = OFF; {SECOND}")).expect("the second version");
    } else {
        open(&folder).expect("the store is upgraded").close();
    }
    let end = watch.disk.position();
    let mut tally = Tally::default();
    for run in 0..round.runs {
        // Every step has its turn, by a kill and by a loss of power.
        let event = usize::try_from(run / 2).unwrap_or_default() % (end + 1);
        let image =
            if run % 2 == 0 { watch.disk.killed_at(event) } else { watch.disk.powerless_at(event, &mut random) };
        let found = upgraded(&runtime, &place.path().join("new"), &image);
        tally.runs += 1;
        tally.acknowledged += REQUESTS as u64;
        tally.faults.extend(found.into_iter().map(|fault| format!("run {run}, step {event} of {end}: {fault}")));
        (round.progress)(1);
    }
    tally
}

/// Opens what is left of an upgrade, and looks at it.
fn upgraded(runtime: &Runtime, folder: &Path, image: &Image) -> Vec<String> {
    lay_out(folder, image);
    let store = match open(folder) {
        Ok(store) => store,
        Err(error) => return vec![format!("the store does not open: {error}")],
    };
    // Whoever sends again is told what was told before; whoever is new is served.
    let (again, new) = runtime.block_on(async { (submit(&store, 0, 100).await, submit(&store, REQUESTS, 100).await) });
    store.close();
    let answer = |number: usize| Answer {
        tenant: TENANT.to_owned(),
        key: reference(number),
        body: String::new(),
        at: 0,
        status: Some(201),
        id: Some(public_id(number).to_string()),
    };
    let delivered = |number: usize| Step {
        of: format!("message {}", number + 1),
        state: "delivered".to_owned(),
        is_final: true,
        is_replay: false,
    };
    let mut answers: Vec<Answer> = (0..REQUESTS).map(answer).collect();
    answers.push(new);
    let mut found = look(folder, answers, (0..REQUESTS).step_by(2).map(delivered).collect());
    if again.id.as_deref() != Some(&public_id(0).to_string()) {
        found.push("a request that is sent again gets another id".to_owned());
    }
    found
}

/// A store of the first version: what a store of today holds, as far as the first version knew it.
fn old(runtime: &Runtime, place: &Path) -> Image {
    let today = place.join("today");
    let store = open(&today).expect("a store");
    runtime.block_on(async {
        add_partner(&store).await.expect("a partner");
        for number in 0..REQUESTS {
            assert!(submit(&store, number, 100).await.is_acknowledged());
        }
    });
    store.close();
    let path = place.join("old.db");
    let mut database = Connection::open(&path).expect("a database");
    let (name, sql) = FIRST;
    let first = Migration::unapplied(name, sql).expect("the name has the form V1__name");
    Runner::new(&[first]).set_grouped(true).run(&mut database).expect("the first version");
    database
        .execute("ATTACH ?1 AS today", [today.join("usher.db").to_string_lossy()])
        .expect("the store of today can be read");
    for (table, columns) in [
        ("partners", "id, name, created_at"),
        ("applications", "id, partner_id, public_id, name, mode, created_at"),
        ("payload_keys", "key_id, nonce, ciphertext"),
        (
            "records",
            "id, public_id, partner_id, application_id, environment, api, version, operation, contract_version,
             partner_reference, received_at, status, payload_hash, salt, durability, warnings, correlation_id",
        ),
        ("payloads", "record_id, part, partner_id, environment, key_id, nonce, ciphertext"),
        (
            "idempotency",
            "key_digest, partner_id, application_id, environment, operation, fingerprint, record_id, expires_at, status,
             content_type, location, key_id, nonce, ciphertext",
        ),
    ] {
        let sql = format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM today.{table}");
        database.execute(&sql, []).expect("the first version has these columns");
    }
    database
        .execute_batch(
            "INSERT INTO main.statuses SELECT id, 0, status, 'partner', received_at FROM main.records;
             -- Every other message has arrived.
             INSERT INTO main.outbox (id, record_id, destination, state, next_due_at, finished_at)
             SELECT id, record_id, destination, iif(id % 2, 'delivered', 'pending'), next_due_at, iif(id % 2, 1, NULL)
             FROM today.messages;",
        )
        .expect("the first version has these tables");
    drop(database);
    Image::from([("usher.db".to_owned(), fs::read(path).expect("the database can be read"))])
}
