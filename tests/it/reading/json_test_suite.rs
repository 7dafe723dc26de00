//! The official JSON test suite (github.com/nst/JSONTestSuite): what must be read is read, what must be refused is refused, and
//! what is left to the reader is decided here. The suite is no part of this tree: USHER_DATA names the folder of its copy.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use usher_contract::contact_request::v1::Withdrawal;
use usher_wire::{Limits, Mode, Unreadable, parse};

use super::{canonical_text, options};
use crate::contract::examples::READERS;

/// What the suite leaves open (`i_`), with the limits open: read, or the code of the refusal.
const LEFT_OPEN: &[(&str, &str)] = &[
    ("i_number_double_huge_neg_exp", "read"),
    ("i_number_huge_exp", "number_size"),
    ("i_number_neg_int_huge_exp", "read"),
    ("i_number_pos_double_huge_exp", "read"),
    ("i_number_real_neg_overflow", "read"),
    ("i_number_real_pos_overflow", "read"),
    ("i_number_real_underflow", "number_size"),
    ("i_number_too_big_neg_int", "read"),
    ("i_number_too_big_pos_int", "read"),
    ("i_number_very_big_negative_int", "read"),
    ("i_object_key_lone_2nd_surrogate", "surrogate"),
    ("i_string_1st_surrogate_but_2nd_missing", "surrogate"),
    ("i_string_1st_valid_surrogate_2nd_invalid", "surrogate"),
    ("i_string_UTF-16LE_with_BOM", "utf8"),
    ("i_string_UTF-8_invalid_sequence", "utf8"),
    ("i_string_UTF8_surrogate_U+D800", "utf8"),
    ("i_string_incomplete_surrogate_and_escape_valid", "surrogate"),
    ("i_string_incomplete_surrogate_pair", "surrogate"),
    ("i_string_incomplete_surrogates_escape_valid", "surrogate"),
    ("i_string_invalid_lonely_surrogate", "surrogate"),
    ("i_string_invalid_surrogate", "surrogate"),
    ("i_string_invalid_utf-8", "utf8"),
    ("i_string_inverted_surrogates_U+1D11E", "surrogate"),
    ("i_string_iso_latin_1", "utf8"),
    ("i_string_lone_second_surrogate", "surrogate"),
    ("i_string_lone_utf8_continuation_byte", "utf8"),
    ("i_string_not_in_unicode_range", "utf8"),
    ("i_string_overlong_sequence_2_bytes", "utf8"),
    ("i_string_overlong_sequence_6_bytes", "utf8"),
    ("i_string_overlong_sequence_6_bytes_null", "utf8"),
    ("i_string_truncated-utf-8", "utf8"),
    ("i_string_utf16BE_no_BOM", "utf8"),
    ("i_string_utf16LE_no_BOM", "utf8"),
    ("i_structure_500_nested_arrays", "read"),
    ("i_structure_UTF-8_BOM_empty_object", "syntax"),
];

/// What is read with the limits open and refused by the gateway: its policy, each with a code of its own.
const POLICY: &[(&str, &str)] = &[
    ("i_structure_500_nested_arrays", "depth"),
    ("y_object_duplicated_key", "duplicate_key"),
    ("y_object_duplicated_key_and_value", "duplicate_key"),
    ("y_object_escaped_null_in_key", "nul"),
    ("y_string_null_escape", "nul"),
];

/// The canonical forms of documents that readers are known to change, or the code of the refusal, with the limits open.
const TRANSFORMED: &[(&str, &str)] = &[
    ("number_-9223372036854775808", "[-9223372036854775808]"),
    ("number_-9223372036854775809", "[-9223372036854775809]"),
    ("number_1.0", "[1]"),
    ("number_1.000000000000000005", "[1.000000000000000005]"),
    ("number_1000000000000000", "[1000000000000000]"),
    ("number_10000000000000000999", "[10000000000000000999]"),
    ("number_1e6", "[1000000]"),
    ("number_9223372036854775807", "[9223372036854775807]"),
    ("number_9223372036854775808", "[9223372036854775808]"),
    ("object_key_nfc_nfd", "{\"e\u{301}\":\"NFD\",\"\u{e9}\":\"NFC\"}"),
    ("object_key_nfd_nfc", "{\"e\u{301}\":\"NFD\",\"\u{e9}\":\"NFC\"}"),
    ("object_same_key_different_values", r#"{"a":2}"#),
    ("object_same_key_same_value", r#"{"a":1}"#),
    ("object_same_key_unclear_values", r#"{"a":0}"#),
    ("string_1_escaped_invalid_codepoint", "surrogate"),
    ("string_1_invalid_codepoint", "utf8"),
    ("string_2_escaped_invalid_codepoints", "surrogate"),
    ("string_2_invalid_codepoints", "utf8"),
    ("string_3_escaped_invalid_codepoints", "surrogate"),
    ("string_3_invalid_codepoints", "utf8"),
    ("string_with_escaped_NULL", r#"["A\u0000B"]"#),
];

/// The documents of one folder of the suite by name. None, said on the terminal, when there is no copy of the suite.
pub(super) fn suite(folder: &str, skipped: &str) -> Option<BTreeMap<String, Vec<u8>>> {
    let suite =
        std::env::var_os("USHER_DATA").map(|data| PathBuf::from(data).join("suites/JSONTestSuite").join(folder));
    let Some(suite) = suite.filter(|suite| suite.is_dir()) else {
        // Straight to the terminal: what a passing test prints is not shown.
        let _ = writeln!(
            std::io::stderr(),
            "skipped {skipped}: USHER_DATA names no folder with suites/JSONTestSuite/{folder}; \
             get it from https://github.com/nst/JSONTestSuite"
        );
        return None;
    };
    let mut documents = BTreeMap::new();
    for entry in std::fs::read_dir(suite).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        documents.insert(name, std::fs::read(path).unwrap());
    }
    Some(documents)
}

fn verdict(document: &[u8], limits: Limits) -> &'static str {
    canonical_text(document, limits).map_or_else(|unreadable| unreadable.code, |_| "read")
}

#[test]
fn what_must_be_read_is_read_and_what_must_be_refused_is_refused() {
    let Some(documents) = suite("test_parsing", "what_must_be_read_is_read_and_what_must_be_refused_is_refused") else {
        return;
    };
    let mut left_open = Vec::new();
    let mut counts = BTreeMap::new();
    for (name, document) in &documents {
        let verdict = verdict(document, Limits::OPEN);
        match &name[..2] {
            "y_" => assert_eq!(verdict, "read", "{name}"),
            "n_" => assert_ne!(verdict, "read", "{name}"),
            _ => left_open.push((name.as_str(), verdict)),
        }
        *counts.entry(&name[..2]).or_insert(0) += 1;
    }
    assert_eq!(left_open, LEFT_OPEN);
    // Fewer would mean a copy in pieces; a newer suite with more is welcome, and its new `i_` fail above.
    assert!(counts["y_"] >= 95 && counts["n_"] >= 188, "{counts:?}");
}

#[test]
fn the_gateway_refuses_more_only_as_policy_and_by_name() {
    let Some(documents) = suite("test_parsing", "the_gateway_refuses_more_only_as_policy_and_by_name") else { return };
    let mut policy = Vec::new();
    for (name, document) in &documents {
        let (open, gateway) = (verdict(document, Limits::OPEN), verdict(document, Limits::GATEWAY));
        if open == "read" && gateway != "read" {
            policy.push((name.as_str(), gateway));
        }
        assert!(open == "read" || gateway != "read", "{name}");
    }
    // Numbers of the suite that no double holds are read by the gateway too, up to its exponent.
    let numbers: Vec<_> = policy.extract_if(.., |(_, code)| *code == "number_size").map(|(name, _)| name).collect();
    assert_eq!(policy, POLICY);
    assert!(numbers.iter().all(|name| name.starts_with("i_number_")), "{numbers:?}");
}

#[test]
fn stepping_over_a_value_checks_it_as_reading_it_does() {
    let Some(documents) = suite("test_parsing", "stepping_over_a_value_checks_it_as_reading_it_does") else { return };
    let fault = |unreadable: Unreadable| (unreadable.code, unreadable.offset);
    for (name, document) in &documents {
        for limits in [Limits::OPEN, Limits::GATEWAY] {
            let read = canonical_text(document, limits).err().map(fault);
            // Every value of the suite breaks a rule of this type, or is a member it does not name.
            let skipped = parse::<Withdrawal>(document, &options(Mode::Strict, limits)).err().map(fault);
            assert_eq!(skipped, read, "{name}");
            for (folder, stem, reader) in READERS {
                let skipped = reader(document, &options(Mode::Strict, limits)).err().map(fault);
                assert_eq!(skipped, read, "{name} as {folder}/{stem}");
            }
        }
    }
}

#[test]
fn documents_that_readers_are_known_to_change_keep_their_meaning() {
    let Some(documents) = suite("test_transform", "documents_that_readers_are_known_to_change_keep_their_meaning")
    else {
        return;
    };
    for (name, document) in &documents {
        let outcome = canonical_text(document, Limits::OPEN).unwrap_or_else(|unreadable| unreadable.code.to_owned());
        if name == "number_1e-999" {
            assert_eq!(outcome, format!("[0.{}1]", "0".repeat(998)));
            continue;
        }
        let (_, expected) = TRANSFORMED.iter().find(|(known, _)| known == name).expect(name);
        assert_eq!(outcome, *expected, "{name}");
    }
    assert!(documents.len() > TRANSFORMED.len());
}
