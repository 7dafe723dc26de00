//! Documents written by hand: what XML allows, and everything of it that is refused.

use usher_wire::Mode;

use super::{verdict, verdict_of_xml};
use crate::contract::examples::{examples, facts, schemas};

/// The documents of a folder, by name.
fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let path = schemas().join("appointment_request/v2/examples/xml").join(folder);
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn documents_in_any_order_and_spelling_say_what_their_json_says() {
    let facts = facts();
    let of_json = examples("appointment_request/v2", "valid", "request");
    let mut said = String::new();
    for (name, xml) in files("valid") {
        let found = verdict_of_xml(&xml, Mode::Strict, &facts).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found.violations, [], "{name}");
        match of_json.iter().find(|example| example.path.ends_with(&format!("/{name}.json"))) {
            Some(example) => {
                assert_eq!(found, verdict(example.text.as_bytes(), Mode::Strict, &facts).unwrap(), "{name}")
            }
            None => said += &format!("{name}: {}\n", found.canonical.unwrap()),
        }
    }
    insta::assert_snapshot!(said);
}

#[test]
fn what_breaks_the_contract_is_named_at_its_place_in_json() {
    let facts = facts();
    let mut said = String::new();
    for (name, xml) in files("invalid") {
        for mode in [Mode::Strict, Mode::Tolerant] {
            let found = verdict_of_xml(&xml, mode, &facts).unwrap_or_else(|error| panic!("{name}: {error}"));
            said += &format!("{name}, {mode:?}:\n");
            for (pointer, code, _) in found.violations {
                said += &format!("  {pointer} {code}\n");
            }
            for (pointer, code) in found.warnings {
                said += &format!("  warning {pointer} {code}\n");
            }
        }
    }
    insta::assert_snapshot!(said);
}

#[test]
fn what_cannot_be_read_is_told_with_its_place_and_never_with_its_value() {
    let mut said = String::new();
    for (name, xml) in files("unreadable") {
        let unreadable = verdict_of_xml(&xml, Mode::Tolerant, &facts()).expect_err(&name);
        said += &format!("{name}: {} at {unreadable}\n", unreadable.code);
    }
    insta::assert_snapshot!(said);
}
