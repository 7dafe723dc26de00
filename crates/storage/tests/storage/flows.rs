//! One open flow of a person in a scope; access only for its owner.

use usher_storage::{
    Commit, Condition, Constraint, Flow, FlowExpiry, FlowStep, Millis, NewFlow, Options, Outcome, StoreError, Write,
};

use crate::fixtures::{House, NOW, OWN, STRANGERS, commit, digest, queue, record, reply};

const OPEN_STATES: &[&str] = &["CREATED", "INFORMED"];
const EXPIRY: Millis = NOW + 500;

fn new_flow(number: u8, person: u8) -> NewFlow {
    NewFlow {
        process_id: 1_000_000_000_000_000 + i64::from(number),
        customer_no: 1_000_000_000 + i64::from(number),
        person_digest: digest(person),
        state: "CREATED",
        phone_digest: digest(71),
        email_digest: digest(72),
        created_at: NOW,
        expires_at: EXPIRY,
        notify: true,
    }
}

fn stored(flow: &NewFlow) -> Flow {
    Flow {
        process_id: flow.process_id,
        customer_no: flow.customer_no,
        person_digest: flow.person_digest,
        state: flow.state.to_owned(),
        open: true,
        phone_digest: flow.phone_digest,
        email_digest: flow.email_digest,
        created_at: flow.created_at,
        updated_at: flow.created_at,
        expires_at: flow.expires_at,
        notify: flow.notify,
    }
}

/// Opens a flow and records the step.
fn create(number: u8, person: u8) -> Commit {
    let flow = new_flow(number, person);
    let mut record = record(number);
    record.process_id = Some(flow.process_id);
    Commit { writes: vec![Write::OpenFlow(flow), Write::Record(Box::new(record))], ..commit(number) }
}

/// Moves the flow of `of` on.
fn step(number: u8, of: u8, from: &'static [&'static str], state: &'static str, open: bool) -> Commit {
    let process_id = new_flow(of, 0).process_id;
    let mut record = record(number);
    record.process_id = Some(process_id);
    Commit {
        conditions: vec![Condition::FlowIs { process_id, states: from }],
        writes: vec![
            Write::StepFlow(FlowStep { process_id, state, open, at: NOW + 1 }),
            Write::Record(Box::new(record)),
        ],
        ..commit(number)
    }
}

#[tokio::test]
async fn a_person_with_an_open_flow_gets_that_flow_back() {
    let house = House::new().await;
    assert_eq!(house.commit(create(1, 50)).await, Outcome::Committed(reply(1)));
    let expected = stored(&new_flow(1, 50));
    assert_eq!(house.commit(create(2, 50)).await, Outcome::FlowExists(expected.clone()));
    assert_eq!(house.store.open_flow(&OWN, digest(50), NOW).await, Ok(Some(expected)));
    assert_eq!((house.count("flows"), house.count("records"), house.count("idempotency")), (1, 1, 1));
}

#[tokio::test]
async fn two_creates_for_a_person_in_one_batch_make_one_flow() {
    let (house, gate) = House::gated(Options::default()).await;
    let blocker = queue(&house.store, [commit(9)]).await;
    gate.arrival();
    let tasks = queue(&house.store, [create(1, 50), create(2, 50)]).await;
    gate.open();
    assert_eq!(gate.arrival(), 2);
    gate.open();
    let mut outcomes = Vec::new();
    for task in blocker.into_iter().chain(tasks) {
        outcomes.push(task.await.unwrap().unwrap());
    }
    assert_eq!(outcomes[1..], [Outcome::Committed(reply(1)), Outcome::FlowExists(stored(&new_flow(1, 50)))]);
}

#[tokio::test]
async fn every_application_and_environment_has_its_own_flow_of_a_person() {
    let house = House::new().await;
    house.commit(create(1, 50)).await;
    for (number, stranger) in (2..).zip(STRANGERS) {
        let commit = Commit { scope: stranger, ..create(number, 50) };
        assert_eq!(house.commit(commit).await, Outcome::Committed(reply(number)), "{stranger:?}");
    }
}

#[tokio::test]
async fn a_flow_is_seen_and_moved_by_its_owner_only() {
    let house = House::new().await;
    house.commit(create(1, 50)).await;
    let process_id = new_flow(1, 50).process_id;
    for stranger in STRANGERS {
        assert_eq!(house.store.flow(&stranger, process_id).await, Ok(None), "{stranger:?}");
        assert_eq!(house.store.open_flow(&stranger, digest(50), NOW).await, Ok(None), "{stranger:?}");
        let guarded = Commit { scope: stranger, ..step(2, 1, OPEN_STATES, "INFORMED", true) };
        assert_eq!(house.commit(guarded.clone()).await, Outcome::ConditionFailed(0), "{stranger:?}");
        let unguarded = Commit { conditions: Vec::new(), ..guarded };
        let refused = Err(StoreError::Constraint(Constraint::Reference));
        assert_eq!(house.store.commit(unguarded).await, refused, "{stranger:?}");
    }
    assert_eq!(house.store.flow(&OWN, process_id).await, Ok(Some(stored(&new_flow(1, 50)))));
}

#[tokio::test]
async fn a_flow_goes_through_its_states_and_no_other_way() {
    let house = House::new().await;
    house.commit(create(1, 50)).await;
    assert_eq!(house.commit(step(2, 1, &["INFORMED"], "COMPLETED", false)).await, Outcome::ConditionFailed(0));
    assert_eq!(house.commit(step(3, 1, OPEN_STATES, "INFORMED", true)).await, Outcome::Committed(reply(3)));
    assert_eq!(house.commit(step(4, 1, &["INFORMED"], "COMPLETED", false)).await, Outcome::Committed(reply(4)));
    assert_eq!(house.commit(step(5, 1, &["COMPLETED"], "INFORMED", true)).await, Outcome::ConditionFailed(0));

    let flow = house.store.flow(&OWN, new_flow(1, 50).process_id).await.unwrap().unwrap();
    assert_eq!((flow.state.as_str(), flow.open, flow.updated_at), ("COMPLETED", false, NOW + 1));
    assert_eq!(house.commit(create(6, 50)).await, Outcome::Committed(reply(6)), "the person may begin again");
}

#[tokio::test]
async fn an_expired_flow_is_over() {
    let house = House::new().await;
    house.commit(create(1, 50)).await;
    assert_eq!(house.store.open_flow(&OWN, digest(50), EXPIRY).await, Ok(None));
    let late = Commit { now: EXPIRY, ..step(2, 1, OPEN_STATES, "INFORMED", true) };
    assert_eq!(house.commit(late).await, Outcome::ConditionFailed(0));
    let again = Commit { now: EXPIRY, ..create(3, 50) };
    assert_eq!(house.commit(again).await, Outcome::Committed(reply(3)));
    let first = house.store.flow(&OWN, new_flow(1, 50).process_id).await.unwrap().unwrap();
    assert!(!first.open);
}

#[tokio::test]
async fn a_number_that_is_taken_is_drawn_again() {
    let house = House::new().await;
    house.commit(create(1, 50)).await;
    for same in [
        NewFlow { process_id: new_flow(1, 0).process_id, ..new_flow(2, 51) },
        NewFlow { customer_no: new_flow(1, 0).customer_no, ..new_flow(2, 51) },
    ] {
        let commit = Commit { writes: vec![Write::OpenFlow(same)], ..commit(2) };
        assert_eq!(house.commit(commit).await, Outcome::IdTaken);
    }
    assert_eq!(house.commit(create(2, 51)).await, Outcome::Committed(reply(2)));
}

#[tokio::test]
async fn flows_whose_time_is_over_end_once_and_whoever_wants_to_know_is_told() {
    let house = House::new().await;
    let mut silent = create(2, 51);
    if let Some(Write::OpenFlow(flow)) = silent.writes.first_mut() {
        flow.notify = false;
    }
    for one in [create(1, 50), silent, step(3, 1, OPEN_STATES, "INFORMED", true)] {
        assert!(matches!(house.commit(one).await, Outcome::Committed(_)));
    }
    let at = |now, limit| FlowExpiry { now, state: "EXPIRED", event: "flow.step", limit };
    assert_eq!(house.store.expire_flows(at(EXPIRY - 1, 9)).await, Ok(0));
    assert_eq!(house.store.expire_flows(at(EXPIRY, 1)).await, Ok(1));
    assert_eq!(house.store.expire_flows(at(EXPIRY, 9)).await, Ok(1));
    assert_eq!(house.store.expire_flows(at(EXPIRY, 9)).await, Ok(0));
    for number in [1, 2] {
        let flow = house.store.flow(&OWN, new_flow(number, 0).process_id).await.unwrap().unwrap();
        assert_eq!((&*flow.state, flow.open, flow.updated_at), ("EXPIRED", false, EXPIRY));
    }
    let told = house.store.partner_messages(&OWN, None, 9).await.unwrap();
    let told: Vec<_> = told.iter().map(|message| (message.record.id, &*message.event)).collect();
    assert_eq!(told, [(record(3).id, "flow.step")]);
}

#[tokio::test]
async fn a_flow_can_be_ended_whether_or_not_it_is_open() {
    let house = House::new().await;
    house.commit(create(1, 50)).await;
    house.commit(step(2, 1, OPEN_STATES, "COMPLETED", false)).await;
    let process_id = new_flow(1, 0).process_id;
    let end = FlowStep { process_id, state: "REJECTED", open: false, at: NOW + 2 };
    let rejected = Commit { writes: vec![Write::EndFlow(end)], ..commit(3) };
    assert!(matches!(house.commit(rejected.clone()).await, Outcome::Committed(_)));
    let flow = house.store.flow(&OWN, process_id).await.unwrap().unwrap();
    assert_eq!((&*flow.state, flow.open), ("REJECTED", false));
    for scope in STRANGERS {
        let foreign = Commit { scope, idempotency: None, ..rejected.clone() };
        assert!(matches!(house.store.commit(foreign).await, Err(StoreError::Constraint(_))));
    }
}
