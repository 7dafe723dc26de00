//! Claimed by one worker at a time, marked by the one that has the claim, never dropped.

use std::time::Duration;

use usher_storage::{
    BankView, Change, Claim, Claimed, Environment, Fate, Held, Mark, Marked, MessageFilter, Millis, NewWebhook,
    PARTNER, Queue, Recipient, Replay, SIMULATED_BANK,
};

use crate::fixtures::{
    House, NOW, OWN, accepted, application_id, audit, commit, delivery, public_id, record_id, told, wish,
};

const LEASE_END: Millis = NOW + 60_000;

async fn claim(house: &House, now: Millis) -> Vec<Claimed> {
    house.store.claim(wish("bank", now)).await.unwrap()
}

async fn mark(house: &House, row: &Claimed, fate: Fate) -> Marked {
    house.store.mark(vec![Mark { id: row.id, token: row.token, fate }]).await.unwrap()[0]
}

fn retry(due_at: Millis) -> Fate {
    Fate::Retry { due_at, reason: Some("status_503".into()) }
}

fn parked() -> Fate {
    Fate::Parked { at: NOW, reason: "status_410".into() }
}

/// Destination, pending and parked of what waits.
async fn backlog(house: &House) -> Vec<(String, i64, i64)> {
    let all = house.store.backlog().await.unwrap();
    all.into_iter().map(|one| (one.destination, one.pending, one.parked)).collect()
}

fn replay(state: Held) -> Replay {
    Replay {
        state,
        environment: Environment::Sandbox,
        destination: None,
        id: None,
        from: None,
        to: None,
        now: NOW + 500,
        actor: "operator".to_owned(),
    }
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
        first_tried_at: NOW,
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
    assert_eq!(mark(&house, &rows[1], parked()).await, Marked::Done);
    assert_eq!(claim(&house, Millis::MAX).await, []);
    assert_eq!((state(&house, rows[0].id), state(&house, rows[1].id)), ("delivered".to_owned(), "parked".to_owned()));
    assert_eq!(house.count("messages"), 2);
}

#[tokio::test]
async fn a_failed_attempt_is_tried_again_when_due() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    let row = &claim(&house, NOW).await[0];
    assert_eq!(mark(&house, row, retry(NOW + 100)).await, Marked::Done);
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
    for late in [Fate::Delivered { at: NOW }, retry(NOW), parked()] {
        assert_eq!(mark(&house, slow, late.clone()).await, Marked::Stale, "{late:?}");
    }
    assert_eq!(state(&house, slow.id), "claimed");
    assert_eq!(mark(&house, quick, Fate::Delivered { at: NOW }).await, Marked::Done);
    for late in [slow, quick] {
        assert_eq!(mark(&house, late, retry(NOW)).await, Marked::Stale);
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
    let first = Claim { lease: Duration::from_millis(9), limit: 1, ..wish("bank", NOW - 9) };
    assert_eq!(house.store.claim(first).await.unwrap()[0].record, record_id(3));
    let mut limited = house.store.claim(Claim { limit: 2, ..wish("bank", NOW) }).await.unwrap();
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
    let marks = marks.map(|(id, token)| Mark { id, token, fate: fate.clone() });
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

    let wish = wish("bank", NOW);
    let queue = Queue { environment: Environment::Production, ..wish.queue.clone() };
    let rows = house.store.claim(Claim { queue, ..wish }).await.unwrap();
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
    let deliveries = house.store.record_deliveries(&OWN, vec![record_id(1)]).await.unwrap();
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
    // What is claimed waits for nobody.
    assert_eq!(backlog(&house).await, []);
    let rows = house.store.claim(wish(SIMULATED_BANK, NOW)).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| (&*row.destination, &*row.event)).collect::<Vec<_>>(),
        [(SIMULATED_BANK, "mortgage")]
    );
    assert_eq!(house.store.acknowledge(view, vec![rows[0].id], NOW).await, Ok(vec![Marked::Unknown]));
}

#[tokio::test]
async fn a_queue_is_claimed_alone_however_much_waits_in_another() {
    let house = House::new().await;
    for number in 1..=12 {
        house.commit(commit(number)).await;
    }
    let mut other = commit(20);
    other.writes[2] = delivery(20, "provider/7");
    other.writes[3] = accepted(20, "provider/7", NOW + 5);
    house.commit(other).await;
    let rows = house.store.claim(wish("provider/7", NOW + 5)).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.record).collect::<Vec<_>>(), [record_id(20)]);
    assert_eq!(claim(&house, NOW).await.len(), 10);

    let queue = |destination: &'static str| wish(destination, NOW).queue;
    let due = house.store.next_due(vec![queue("bank"), queue("provider/7"), queue("provider/8")]).await;
    assert_eq!(due, Ok(vec![Some(NOW), None, None]));
}

#[tokio::test]
async fn the_first_attempt_is_remembered_until_a_replay() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    let row = &claim(&house, NOW + 7).await[0];
    mark(&house, row, retry(NOW + 100)).await;
    let row = &claim(&house, NOW + 100).await[0];
    assert_eq!((row.first_tried_at, row.attempts), (NOW + 7, 2));
    mark(&house, row, parked()).await;
    assert_eq!(house.store.replay(replay(Held::Parked)).await, Ok(1));
    let row = &claim(&house, NOW + 600).await[0];
    assert_eq!((row.first_tried_at, row.attempts, row.token), (NOW + 600, 1, 3));
}

#[tokio::test]
async fn what_waits_and_what_was_given_up_is_counted_by_destination_with_the_age_of_the_oldest() {
    let house = House::new().await;
    for number in 1..=3 {
        house.commit(commit(number)).await;
    }
    let mut other = commit(4);
    other.writes[2] = delivery(4, "provider/7");
    other.writes[3] = accepted(4, "provider/7", NOW + 9);
    house.commit(other).await;
    let rows = claim(&house, NOW).await;
    mark(&house, &rows[0], parked()).await;
    mark(&house, &rows[1], retry(NOW + 90_000)).await;
    mark(&house, &rows[2], Fate::Delivered { at: NOW }).await;
    let all = house.store.backlog().await.unwrap();
    let seen: Vec<_> = all.iter().map(|one| (&*one.destination, one.pending, one.parked, one.oldest_due_at)).collect();
    // A new attempt in a while does not make it younger.
    assert_eq!(seen, [("bank", 1, 1, Some(NOW)), ("provider/7", 1, 0, Some(NOW + 9))]);
    assert!(all.iter().all(|one| one.environment == Environment::Sandbox));
}

#[tokio::test]
async fn what_was_given_up_is_listed_with_the_reason() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    house.commit(commit(2)).await;
    let rows = claim(&house, NOW).await;
    mark(&house, &rows[0], parked()).await;
    mark(&house, &rows[1], retry(NOW + 100)).await;
    let list = async |state, destination: Option<&str>, after| {
        let destination = destination.map(str::to_owned);
        let list = house.store.outgoing(state, Environment::Sandbox, destination, after, 10).await.unwrap();
        list.into_iter().map(|one| (one.id, one.public_id, one.attempts, one.reason.unwrap())).collect::<Vec<_>>()
    };
    let given_up = (rows[0].id, public_id(1), 1, "status_410".to_owned());
    assert_eq!(list(Held::Parked, None, 0).await, std::slice::from_ref(&given_up));
    assert_eq!(list(Held::Parked, Some("bank"), 0).await, [given_up]);
    assert_eq!(list(Held::Parked, Some("provider/7"), 0).await, []);
    assert_eq!(list(Held::Parked, None, rows[0].id).await, []);
    assert_eq!(list(Held::Pending, None, 0).await, [(rows[1].id, public_id(2), 1, "status_503".to_owned())]);
}

#[tokio::test]
async fn a_replay_takes_what_it_names_and_is_audited() {
    let house = House::new().await;
    for number in 1..=4 {
        house.commit(commit(number)).await;
    }
    let rows = claim(&house, NOW).await;
    for (row, at) in rows.iter().zip([NOW, NOW + 10, NOW + 20]) {
        mark(&house, row, Fate::Parked { at, reason: "status_410".into() }).await;
    }
    mark(&house, &rows[3], Fate::Delivered { at: NOW + 30 }).await;
    let states = || rows.iter().map(|row| state(&house, row.id)).collect::<Vec<_>>().join(" ");

    let elsewhere = Replay { environment: Environment::Production, ..replay(Held::Parked) };
    assert_eq!(house.store.replay(elsewhere).await, Ok(0));
    let to_another = Replay { destination: Some("provider/7".to_owned()), ..replay(Held::Parked) };
    assert_eq!(house.store.replay(to_another).await, Ok(0));
    assert_eq!(house.store.replay(Replay { id: Some(rows[3].id), ..replay(Held::Parked) }).await, Ok(0));
    let between = Replay { from: Some(NOW + 10), to: Some(NOW + 20), ..replay(Held::Parked) };
    assert_eq!(house.store.replay(between).await, Ok(1));
    assert_eq!(states(), "parked pending parked delivered");
    assert_eq!(house.store.replay(Replay { id: Some(rows[0].id), ..replay(Held::Parked) }).await, Ok(1));
    assert_eq!(states(), "pending pending parked delivered");
    // What has arrived goes out again under its id; the bank's word that it has it stays.
    let arrived = Replay { destination: Some("bank".to_owned()), ..replay(Held::Delivered) };
    assert_eq!(house.store.replay(arrived).await, Ok(1));
    assert_eq!(states(), "pending pending parked pending");
    let deliveries = house.store.record_deliveries(&OWN, vec![record_id(4)]).await.unwrap();
    assert_eq!(deliveries[0].acknowledged_at, Some(NOW + 30));

    let told: Vec<_> = house.store.audit(None, 100).await.unwrap();
    let told: Vec<_> = told.iter().filter(|entry| entry.action == "message.replayed").collect();
    let seen: Vec<_> = told.iter().map(|entry| (&*entry.actor, &*entry.target, &*entry.detail)).collect();
    assert_eq!(
        seen,
        [
            ("operator", "sandbox", "1 parked from 2 to 2"),
            ("operator", "sandbox", "1 parked from 1 to 1"),
            ("operator", "sandbox/bank", "1 delivered from 4 to 4"),
        ]
    );
}

#[tokio::test]
async fn a_replay_of_more_than_one_step_takes_all() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    // A gap wider than what one step looks at, and more than one step gives back.
    house
        .database()
        .execute_batch(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1201)
             INSERT INTO messages (id, record_id, delivery_id, environment, destination, event, position, state,
               next_due_at, finished_at)
             SELECT 20000 + i, record_id, delivery_id, environment, destination, event, position,
               CASE i % 2 WHEN 0 THEN 'parked' ELSE 'delivered' END, 0, 5
             FROM messages, n;",
        )
        .unwrap();
    assert_eq!(house.store.replay(replay(Held::Parked)).await, Ok(600));
    assert_eq!(house.store.replay(replay(Held::Delivered)).await, Ok(601));
    assert_eq!(backlog(&house).await, [("bank".to_owned(), 1_202, 0)]);
}

#[tokio::test]
async fn a_claim_that_was_never_marked_goes_back_and_its_worker_cannot_mark_it() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    let row = &claim(&house, NOW).await[0];
    assert_eq!(house.store.release(LEASE_END - 1).await, Ok(0));
    assert_eq!(house.store.release(LEASE_END).await, Ok(1));
    assert_eq!(state(&house, row.id), "pending");
    assert_eq!(mark(&house, row, Fate::Delivered { at: NOW }).await, Marked::Stale);
    assert_eq!(state(&house, row.id), "pending");
}

#[tokio::test]
async fn an_application_is_sent_its_own_messages_and_none_from_before_its_webhook() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    let event = |number| vec![told(number, PARTNER, "status.changed", "bank", NOW)];
    house.commit(crate::fixtures::writing(OWN, event(1))).await;
    assert_eq!(backlog(&house).await, [("bank".to_owned(), 1, 0)]);
    let webhook = NewWebhook {
        application: application_id(1),
        environment: Environment::Sandbox,
        url: "https://partner.example.org/a".to_owned(),
        signature: "hmac".to_owned(),
        created_at: NOW,
    };
    house.store.administer(vec![Change::Webhook(webhook.clone())], audit()).await.unwrap();
    let set_up = house.store.webhooks().await.unwrap().remove(0);
    assert_eq!((set_up.after, &*set_up.application_public_id), (2, "app-1"));
    house.commit(crate::fixtures::writing(OWN, event(1))).await;

    let queue = |application, after| Queue {
        environment: Environment::Sandbox,
        recipient: Recipient::Application { id: application_id(application), after, since: 0 },
    };
    let mine = set_up.queue();
    assert_eq!(house.store.next_due(vec![mine.clone(), queue(2, 0)]).await, Ok(vec![Some(NOW), None]));
    assert_eq!(backlog(&house).await, [("bank".to_owned(), 1, 0), (PARTNER.to_owned(), 1, 0)]);
    // Another address for it moves nothing.
    let moved = NewWebhook { url: "https://partner.example.org/b".to_owned(), ..webhook };
    house.store.administer(vec![Change::Webhook(moved)], audit()).await.unwrap();
    let again = house.store.webhooks().await.unwrap().remove(0);
    assert_eq!((&*again.url, again.after), ("https://partner.example.org/b", 2));

    let rows = house.store.claim(Claim { queue: mine.clone(), ..wish("", NOW) }).await.unwrap();
    assert_eq!(rows.iter().map(|row| (row.id, &*row.destination)).collect::<Vec<_>>(), [(3, PARTNER)]);
    let message = house.store.message(rows[0].id).await.unwrap().unwrap();
    assert_eq!((message.scope, message.record.public_id), (OWN, public_id(1)));
    assert_eq!(mark(&house, &rows[0], Fate::Delivered { at: NOW }).await, Marked::Done);
    // Sent or not, all of them stay to be read.
    assert_eq!(house.store.partner_messages(&OWN, None, 10).await.unwrap().len(), 2);
    let end = Change::WebhookEnded { application: application_id(1), environment: Environment::Sandbox };
    house.store.administer(vec![end], audit()).await.unwrap();
    assert_eq!(house.store.webhooks().await, Ok(Vec::new()));
}

#[tokio::test]
async fn senders_hear_of_what_may_be_sent() {
    let house = House::new().await;
    let mut heard = house.store.sendable();
    heard.mark_unchanged();
    house.commit(crate::fixtures::writing(OWN, Vec::new())).await;
    assert!(!heard.has_changed().unwrap());
    house.commit(commit(1)).await;
    assert!(heard.has_changed().unwrap());
}
