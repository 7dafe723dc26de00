//! Input nobody means well: whatever the bytes, the generator answers with output or with diagnostics.

use crate::diagnostic::Diagnostic;
use crate::generate;
use crate::json::{self, Member, Node, Value};
use crate::load::{LoadOptions, from_memory};
use crate::vocabulary;

/// A small generator of pseudo-random numbers, so that every run sees the same cases.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }

    pub(crate) fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

const ORDER: &str = r##"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "$id": "https://schemas.usher.example/shop/v1/order.schema.json",
  "title": "Order", "description": "What is ordered.", "type": "object",
  "properties": {
    "id": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-z]+$", "x-privacy": "none"},
    "state": {"enum": ["NEW", "PAID"], "x-privacy": "none"},
    "count": {"type": "integer", "minimum": 1, "maximum": 10, "x-privacy": "none"},
    "sum": {"type": ["number", "string"], "multipleOf": 0.01, "pattern": "^[0-9]+$", "x-privacy": "financial"},
    "note": {"type": ["string", "null"], "x-privacy": "free-text"},
    "payment": {"$ref": "payment.schema.json"},
    "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}, "minItems": 1, "uniqueItems": true},
    "labels": {"type": "object", "additionalProperties": {"type": "string", "x-privacy": "none"}, "propertyNames": {"maxLength": 5}},
    "next": {"$ref": "#"}
  },
  "required": ["id", "state"], "dependentRequired": {"count": ["sum"]},
  "anyOf": [{"required": ["note"]}, {"required": ["sum"]}], "x-code": "note_or_sum",
  "if": {"properties": {"state": {"const": "PAID"}}, "required": ["state"]}, "then": {"required": ["payment"]},
  "$defs": {"Line": {"x-rust-name": "OrderLine", "allOf": [{"properties": {"a": {"const": 1, "x-privacy": "none"}}}], "type": "object"}}
}"##;

const PAYMENT: &str = r##"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "$id": "https://schemas.usher.example/shop/v1/payment.schema.json",
  "oneOf": [{"$ref": "#/$defs/Card"}, {"$ref": "#/$defs/Cash"}],
  "$defs": {
    "Card": {"type": "object", "properties": {"kind": {"const": "CARD"}, "on": {"type": "string", "format": "date", "x-privacy": "none"}}, "required": ["kind"]},
    "Cash": {"type": "object", "properties": {"kind": {"const": "CASH"}}, "required": ["kind"]}
  }
}"##;

const OPENAPI: &str = r##"{
  "openapi": "3.1.0", "info": {"title": "Shop", "version": "1.0.0"},
  "paths": {"/orders/{id}": {"post": {
    "operationId": "submitOrder", "x-kind": "submit", "summary": "Order.",
    "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
    "requestBody": {"content": {"application/json": {"schema": {"$ref": "order.schema.json"}}}},
    "responses": {"201": {"$ref": "#/components/responses/Paid"}, "default": {"description": "Other."}}
  }}},
  "components": {"responses": {"Paid": {"description": "Paid.", "content": {"application/json": {"schema": {"$ref": "payment.schema.json"}}}}}}
}"##;

const PATHS: [&str; 3] = ["shop/v1/order.schema.json", "shop/v1/payment.schema.json", "shop/v1/openapi.json"];
const TEXTS: [&str; 3] = [ORDER, PAYMENT, OPENAPI];

/// Runs every stage; the number of files that came out, or what was said.
fn run(texts: [String; 3], own_tree: bool) -> Result<usize, Vec<Diagnostic>> {
    let options = LoadOptions { own_tree, ..LoadOptions::default() };
    let files = PATHS.iter().map(|path| (*path).to_owned()).zip(texts).collect();
    let sources = from_memory(files, &options)?;
    let errors: Vec<Diagnostic> =
        vocabulary::check_all(&sources, &options).into_iter().filter(Diagnostic::is_error).collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let code = generate::generate(&sources, own_tree)?.code.len();
    let registry = crate::resolve::Registry::new(&sources)?;
    let apis = crate::openapi::read(&sources, &registry)?;
    Ok(code + crate::publish::publish(&sources, &registry, &apis).len())
}

fn run_all(texts: [String; 3], own_tree: bool) -> bool {
    match run(texts, own_tree) {
        Ok(files) => {
            assert!(files > 0);
            true
        }
        Err(said) => {
            assert!(!said.is_empty(), "a refusal says why");
            said.iter().for_each(|diagnostic| assert!(!diagnostic.to_text().is_empty()));
            false
        }
    }
}

#[test]
fn the_seeds_are_sound() {
    match run(TEXTS.map(str::to_owned), false) {
        Ok(files) => assert!(files > 0),
        Err(said) => panic!("{said:?}"),
    }
}

#[test]
fn broken_texts_are_answered() {
    let mut random = Random(1);
    for _ in 0..2000 {
        let mut texts = TEXTS.map(str::to_owned);
        let text = &mut texts[random.below(3)];
        let place = |random: &mut Random, text: &str| {
            let at = random.below(text.len() + 1);
            (at..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0)
        };
        let (from, to) = (place(&mut random, text), place(&mut random, text));
        let (from, to) = (from.min(to), from.max(to));
        match random.below(4) {
            0 => text.truncate(from),
            1 => text.replace_range(from..to.min(from + 20), ""),
            2 => text.insert_str(from, &TEXTS[0][..20]),
            _ => text.insert_str(
                from,
                random.pick(&["\"", "{", "}", "[", "]", ",", ":", "\\", "\u{0}", "é", "1e999", "-", "\\ud800", "null"]),
            ),
        }
        run_all(texts, false);
    }
}

#[test]
fn changed_schemas_are_answered() {
    let mut random = Random(2);
    let mut accepted = 0;
    for round in 0..1500 {
        let mut nodes = TEXTS.map(|text| json::parse(text).expect("a seed is JSON"));
        for _ in 0..=random.below(3) {
            let node = &mut nodes[random.below(3)];
            change(&mut random, node, 0);
        }
        accepted += usize::from(run_all(nodes.map(|node| node.to_json()), round % 2 == 0));
    }
    assert!(accepted > 50, "many changes leave the schemas sound: {accepted}");
}

/// Changes one place below a value: its value, its name, or what stands beside it.
fn change(random: &mut Random, node: &mut Node, depth: usize) {
    let count = match &node.value {
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    };
    if count == 0 || random.below(8 + depth) < 1 + depth {
        *node = json::parse(random.pick(&VALUES)).expect("a value is JSON");
        return;
    }
    let at = random.below(count);
    match &mut node.value {
        Value::Array(items) => match random.below(6) {
            0 => drop(items.remove(at)),
            1 => items.push(items[at].clone()),
            _ => change(random, &mut items[at], depth + 1),
        },
        Value::Object(members) => match random.below(9) {
            0 => drop(members.remove(at)),
            1 | 2 => {
                let keyword = vocabulary::KEYWORDS[random.below(vocabulary::KEYWORDS.len())].name;
                if members.iter().all(|member| member.key != keyword) {
                    let value = json::parse(random.pick(&VALUES)).expect("a value is JSON");
                    members.push(Member::new(keyword, value));
                }
            }
            3 => {
                let key = random.pick(&[
                    "", "a", "type", "self", "Self", "crate", "1", "a/b", "~", "é", "x y", "kind", "$ref", "\u{0}",
                    "fn", "unknown",
                ]);
                if members.iter().all(|member| member.key != key) {
                    members[at].key = key.to_owned();
                }
            }
            _ => change(random, &mut members[at].value, depth + 1),
        },
        _ => {}
    }
}

const VALUES: [&str; 42] = [
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1.5",
    "1e300",
    "99999999999999999999",
    "0.01",
    "\"\"",
    "\"a\"",
    "\"string\"",
    "\"integer\"",
    "\"object\"",
    "\"array\"",
    "\"null\"",
    "\"number\"",
    "[]",
    "{}",
    "[\"a\"]",
    "[\"string\",\"null\"]",
    "[\"object\",\"array\",\"string\"]",
    "[{}]",
    "[true,false]",
    "{\"a\":{}}",
    "{\"a\":[\"b\"]}",
    "{\"$ref\":\"#\"}",
    "{\"$ref\":\"#/$defs/Line\"}",
    "{\"$ref\":\"payment.schema.json#/$defs/Cash\"}",
    "{\"$ref\":\"nowhere.json\"}",
    "{\"allOf\":[{\"$ref\":\"#\"}]}",
    "{\"type\":\"string\"}",
    "{\"type\":\"integer\",\"minimum\":1,\"maximum\":0}",
    "{\"const\":{\"a\":1}}",
    "{\"enum\":[1,\"a\",null]}",
    "{\"not\":{}}",
    "{\"type\":\"object\",\"properties\":{\"a\":{\"const\":\"x\"}},\"required\":[\"a\"]}",
    "{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}}]}",
    "{\"items\":{\"items\":{\"items\":{}}}}",
    "{\"contains\":{\"type\":\"integer\"},\"minContains\":0}",
    "\"^(a|b)*$\"",
    "[1,1.0]",
];
