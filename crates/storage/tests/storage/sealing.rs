//! Content on disk is sealed, and opens only where it was put.

use std::fs;

use usher_storage::{Commit, Outcome, StoreError, Write};

use crate::fixtures::{House, NOW, OWN, SECRET, STRANGERS, commit, idempotency, record_id, reply};

#[tokio::test]
async fn no_content_stands_in_the_files() {
    let mut house = House::new().await;
    for number in 1..=20 {
        house.commit(commit(number)).await;
    }
    let check = |house: &House| {
        for entry in fs::read_dir(house.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let found = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
            assert!(!found, "{}", path.display());
        }
    };
    check(&house);
    // Closing moves everything from the log into the database.
    house.reopen();
    check(&house);
}

#[tokio::test]
async fn a_payload_moved_to_another_record_does_not_open() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    house.commit(commit(2)).await;
    house
        .database()
        .execute_batch(
            "CREATE TEMP TABLE moved AS SELECT * FROM payloads;
             UPDATE payloads SET (nonce, ciphertext) =
               (SELECT nonce, ciphertext FROM moved WHERE moved.record_id <> payloads.record_id);",
        )
        .unwrap();
    for number in 1..=2 {
        let payload = house.store.payload(&OWN, record_id(number), "request").await;
        assert_eq!(payload, Err(StoreError::Unreadable));
    }
}

#[tokio::test]
async fn a_record_moved_to_another_scope_does_not_take_its_payload_along() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    for stranger in STRANGERS {
        house
            .database()
            .execute(
                "UPDATE records SET partner_id = ?1, application_id = ?2, environment = ?3",
                (stranger.partner.0.as_bytes(), stranger.application.0.as_bytes(), stranger.environment.number()),
            )
            .unwrap();
        let payload = house.store.payload(&stranger, record_id(1), "request").await;
        if (stranger.partner, stranger.environment) == (OWN.partner, OWN.environment) {
            // Payloads are bound to the partner; which of its applications sent them is the record's matter.
            assert!(payload.unwrap().is_some());
        } else {
            assert_eq!(payload, Err(StoreError::Unreadable), "{stranger:?}");
        }
    }
}

#[tokio::test]
async fn a_stored_reply_moved_to_another_key_does_not_open_and_stops_nobody_else() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    house.database().execute("UPDATE idempotency SET key_digest = ?1", [idempotency(2, 2).key_digest]).unwrap();
    let mut retry = commit(2);
    retry.idempotency = Some(idempotency(2, 1));
    assert_eq!(house.store.commit(retry).await, Err(StoreError::Unreadable));
    assert_eq!(house.store.lookup(&OWN, &idempotency(2, 1), NOW).await, Err(StoreError::Unreadable));
    assert_eq!(house.commit(commit(3)).await, Outcome::Committed(reply(3)));
}

#[tokio::test]
async fn a_damaged_row_stops_nobody_else() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    house
        .database()
        .execute_batch("PRAGMA ignore_check_constraints = ON; UPDATE idempotency SET nonce = x'00'")
        .unwrap();
    assert_eq!(house.store.commit(commit(1)).await, Err(StoreError::Unreadable));
    assert_eq!(house.commit(commit(2)).await, Outcome::Committed(reply(2)));
    assert!(house.store.health().writable);
}

#[test]
fn the_debug_form_of_a_commit_shows_no_content() {
    let commit: Commit = commit(1);
    let shown = format!("{commit:?}");
    assert!(!shown.contains(SECRET), "{shown}");
    let Write::Record(record) = &commit.writes[0] else { panic!("a record comes first") };
    assert!(format!("{record:?}").contains("Content(16 bytes)"), "the salt is hidden too");
}
