//! Nothing that is said about a document repeats a value of it: marked values stand everywhere, in turn, and are looked for in
//! violations, warnings, refusals and the debug form of what was read.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use usher_codegen::generate::plan;
use usher_codegen::json::escape_token;
use usher_codegen::load::{LoadOptions, load};
use usher_codegen::model::NodeId;
use usher_codegen::plan::{Plan, Shape};
use usher_codegen::resolve::{Location, Registry};
use usher_contract::contact_request::v1::Person;
use usher_wire::{Checked, Limits, Mode, Options};

use super::options;
use crate::contract::examples::{READERS, Read, body_of, examples, facts, schemas, strict};

/// Values no example has. Each contains one of the marks; some obey the rules of a name, a code or an address, some none.
const MARKS: &[&str] = &["zq7canary", "7351982604"];

fn marked() -> [Value; 5] {
    let wide = "zq7canary ".repeat(410);
    [json!("zq7canary"), json!("zq7canary@example.org"), json!("7351982604"), json!(7_351_982_604_i64), json!(wide)]
}

/// All that is said about a document: what may repeat nothing, and the debug form of what was read.
fn said(read: Read, text: &str, options: &Options<'_>) -> (String, String) {
    match read(text.as_bytes(), options) {
        Err(unreadable) => (format!("{unreadable:?} {unreadable}"), String::new()),
        Ok(reading) => {
            let mut said = format!("{:?} {} {:?}", reading.violations, reading.violations, reading.warnings);
            for violation in &reading.violations.list {
                let _ = write!(said, " {violation}");
            }
            (said, format!("{:?}", reading.parsed))
        }
    }
}

fn assert_silent(said: &str, about: &str, text: &str) {
    for mark in MARKS {
        assert!(!said.contains(mark), "{about} repeats a value\n{said}\n{text}");
    }
}

#[test]
fn nothing_repeats_a_marked_value_of_a_valid_example() {
    let mut shown = 0;
    for_each_valid_example(|read, path, body, leaves| {
        for (pointer, personal) in leaves {
            for value in marked() {
                let mut body = body.clone();
                *body.pointer_mut(pointer).unwrap() = value;
                let text = body.to_string();
                for mode in [Mode::Strict, Mode::Tolerant, Mode::Answer] {
                    let facts = facts();
                    let (said, debug) = said(read, &text, &Options { mode, ..strict(&facts) });
                    assert_silent(&said, path, &text);
                    if *personal {
                        assert_silent(&debug, path, &text);
                        shown += usize::from(debug.contains("Personal(..)"));
                    }
                }
            }
        }
    });
    // Some marked values obey the rules, or this would compare nothing.
    assert!(shown > 1_000, "{shown}");
}

#[test]
fn the_debug_form_of_an_example_shows_no_personal_value() {
    let mut compared = 0;
    for_each_valid_example(|read, path, body, leaves| {
        let (_, debug) = said(read, &body.to_string(), &options(Mode::Strict, Limits::GATEWAY));
        let text_of = |pointer: &String| match body.pointer(pointer) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let (personal, public): (Vec<_>, Vec<_>) = leaves.iter().partition(|(_, personal)| **personal);
        let public: Vec<String> = public.into_iter().map(|(pointer, _)| text_of(pointer)).collect();
        for (pointer, _) in personal {
            let value = text_of(pointer);
            // Short values, and those that also stand where everyone may see them, prove nothing.
            if value.len() >= 5 && !public.iter().any(|shown| shown.contains(&value)) {
                assert!(!debug.contains(&value), "{path}: {pointer} is shown\n{debug}");
                compared += 1;
            }
        }
    });
    assert!(compared > 500, "{compared}");
}

#[test]
fn nothing_repeats_a_marked_value_of_an_invalid_example() {
    for (folder, stem, read) in READERS {
        for example in examples(folder, "invalid", stem) {
            let body: Value = serde_json::from_str(&body_of(&example)).unwrap();
            let mut places = Vec::new();
            scalars(&body, String::new(), &mut places);
            let mut everywhere = body.clone();
            for (pointer, value) in places.iter().zip(marked().iter().cycle()) {
                let mut once = body.clone();
                *once.pointer_mut(pointer).unwrap() = value.clone();
                assert_silent(&said(*read, &once.to_string(), &strict(&facts())).0, &example.path, pointer);
            }
            for value in marked() {
                for pointer in &places {
                    *everywhere.pointer_mut(pointer).unwrap() = value.clone();
                }
                let text = everywhere.to_string();
                assert_silent(&said(*read, &text, &strict(&facts())).0, &example.path, &text);
            }
        }
    }
}

#[test]
fn what_the_contract_does_not_name_is_kept_out_of_debug_forms() {
    for_each_valid_example(|read, path, body, _| {
        for value in [json!("zq7canary"), json!({"inner": ["zq7canary", 7_351_982_604_i64]})] {
            let mut body = body.clone();
            extend(&mut body, &value);
            let text = body.to_string();
            for mode in [Mode::Strict, Mode::Tolerant, Mode::Answer] {
                let (said, debug) = said(read, &text, &options(mode, Limits::GATEWAY));
                assert_silent(&said, path, &text);
                assert_silent(&debug, path, &text);
            }
        }
    });
}

#[test]
fn a_refusal_to_read_repeats_nothing_of_the_document() {
    for_each_valid_example(|read, path, body, leaves| {
        for pointer in leaves.keys() {
            let mut body = body.clone();
            *body.pointer_mut(pointer).unwrap() = json!("zq7canary\0");
            let text = body.to_string();
            let cut = text.find("zq7canary").unwrap() + "zq7canary".len();
            for text in [&text, &text[..cut], &text.replace("\\u0000", "\u{1}"), &text.replace("\\u0000", "\\ud800")] {
                let (said, debug) = said(read, text, &options(Mode::Tolerant, Limits::GATEWAY));
                assert!(said.starts_with("Unreadable") && debug.is_empty(), "{path}");
                assert_silent(&said, path, text);
            }
        }
    });
}

#[test]
fn errors_of_serde_repeat_no_value() {
    for text in [
        r#"{"forename":["zq7canary"],"surname":"zq7canary"}"#,
        r#"{"forename":"zq7canary\u0000","surname":"b"}"#,
        r#"{"forename":"zq7canary","surname":7351982604}"#,
        r#"{"forename":"zq7canary"#,
        r#"{"forename":"zq7canary" "surname""#,
    ] {
        let error = serde_json::from_str::<Checked<Person>>(text).unwrap_err();
        assert_silent(&format!("{error} {error:?}"), "serde", text);
    }
}

/// Calls `check` with the reader, the path, the body and the scalars of each valid example: pointer, and whether it is personal.
pub(crate) fn for_each_valid_example(mut check: impl FnMut(Read, &str, &Value, &BTreeMap<String, bool>)) {
    let sources = load(&schemas(), &LoadOptions { own_tree: true, ..LoadOptions::default() }).unwrap();
    let registry = Registry::new(&sources).unwrap();
    let (plan, _) = plan(&sources, &registry).unwrap();
    for (folder, stem, read) in READERS {
        let path = format!("{folder}/{stem}.schema.json");
        let document = sources.schemas.iter().position(|document| document.path == path).unwrap();
        let root = plan.model.at(&Location { document, pointer: String::new() }).unwrap();
        for example in examples(folder, "valid", stem) {
            let body: Value = serde_json::from_str(&example.text).unwrap();
            let mut leaves = BTreeMap::new();
            classify(&plan, root, &body, String::new(), false, &mut leaves);
            check(*read, &example.path, &body, &leaves);
        }
    }
}

/// Whether each scalar below `value` is personal by its schema.
fn classify(plan: &Plan, id: NodeId, value: &Value, at: String, personal: bool, leaves: &mut BTreeMap<String, bool>) {
    let id = plan.model.target(id);
    match (plan.shape(id), value) {
        (Shape::Record(fields), Value::Object(members)) => {
            for (name, member) in members {
                let field =
                    fields.iter().find(|field| field.name == *name).expect("valid examples have no other members");
                let at = format!("{at}/{}", escape_token(name));
                match field.node {
                    Some(node) => classify(plan, node, member, at, personal || field.personal, leaves),
                    None => drop(leaves.insert(at, true)),
                }
            }
        }
        (Shape::Tagged { tag, variants }, _) => {
            let variant =
                variants.iter().find(|variant| value[tag] == *variant.value).expect("a variant of the schema");
            classify(plan, variant.node, value, at, personal, leaves);
        }
        (Shape::Array(item), Value::Array(items)) => {
            for (index, value) in items.iter().enumerate() {
                classify(plan, *item, value, format!("{at}/{index}"), personal, leaves);
            }
        }
        (Shape::Nullable(inner), value) if !value.is_null() => classify(plan, *inner, value, at, personal, leaves),
        (_, Value::Object(_) | Value::Array(_)) => {
            let mut below = Vec::new();
            scalars(value, at, &mut below);
            leaves.extend(below.into_iter().map(|pointer| (pointer, personal)));
        }
        _ => drop(leaves.insert(at, personal)),
    }
}

fn scalars(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| scalars(value, format!("{at}/{index}"), places));
        }
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| scalars(value, format!("{at}/{}", escape_token(name)), places));
        }
        _ => places.push(at),
    }
}

/// Adds a member to every object.
fn extend(value: &mut Value, extra: &Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| extend(item, extra)),
        Value::Object(members) => {
            members.values_mut().for_each(|member| extend(member, extra));
            members.insert("extra".to_owned(), extra.clone());
        }
        _ => {}
    }
}
