//! Values that are known to obey their contract: built by hand and checked, or read; through serde; and exact decimals.

use std::fmt::Debug;

use serde_json::json;
use usher_contract::appointment_request::v2 as appointment;
use usher_contract::contact_request::v1::{self as contact, ConsumerCredit, General, Loan, Money, Person, Subject};
use usher_contract::digital_customer::v1 as customer;
use usher_contract::shared::{Currency, Receipt};
use usher_wire::{Checked, Decimal, Limits, Message, Mode, Personal, Unknown, canonical, parse, to_json};

use super::options;
use crate::contract::examples::examples;
use usher_testkit::random::{Random, seed};

fn person() -> Person {
    Person { forename: "Jana".into(), surname: "Vzorov\u{e1}".into(), unknown: Unknown::default() }
}

/// Which rules a value built by hand breaks.
fn broken<T: for<'t> Message<'t> + Debug>(value: T) -> Vec<String> {
    let violations = Checked::check(value).expect_err("a rule is broken").list;
    violations.iter().map(|violation| format!("{} {}", violation.pointer, violation.code)).collect()
}

#[test]
fn a_value_built_by_hand_is_checked_by_the_rules_of_its_contract() {
    assert_eq!(Checked::check(person()).unwrap().surname.expose(), "Vzorov\u{e1}");

    let nobody = Person { forename: String::new().into(), surname: "x".repeat(101).into(), ..person() };
    assert_eq!(broken(nobody), ["/forename pattern", "/surname pattern"]);

    let money = |value: &str| Money {
        value: Personal::new(value.parse().unwrap()),
        currency: Currency::Czk,
        unknown: Unknown::default(),
    };
    let credit = Subject::<String>::ConsumerCredit(ConsumerCredit {
        intent: None,
        amount: money("10.005"),
        interest_rate: Some(Personal::new("100.5".parse().unwrap())),
        maturity_months: Some(Personal::new(0)),
        purpose: None,
        unknown: Unknown::default(),
    });
    assert_eq!(broken(credit), ["/amount/value multiple_of", "/interestRate maximum", "/maturityMonths minimum"]);

    // What cannot be sent breaks the rules as a whole.
    assert_eq!(broken(Person { forename: "a\0".into(), ..person() }), [" nul"]);
    assert_eq!(broken(money(&format!("1e{}", 399))), [" number_size"]);
}

#[test]
fn unknown_members_cannot_smuggle_a_second_value_under_a_name_of_the_contract() {
    let options = options(Mode::Tolerant, Limits::GATEWAY);
    let unknown =
        |text: &str| parse::<General>(text.as_bytes(), &options).unwrap().into_result().unwrap().0.unknown.clone();
    let twice = unknown(r#"{"productType":"GENERAL","surname":"Other"}"#);
    assert_eq!(broken(Person { unknown: twice, ..person() }), [" duplicate_key"]);
    let kept = unknown(r#"{"productType":"GENERAL","nickname":"Ja"}"#);
    assert!(Checked::check(Person { unknown: kept, ..person() }).is_ok());
}

/// Writes and reads through serde every valid example of one type.
fn through_serde<T: for<'t> Message<'t> + Debug + PartialEq>(folder: &str, stem: &str) {
    for example in examples(folder, "valid", stem) {
        let read: Checked<T> = serde_json::from_str(&example.text).unwrap();
        let written = serde_json::to_string(&read).unwrap();
        // Credentials stand in it: it is what goes over the wire.
        assert_eq!(written.as_bytes(), to_json(&*read), "{}", example.path);
        assert_eq!(serde_json::from_str::<Checked<T>>(&written).unwrap(), read, "{}", example.path);
        // Inside another type, and out of a tree as far as a tree is exact.
        let pair: (u8, Checked<T>) = serde_json::from_str(&format!("[7, {}]", example.text)).unwrap();
        assert_eq!(pair.1, read, "{}", example.path);
        assert_eq!(Checked::check(read.into_inner()).unwrap(), pair.1, "{}", example.path);
    }
}

#[test]
fn checked_values_go_through_serde_and_come_back_the_same() {
    through_serde::<contact::Request>("contact_request/v1", "request");
    through_serde::<appointment::Request>("appointment_request/v2", "request");
    through_serde::<customer::CreateDigitalCustomer>("digital_customer/v1", "create");
    through_serde::<customer::UpdateDigitalCustomerInformations>("digital_customer/v1", "update");
    through_serde::<customer::CompleteDigitalCustomer>("digital_customer/v1", "complete");
    through_serde::<Receipt>("shared", "receipt");
}

#[test]
fn serde_takes_nothing_that_breaks_a_rule() {
    let error = |text: &str| serde_json::from_str::<Checked<Person>>(text).unwrap_err().to_string();
    let violated = error(r#"{"forename":"","nickname":"Ja"}"#);
    assert!(violated.contains("/forename pattern") && violated.contains("/surname required"), "{violated}");
    assert!(error(r#"{"forename":"a","forename":"a","surname":"b"}"#).contains("twice"));
    assert!(error(r#"{"forename":"a\u0000","surname":"b"}"#).contains("U+0000"));
    // Unknown members are kept; a value of the future is not one of this contract.
    let text = r#"{"forename":"a","nickname":"Ja","surname":"b"}"#;
    let kept: Checked<Person> = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&kept).unwrap(), text);
    let money = json!({"value": 1, "currency": "ZZZ"});
    assert!(serde_json::from_value::<Checked<Money>>(money).is_err());
    assert!(
        serde_json::from_value::<Checked<Loan>>(
            json!({"creditor": "A bank", "outstanding": {"value": 1.5, "currency": "EUR"}})
        )
        .is_ok()
    );
}

#[test]
fn a_decimal_is_read_and_written_without_losing_a_digit() {
    let mut random = Random(seed());
    for round in 0..20_000 {
        let digits = |count: usize, random: &mut Random| -> String {
            (0..count).map(|_| char::from(b'0' + random.below(10) as u8)).collect()
        };
        let count = [1, 2, 17, 18, 19, 20, 40][random.below(7)];
        let whole = digits(count, &mut random);
        let whole = match whole.trim_start_matches('0') {
            "" => "0",
            trimmed => trimmed,
        };
        let places = [0, 1, 2, 19][random.below(4)];
        let fraction = digits(places, &mut random);
        let fraction = fraction.trim_end_matches('0');
        let sign = if random.below(2) == 0 || (whole == "0" && fraction.is_empty()) { "" } else { "-" };
        let plain = if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") };
        let shift = random.below(40) as i64 - 20;
        let spelled = format!("{sign}{whole}.{fraction}000e{shift}");

        let decimal: Decimal = plain.parse().unwrap();
        assert_eq!(decimal.to_string(), plain, "round {round}");
        // The reader and the text agree on every spelling, and so do equality and order.
        let shifted: Decimal = spelled.parse().unwrap();
        let read = parse::<usher_wire::Json>(spelled.as_bytes(), &options(Mode::Strict, Limits::GATEWAY)).unwrap();
        assert_eq!(read.shaped().unwrap().as_str(), shifted.to_string(), "{spelled}");
        assert_eq!(canonical(&shifted), shifted.to_string().into_bytes());
        assert_eq!(shifted.to_string().parse::<Decimal>().unwrap(), shifted, "{spelled}");
        assert_eq!(shifted.cmp(&decimal).is_eq(), shifted == decimal, "{spelled} and {plain}");
        if let Some(integer) = decimal.as_i64() {
            assert_eq!((Decimal::from(integer), integer.to_string()), (decimal, plain));
        }
    }
    for integer in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX] {
        let decimal: Decimal = integer.to_string().parse().unwrap();
        assert_eq!((decimal.as_i64(), &decimal), (Some(integer), &Decimal::from(integer)));
    }
}
