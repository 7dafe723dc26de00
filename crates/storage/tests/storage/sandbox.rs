//! A reset removes what one application sent to its sandbox, and nothing else.

use usher_storage::{
    Constraint, Environment, Flow, NewFlow, NewMessage, PARTNER, ResetCounts, Scope, StoreError, Write,
};

use crate::fixtures::{
    House, NOW, OWN, STRANGERS, application_id, change, commit, digest, public_id, record_id, writing,
};

const PRODUCTION: Scope = Scope { environment: Environment::Production, ..OWN };

/// Everything that can hang on a record: a flow, two payloads, a timeline, messages both ways, a reply.
async fn fill(house: &House, scope: Scope, number: u8) {
    let mut whole = commit(number);
    whole.scope = scope;
    let Write::Record(record) = &mut whole.writes[0] else { panic!("a record comes first") };
    record.process_id = Some(i64::from(number));
    whole.writes.insert(
        0,
        Write::OpenFlow(NewFlow {
            process_id: i64::from(number),
            customer_no: i64::from(number),
            person_digest: digest(number),
            state: "CREATED",
            phone_digest: digest(1),
            email_digest: digest(2),
            created_at: NOW,
            expires_at: NOW + 1_000,
            notify: false,
        }),
    );
    whole.writes.push(Write::Status {
        record: record_id(number),
        destination: None,
        change: change("CLAIMED", NOW + 9),
    });
    whole.writes.push(Write::Message(NewMessage {
        record: record_id(number),
        destination: PARTNER.into(),
        event: "status.changed".into(),
        delivery: Some("bank".into()),
        due_at: NOW,
    }));
    house.commit(whole).await;
}

async fn flow(house: &House, scope: &Scope, number: u8) -> Option<Flow> {
    house.store.flow(scope, i64::from(number)).await.unwrap()
}

#[tokio::test]
async fn a_reset_leaves_what_is_of_production_and_of_others() {
    let house = House::new().await;
    for number in 1..=3 {
        fill(&house, OWN, number).await;
    }
    for (number, stranger) in (4..).zip(STRANGERS) {
        fill(&house, stranger, number).await;
    }

    let counts = house.store.reset_sandbox(&OWN).await;
    assert_eq!(counts, Ok(ResetCounts { records: 3, deliveries: 3, messages: 6, flows: 3, replies: 3 }));
    for number in 1..=3 {
        assert_eq!(house.store.record(&OWN, public_id(number)).await, Ok(None));
        assert_eq!(flow(&house, &OWN, number).await, None);
    }
    for (number, stranger) in (4..).zip(STRANGERS) {
        assert!(house.store.record(&stranger, public_id(number)).await.unwrap().is_some(), "{stranger:?}");
        assert!(house.store.payload(&stranger, record_id(number), "request").await.unwrap().is_some(), "{stranger:?}");
        assert_eq!(house.store.timeline(&stranger, record_id(number), None).await.unwrap().len(), 2, "{stranger:?}");
        assert_eq!(house.store.partner_messages(&stranger, None, 9).await.unwrap().len(), 1, "{stranger:?}");
        assert!(flow(&house, &stranger, number).await.is_some(), "{stranger:?}");
    }
    for table in ["records", "payloads", "deliveries", "statuses", "idempotency", "flows"] {
        assert_eq!(house.count(table), 3, "{table}");
    }
    assert_eq!(house.count("messages"), 6);

    // Everything can be sent again, and the directory is as it was.
    fill(&house, OWN, 1).await;
    assert!(house.store.record(&OWN, public_id(1)).await.unwrap().is_some());
    assert_eq!(house.store.all_applications().await.unwrap().len(), 3);
}

#[tokio::test]
async fn more_than_one_step_can_remove_is_removed_too() {
    let house = House::new().await;
    for number in 0..=250 {
        house.commit(commit(number)).await;
    }
    let counts = house.store.reset_sandbox(&OWN).await.unwrap();
    assert_eq!((counts.records, counts.replies), (251, 251));
    assert_eq!(house.store.reset_sandbox(&OWN).await, Ok(ResetCounts::default()));
}

#[tokio::test]
async fn production_is_never_reset() {
    let house = House::new().await;
    fill(&house, PRODUCTION, 1).await;
    assert_eq!(house.store.reset_sandbox(&PRODUCTION).await, Err(StoreError::Constraint(Constraint::Form)));
    // Not even when the partner is somebody else's.
    let mixed = Scope { application: application_id(3), ..OWN };
    assert_eq!(house.store.reset_sandbox(&mixed).await, Ok(ResetCounts::default()));
    house.commit(writing(PRODUCTION, Vec::new())).await;
    assert!(house.store.record(&PRODUCTION, public_id(1)).await.unwrap().is_some());
}
