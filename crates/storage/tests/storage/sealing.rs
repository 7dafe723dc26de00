//! Content on disk is sealed, and opens only where it was put.

use std::borrow::Cow;
use std::fs;

use usher_storage::{
    BankView, Change, Commit, Content, DeliveryFilter, Filter, MessageFilter, Millis, Outcome, Record, StoreError,
    WebhookSecret, Write,
};
use uuid::Uuid;

use crate::fixtures::{
    House, NOW, OWN, SECRET, STRANGERS, audit, commit, idempotency, public_id, record_id, reply, told,
};

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
async fn warnings_name_what_partners_made_up_and_are_sealed_too() {
    let mut house = House::new().await;
    let warnings = format!("[{{\"pointer\":\"/{SECRET}\"}}]");
    for number in 1..=2 {
        let mut tolerant = commit(number);
        let Write::Record(record) = &mut tolerant.writes[0] else { panic!("a record comes first") };
        record.warnings = warnings.clone().into();
        tolerant.writes.push(told(number, "partner", "status.changed", "bank", NOW));
        house.commit(tolerant).await;
    }
    house.reopen();
    for entry in fs::read_dir(house.folder.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()));
    }

    // Whoever reads the record gets them as they were.
    let store = &house.store;
    let view = BankView { environment: OWN.environment, destination: None };
    let mut seen = vec![store.record(&OWN, public_id(1)).await.unwrap().unwrap()];
    seen.extend(store.records(&OWN, Filter::Api("contact_request".into()), None, 9).await.unwrap().records);
    seen.push(store.record_deliveries(&OWN, vec![record_id(1)]).await.unwrap().remove(0).record);
    seen.push(store.delivery(view.clone(), 1).await.unwrap().unwrap().record);
    let page = store.deliveries(view.clone(), DeliveryFilter::default(), None, 9).await.unwrap();
    seen.extend(page.deliveries.into_iter().map(|delivery| delivery.record));
    let mut messages = store.messages(view, MessageFilter::default(), None, 9).await.unwrap();
    messages.extend(store.partner_messages(&OWN, None, 9).await.unwrap());
    seen.extend(messages.into_iter().map(|message| message.record));
    assert_eq!(seen.len(), 11);
    assert!(seen.iter().all(|record| record.warnings == warnings));

    house.database().execute("UPDATE records SET warnings = (SELECT max(warnings) FROM records)", []).unwrap();
    // One of two was moved to another record. It takes nobody with it, and is not passed over.
    let page = store.records(&OWN, Filter::Api("contact_request".into()), None, 9).await.unwrap().records;
    let read = |number| page.iter().find(|record| record.id == record_id(number)).unwrap().warnings.clone();
    let mut seen = [read(1), read(2)];
    seen.sort();
    assert_eq!(seen, [warnings.into(), Cow::Borrowed(Record::UNREADABLE)]);
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
    // Whoever can write to the file can drop what guards it too.
    house.database().execute_batch("DROP TRIGGER records_attribution").unwrap();
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

#[tokio::test]
async fn a_webhook_secret_is_sealed_for_its_owner_and_ends_when_it_was_replaced() {
    let house = House::new().await;
    let secret = |number: u128| WebhookSecret {
        id: Uuid::from_u128(number),
        owner: "production/bank".to_owned(),
        signature: "hmac".to_owned(),
        public_key: None,
        created_at: NOW + Millis::try_from(number).unwrap(),
        ends_at: None,
        secret: Content::from(SECRET.as_bytes().to_vec()),
    };
    let sealed = |number| house.store.seal_webhook_secret(secret(number)).unwrap();
    let owner = "production/bank".to_owned();
    house.store.administer(vec![Change::WebhookSecret(sealed(1))], audit()).await.unwrap();
    let replaced = |except, at| Change::WebhookSecretsEnd { owner: owner.clone(), except: Uuid::from_u128(except), at };
    house.store.administer(vec![Change::WebhookSecret(sealed(2)), replaced(2, NOW + 50)], audit()).await.unwrap();
    house.store.administer(vec![Change::WebhookSecret(sealed(3)), replaced(3, NOW + 90)], audit()).await.unwrap();
    let found = house.store.webhook_secrets("production/bank").await.unwrap();
    let seen: Vec<_> = found.iter().map(|one| (one.id.as_u128(), one.ends_at, one.secret.as_slice())).collect();
    let bytes = SECRET.as_bytes();
    assert_eq!(seen, [(3, None, bytes), (2, Some(NOW + 90), bytes), (1, Some(NOW + 50), bytes)]);
    assert_eq!(house.store.webhook_secrets("sandbox/bank").await, Ok(Vec::new()));
    for entry in house.store.audit(None, 100).await.unwrap() {
        assert!(!format!("{entry:?}").contains(SECRET));
    }
    // Under another owner it does not open.
    house.database().execute("UPDATE webhook_secrets SET owner = 'sandbox/bank'", []).unwrap();
    assert_eq!(house.store.webhook_secrets("sandbox/bank").await, Err(StoreError::Unreadable));
}
