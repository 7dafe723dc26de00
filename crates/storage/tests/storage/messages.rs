//! Claimed by one worker at a time, marked by the one that has the claim, never dropped.

use std::time::Duration;

use usher_storage::{BankView, Claim, Claimed, Environment, Fate, Mark, Marked, MessageFilter, Millis, SIMULATED_BANK};

use crate::fixtures::{House, NOW, OWN, accepted, commit, public_id, record_id, told};

const LEASE: Duration = Duration::from_secs(60);
const LEASE_END: Millis = NOW + 60_000;

async fn claim(house: &House, now: Millis) -> Vec<Claimed> {
    house.store.claim(Claim { environment: None, destination: None, now, lease: LEASE, limit: 10 }).await.unwrap()
}

async fn mark(house: &House, row: &Claimed, fate: Fate) -> Marked {
    house.store.mark(vec![Mark { id: row.id, token: row.token, fate }]).await.unwrap()[0]
}

fn state(house: &House, id: i64) -> String {
    house.database().query_row("SELECT state FROM messages WHERE id = ?1", [id], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_due_row_is_claimed_once_with_all_a_sender_needs() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    assert_eq!(claim(&house, NOW - 1).await, []);
    let rows = claim(&house, NOW).await;
    let expected = Claimed {
        id: rows[0].id,
        token: 1,
        destination: "bank".to_owned(),
        event: "request.accepted".to_owned(),
        delivery: Some(1),
        position: Some(0),
        attempts: 1,
        lease_until: LEASE_END,
        scope: OWN,
        record: record_id(1),
        public_id: public_id(1),
        api: "contact_request".to_owned(),
        version: 1,
        operation: "submitContactRequest".to_owned(),
    };
    assert_eq!(rows, [expected]);
    assert_eq!(claim(&house, NOW).await, []);
    assert_eq!(claim(&house, LEASE_END - 1).await, []);
}

#[tokio::test]
async fn a_delivered_row_is_done_and_a_parked_one_waits_for_a_person() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    house.commit(commit(2)).await;
    let rows = claim(&house, NOW).await;
    assert_eq!(mark(&house, &rows[0], Fate::Delivered { at: NOW }).await, Marked::Done);
    assert_eq!(mark(&house, &rows[1], Fate::Parked { at: NOW }).await, Marked::Done);
    assert_eq!(claim(&house, Millis::MAX).await, []);
    assert_eq!((state(&house, rows[0].id), state(&house, rows[1].id)), ("delivered".to_owned(), "parked".to_owned()));
    assert_eq!(house.count("messages"), 2);
}

#[tokio::test]
async fn a_failed_attempt_is_tried_again_when_due() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    let row = &claim(&house, NOW).await[0];
    assert_eq!(mark(&house, row, Fate::Retry { due_at: NOW + 100 }).await, Marked::Done);
    assert_eq!(claim(&house, NOW + 99).await, []);
    let again = &claim(&house, NOW + 100).await[0];
    assert_eq!((again.id, again.attempts, again.token), (row.id, 2, 2));
}

#[tokio::test]
async fn a_lease_that_ran_out_gives_the_row_to_another_worker() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    let row = &claim(&house, NOW).await[0];
    let again = &claim(&house, LEASE_END).await[0];
    assert_eq!((again.id, again.attempts, again.token), (row.id, 2, 2));
    assert_eq!(again.lease_until, LEASE_END + 60_000);
}

#[tokio::test]
async fn a_worker_that_lost_its_claim_cannot_overwrite() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    let slow = &claim(&house, NOW).await[0];
    let quick = &claim(&house, LEASE_END).await[0];
    for late in [Fate::Delivered { at: NOW }, Fate::Retry { due_at: NOW }, Fate::Parked { at: NOW }] {
        assert_eq!(mark(&house, slow, late).await, Marked::Stale, "{late:?}");
    }
    assert_eq!(state(&house, slow.id), "claimed");
    assert_eq!(mark(&house, quick, Fate::Delivered { at: NOW }).await, Marked::Done);
    for late in [slow, quick] {
        assert_eq!(mark(&house, late, Fate::Retry { due_at: NOW }).await, Marked::Stale);
    }
    assert_eq!(state(&house, slow.id), "delivered");
}

#[tokio::test]
async fn a_slow_worker_whose_row_nobody_took_may_still_mark() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    let row = &claim(&house, NOW).await[0];
    assert_eq!(mark(&house, row, Fate::Delivered { at: LEASE_END + 1 }).await, Marked::Done);
}

#[tokio::test]
async fn broken_off_work_comes_first_then_what_is_due_longest() {
    let house = House::new().await;
    for (number, due_at) in [(1, NOW), (2, NOW - 5), (3, NOW - 9), (4, NOW + 1)] {
        let mut commit = commit(number);
        commit.writes[3] = accepted(number, "bank", due_at);
        house.commit(commit).await;
    }
    let first = house
        .store
        .claim(Claim { environment: None, destination: None, now: NOW - 9, lease: Duration::from_millis(9), limit: 1 })
        .await
        .unwrap();
    assert_eq!(first[0].record, record_id(3));
    let mut limited = house
        .store
        .claim(Claim { environment: None, destination: None, now: NOW, lease: LEASE, limit: 2 })
        .await
        .unwrap();
    limited.extend(claim(&house, NOW).await);
    let records: Vec<_> = limited.iter().map(|row| row.record).collect();
    assert_eq!(records, [record_id(3), record_id(2), record_id(1)]);
}

#[tokio::test]
async fn marks_are_answered_in_order() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    let row = &claim(&house, NOW).await[0];
    let fate = Fate::Delivered { at: NOW };
    let marks = [(row.id, 0), (row.id, row.token), (row.id + 1, row.token)];
    let marks = marks.map(|(id, token)| Mark { id, token, fate });
    assert_eq!(house.store.mark(marks.to_vec()).await, Ok(vec![Marked::Stale, Marked::Done, Marked::Stale]));
    assert_eq!(house.store.mark(Vec::new()).await, Ok(Vec::new()));
}

#[tokio::test]
async fn only_the_environment_asked_for_is_claimed_and_nothing_that_is_for_the_partner() {
    let house = House::new().await;
    let mut of_both = commit(1);
    of_both.writes.push(told(1, "partner", "status.changed", "bank", NOW));
    house.commit(of_both).await;
    let mut production = commit(2);
    production.scope.environment = Environment::Production;
    house.commit(production).await;

    let of =
        |environment| Claim { environment: Some(environment), destination: None, now: NOW, lease: LEASE, limit: 10 };
    let rows = house.store.claim(of(Environment::Production)).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.record).collect::<Vec<_>>(), [record_id(2)]);
    let rows = claim(&house, NOW).await;
    assert_eq!(rows.iter().map(|row| (row.record, &*row.destination)).collect::<Vec<_>>(), [(record_id(1), "bank")]);
}

#[tokio::test]
async fn a_delivered_message_acknowledges_the_delivery_once() {
    let house = House::new().await;
    let mut twice = commit(1);
    twice.writes.push(accepted(1, "bank", NOW));
    house.commit(twice).await;
    let rows = claim(&house, NOW).await;
    for (row, fate) in rows.iter().zip([Fate::Delivered { at: NOW + 1 }, Fate::Delivered { at: NOW + 2 }]) {
        assert_eq!(mark(&house, row, fate).await, Marked::Done);
    }
    let deliveries = house.store.record_deliveries(&OWN, record_id(1)).await.unwrap();
    assert_eq!(deliveries[0].acknowledged_at, Some(NOW + 1));
}

#[tokio::test]
async fn what_the_simulated_bank_has_to_do_is_for_nobody_else() {
    let house = House::new().await;
    let mut scripted = commit(1);
    scripted.writes.push(told(1, SIMULATED_BANK, "mortgage", "bank", NOW));
    house.commit(scripted).await;
    let view = BankView { environment: Environment::Sandbox, destination: None };
    let shown = house.store.messages(view.clone(), MessageFilter::default(), None, 9).await.unwrap();
    assert_eq!(shown.iter().map(|message| &*message.destination).collect::<Vec<_>>(), ["bank"]);
    assert_eq!(claim(&house, NOW).await.iter().map(|row| &*row.destination).collect::<Vec<_>>(), ["bank"]);
    let own = Claim {
        environment: Some(Environment::Sandbox),
        destination: Some(SIMULATED_BANK),
        now: NOW,
        lease: LEASE,
        limit: 10,
    };
    let rows = house.store.claim(own).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| (&*row.destination, &*row.event)).collect::<Vec<_>>(),
        [(SIMULATED_BANK, "mortgage")]
    );
    assert_eq!(house.store.acknowledge(view, vec![rows[0].id], NOW).await, Ok(vec![Marked::Unknown]));
}
