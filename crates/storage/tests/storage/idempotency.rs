//! One key, one answer.

use usher_storage::{Condition, Idempotency, Known, Options, Outcome, Scope, StillRunning};

use crate::fixtures::{House, NOW, OWN, STRANGERS, commit, digest, idempotency, queue, record_id, reply};

#[tokio::test]
async fn the_same_key_and_body_is_answered_as_before_even_after_a_restart() {
    let mut house = House::new().await;
    assert_eq!(house.commit(commit(1)).await, Outcome::Committed(reply(1)));
    // The retry comes with new ids and a new reply of its own.
    let mut retry = commit(2);
    retry.idempotency = Some(idempotency(1, 1));
    assert_eq!(house.commit(retry.clone()).await, Outcome::Replayed(reply(1)));
    house.reopen();
    assert_eq!(house.commit(retry).await, Outcome::Replayed(reply(1)));
    assert_eq!(house.count("records"), 1);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    let mut other = commit(2);
    other.idempotency = Some(idempotency(1, 2));
    assert_eq!(house.commit(other).await, Outcome::KeyReused);
    assert_eq!(house.count("records"), 1);
}

#[tokio::test]
async fn the_same_key_twice_in_one_batch_is_stored_once() {
    let (house, gate) = House::gated(Options::default()).await;
    let blocker = queue(&house.store, [commit(1)]).await;
    gate.arrival();
    let mut twin = commit(3);
    twin.idempotency = Some(idempotency(2, 2));
    let tasks = queue(&house.store, [commit(2), twin]).await;
    gate.open();
    assert_eq!(gate.arrival(), 2);
    gate.open();

    let mut outcomes = Vec::new();
    for task in blocker.into_iter().chain(tasks) {
        outcomes.push(task.await.unwrap().unwrap());
    }
    assert_eq!(outcomes, [Outcome::Committed(reply(1)), Outcome::Committed(reply(2)), Outcome::Replayed(reply(2))]);
    assert_eq!(house.count("records"), 2);
}

#[tokio::test]
async fn a_key_whose_request_was_refused_may_be_used_again() {
    let house = House::new().await;
    let mut refused = commit(1);
    refused.conditions = vec![Condition::IsOpen { record: record_id(9) }];
    assert_eq!(house.commit(refused).await, Outcome::ConditionFailed(0));

    let mut other_body = commit(1);
    other_body.idempotency = Some(idempotency(1, 2));
    assert_eq!(house.commit(other_body).await, Outcome::Committed(reply(1)));
}

#[tokio::test]
async fn the_same_key_elsewhere_is_another_key() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    for (number, stranger) in (2..).zip(STRANGERS) {
        let mut commit = commit(number);
        commit.scope = stranger;
        commit.idempotency = Some(idempotency(1, 2));
        assert_eq!(house.commit(commit).await, Outcome::Committed(reply(number)), "{stranger:?}");
    }
    let mut other_operation = commit(9);
    other_operation.idempotency = Some(Idempotency { operation: "withdraw", ..idempotency(1, 2) });
    assert_eq!(house.commit(other_operation).await, Outcome::Committed(reply(9)));
}

#[tokio::test]
async fn a_commit_without_a_key_is_never_taken_for_a_repeat() {
    let house = House::new().await;
    for number in 1..=2 {
        let mut commit = commit(number);
        commit.idempotency = None;
        assert_eq!(house.commit(commit).await, Outcome::Committed(reply(number)));
    }
}

#[tokio::test]
async fn an_expired_key_is_a_new_key() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    let expiry = idempotency(1, 1).expires_at;
    let at = |now| {
        let mut commit = commit(2);
        commit.idempotency = Some(Idempotency { expires_at: expiry + 1_000, ..idempotency(1, 2) });
        commit.now = now;
        commit
    };
    assert_eq!(house.commit(at(expiry - 1)).await, Outcome::KeyReused);
    assert_eq!(house.commit(at(expiry)).await, Outcome::Committed(reply(2)));
    assert_eq!(house.commit(at(expiry)).await, Outcome::Replayed(reply(2)));
    assert_eq!(house.count("idempotency"), 1);
}

#[tokio::test]
async fn expired_keys_are_forgotten_a_few_at_a_time() {
    let house = House::new().await;
    for number in 1..=5 {
        house.commit(commit(number)).await;
    }
    let expiry = idempotency(1, 1).expires_at;
    assert_eq!(house.store.purge(expiry - 1, 2).await, Ok(0));
    assert_eq!(house.store.purge(expiry, 2).await, Ok(2));
    assert_eq!(house.store.purge(expiry, 2).await, Ok(2));
    assert_eq!(house.store.purge(expiry, 2).await, Ok(1));
    assert_eq!((house.count("idempotency"), house.count("records")), (0, 5));
}

#[tokio::test]
async fn a_stored_answer_is_found_before_anything_is_decided() {
    let house = House::new().await;
    assert_eq!(house.store.lookup(&OWN, &idempotency(1, 1), NOW).await, Ok(None));
    house.commit(commit(1)).await;
    assert_eq!(house.store.lookup(&OWN, &idempotency(1, 1), NOW).await, Ok(Some(Known::Replayed(reply(1)))));
    assert_eq!(house.store.lookup(&OWN, &idempotency(1, 2), NOW).await, Ok(Some(Known::KeyReused)));
    for stranger in STRANGERS {
        assert_eq!(house.store.lookup(&stranger, &idempotency(1, 1), NOW).await, Ok(None), "{stranger:?}");
    }
    assert_eq!(house.store.lookup(&OWN, &idempotency(1, 1), idempotency(1, 1).expires_at).await, Ok(None));
}

#[tokio::test]
async fn a_twin_is_told_that_the_first_is_still_running() {
    let house = House::new().await;
    let begin = |scope: &Scope, key| house.store.begin(scope, "submitContactRequest", digest(key));
    let first = begin(&OWN, 1).unwrap();
    assert_eq!(begin(&OWN, 1).unwrap_err(), StillRunning);
    assert!(begin(&OWN, 2).is_ok());
    for stranger in STRANGERS {
        assert!(begin(&stranger, 1).is_ok(), "{stranger:?}");
    }
    drop(first);
    assert!(begin(&OWN, 1).is_ok());
}
