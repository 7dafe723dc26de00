//! Content goes when its time is over, not before, and nothing of it stays on the disk.

use std::fs;

use usher_storage::{
    BankView, Content, Environment, Fate, Mark, Marked, Millis, Payload, Retention, StatusChange, Write,
};
use uuid::Uuid;

use crate::fixtures::{House, NOW, OWN, change, commit, public_id, record_id, wish, writing};

const ALL: BankView = BankView { environment: Environment::Sandbox, destination: None };
/// When everything of these tests is over that was closed by then.
const OVER: Millis = NOW + 10_000;

fn retention(closed_before: Millis, parked_before: Millis) -> Retention {
    Retention { closed_before, parked_before, kept_parts: &["commission"] }
}

async fn close(house: &House, number: u8, at: Millis) {
    let change = StatusChange { open: false, ..change("CLOSED", at) };
    house.commit(writing(OWN, vec![Write::Status { record: record_id(number), destination: None, change }])).await;
}

async fn acknowledge(house: &House, message: i64, at: Millis) {
    assert_eq!(house.store.acknowledge(ALL, vec![message], at).await, Ok(vec![Marked::Done]));
}

async fn park(house: &House, at: Millis) {
    let claimed = house.store.claim(wish("bank", NOW + 5_000)).await.unwrap();
    let marks = claimed.iter().map(|row| {
        let fate = Fate::Parked { at, reason: "status_410".into() };
        Mark { id: row.id, token: row.token, fate }
    });
    house.store.mark(marks.collect()).await.unwrap();
}

/// The records whose content was erased.
async fn erase(house: &House, retention: Retention) -> Vec<Uuid> {
    let (count, expired) = house.store.erase(retention, None, 100).await.unwrap();
    assert_eq!(count, expired.due.len());
    assert_eq!(expired.next, None);
    expired.due
}

async fn has_content(house: &House, number: u8) -> bool {
    house.store.payload(&OWN, record_id(number), "request").await.unwrap().is_some()
}

#[tokio::test]
async fn content_is_kept_until_it_was_acknowledged_and_closed_and_its_time_is_over() {
    let house = House::new().await;
    for number in 1..=4 {
        house.commit(commit(number)).await;
    }
    // The first is acknowledged and closed, the second only acknowledged, the third only closed, the fourth neither.
    acknowledge(&house, 1, NOW + 100).await;
    acknowledge(&house, 2, NOW + 100).await;
    close(&house, 1, NOW + 200).await;
    close(&house, 3, NOW + 200).await;

    assert_eq!(erase(&house, retention(NOW + 199, OVER)).await, [] as [Uuid; 0]);
    assert_eq!(erase(&house, retention(NOW + 200, OVER)).await, [record_id(1)]);
    assert_eq!(erase(&house, retention(OVER, OVER)).await, [] as [Uuid; 0]);
    for number in 1..=4 {
        assert_eq!(has_content(&house, number).await, number != 1);
    }
    // What is late counts from then.
    acknowledge(&house, 3, NOW + 300).await;
    assert_eq!(erase(&house, retention(NOW + 299, OVER)).await, [] as [Uuid; 0]);
    assert_eq!(erase(&house, retention(NOW + 300, OVER)).await, [record_id(3)]);
}

#[tokio::test]
async fn what_could_not_be_delivered_is_kept_for_its_own_time() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    park(&house, NOW + 6_000).await;
    assert_eq!(erase(&house, retention(OVER, NOW + 5_999)).await, [] as [Uuid; 0]);
    assert_eq!(erase(&house, retention(OVER, NOW + 6_000)).await, [record_id(1)]);
    assert!(!has_content(&house, 1).await);
}

#[tokio::test]
async fn the_record_its_receipt_and_what_is_owed_stay() {
    let house = House::new().await;
    let mut first = commit(1);
    let terms = Payload { record: record_id(1), part: "commission".into(), body: Content::from(b"2 %".to_vec()) };
    first.writes.push(Write::Payload(terms));
    house.commit(first).await;
    acknowledge(&house, 1, NOW).await;
    close(&house, 1, NOW).await;
    assert_eq!(erase(&house, retention(OVER, OVER)).await, [record_id(1)]);

    let record = house.store.record(&OWN, public_id(1)).await.unwrap().unwrap();
    assert_eq!((record.status.as_ref(), record.salt), ("CLOSED", None));
    assert_eq!(house.count("deliveries"), 1);
    let terms = house.store.payload(&OWN, record_id(1), "commission").await.unwrap().unwrap();
    assert_eq!(terms.as_slice(), b"2 %");
    assert_eq!(house.store.health().erased, 1);
}

#[tokio::test]
async fn a_step_goes_on_where_the_last_one_ended() {
    let house = House::new().await;
    for number in 1..=3 {
        house.commit(commit(number)).await;
    }
    acknowledge(&house, 2, NOW).await;
    close(&house, 2, NOW).await;
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let (count, step) = house.store.erase(retention(OVER, OVER), after, 1).await.unwrap();
        assert_eq!(count, step.due.len());
        found.push((step.due.len(), step.kept));
        match step.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(found, [(0, 1), (1, 0), (0, 1), (0, 0)]);
}

#[tokio::test]
async fn nothing_of_what_was_erased_stays_in_a_file() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    house.commit(commit(2)).await;
    acknowledge(&house, 1, NOW).await;
    close(&house, 1, NOW).await;
    // Sealed bytes are random: where these are, the content could be read with the key.
    let sealed = |number: u8| -> Vec<u8> {
        let sql = "SELECT ciphertext FROM payloads WHERE record_id = ?1";
        house.database().query_row(sql, [record_id(number).as_bytes()], |row| row.get(0)).unwrap()
    };
    let (erased, kept) = (sealed(1), sealed(2));
    let files_with = |bytes: &[u8]| {
        let files = fs::read_dir(house.folder.path()).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
        files.filter(|file| file.windows(bytes.len()).any(|window| window == bytes)).count()
    };
    assert!(files_with(&erased) > 0);
    assert_eq!(erase(&house, retention(OVER, OVER)).await, [record_id(1)]);
    // As the checkpoint does that comes every minute, closing empties the log.
    house.store.close();
    assert_eq!(files_with(&erased), 0);
    assert!(files_with(&kept) > 0);
}
