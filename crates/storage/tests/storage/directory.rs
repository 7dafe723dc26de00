//! Who may call, and how a caller is recognised.

use usher_storage::{
    Audit, AuditEntry, Change, Constraint, Environment, KeySummary, Mode, NewBankUser, NewKey, Scope, StoreError,
};

use crate::fixtures::{House, NOW, application_id, audit, digest, partner_id};

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
        .administer(
            vec![
                subscription("digital_customer", Environment::Sandbox),
                subscription("contact_request", Environment::Sandbox),
                subscription("appointment_request", Environment::Production),
                Change::Key(key("selector0001")),
            ],
            audit(),
        )
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
    assert_eq!((&*first.name, first.partner, &*first.partner_name), ("application 1", partner_id(1), "partner 1"));
    assert_eq!((first.mode, first.created_at, &first.subscriptions), (Mode::Strict, NOW, &Vec::new()));
    let ids: std::collections::HashSet<_> = applications.iter().map(|application| application.id).collect();
    assert_eq!(ids.len(), applications.len());

    let partners = house.store.partners().await.unwrap();
    let names: Vec<_> = partners.iter().map(|partner| (partner.id, &*partner.name)).collect();
    assert_eq!(names, [(partner_id(1), "partner 1"), (partner_id(2), "partner 2")]);
    let of_second = house.store.applications(partner_id(2)).await.unwrap();
    assert_eq!(of_second, applications[2..]);
}

#[tokio::test]
async fn what_an_operator_changes_is_so_for_the_next_caller() {
    let house = House::new().await;
    let application = application_id(1);
    let (sandbox, production) = (Environment::Sandbox, Environment::Production);
    let changes = vec![
        Change::PartnerRenamed { partner: partner_id(1), name: "A better name".to_owned() },
        subscription("contact_request", sandbox),
        subscription("contact_request", production),
        subscription("digital_customer", sandbox),
        Change::SubscriptionEnded { application, api: "contact_request".into(), environment: sandbox },
        Change::ApplicationChanged { application, mode: Some(Mode::Tolerant), name: None },
        Change::ApplicationChanged { application, mode: None, name: Some("The app".to_owned()) },
        Change::Key(key("selector0001")),
    ];
    house.store.administer(changes, audit()).await.unwrap();

    let application = house.store.applications(partner_id(1)).await.unwrap().remove(0);
    let seen = (&*application.name, &*application.partner_name, application.mode);
    assert_eq!(seen, ("The app", "A better name", Mode::Tolerant));
    let subscriptions: Vec<_> = application.subscriptions.iter().map(|one| (&*one.api, one.environment)).collect();
    assert_eq!(subscriptions, [("contact_request", production), ("digital_customer", sandbox)]);
    let entry = house.store.key("selector0001".to_owned()).await.unwrap().unwrap();
    assert_eq!((entry.mode, &entry.subscriptions[..]), (Mode::Tolerant, &["digital_customer".to_owned()][..]));
    let summary = KeySummary {
        selector: "selector0001".to_owned(),
        environment: sandbox,
        created_at: NOW,
        expires_at: Some(NOW + 365),
        revoked_at: None,
        last_used_at: None,
    };
    assert_eq!(house.store.keys(application.id).await, Ok(vec![summary]));
    assert_eq!(house.store.keys(application_id(2)).await, Ok(Vec::new()));

    let unknown = application_id(9);
    for nothing in [
        Change::PartnerRenamed { partner: partner_id(9), name: String::new() },
        Change::ApplicationChanged { application: unknown, mode: None, name: None },
        Change::SubscriptionEnded { application: unknown, api: "contact_request".into(), environment: sandbox },
        Change::BankUserRevoked { id: unknown.0, at: NOW },
    ] {
        let refused = house.store.administer(vec![nothing], audit()).await;
        assert_eq!(refused, Err(StoreError::Constraint(Constraint::Reference)));
    }
}

fn agent(selector: &str) -> NewBankUser {
    NewBankUser {
        id: uuid::Uuid::from_u128(77),
        name: "An agent".to_owned(),
        role: "agent".to_owned(),
        destination: Some("provider/7".to_owned()),
        environments: vec![Environment::Production],
        selector: selector.to_owned(),
        mac: digest(8),
        created_at: NOW,
        expires_at: None,
    }
}

#[tokio::test]
async fn a_key_of_a_bank_user_is_found_among_bank_users_only() {
    let house = House::new().await;
    let everywhere = NewBankUser {
        id: uuid::Uuid::from_u128(78),
        destination: None,
        environments: vec![Environment::Production, Environment::Sandbox],
        ..agent("selector0002")
    };
    let changes = vec![Change::BankUser(agent("selector0001")), Change::BankUser(everywhere)];
    house.store.administer(changes, audit()).await.unwrap();
    assert!(house.store.key("selector0001".to_owned()).await.unwrap().is_none());
    let user = house.store.bank_user("selector0001".to_owned()).await.unwrap().unwrap();
    let seen = (user.id.as_u128(), &*user.role, user.destination.as_deref(), user.mac, user.revoked_at);
    assert_eq!(seen, (77, "agent", Some("provider/7"), digest(8), None));
    assert_eq!(user.environments, [Environment::Production]);
    assert!(house.store.bank_user("selector0003".to_owned()).await.unwrap().is_none());

    let revoke = |at| Change::BankUserRevoked { id: user.id, at };
    house.store.administer(vec![revoke(NOW + 1), revoke(NOW + 2)], audit()).await.unwrap();
    let users = house.store.bank_users().await.unwrap();
    let seen: Vec<_> = users.iter().map(|user| (user.id.as_u128(), user.revoked_at, user.environments.len())).collect();
    assert_eq!(seen, [(77, Some(NOW + 1), 1), (78, None, 2)]);
    let taken = house.store.administer(vec![Change::BankUser(agent("selector0001"))], audit()).await;
    assert_eq!(taken, Err(StoreError::Constraint(Constraint::Unique)));
}

#[tokio::test]
async fn the_audit_tells_every_change_and_never_changes_itself() {
    let house = House::new().await;
    let before = house.store.audit(None, 100).await.unwrap();
    assert_eq!(before.len(), 5, "those of the house itself");
    let by_somebody = Audit { actor: "somebody".to_owned(), at: NOW + 7 };
    let changes = vec![
        Change::Key(key("selector0001")),
        Change::KeyUsed { selector: "selector0001".to_owned(), at: NOW },
        Change::KeyRevoked { selector: "selector0001".to_owned(), at: NOW },
    ];
    house.store.administer(changes, by_somebody).await.unwrap();
    // What is not done is not told.
    let refused = vec![Change::BankUser(agent("s")), Change::BankUserRevoked { id: uuid::Uuid::nil(), at: NOW }];
    house.store.administer(refused, audit()).await.unwrap_err();

    let rows = house.store.audit(Some(before[4].id), 100).await.unwrap();
    let entry = |id, action: &str, detail: &str| AuditEntry {
        id,
        at: NOW + 7,
        actor: "somebody".to_owned(),
        action: action.to_owned(),
        target: "selector0001".to_owned(),
        detail: detail.to_owned(),
    };
    let created = entry(6, "key.created", "app-1 sandbox");
    assert_eq!(rows, [created, entry(7, "key.revoked", "")]);
    assert_eq!(house.store.audit(None, 2).await.unwrap(), before[..2]);

    for change in ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"] {
        house.database().execute(change, []).unwrap_err();
    }
}

#[tokio::test]
async fn a_revocation_stays() {
    let house = House::new().await;
    let revoke = |at| Change::KeyRevoked { selector: "selector0001".to_owned(), at };
    let unknown = house.store.administer(vec![revoke(NOW)], audit()).await;
    assert_eq!(unknown, Err(StoreError::Constraint(Constraint::Reference)));

    house
        .store
        .administer(vec![Change::Key(key("selector0001")), revoke(NOW), revoke(NOW + 9)], audit())
        .await
        .unwrap();
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
    house.store.administer(changes, audit()).await.unwrap();
    let last: i64 = house.database().query_row("SELECT last_used_at FROM keys", [], |row| row.get(0)).unwrap();
    assert_eq!(last, NOW + 5);
}

#[tokio::test]
async fn changes_are_made_together_or_not_at_all() {
    let house = House::new().await;
    let partner = Change::Partner { id: partner_id(3), name: "partner 3".to_owned(), at: NOW };
    let nobodys = Change::Key(NewKey { application: application_id(9), ..key("selector0003") });
    let refused = house.store.administer(vec![partner.clone(), nobodys], audit()).await;
    assert_eq!(refused, Err(StoreError::Constraint(Constraint::Reference)));
    assert_eq!(house.count("partners"), 2);

    let twice = house.store.administer(vec![partner.clone(), partner], audit()).await;
    assert_eq!(twice, Err(StoreError::Constraint(Constraint::Unique)));
    assert_eq!(house.count("partners"), 2);
}
