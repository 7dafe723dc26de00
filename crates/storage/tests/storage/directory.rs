//! Who may call, and how a caller is recognised.

use usher_storage::{Change, Constraint, Environment, Mode, NewKey, Scope, StoreError};

use crate::fixtures::{House, NOW, application_id, digest, partner_id};

fn key(selector: &str) -> NewKey {
    NewKey {
        selector: selector.to_owned(),
        mac: digest(7),
        application: application_id(1),
        environment: Environment::Sandbox,
        created_at: NOW,
        expires_at: Some(NOW + 365),
    }
}

fn subscription(api: &'static str, environment: Environment) -> Change {
    Change::Subscription { application: application_id(1), api: api.into(), environment, at: NOW }
}

#[tokio::test]
async fn a_key_tells_whose_it_is_and_what_it_opens() {
    let mut house = House::new().await;
    house
        .store
        .administer(vec![
            subscription("digital_customer", Environment::Sandbox),
            subscription("contact_request", Environment::Sandbox),
            subscription("appointment_request", Environment::Production),
            Change::Key(key("selector0001")),
        ])
        .await
        .unwrap();
    house.reopen();

    let entry = house.store.key("selector0001".to_owned()).await.unwrap().unwrap();
    let scope = Scope { partner: partner_id(1), application: application_id(1), environment: Environment::Sandbox };
    assert_eq!((entry.mac, entry.scope), (digest(7), scope));
    assert_eq!((entry.application_public_id.as_str(), entry.mode), ("app-1", Mode::Strict));
    assert_eq!(entry.subscriptions, ["contact_request", "digital_customer"]);
    assert_eq!((entry.expires_at, entry.revoked_at), (Some(NOW + 365), None));
    assert!(house.store.key("selector0002".to_owned()).await.unwrap().is_none());
}

#[tokio::test]
async fn the_operator_sees_every_application() {
    let house = House::new().await;
    let applications = house.store.all_applications().await.unwrap();
    let first = &applications[0];
    assert_eq!((first.id, first.public_id.as_str()), (application_id(1), "app-1"));
    assert!(!first.name.is_empty() && !first.partner_name.is_empty());
    let ids: std::collections::HashSet<_> = applications.iter().map(|application| application.id).collect();
    assert_eq!(ids.len(), applications.len());
}

#[tokio::test]
async fn a_revocation_stays() {
    let house = House::new().await;
    let revoke = |at| Change::KeyRevoked { selector: "selector0001".to_owned(), at };
    let unknown = house.store.administer(vec![revoke(NOW)]).await;
    assert_eq!(unknown, Err(StoreError::Constraint(Constraint::Reference)));

    house.store.administer(vec![Change::Key(key("selector0001")), revoke(NOW), revoke(NOW + 9)]).await.unwrap();
    let entry = house.store.key("selector0001".to_owned()).await.unwrap().unwrap();
    assert_eq!(entry.revoked_at, Some(NOW));
}

#[tokio::test]
async fn the_last_use_of_a_key_never_goes_back() {
    let house = House::new().await;
    let used = |selector: &str, at| Change::KeyUsed { selector: selector.to_owned(), at };
    let changes = vec![
        Change::Key(key("selector0001")),
        used("selector0001", NOW + 5),
        used("selector0001", NOW),
        used("gone meanwhile", NOW),
    ];
    house.store.administer(changes).await.unwrap();
    let last: i64 = house.database().query_row("SELECT last_used_at FROM keys", [], |row| row.get(0)).unwrap();
    assert_eq!(last, NOW + 5);
}

#[tokio::test]
async fn changes_are_made_together_or_not_at_all() {
    let house = House::new().await;
    let partner = Change::Partner { id: partner_id(3), name: "partner 3".to_owned(), at: NOW };
    let nobodys = Change::Key(NewKey { application: application_id(9), ..key("selector0003") });
    let refused = house.store.administer(vec![partner.clone(), nobodys]).await;
    assert_eq!(refused, Err(StoreError::Constraint(Constraint::Reference)));
    assert_eq!(house.count("partners"), 2);

    let twice = house.store.administer(vec![partner.clone(), partner]).await;
    assert_eq!(twice, Err(StoreError::Constraint(Constraint::Unique)));
    assert_eq!(house.count("partners"), 2);
}
