//! One transaction for whatever is queued; everything of a commit or nothing; an answer only when it is on disk.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use usher_storage::{Condition, Constraint, Filter, Folder, Options, Outcome, SqliteEngine, Store, StoreError, Write};

use crate::fixtures::{
    House, NOW, OWN, STRANGERS, accepted, change, commit, delivery, private_folder, public_id, queue, record_id, reply,
};

#[tokio::test]
async fn what_is_queued_is_written_in_one_transaction_and_the_first_waits_for_nobody() {
    let (house, gate) = House::gated(Options::default()).await;
    let first = queue(&house.store, [commit(1)]).await;
    assert_eq!(gate.arrival(), 1);
    let others = queue(&house.store, (2..=40).map(commit)).await;
    assert_eq!(house.store.health().queue_length, 39);
    gate.open();
    assert_eq!(gate.arrival(), 39);
    gate.open();

    for (number, task) in (1..).zip(first.into_iter().chain(others)) {
        assert_eq!(task.await.unwrap(), Ok(Outcome::Committed(reply(number))));
    }
    let health = house.store.health();
    assert_eq!((health.transactions, health.commits, health.queue_length), (2, 40, 0));
}

#[tokio::test]
async fn a_refused_commit_leaves_nothing_and_does_not_disturb_the_others_of_its_batch() {
    let (house, gate) = House::gated(Options::default()).await;
    let blocker = queue(&house.store, [commit(1)]).await;
    assert_eq!(gate.arrival(), 1);

    let mut failed_condition = commit(3);
    failed_condition.conditions =
        vec![Condition::DeliveryIs { id: 1, version: 0 }, Condition::DeliveryIs { id: 1, version: 1 }];
    let mut taken_id = commit(4);
    let Write::Record(record) = &mut taken_id.writes[0] else { panic!("a record comes first") };
    record.public_id = public_id(1);
    let mut of_nothing = commit(5);
    of_nothing.writes.push(accepted(99, "bank", NOW));
    let tasks = queue(&house.store, [commit(2), failed_condition, taken_id, of_nothing, commit(6)]).await;
    gate.open();
    assert_eq!(gate.arrival(), 5);
    gate.open();

    let mut outcomes = Vec::new();
    for task in blocker.into_iter().chain(tasks) {
        outcomes.push(task.await.unwrap());
    }
    assert_eq!(
        outcomes,
        [
            Ok(Outcome::Committed(reply(1))),
            Ok(Outcome::Committed(reply(2))),
            Ok(Outcome::ConditionFailed(1)),
            Ok(Outcome::IdTaken),
            Err(StoreError::Constraint(Constraint::Reference)),
            Ok(Outcome::Committed(reply(6))),
        ]
    );
    for table in ["records", "payloads", "deliveries", "messages", "idempotency"] {
        assert_eq!(house.count(table), 3, "{table}");
    }
}

#[tokio::test]
async fn a_fault_between_two_writes_leaves_neither() {
    let house = House::new().await;
    house
        .database()
        .execute_batch("CREATE TRIGGER fault BEFORE INSERT ON messages BEGIN SELECT raise(ABORT, 'fault'); END")
        .unwrap();

    assert_eq!(house.store.commit(commit(1)).await, Err(StoreError::Constraint(Constraint::Form)));
    for table in ["records", "payloads", "deliveries", "messages", "idempotency"] {
        assert_eq!(house.count(table), 0, "{table}");
    }
    house.database().execute_batch("DROP TRIGGER fault").unwrap();
    assert_eq!(house.commit(commit(1)).await, Outcome::Committed(reply(1)));
}

#[tokio::test]
async fn nothing_is_hung_on_a_record_of_somebody_else() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    for stranger in STRANGERS {
        for write in [
            Write::Status { record: record_id(1), destination: None, change: change("CLAIMED", NOW) },
            delivery(1, "provider/7"),
            accepted(1, "bank", NOW),
            crate::fixtures::payload(1),
        ] {
            let mut commit = commit(2);
            commit.scope = stranger;
            commit.writes = vec![write];
            assert_eq!(
                house.store.commit(commit).await,
                Err(StoreError::Constraint(Constraint::Reference)),
                "{stranger:?}"
            );
        }
    }
    assert_eq!(house.store.record(&OWN, public_id(1)).await.unwrap().unwrap().status, "NEW");
}

#[tokio::test]
async fn an_application_cannot_commit_under_another_partner() {
    let house = House::new().await;
    let mut commit = commit(1);
    commit.scope.partner = crate::fixtures::partner_id(2);
    assert_eq!(house.store.commit(commit).await, Err(StoreError::Constraint(Constraint::Reference)));
}

#[tokio::test]
async fn more_than_can_be_written_soon_is_refused_at_once() {
    let options = Options { queue_length_max: 1, ..Options::default() };
    let (house, gate) = House::gated(options).await;
    let first = queue(&house.store, [commit(1)]).await;
    gate.arrival();
    let second = queue(&house.store, [commit(2)]).await;
    assert_eq!(house.store.commit(commit(3)).await, Err(StoreError::Overloaded));

    gate.open();
    gate.arrival();
    gate.open();
    for (number, task) in (1..).zip(first.into_iter().chain(second)) {
        assert_eq!(task.await.unwrap(), Ok(Outcome::Committed(reply(number))));
    }
}

#[tokio::test]
async fn after_an_io_error_nothing_is_acknowledged_any_more() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let house = House::with_engine(Options::default(), move |_| match counted.fetch_add(1, Ordering::SeqCst) {
        0 => Ok(()),
        _ => Err(StoreError::Unavailable),
    })
    .await;
    house.commit(commit(1)).await;
    assert!(house.store.health().writable);

    assert_eq!(house.store.commit(commit(2)).await, Err(StoreError::Unavailable));
    assert_eq!(house.store.commit(commit(3)).await, Err(StoreError::Unavailable));
    assert_eq!(house.store.purge(NOW, 1).await, Err(StoreError::Unavailable));
    assert!(!house.store.health().writable);
    assert_eq!(calls.load(Ordering::SeqCst), 2, "a broken engine was asked again");
    assert!(house.store.record(&OWN, public_id(1)).await.unwrap().is_some(), "what is there can still be read");
}

#[tokio::test]
async fn a_full_volume_is_survived() {
    let mut full = true;
    let house =
        House::with_engine(
            Options::default(),
            move |_| {
                if std::mem::take(&mut full) { Err(StoreError::Full) } else { Ok(()) }
            },
        )
        .await;

    assert_eq!(house.store.commit(commit(1)).await, Err(StoreError::Full));
    assert!(house.store.health().full && house.store.health().writable);
    assert_eq!(house.commit(commit(1)).await, Outcome::Committed(reply(1)));
    assert!(!house.store.health().full);
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_undo_what_was_queued() {
    let (house, gate) = House::gated(Options::default()).await;
    let tasks = queue(&house.store, [commit(1)]).await;
    gate.arrival();
    tasks[0].abort();
    gate.open();
    let second = queue(&house.store, [commit(1)]).await;
    gate.arrival();
    gate.open();

    for task in second {
        assert_eq!(task.await.unwrap(), Ok(Outcome::Replayed(reply(1))));
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_on_disk_at_that_moment() {
    let house = House::new().await;
    for number in 1..=20 {
        assert_eq!(house.commit(commit(number)).await, Outcome::Committed(reply(number)));
        if number % 5 != 0 {
            continue;
        }
        // What a crash would leave: the files as they are, the log not copied back, nothing closed.
        let crashed = private_folder();
        for name in ["usher.db", "usher.db-wal", "payload.key"] {
            fs::copy(house.folder.path().join(name), crashed.path().join(name)).unwrap();
        }
        let store = Store::open(crashed.path(), &Options::default()).unwrap();
        let page = store.records(&OWN, Filter::Api("contact_request".into()), None, 100).await.unwrap();
        assert_eq!(page.records.len(), usize::from(number));
        assert_eq!(store.commit(commit(number)).await, Ok(Outcome::Replayed(reply(number))));
        let check: String = crate::fixtures::database(crashed.path())
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(check, "ok");
    }
}

#[tokio::test]
async fn closing_finishes_what_is_queued_and_refuses_what_comes_later() {
    let (house, gate) = House::gated(Options::default()).await;
    let tasks = queue(&house.store, [commit(1)]).await;
    gate.arrival();
    let store = house.store.clone();
    let closing = std::thread::spawn(move || store.close());
    gate.open();
    closing.join().unwrap();

    for task in tasks {
        assert_eq!(task.await.unwrap(), Ok(Outcome::Committed(reply(1))));
    }
    assert_eq!(house.store.commit(commit(2)).await, Err(StoreError::Unavailable));
    assert_eq!(house.store.record(&OWN, public_id(1)).await, Err(StoreError::Unavailable));
    // The folder is free again.
    SqliteEngine::open(Folder::open(house.folder.path()).unwrap()).unwrap();
}
