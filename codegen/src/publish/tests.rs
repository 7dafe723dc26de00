use std::path::Path;

use super::*;
use crate::load::{self, LoadOptions};

const ORDER: &str = r##"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "$id": "https://schemas.example.org/shop/v1/order.schema.json",
  "title": "Order",
  "type": "object",
  "properties": {
    "id": {"type": "string", "x-rust-name": "OrderId"},
    "payment": {"$ref": "payment.schema.json"},
    "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}}
  },
  "required": ["id"],
  "if": {"properties": {"payment": {"properties": {"kind": {"const": "CARD"}}, "required": ["kind"]}}, "required": ["payment"]},
  "then": {"properties": {"lines": {"minItems": 1}}, "required": ["lines"]},
  "$defs": {"Line": {"type": "object", "properties": {"price": {"$ref": "../../shared/money.json#/$defs/Money"}}}}
}"##;

const PAYMENT: &str = r##"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "$id": "https://schemas.example.org/shop/v1/payment.schema.json",
  "oneOf": [
    {"type": "object", "properties": {"kind": {"const": "CARD"}, "number": {"type": "string"}}, "required": ["kind"]},
    {"type": "object", "properties": {"kind": {"const": "CASH"}}, "required": ["kind"]}
  ]
}"##;

const MONEY: &str = r##"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "$defs": {
    "Amount": {"properties": {"value": {"type": "number"}}},
    "Money": {"type": "object", "allOf": [{"$ref": "#/$defs/Amount"}], "properties": {"currency": {"type": "string"}}}
  }
}"##;

const OPENAPI: &str = r##"{
  "openapi": "3.1.0",
  "info": {"title": "Shop", "version": "1.0.0"},
  "paths": {"/orders": {"post": {
    "operationId": "submitOrder",
    "requestBody": {"content": {"application/json": {"schema": {"$ref": "order.schema.json"}}}},
    "responses": {"200": {"description": "Paid.", "content": {"application/json": {"schema": {"$ref": "payment.schema.json"}}}}}
  }}}
}"##;

fn shop() -> Sources {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let files = vec![
        file("shop/v1/order.schema.json", ORDER),
        file("shop/v1/payment.schema.json", PAYMENT),
        file("shared/money.json", MONEY),
        file("shop/v1/openapi.json", OPENAPI),
    ];
    load::from_memory(files, &LoadOptions { base: "https://schemas.example.org/".to_owned(), ..LoadOptions::default() })
        .expect("the files are JSON")
}

fn validator(schema: &Node) -> jsonschema::Validator {
    let schema = serde_json::from_str(&schema.to_json()).expect("a bundle is JSON");
    jsonschema::draft202012::new(&schema).expect("a bundle is self-contained")
}

#[test]
fn publications_are_self_contained() {
    let sources = shop();
    let registry = Registry::new(&sources).expect("every reference leads somewhere");
    let apis = openapi::read(&sources, &registry).expect("the operations can be read");
    let files = publish(&sources, &registry, &apis);
    let text: String = files.iter().map(|(path, text)| format!("=== {path}\n{text}")).collect();
    insta::assert_snapshot!(text);
    assert_eq!(files, publish(&sources, &registry, &apis), "the same input gives the same bytes");
}

#[test]
fn the_strict_flavour_refuses_unknown_members_and_nothing_else() {
    let sources = shop();
    let registry = Registry::new(&sources).expect("every reference leads somewhere");
    let root = Location { document: 1, pointer: String::new() };
    assert_eq!(registry.document(&root).stem(), "order");
    let (open, strict) = (validator(&bundle(&registry, &root)), validator(&bundle_strict(&registry, &root)));
    let cases = [
        (
            r#"{"id": "1", "payment": {"kind": "CARD", "number": "2"}, "lines": [{"price": {"value": 1, "currency": "EUR"}}]}"#,
            true,
            true,
        ),
        (r#"{"id": "1", "more": 1}"#, true, false),
        (r#"{"id": "1", "payment": {"kind": "CASH", "number": "2"}}"#, true, false),
        (r#"{"id": "1", "lines": [{"price": {"value": 1, "tax": 2}}]}"#, true, false),
        (r#"{"id": "1", "lines": [{"cost": 1}]}"#, true, false),
        // The condition holds although its tests do not name every member.
        (r#"{"id": "1", "payment": {"kind": "CARD", "number": "2"}}"#, false, false),
        (r#"{"id": 1}"#, false, false),
    ];
    for (text, when_open, when_strict) in cases {
        let value = serde_json::from_str(text).expect("a case is JSON");
        assert_eq!(open.is_valid(&value), when_open, "{text}");
        assert_eq!(strict.is_valid(&value), when_strict, "{text}, closed");
    }
}

/// Every valid example of our own schemas passes both flavours, and no object in it takes one more member when closed.
#[test]
fn our_own_examples_agree_with_both_flavours() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    let sources = load::load(&folder, &LoadOptions::default()).expect("our schemas can be read");
    let registry = Registry::new(&sources).expect("every reference leads somewhere");
    let mut examples = 0;
    for (index, document) in sources.schemas.iter().enumerate() {
        let root = Location { document: index, pointer: String::new() };
        let (open, strict) = (validator(&bundle(&registry, &root)), validator(&bundle_strict(&registry, &root)));
        let valid = folder.join(document.folder()).join("examples/valid").join(document.stem());
        for entry in std::fs::read_dir(&valid).into_iter().flatten().flatten() {
            let text = std::fs::read_to_string(entry.path()).expect("an example can be read");
            let value: serde_json::Value = serde_json::from_str(&text).expect("an example is JSON");
            let name = entry.path();
            assert!(open.is_valid(&value), "{} is valid", name.display());
            if !strict.is_valid(&value) {
                // An example of a tolerant reader has members nobody named.
                continue;
            }
            examples += 1;
            let described = |pointer: &String| !takes_anything(&strict, &value, pointer);
            for pointer in objects(&value, String::new()).into_iter().filter(described) {
                let mut more = value.clone();
                let object =
                    more.pointer_mut(&pointer).and_then(serde_json::Value::as_object_mut).expect("the object is there");
                object.insert("nobodyNamedThis".to_owned(), serde_json::Value::Null);
                assert!(!strict.is_valid(&more), "{}: {pointer} takes an unknown member", name.display());
            }
        }
    }
    assert!(examples > 0, "no example was found below {}", folder.display());
}

/// Our own publications stand alone: every schema can be compiled without any other file, every reference stays inside.
#[test]
fn our_own_publications_are_self_contained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    let sources = load::load(&folder, &LoadOptions::default()).expect("our schemas can be read");
    let registry = Registry::new(&sources).expect("every reference leads somewhere");
    let apis = openapi::read(&sources, &registry).unwrap_or_else(|faults| panic!("{faults:?}"));
    for (path, text) in publish(&sources, &registry, &apis) {
        let node = crate::json::parse(&text).unwrap_or_else(|error| panic!("{path}: {error:?}"));
        if path.ends_with("openapi.json") {
            for line in text.lines().filter(|line| line.contains("\"$ref\"")) {
                assert!(line.contains("\"#/components/"), "{path}: {line}");
            }
        } else {
            validator(&node);
        }
    }
}

/// Whether anything may stand at a place of an example, or at one above it: then no schema describes what is in it.
fn takes_anything(strict: &jsonschema::Validator, value: &serde_json::Value, pointer: &str) -> bool {
    let above = pointer.match_indices('/').skip(1).map(|(at, _)| &pointer[..at]);
    above.chain([pointer]).filter(|place| !place.is_empty()).any(|place| {
        ["", "a text"].into_iter().map(serde_json::Value::from).chain([serde_json::json!([[]])]).all(|other| {
            let mut changed = value.clone();
            changed.pointer_mut(place).is_some_and(|at| {
                *at = other;
                true
            }) && strict.is_valid(&changed)
        })
    })
}

fn objects(value: &serde_json::Value, pointer: String) -> Vec<String> {
    match value {
        serde_json::Value::Object(members) => {
            let below =
                members.iter().flat_map(|(key, value)| objects(value, format!("{pointer}/{}", escape_token(key))));
            let below: Vec<String> = below.collect();
            [vec![pointer], below].concat()
        }
        serde_json::Value::Array(items) => {
            items.iter().enumerate().flat_map(|(index, item)| objects(item, format!("{pointer}/{index}"))).collect()
        }
        _ => Vec::new(),
    }
}
