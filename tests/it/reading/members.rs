//! Members: unknown ones in each mode, values from a newer version, absent and null, in any order and however spelled.

use serde_json::{Value, json};
use usher_contract::appointment_request::v2 as appointment;
use usher_contract::contact_request::v1::{ConsumerCredit, Recontact, Request, Subject, Withdrawal};
use usher_contract::digital_customer::v1::HomeAddress;
use usher_contract::shared::{Receipt, Status};
use usher_shapes::Record;
use usher_wire::{Checked, Json, Limits, Message, Mode, Nullable, Parsed, canonical, parse};

use super::options;
use super::respell::respell;
use crate::contract::examples::{READERS, examples, facts, schemas, strict};
use usher_testkit::random::{Random, seed};

fn read<'a, T: Message<'a>>(text: &'a str, mode: Mode) -> Parsed<T> {
    parse(text.as_bytes(), &options(mode, Limits::GATEWAY)).expect("JSON within the limits")
}

fn checked<'a, T: Message<'a>>(text: &'a str) -> Checked<T> {
    read::<T>(text, Mode::Strict).into_result().expect("nothing is broken").0
}

/// The violations of `text` as lines.
fn broken<'a, T: Message<'a>>(text: &'a str, mode: Mode) -> Vec<String> {
    let violations = read::<T>(text, mode).violations.list;
    violations.iter().map(|violation| format!("{} {}", violation.pointer, violation.code)).collect()
}

fn text_of<'a, T: Message<'a>>(value: &T) -> String {
    String::from_utf8(canonical(value)).unwrap()
}

/// The example at `path`, with the value at `pointer` replaced by the JSON text `raw`.
fn edited(path: &str, pointer: &str, raw: &str) -> String {
    let mut body: Value = serde_json::from_slice(&std::fs::read(schemas().join(path)).unwrap()).unwrap();
    *body.pointer_mut(pointer).expect(pointer) = json!("<replaced>");
    body.to_string().replace("\"<replaced>\"", raw)
}

const GENERAL: &str = "contact_request/v1/examples/valid/request/general.json";
const RECEIPT: &str = "shared/examples/valid/receipt/after_erasure.json";

#[test]
fn unknown_members_are_refused_kept_or_welcome_as_the_mode_says() {
    let text = edited(
        GENERAL,
        "/person",
        r#"{"forename":"Jana","surname":"Vzorova","nick\u006eame":{"b":1.50,"a":[]},"a/b~c":1}"#,
    );
    let places = ["/person/nickname unknown_member", "/person/a~1b~0c unknown_member"];

    let refused = read::<Request>(&text, Mode::Strict);
    assert!(refused.shaped().is_none() && refused.warnings.is_empty());
    assert_eq!(broken::<Request>(&text, Mode::Strict), places);

    for mode in [Mode::Tolerant, Mode::Answer] {
        let parsed = read::<Request>(&text, mode);
        let warnings: Vec<_> =
            parsed.warnings.iter().map(|warning| format!("{} {}", warning.pointer, warning.code)).collect();
        assert_eq!(warnings, if mode == Mode::Tolerant { places.to_vec() } else { Vec::new() });
        let (request, _) = parsed.into_result().unwrap();
        assert_eq!(request.person.unknown.member("nickname").map(Json::as_str), Some(r#"{"a":[],"b":1.5}"#));
        let person = r#""person":{"a/b~c":1,"forename":"Jana","nickname":{"a":[],"b":1.5},"surname":"Vzorova"}"#;
        assert!(text_of(&*request).contains(person), "kept, and in its place");
    }
}

#[test]
fn a_value_from_the_future_is_kept_in_an_answer_and_refused_in_a_request() {
    let text = edited(RECEIPT, "/status", r#""LEFT_\u0046OR_LATER""#);
    let (receipt, warnings) = read::<Receipt>(&text, Mode::Answer).into_result().unwrap();
    assert_eq!(receipt.status, Status::Unknown("LEFT_FOR_LATER".into()));
    assert_eq!(receipt.status.as_str(), "LEFT_FOR_LATER");
    assert!(text_of(&*receipt).contains(r#""status":"LEFT_FOR_LATER""#) && warnings.is_empty());
    for mode in [Mode::Strict, Mode::Tolerant] {
        assert_eq!(broken::<Receipt>(&text, mode), ["/status enum"]);
    }
    // Only the value may be new, not its type; and a request knows no future in any mode.
    assert_eq!(broken::<Receipt>(&edited(RECEIPT, "/status", "7"), Mode::Answer), ["/status type"]);
    let request = edited(GENERAL, "/subject", r#"{"productType":"GENERAL","intent":"PONDER"}"#);
    for mode in [Mode::Strict, Mode::Tolerant, Mode::Answer] {
        assert_eq!(broken::<Request>(&request, mode), ["/subject/intent enum"]);
    }
}

#[test]
fn absent_null_and_a_value_are_three_things() {
    for (member, note) in
        [("", None), (r#","note":null"#, Some(Nullable::Null)), (r#","note":"""#, Some(Nullable::Value(String::new())))]
    {
        let text = format!(r#"{{"extra":1,"kind":"record","name":"x"{member}}}"#);
        let record = checked::<Record>(&text);
        assert_eq!(record.note, note);
        assert_eq!(text_of(&*record), text);
    }
    // Where null is a value, it does not excuse from being there; where it is none, it is a wrong type.
    let update = "digital_customer/v1/examples/valid/update/home_selected.json";
    let body: Value = serde_json::from_slice(&std::fs::read(schemas().join(update)).unwrap()).unwrap();
    let mut address = body["Parameters"][0]["HomeAddressInfo"].clone();
    address["DistrictType"] = Value::Null;
    assert!(broken::<HomeAddress>(&address.to_string(), Mode::Strict).is_empty());
    address.as_object_mut().unwrap().remove("DistrictType");
    assert_eq!(broken::<HomeAddress>(&address.to_string(), Mode::Strict), ["/DistrictType required"]);
    assert_eq!(broken::<Withdrawal>(r#"{"reason":null}"#, Mode::Tolerant), ["/reason type"]);
    assert!(broken::<Withdrawal>("{}", Mode::Strict).is_empty());
}

#[test]
fn an_integer_is_a_value_and_not_a_spelling() {
    let months = |number: &str| {
        format!(
            r#"{{"productType":"CONSUMER_CREDIT","amount":{{"value":1,"currency":"CZK"}},"maturityMonths":{number}}}"#
        )
    };
    for (spelled, value) in
        [("2", 2), ("2.0", 2), ("20e-1", 2), ("0.2e1", 2), ("2.000", 2), ("60e1", 600), ("6E+2", 600)]
    {
        let text = months(spelled);
        let credit = checked::<ConsumerCredit>(&text);
        assert_eq!(credit.maturity_months.as_ref().map(|months| *months.expose()), Some(value), "{spelled}");
        assert!(text_of(&*credit).contains(&format!("\"maturityMonths\":{value},")), "{spelled}");
    }
    for (spelled, code) in [
        ("2.5", "type"),
        ("25e-1", "type"),
        ("1e-400", "type"),
        ("0", "minimum"),
        ("-0.0", "minimum"),
        ("601", "maximum"),
        ("1e400", "maximum"),
        ("9223372036854775808", "maximum"),
        ("-9223372036854775808", "minimum"),
        ("123456789012345678901234567890", "maximum"),
        ("\"2\"", "type"),
    ] {
        assert_eq!(broken::<ConsumerCredit>(&months(spelled), Mode::Strict), [format!("/maturityMonths {code}")]);
    }
}

#[test]
fn numbers_beyond_a_double_stay_exact() {
    let text = edited(
        GENERAL,
        "/message",
        r#""x","extra":{"id":9007199254740993,"rate":0.1000000000000000055511151231257827}"#,
    );
    let (request, _) = read::<Request>(&text, Mode::Tolerant).into_result().unwrap();
    let extra = request.unknown.member("extra").map(Json::as_str);
    assert_eq!(extra, Some(r#"{"id":9007199254740993,"rate":0.1000000000000000055511151231257827}"#));
}

#[test]
fn the_tag_of_a_variant_may_stand_anywhere_but_once() {
    let (at, mode) = (r#""at":"2099-03-01T09:30:00+01:00""#, r#""mo\u0064e":"A\u0054""#);
    let (first, last) = (format!("{{{mode},{at}}}"), format!("{{ {at} , {mode} }}"));
    let first = checked::<Recontact>(&first);
    assert_eq!(first, checked::<Recontact>(&last));
    assert!(matches!(*first, Recontact::At(_)));
    assert_eq!(broken::<Recontact>(&format!("{{{at}}}"), Mode::Strict), ["/mode required"]);
    assert_eq!(broken::<Recontact>(r#"{"mode":"LATER"}"#, Mode::Strict), ["/mode enum"]);
    assert_eq!(broken::<Recontact>(r#"{"mode":1,"at":2}"#, Mode::Strict), ["/mode type"]);
    assert_eq!(broken::<Recontact>("[]", Mode::Strict), [" type"]);
    // The variant's own rules are told at its members, not as "none of the variants".
    let credit = r#"{"amount":{"value":"1","currency":"CZK"},"productType":"CREDIT_CARD"}"#;
    assert_eq!(broken::<Subject>(credit, Mode::Strict), ["/amount unknown_member", "/creditLimit required"]);
    for twice in [r#"{"mode":"AT","mode":"AT"}"#, r#"{"mode":"AT","at":"x","mode":"AS_SOON_AS_POSSIBLE"}"#] {
        let unreadable = parse::<Recontact>(twice.as_bytes(), &options(Mode::Tolerant, Limits::GATEWAY)).unwrap_err();
        assert_eq!(unreadable.code, "duplicate_key");
    }
}

#[test]
fn escapes_are_the_characters_they_stand_for() {
    for (spelled, meant) in [
        (r#""Vzorov\u00e1""#, "Vzorov\u{e1}"),
        (r#""Vzorov\u00E1""#, "Vzorov\u{e1}"),
        (r#""\ud83d\uDE00""#, "\u{1f600}"),
        (r#""\uDBFF\uDFFF""#, "\u{10ffff}"),
        (r#""\"\\\/\b\f\n\r\tx""#, "\"\\/\u{8}\u{c}\n\r\tx"),
        (r#""a\u2028\u007f""#, "a\u{2028}\u{7f}"),
        (r#""e\u0301""#, "e\u{301}"),
    ] {
        let text = edited(GENERAL, "/person/surname", spelled);
        assert_eq!(checked::<Request>(&text).person.surname.expose(), meant, "{spelled}");
    }
    // The owned and the borrowed type keep the same text.
    let text = edited(GENERAL, "/person/surname", r#""V\u007aorova""#);
    let borrowed = checked::<Request<std::borrow::Cow<'_, str>>>(&text);
    assert_eq!(text_of(&*borrowed), text_of(&*checked::<Request>(&text)));
}

/// Order, white space, escapes and the spelling of numbers are the sender's; the value is the same.
#[test]
fn every_valid_example_means_the_same_however_it_is_spelled() {
    let seed = seed();
    let mut random = Random(seed);
    for (folder, stem, read) in READERS {
        for example in examples(folder, "valid", stem) {
            let meant = read(example.text.as_bytes(), &strict(&facts())).unwrap();
            let node = usher_codegen::json::parse(&example.text).unwrap();
            for _ in 0..20 {
                let text = respell(&node, &mut random);
                let found = read(text.as_bytes(), &strict(&facts())).unwrap();
                assert_eq!(found.violations.list, [], "{} (seed {seed})\n{text}", example.path);
                assert_eq!(found.written, meant.written, "{} (seed {seed})\n{text}", example.path);
                // Warnings come in the order of the document, so they are compared as a set.
                let places = |warnings: &[usher_wire::Warning]| {
                    let mut places: Vec<_> = warnings.iter().map(|warning| warning.pointer.clone()).collect();
                    places.sort();
                    places
                };
                assert_eq!(places(&found.warnings), places(&meant.warnings), "{} (seed {seed})\n{text}", example.path);
            }
        }
    }
}

#[test]
fn violations_come_in_the_order_of_the_document_and_missing_members_where_their_object_closes() {
    let text = r#"{"email":1,"person":{"surname":"","extra":0},"message":2,"subject":{"productType":"GENERAL"}}"#;
    assert_eq!(
        broken::<Request>(text, Mode::Strict),
        [
            "/email type",
            "/person/surname pattern",
            "/person/extra unknown_member",
            "/person/forename required",
            "/message type",
            "/phoneNumber required",
        ]
    );
    assert_eq!(
        broken::<appointment::Request>("{}", Mode::Strict),
        ["/referredOffers required", "/contactRequest required"]
    );
}
