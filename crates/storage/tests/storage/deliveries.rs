//! Each destination has its own status, version and timeline; the record has the newest of them.

use usher_storage::{
    Commit, Condition, Constraint, Delivery, Environment, Outcome, StatusChange, StoreError, TimelineEntry, Write,
};

use crate::fixtures::{
    House, NOW, OWN, change, commit, delivery, digest, record, record_id, reply, told, wish, writing,
};

/// Record 1 at the bank and at two providers, as deliveries 1, 2 and 3.
async fn of_three(house: &House) {
    let mut three = commit(1);
    three.writes.push(delivery(1, "provider/7"));
    three.writes.push(delivery(1, "provider/8"));
    house.commit(three).await;
}

async fn deliveries(house: &House) -> Vec<Delivery> {
    house.store.record_deliveries(&OWN, vec![record_id(1)]).await.unwrap()
}

fn status(destination: Option<&'static str>, change: StatusChange) -> Write {
    Write::Status { record: record_id(1), destination: destination.map(Into::into), change }
}

#[tokio::test]
async fn each_destination_begins_with_the_status_of_the_record() {
    let house = House::new().await;
    of_three(&house).await;
    let expected = |id, destination: &str| Delivery {
        id,
        scope: OWN,
        record: record(1),
        partner_name: "partner 1".to_owned(),
        destination: destination.to_owned(),
        status: "NEW".into(),
        version: 0,
        open: true,
        promised_at: Some(NOW + 999),
        first_contact_at: None,
        acknowledged_at: None,
        bank_reference: None,
        changed_at: NOW + 1,
    };
    assert_eq!(deliveries(&house).await, [expected(1, "bank"), expected(2, "provider/7"), expected(3, "provider/8")]);

    let mut twice = commit(2);
    twice.writes.push(delivery(2, "bank"));
    assert_eq!(house.commit(twice).await, Outcome::IdTaken);
    // A destination may be added later, too.
    house.commit(writing(OWN, vec![delivery(1, "provider/9")])).await;
    assert_eq!(deliveries(&house).await[3], expected(4, "provider/9"));
}

#[tokio::test]
async fn a_status_moves_one_delivery_and_becomes_the_records() {
    let house = House::new().await;
    of_three(&house).await;
    let first =
        StatusChange { bank_reference: Some("case-4".to_owned()), first_contact: true, ..change("CLAIMED", NOW + 5) };
    let last = StatusChange {
        open: false,
        reason: Some("no-answer".into()),
        first_contact: true,
        ..change("NO_INTEREST", NOW + 9)
    };
    house.commit(writing(OWN, vec![status(Some("provider/7"), first)])).await;
    house.commit(writing(OWN, vec![status(Some("provider/7"), last)])).await;

    let all = deliveries(&house).await;
    let seen: Vec<_> = all.iter().map(|one| (&*one.status, one.version, one.open, one.changed_at)).collect();
    assert_eq!(seen, [("NEW", 0, true, NOW + 1), ("NO_INTEREST", 2, false, NOW + 9), ("NEW", 0, true, NOW + 1)]);
    assert_eq!((all[1].first_contact_at, all[1].bank_reference.as_deref()), (Some(NOW + 5), Some("case-4")));
    assert!(all.iter().all(|one| one.record.status == "NO_INTEREST"));
}

#[tokio::test]
async fn a_withdrawal_ends_every_delivery_that_is_open() {
    let house = House::new().await;
    of_three(&house).await;
    let ended = StatusChange { open: false, ..change("NO_INTEREST", NOW + 5) };
    house.commit(writing(OWN, vec![status(Some("provider/7"), ended)])).await;
    let withdrawn = StatusChange { open: false, ..change("WITHDRAWN", NOW + 9) };
    let withdrawal = Commit {
        conditions: vec![Condition::IsOpen { record: record_id(1) }],
        ..writing(OWN, vec![status(None, withdrawn.clone())])
    };
    assert_eq!(house.commit(withdrawal.clone()).await, Outcome::Committed(reply(0)));
    let seen: Vec<_> = deliveries(&house).await.into_iter().map(|one| (one.status, one.version)).collect();
    assert_eq!(seen, [("WITHDRAWN".into(), 1), ("NO_INTEREST".into(), 1), ("WITHDRAWN".into(), 1)]);

    assert_eq!(house.commit(withdrawal).await, Outcome::ConditionFailed(0));
    let nothing = house.store.commit(writing(OWN, vec![status(None, withdrawn)])).await;
    assert_eq!(nothing, Err(StoreError::Constraint(Constraint::Reference)));
}

#[tokio::test]
async fn the_timeline_tells_every_status_once_the_acceptance_first() {
    let house = House::new().await;
    of_three(&house).await;
    let first = StatusChange {
        reason: Some("by-phone".into()),
        bank_reference: Some("case-4".to_owned()),
        ..change("CLAIMED", NOW + 5)
    };
    house.commit(writing(OWN, vec![status(Some("provider/7"), first)])).await;
    let accepted = |delivery, destination: &str| TimelineEntry {
        delivery,
        destination: destination.to_owned(),
        position: 0,
        status: "NEW".into(),
        actor: usher_storage::Actor::Partner,
        actor_name: None,
        at: NOW + 1,
        reason: None,
        bank_reference: None,
    };
    let claimed = TimelineEntry {
        position: 1,
        status: "CLAIMED".into(),
        actor: usher_storage::Actor::Bank,
        actor_name: Some("agent-7".to_owned()),
        at: NOW + 5,
        reason: Some("by-phone".into()),
        bank_reference: Some("case-4".to_owned()),
        ..accepted(2, "provider/7")
    };
    let at = |destination: &str| house.store.timeline(&OWN, record_id(1), Some(destination.to_owned()));
    assert_eq!(at("provider/7").await, Ok(vec![accepted(2, "provider/7"), claimed.clone()]));
    assert_eq!(at("provider/99").await, Ok(Vec::new()));
    let all = house.store.timeline(&OWN, record_id(1), None).await;
    let firsts = [accepted(1, "bank"), accepted(2, "provider/7"), accepted(3, "provider/8")];
    assert_eq!(all, Ok(firsts.into_iter().chain([claimed]).collect()));
}

#[tokio::test]
async fn of_two_changes_of_one_version_the_second_is_refused() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    let claim = |scope, version| Commit {
        conditions: vec![Condition::DeliveryIs { id: 1, version }],
        ..writing(scope, vec![status(Some("bank"), change("CLAIMED", NOW + 5))])
    };
    assert_eq!(house.commit(claim(OWN, 0)).await, Outcome::Committed(reply(0)));
    assert_eq!(house.commit(claim(OWN, 0)).await, Outcome::ConditionFailed(0));
    for stranger in crate::fixtures::STRANGERS {
        assert_eq!(house.commit(claim(stranger, 1)).await, Outcome::ConditionFailed(0), "{stranger:?}");
    }
}

#[tokio::test]
async fn a_message_tells_the_place_in_the_timeline_it_is_about() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    let writes = vec![
        told(1, "bank", "before", "bank", NOW),
        status(Some("bank"), change("CLAIMED", NOW + 5)),
        told(1, "bank", "after", "bank", NOW),
    ];
    house.commit(writing(OWN, writes)).await;
    let rows = house.store.claim(wish("bank", NOW)).await.unwrap();
    let seen: Vec<_> = rows.iter().map(|row| (&*row.event, row.position)).collect();
    assert_eq!(seen, [("request.accepted", Some(0)), ("before", Some(0)), ("after", Some(1))]);

    let of_none = house.store.commit(writing(OWN, vec![told(1, "bank", "event", "provider/9", NOW)])).await;
    assert_eq!(of_none, Err(StoreError::Constraint(Constraint::Reference)));
}

/// When the store says the person was seen last, and whether a commit that wants the person to be new passes.
async fn recent(
    store: &usher_storage::Store,
    scope: usher_storage::Scope,
    person: u8,
    api: &'static str,
    since: i64,
) -> (Option<i64>, bool) {
    let known = store.recent_of_person(&scope, api, digest(person), since).await.unwrap();
    let unknown = Commit {
        conditions: vec![Condition::NoRecordOfPerson { person: digest(person), api, since }],
        ..writing(scope, Vec::new())
    };
    (known, store.commit(unknown).await.unwrap() == Outcome::Committed(reply(0)))
}

#[tokio::test]
async fn a_person_is_known_again_only_by_the_same_partner_in_the_same_environment() {
    let house = House::new().await;
    house.commit(commit(1)).await;
    house.commit(commit(2)).await;
    let recent = |scope, person, api, since| recent(&house.store, scope, person, api, since);
    assert_eq!(recent(OWN, 200, "contact_request", NOW).await, (Some(NOW + 2), false));
    // The partner's other application.
    let mut other = OWN;
    other.application = crate::fixtures::application_id(2);
    assert_eq!(recent(other, 200, "contact_request", NOW + 2).await, (Some(NOW + 2), false));
    assert_eq!(recent(OWN, 200, "contact_request", NOW + 3).await, (None, true));
    assert_eq!(recent(OWN, 201, "contact_request", NOW).await, (None, true));
    assert_eq!(recent(OWN, 200, "appointment_request", NOW).await, (None, true));
    let mut another_partner = OWN;
    another_partner.partner = crate::fixtures::partner_id(2);
    another_partner.application = crate::fixtures::application_id(3);
    assert_eq!(recent(another_partner, 200, "contact_request", NOW).await, (None, true));
    let mut production = OWN;
    production.environment = Environment::Production;
    assert_eq!(recent(production, 200, "contact_request", NOW).await, (None, true));
}
