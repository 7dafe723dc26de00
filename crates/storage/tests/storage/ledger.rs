//! What is owed: appended with its cause, for production only, never changed.

use usher_storage::{
    Actor, Commit, Condition, Constraint, Entry, Environment, LedgerFilter, Millis, NewEntry, Outcome, Scope,
    StoreError, Write,
};

use crate::fixtures::{
    House, NOW, OWN, application_id, commit, delivery, partner_id, public_id, record_id, reply, writing,
};

const PRODUCTION: Scope = Scope { environment: Environment::Production, ..OWN };
const SECOND: Scope = Scope { partner: partner_id(2), application: application_id(3), ..PRODUCTION };

/// When February 2027 begins, the month after [`NOW`].
const FEBRUARY: Millis = 1_801_440_000_000;

fn entry(number: u8, kind: &'static str, at: Millis) -> Write {
    Write::Ledger(NewEntry {
        record: record_id(number),
        destination: "bank".into(),
        kind: kind.into(),
        amount: "12.50".to_owned(),
        currency: "CZK".to_owned(),
        at,
        cause: "accepted".into(),
        actor: Actor::System,
        actor_name: None,
        reference: Some("fixed@3".to_owned()),
    })
}

/// Record 1 of partner 1 and record 2 of partner 2, each with what its acceptance accrued.
async fn house() -> House {
    let house = House::new().await;
    for (number, scope) in [(1, PRODUCTION), (2, SECOND)] {
        let mut accepted = Commit { scope, ..commit(number) };
        accepted.writes.push(entry(number, "accrue", NOW));
        house.commit(accepted).await;
    }
    house
}

async fn kinds(house: &House, filter: LedgerFilter) -> Vec<(i64, String)> {
    let entries = house.store.ledger(filter, None, 100).await.unwrap();
    entries.into_iter().map(|entry| (entry.id, entry.kind)).collect()
}

fn row(id: i64, kind: &str) -> (i64, String) {
    (id, kind.to_owned())
}

// shows: KB-009
#[tokio::test]
async fn an_entry_is_there_with_what_caused_it() {
    let house = house().await;
    let entries = house.store.ledger(LedgerFilter::default(), None, 1).await.unwrap();
    let expected = Entry {
        id: 1,
        delivery: 1,
        record: public_id(1),
        destination: "bank".to_owned(),
        partner_reference: Some("order-7".to_owned()),
        campaign: Some("autumn".to_owned()),
        source: None,
        sub_partner: None,
        partner: partner_id(1),
        application: application_id(1),
        product: "mortgage".to_owned(),
        kind: "accrue".to_owned(),
        amount: "12.50".to_owned(),
        currency: "CZK".to_owned(),
        at: NOW,
        cause: "accepted".to_owned(),
        actor: Actor::System,
        actor_name: None,
        reference: Some("fixed@3".to_owned()),
    };
    assert_eq!(entries, [expected]);

    // A commit that is refused owes nothing.
    let mut refused = commit(3);
    refused.scope = PRODUCTION;
    refused.writes.extend([entry(3, "accrue", NOW), delivery(3, "bank")]);
    assert_eq!(house.commit(refused).await, Outcome::IdTaken);
    assert_eq!(house.count("ledger"), 2);
}

#[tokio::test]
async fn entries_are_found_by_partner_delivery_and_time() {
    let house = house().await;
    house.commit(writing(PRODUCTION, vec![entry(1, "confirm", NOW + 5), entry(1, "pay", NOW + 9)])).await;
    let all = LedgerFilter::default;
    let (first, second) = ([row(1, "accrue"), row(3, "confirm"), row(4, "pay")], [row(2, "accrue")]);
    assert_eq!(kinds(&house, LedgerFilter { partner: Some(partner_id(1)), ..all() }).await, first);
    assert_eq!(kinds(&house, LedgerFilter { application: Some(application_id(3)), ..all() }).await, second);
    assert_eq!(kinds(&house, LedgerFilter { deliveries: vec![2, 9], ..all() }).await, second);
    // The time of most tests is in January 2027.
    house.commit(writing(PRODUCTION, vec![entry(1, "late", FEBRUARY), entry(1, "last", FEBRUARY - 1)])).await;
    let of = |month: &str| LedgerFilter { partner: Some(partner_id(1)), month: Some(month.to_owned()), ..all() };
    let january = [&first[..], &[row(6, "last")]].concat();
    assert_eq!(kinds(&house, of("2027-01")).await, january);
    assert_eq!(kinds(&house, of("2027-02")).await, [row(5, "late")]);
    assert_eq!(kinds(&house, of("2026-12")).await, []);
    let after = house.store.ledger(all(), Some(2), 1).await.unwrap();
    assert_eq!(after.iter().map(|entry| entry.id).collect::<Vec<_>>(), [3]);
}

fn amount(number: u8, destination: &'static str, amount: &str, currency: &str, at: Millis) -> Write {
    let Write::Ledger(entry) = entry(number, "accrue", at) else { unreachable!("it is an entry") };
    let (amount, currency) = (amount.to_owned(), currency.to_owned());
    Write::Ledger(NewEntry { destination: destination.into(), amount, currency, ..entry })
}

async fn balances(house: &House, destination: Option<&str>, month: &str) -> Vec<(String, String)> {
    let destination = destination.map(str::to_owned);
    let balances = house.store.ledger_balances(partner_id(1), destination, month.to_owned()).await.unwrap();
    balances.into_iter().map(|balance| (balance.currency, balance.amount)).collect()
}

fn sums(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(currency, amount)| ((*currency).to_owned(), (*amount).to_owned())).collect()
}

#[tokio::test]
async fn what_a_month_opens_with_is_the_exact_sum_of_all_before() {
    let house = house().await;
    let amounts = [
        ("0.1", "EUR", FEBRUARY - 2),
        ("0.2", "EUR", FEBRUARY - 1),
        ("-0.0001", "EUR", FEBRUARY),
        ("1000000000000.99", "CZK", FEBRUARY - 1),
        ("-1000000000012.5", "CZK", FEBRUARY - 1),
    ];
    let entries = amounts.map(|(text, currency, at)| amount(1, "bank", text, currency, at));
    house.commit(writing(PRODUCTION, entries.into())).await;
    let second = amount(1, "provider/second", "7", "EUR", FEBRUARY);
    house.commit(writing(PRODUCTION, vec![delivery(1, "provider/second"), second])).await;

    assert_eq!(balances(&house, None, "2027-01").await, []);
    assert_eq!(balances(&house, None, "2027-02").await, sums(&[("CZK", "0.9900"), ("EUR", "0.3000")]));
    assert_eq!(balances(&house, None, "2027-03").await, sums(&[("CZK", "0.9900"), ("EUR", "7.2999")]));
    assert_eq!(balances(&house, Some("provider/second"), "2027-03").await, sums(&[("EUR", "7.0000")]));
    assert_eq!(balances(&house, Some("provider/third"), "2027-03").await, []);

    // What is no exact number of that form never gets in, so no sum is ever wrong.
    for wrong in ["1e3", "0.00001", "1.2.3", "1-2", "--1", "", ".", "1,5", "NaN", "99999999999999999999"] {
        let refused = house.store.commit(writing(PRODUCTION, vec![amount(1, "bank", wrong, "EUR", NOW)])).await;
        assert_eq!(refused, Err(StoreError::Constraint(Constraint::Form)), "{wrong}");
    }
    assert_eq!(house.count("ledger"), 8);
}

#[tokio::test]
async fn nothing_is_owed_in_a_sandbox_or_for_a_request_of_somebody_else() {
    let house = house().await;
    house.commit(commit(3)).await;
    let sandbox = house.store.commit(writing(OWN, vec![entry(3, "accrue", NOW)])).await;
    assert_eq!(sandbox, Err(StoreError::Constraint(Constraint::Form)));
    let foreign = house.store.commit(writing(SECOND, vec![entry(1, "pay", NOW)])).await;
    assert_eq!(foreign, Err(StoreError::Constraint(Constraint::Reference)));
    assert_eq!(house.count("ledger"), 2);
}

#[tokio::test]
async fn of_two_payments_decided_from_one_reading_the_second_is_refused() {
    let house = house().await;
    let pay = |delivery, last| Commit {
        conditions: vec![Condition::LedgerUnmoved { delivery, last }],
        ..writing(PRODUCTION, vec![entry(1, "pay", NOW + 9)])
    };
    assert_eq!(house.commit(pay(1, 0)).await, Outcome::ConditionFailed(0));
    assert_eq!(house.commit(pay(1, 1)).await, Outcome::Committed(reply(0)));
    assert_eq!(house.commit(pay(1, 1)).await, Outcome::ConditionFailed(0));
    assert_eq!(house.commit(pay(9, 0)).await, Outcome::Committed(reply(0)));
}

#[tokio::test]
async fn an_entry_never_changes_and_never_goes() {
    let house = house().await;
    for change in ["UPDATE ledger SET amount = '1000000'", "DELETE FROM ledger", "DELETE FROM deliveries"] {
        house.database().execute(change, []).unwrap_err();
    }
    assert_eq!(house.count("ledger"), 2);
}

#[tokio::test]
async fn where_a_record_came_from_never_changes() {
    let house = house().await;
    for change in [
        "UPDATE records SET partner_reference = 'another'",
        "UPDATE records SET campaign = NULL",
        "UPDATE records SET source = 'another'",
        "UPDATE records SET sub_partner = 'another'",
        "UPDATE records SET partner_id = (SELECT max(id) FROM partners)",
        "UPDATE records SET product = 'another', products_version = 9",
        "UPDATE records SET received_at = 0",
    ] {
        let refused = house.database().execute(change, []).unwrap_err();
        assert!(refused.to_string().contains("what was accepted never changes"), "{change}: {refused}");
    }
    house.database().execute("UPDATE records SET status = 'CLAIMED'", []).unwrap();
}
