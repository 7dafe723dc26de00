use super::*;
use crate::load::{LoadOptions, from_memory};

fn sources(files: &[(&str, &str)]) -> Sources {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    from_memory(files, &LoadOptions { base: "https://schemas.example.org/".to_owned(), ..LoadOptions::default() })
        .expect("the files are JSON")
}

fn faults(files: &[(&str, &str)]) -> String {
    let sources = sources(files);
    match Registry::new(&sources) {
        Ok(_) => "no fault\n".to_owned(),
        Err(faults) => faults.iter().map(|fault| format!("{}\n", fault.to_text())).collect(),
    }
}

const PERSON: (&str, &str) = (
    "a/person.schema.json",
    r##"{"$anchor": "top", "properties": {"mo~ney/sum": {"$anchor": "money"}, "name": {}}, "$defs": {"Name": {}, "a b": {}}}"##,
);

#[test]
fn references_find_their_schemas() {
    let order = r##"{
        "$id": "https://example.com/shop/order.json",
        "$defs": {
            "Nested": {"$id": "nested/thing.json", "$defs": {"Inner": {}}, "items": {"$ref": "#/$defs/Inner"}},
            "Own": {"$ref": "#"}
        },
        "prefixItems": [
            {"$ref": "https://schemas.example.org/a/person.schema.json"},
            {"$ref": "https://schemas.example.org/a/person.schema.json#money"},
            {"$ref": "https://schemas.example.org/a/person.schema.json#/properties/mo~0ney~1sum"},
            {"$ref": "https://schemas.example.org/a/person.schema.json#/$defs/a%20b"},
            {"$ref": "nested/thing.json"},
            {"$ref": "/shop/nested/thing.json#/$defs/Inner"},
            {"$ref": "../a/person.schema.json#top"}
        ]
    }"##;
    let sources = sources(&[PERSON, ("shop/order.json", order)]);
    let registry = Registry::new(&sources).unwrap_or_else(|faults| panic!("{faults:?}"));
    let found: String = registry
        .schemas()
        .filter_map(|from| {
            let target = registry.reference(from)?;
            let text = registry.schema(from)?.member("$ref")?.as_str()?;
            Some(format!("{} {text}\n  {}#{}\n", from.pointer, registry.document(&target).path, target.pointer))
        })
        .collect();
    insta::assert_snapshot!(found);
}

#[test]
fn dangling_references_name_what_was_probably_meant() {
    let cases = [
        r##"{"$ref": "persn.schema.json"}"##,
        r##"{"$ref": "../person.schema.json"}"##,
        r##"{"$ref": "https://elsewhere.example/x.json"}"##,
        r##"{"$ref": "person.schema.json#/$defs/Nmae"}"##,
        r##"{"$ref": "person.schema.json#/definitions/Name"}"##,
        r##"{"$ref": "person.schema.json#mony"}"##,
        r##"{"$ref": "person.schema.json#/%zz"}"##,
        r##"{"$ref": "#/examples/0", "examples": [{}]}"##,
        r##"{"$defs": {"Line": {}}, "items": {"$ref": "#/$defs/line"}}"##,
    ];
    let texts = cases.iter().map(|case| format!("{case}\n{}\n", faults(&[PERSON, ("a/x.schema.json", case)])));
    insta::assert_snapshot!(texts.collect::<String>());
}

#[test]
fn identifiers_and_anchors_are_unique() {
    let twice = r#"{"$id": "https://example.com/a", "$defs": {"x": {"$id": "https://example.com/a"}}}"#;
    let anchors = r#"{"$defs": {"x": {"$anchor": "a"}, "y": {"$anchor": "a"}}}"#;
    insta::assert_snapshot!(format!("{}{}", faults(&[("x.json", twice)]), faults(&[("x.json", anchors)])));
}

#[test]
fn references_that_never_look_at_the_value_are_refused() {
    let cases = [
        r##"{"$ref": "#"}"##,
        r##"{"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}"##,
        r##"{"$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}}}"##,
        r##"{"$defs": {"a": {"properties": {"next": {"$ref": "#/$defs/a"}}, "items": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"}"##,
    ];
    let texts = cases.iter().map(|case| format!("{case}\n{}\n", faults(&[("x.json", case)])));
    insta::assert_snapshot!(texts.collect::<String>());
}

#[test]
fn openapi_files_refer_to_schemas() {
    let openapi = r##"{
        "openapi": "3.1.0",
        "paths": {"/p": {"post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "person.schema.json"}}}}}}},
        "components": {
            "schemas": {"schema": {"type": "string"}, "Other": {"$ref": "#/components/schemas/schema"}},
            "examples": {"schema": {"$ref": 1}}
        }
    }"##;
    let sources = sources(&[PERSON, ("a/openapi.json", openapi)]);
    let registry = Registry::new(&sources).unwrap_or_else(|faults| panic!("{faults:?}"));
    let below: Vec<&str> =
        registry.schemas().filter(|place| place.document == 1).map(|place| place.pointer.as_str()).collect();
    assert_eq!(
        below,
        [
            "/paths/~1p/post/requestBody/content/application~1json/schema",
            "/components/schemas/schema",
            "/components/schemas/Other"
        ]
    );
}
