//! Every rule has an example that breaks it; every member, enum value and variant stands in a valid example. Proved from the
//! schemas, so that a new rule without an example fails here.

use std::collections::BTreeSet;

use serde_json::Value;
use usher_codegen::generate::plan;
use usher_codegen::load::{LoadOptions, Sources, load};
use usher_codegen::model::NodeId;
use usher_codegen::plan::{Plan, Shape};
use usher_codegen::resolve::{Location, Registry};
use usher_codegen::rules::{Rule, rules};

use super::examples::{READERS, body_of, examples, facts, schemas, strict};

fn sources() -> Sources {
    load(&schemas(), &LoadOptions { own_tree: true, ..LoadOptions::default() }).expect("the schemas of the tree load")
}

#[test]
fn every_rule_has_an_example_that_breaks_it() {
    let sources = sources();
    let registry = Registry::new(&sources).unwrap();
    let (plan, _) = plan(&sources, &registry).unwrap();
    let mut broken = BTreeSet::new();
    for (folder, stem, read) in READERS {
        for example in examples(folder, "invalid", stem) {
            let facts = facts();
            let reading = read(body_of(&example).as_bytes(), &strict(&facts)).unwrap();
            for violation in reading.violations.list {
                let member = violation.pointer.rsplit('/').next().unwrap_or_default();
                let detail = match violation.keyword {
                    "required" | "dependentRequired" => member.replace("~1", "/").replace("~0", "~"),
                    "pattern" => serde_json::from_str(violation.limit.as_deref().unwrap()).unwrap(),
                    _ => String::new(),
                };
                broken.insert(Rule { schema: violation.schema.to_owned(), keyword: violation.keyword, detail });
            }
        }
    }
    // Parameters of operations are no documents; they are tested over HTTP.
    let all = rules(&plan).into_iter().filter(|rule| !rule.schema.contains("openapi.json"));
    let missing: Vec<String> = all
        .filter(|rule| !broken.contains(rule))
        .map(|rule| format!("{} {} {}", rule.schema, rule.keyword, rule.detail))
        .collect();
    assert!(
        missing.is_empty(),
        "{} rules without an example under examples/invalid:\n{}",
        missing.len(),
        missing.join("\n")
    );
}

#[test]
fn every_member_and_every_value_stands_in_a_valid_example() {
    let sources = sources();
    let registry = Registry::new(&sources).unwrap();
    let (plan, _) = plan(&sources, &registry).unwrap();
    let mut touched = BTreeSet::new();
    for (folder, stem, _) in READERS {
        let path = format!("{folder}/{stem}.schema.json");
        let document = sources.schemas.iter().position(|document| document.path == path).unwrap();
        let root = plan.model.at(&Location { document, pointer: String::new() }).unwrap();
        for example in examples(folder, "valid", stem) {
            touch(&plan, root, &serde_json::from_str(&example.text).unwrap(), &mut touched);
        }
    }
    let mut expected = BTreeSet::new();
    for id in plan.shapes.keys() {
        expected.extend(parts(&plan, *id));
    }
    let missing: Vec<&String> = expected.difference(&touched).filter(|part| !part.contains("openapi.json")).collect();
    assert!(missing.is_empty(), "{} parts without an example under examples/valid:\n{missing:#?}", missing.len());
}

/// What of a schema an example can touch.
fn parts(plan: &Plan, id: NodeId) -> Vec<String> {
    let origin = &plan.model.schema(id).origin;
    match plan.shape(id) {
        Shape::Record(fields) => fields.iter().map(|field| format!("{origin} member {}", field.name)).collect(),
        Shape::Choice(choices) => choices.iter().map(|(value, _)| format!("{origin} value {value}")).collect(),
        Shape::Tagged { variants, .. } => {
            variants.iter().map(|variant| format!("{origin} variant {}", variant.value)).collect()
        }
        Shape::ByType(kinds) => kinds.iter().map(|(kind, _)| format!("{origin} type {}", kind.name())).collect(),
        Shape::Nullable(_) => vec![format!("{origin} null"), format!("{origin} value")],
        Shape::Boolean => vec![format!("{origin} true"), format!("{origin} false")],
        _ => Vec::new(),
    }
}

fn touch(plan: &Plan, id: NodeId, value: &Value, touched: &mut BTreeSet<String>) {
    let id = plan.model.target(id);
    let origin = plan.model.schema(id).origin.clone();
    match plan.shape(id) {
        Shape::Record(fields) => {
            for field in fields {
                if let Some(member) = value.get(&field.name) {
                    touched.insert(format!("{origin} member {}", field.name));
                    if let Some(node) = field.node {
                        touch(plan, node, member, touched);
                    }
                }
            }
        }
        Shape::Choice(_) => {
            touched.insert(format!("{origin} value {}", value.as_str().unwrap_or_default()));
        }
        Shape::Tagged { tag, variants } => {
            let value_of_tag = value[tag].as_str().unwrap_or_default();
            touched.insert(format!("{origin} variant {value_of_tag}"));
            if let Some(variant) = variants.iter().find(|variant| variant.value == value_of_tag) {
                touch(plan, variant.node, value, touched);
            }
        }
        Shape::ByType(kinds) => {
            let is = |name: &str| match value {
                Value::Null => name == "null",
                Value::Bool(_) => name == "boolean",
                Value::Number(_) => name == "number" || name == "integer",
                Value::String(_) => name == "string",
                Value::Array(_) => name == "array",
                Value::Object(_) => name == "object",
            };
            if let Some((kind, node)) = kinds.iter().find(|(kind, _)| is(kind.name())) {
                touched.insert(format!("{origin} type {}", kind.name()));
                touch(plan, *node, value, touched);
            }
        }
        Shape::Nullable(inner) => {
            touched.insert(format!("{origin} {}", if value.is_null() { "null" } else { "value" }));
            if !value.is_null() {
                touch(plan, *inner, value, touched);
            }
        }
        Shape::Boolean => {
            touched.insert(format!("{origin} {value}"));
        }
        Shape::Array(item) => {
            value.as_array().into_iter().flatten().for_each(|value| touch(plan, *item, value, touched))
        }
        Shape::Map(item) => {
            value
                .as_object()
                .into_iter()
                .flat_map(|map| map.values())
                .for_each(|value| touch(plan, *item, value, touched));
        }
        _ => {}
    }
}
