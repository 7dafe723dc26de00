//! What each stage makes of small schemas, for reading: the model, the plan, the rules, the code.

use insta::{assert_debug_snapshot, assert_snapshot};
use usher_codegen::diagnostic::Diagnostic;
use usher_codegen::generate::{generate, plan};
use usher_codegen::load::{LoadOptions, Sources, from_memory, load};
use usher_codegen::model::Model;
use usher_codegen::resolve::Registry;
use usher_codegen::rules::rules;

fn memory(files: &[(&str, &str)]) -> Sources {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    from_memory(files, &LoadOptions::default()).unwrap_or_else(|faults| panic!("{}", text_of(&faults)))
}

fn text_of(faults: &[Diagnostic]) -> String {
    faults.iter().map(|fault| format!("{}\n", fault.to_text())).collect()
}

const PERSON: &str = r##"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Person",
  "type": "object",
  "properties": {
    "name": { "$ref": "#/$defs/Name", "x-privacy": "identity" },
    "age": { "type": "integer", "minimum": 0, "maximum": 150 }
  },
  "required": ["name"],
  "$defs": { "Name": { "type": "string", "minLength": 1 } }
}"##;

#[test]
fn the_model_holds_each_schema_with_its_keywords() {
    let sources = memory(&[("person.schema.json", PERSON)]);
    let registry = Registry::new(&sources).unwrap();
    let model = Model::new(&registry);
    let age = model.nodes.iter().find(|schema| schema.origin.ends_with("/age")).unwrap();
    assert_debug_snapshot!(age);
    let origins: Vec<&str> = model.nodes.iter().map(|schema| schema.origin.as_str()).collect();
    assert_debug_snapshot!(origins);
}

#[test]
fn the_plan_says_shape_and_class_of_every_schema() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/shapes/schemas");
    let sources = load(folder.as_ref(), &LoadOptions::default()).unwrap();
    let registry = Registry::new(&sources).unwrap();
    let (plan, _) = plan(&sources, &registry).unwrap();
    let few = plan.report().lines().filter(|line| !line.contains("wide.schema.json#")).collect::<Vec<_>>().join("\n");
    assert_snapshot!(few);
}

#[test]
fn the_rules_are_listed_one_by_one() {
    let sources = memory(&[("person.schema.json", PERSON)]);
    let registry = Registry::new(&sources).unwrap();
    let (plan, _) = plan(&sources, &registry).unwrap();
    assert_debug_snapshot!(rules(&plan));
}

#[test]
fn a_schema_becomes_a_type_its_writer_and_its_reader() {
    let generated = generate(&memory(&[("person.schema.json", PERSON)]), false).unwrap();
    let (_, person) = generated.code.iter().find(|(path, _)| path == "person.rs").unwrap();
    assert_snapshot!(person);
}

#[test]
fn the_same_schemas_give_the_same_bytes() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas");
    let sources = || load(folder.as_ref(), &LoadOptions { own_tree: true, ..LoadOptions::default() }).unwrap();
    assert_eq!(generate(&sources(), true).unwrap().code, generate(&sources(), true).unwrap().code);
}

#[test]
fn names_that_collide_are_told_with_both_places() {
    let a =
        r#"{ "type": "object", "properties": { "x": { "x-rust-name": "Twin", "type": "object", "properties": {} } } }"#;
    let b = r#"{ "type": "object", "x-rust-name": "Twin" }"#;
    let files = [("a.schema.json", a), ("b.schema.json", b)];
    assert_snapshot!(text_of(&generate(&memory(&files), false).map(|_| ()).unwrap_err()));
}

#[test]
fn names_that_mean_something_in_rust_are_refused() {
    let schema = r#"{ "type": "object", "x-rust-name": "Option" }"#;
    assert_snapshot!(text_of(&generate(&memory(&[("a.schema.json", schema)]), false).map(|_| ()).unwrap_err()));
}

#[test]
fn a_folder_without_a_schema_is_no_success() {
    let faults = generate(&memory(&[("readme.json", "[1]")]), false).map(|_| ()).expect_err("there is nothing");
    assert!(text_of(&faults).contains("there is no schema in the folder"), "{}", text_of(&faults));
}

#[test]
fn members_that_get_the_same_name_are_told() {
    let schema = r#"{ "type": "object", "properties": { "phone-number": {}, "phoneNumber": {} } }"#;
    assert_snapshot!(text_of(&generate(&memory(&[("a.schema.json", schema)]), false).map(|_| ()).unwrap_err()));
}

#[test]
fn our_own_tree_says_what_is_personal_and_reads_nothing_twice() {
    let schema =
        r#"{ "type": "object", "properties": { "name": { "type": "string" }, "rest": { "not": { "const": 1 } } } }"#;
    let faults = generate(&memory(&[("a.schema.json", schema)]), true).map(|_| ()).unwrap_err();
    assert_snapshot!(text_of(&faults));
}
