use super::*;
use crate::load::{LoadOptions, from_memory};

/// What is said about one schema, as a stranger and as the owner of the tree sees it.
fn said(schema: &str, options: &LoadOptions) -> String {
    let sources =
        from_memory(vec![("x.schema.json".to_owned(), schema.to_owned())], options).expect("the case is JSON");
    let found = check_all(&sources, options);
    found.iter().map(|diagnostic| format!("{}\n", diagnostic.to_text())).collect()
}

#[test]
fn every_keyword_says_what_it_must_be() {
    let cases = [
        r#"{"minLength": -1}"#,
        r#"{"minLength": "1"}"#,
        r#"{"maxItems": 1.5}"#,
        r#"{"minimum": "0"}"#,
        r#"{"exclusiveMinimum": true}"#,
        r#"{"multipleOf": 0}"#,
        r#"{"type": "strnig"}"#,
        r#"{"type": "int"}"#,
        r#"{"type": []}"#,
        r#"{"type": ["string", "string"]}"#,
        r#"{"type": [{"type": "string"}]}"#,
        r#"{"enum": []}"#,
        r#"{"enum": [1, 1.0]}"#,
        r#"{"enum": {}}"#,
        r#"{"required": "a"}"#,
        r#"{"required": true}"#,
        r#"{"required": ["a", "a"]}"#,
        r#"{"dependentRequired": {"a": ["b", 1]}}"#,
        r#"{"pattern": "(?=a)"}"#,
        r#"{"pattern": 1}"#,
        r#"{"patternProperties": {"a(": {}}}"#,
        r#"{"uniqueItems": 1}"#,
        r#"{"title": 1}"#,
        r#"{"examples": {}}"#,
        r#"{"properties": []}"#,
        r#"{"properties": {"a": {"b/c": 1}, "d": 1}}"#,
        r#"{"items": [{}]}"#,
        r#"{"allOf": []}"#,
        r#"{"not": 1}"#,
        r##"{"$ref": 1}"##,
        r##"{"$id": "https://schemas.example.org/x#y"}"##,
        r#"{"$anchor": "1"}"#,
        r#"{"$schema": "http://json-schema.org/draft-07/schema#"}"#,
        r#"{"$schema": "https://example.org/dialect"}"#,
        r#"{"properties": {"a": {"$schema": "https://json-schema.org/draft/2020-12/schema"}}}"#,
        r#"{"x-rust-name": "lower"}"#,
        r#"{"x-privacy": "financal"}"#,
        r#"{"x-rule": "phone-cs"}"#,
        r#"{"x-rule": "Phone"}"#,
        r#"{"x-code": "Any", "anyOf": [{}]}"#,
        r#"{"x-credential": false}"#,
        r#"{"xml": {"name": "1"}}"#,
        r#"{"xml": {"namespace": "a\"b"}}"#,
        r#"{"xml": {"wrapped": true}}"#,
        r#"{"x-sandbox": {}}"#,
        r#"{"x-sandbox": {"^a$": 1}}"#,
        r#"{"x-sandbox": {"a(": "refused"}}"#,
    ];
    let options = LoadOptions { rules: vec!["phone-cz".to_owned(), "phone-de".to_owned()], ..LoadOptions::default() };
    let texts: String = cases.iter().map(|case| format!("{case}\n{}\n", said(case, &options))).collect();
    insta::assert_snapshot!(texts);
}

#[test]
fn what_a_draft_does_not_know_is_noted() {
    let texts: String = [
        r#"{"$schema": "http://json-schema.org/draft-07/schema#", "dependentRequired": {}, "prefixItems": [{}]}"#,
        r#"{"$schema": "https://json-schema.org/draft/2019-09/schema", "$dynamicRef": "", "additionalItems": {}}"#,
        r#"{"additionalItems": {}, "$recursiveRef": "\u0023", "dependencies": {}}"#,
    ]
    .map(|case| format!("{case}\n{}\n", said(case, &LoadOptions::default())))
    .concat();
    insta::assert_snapshot!(texts);
}

#[test]
fn what_has_no_effect_is_noted_and_refused_in_our_own_tree() {
    let cases = [
        r#"{"minLenght": 1}"#,
        r#"{"nullable": true}"#,
        r#"{"x-mine": 1}"#,
        r#"{"contentEncoding": "base64"}"#,
        r#"{"definitions": {"a": {"type": "strin"}}}"#,
        r#"{"format": "emial"}"#,
        r#"{"format": "iban"}"#,
        r#"{"then": {}}"#,
        r#"{"minContains": 1}"#,
        r#"{"x-code": "any"}"#,
        r#"{"type": "string", "minimum": 1}"#,
        r#"{"type": ["array", "null"], "required": ["a"]}"#,
        r#"{"type": "object", "x-sandbox": {"^a$": "refused"}}"#,
    ];
    let own = LoadOptions { own_tree: true, ..LoadOptions::default() };
    let texts: String = cases
        .iter()
        .map(|case| format!("{case}\n{}{}\n", said(case, &LoadOptions::default()), said(case, &own)))
        .collect();
    insta::assert_snapshot!(texts);
}

#[test]
fn data_is_not_taken_for_schemas() {
    let schema = r#"{
        "enum": [{"type": "nothing"}, {"minLength": -1}], "default": {"$ref": 1}, "examples": [{"pattern": "("}],
        "properties": {"minLength": {}, "required": true, "const": {"const": {"allOf": []}}}
    }"#;
    assert_eq!(said(schema, &LoadOptions { own_tree: true, ..LoadOptions::default() }), "");
    assert_eq!(said("true", &LoadOptions::default()), "");
}

#[test]
fn numbers_count_by_value() {
    assert_eq!(
        said(r#"{"minLength": 2.0, "maxLength": 20e1, "multipleOf": 0.01, "minimum": -0.0}"#, &LoadOptions::default()),
        ""
    );
}

#[test]
fn every_subschema_is_found_and_can_be_replaced() {
    let schema = r#"{
        "$defs": {"a/b": {}}, "properties": {"p": {}}, "patternProperties": {"q": {}}, "additionalProperties": {},
        "dependentSchemas": {"d": {}}, "propertyNames": {}, "items": {}, "prefixItems": [{}, {}], "contains": {},
        "allOf": [{}], "anyOf": [{}], "oneOf": [{}], "not": {}, "if": {}, "then": {}, "else": {}
    }"#;
    let schema = crate::json::parse(schema).expect("the schema is JSON");
    let found: Vec<String> = children(&schema).into_iter().map(|child| child.pointer).collect();
    assert!(found.iter().all(|pointer| schema.at_pointer(pointer).is_some()));
    let mut replaced = Vec::new();
    let copy = map_children(&schema, &mut |pointer, _| {
        replaced.push(pointer.to_owned());
        Node::new(Value::Bool(true))
    });
    assert_eq!(replaced, found);
    assert!(found.iter().all(|pointer| copy.at_pointer(pointer).and_then(Node::as_bool) == Some(true)));
    insta::assert_snapshot!(found.join(" "), @"/$defs/a~1b /properties/p /patternProperties/q /additionalProperties /dependentSchemas/d /propertyNames /items /prefixItems/0 /prefixItems/1 /contains /allOf/0 /anyOf/0 /oneOf/0 /not /if /then /else");
}

/// The generator and the runtime know the same formats by the same names.
#[test]
fn every_asserted_format_has_a_check() {
    for (name, function) in FORMATS {
        assert_eq!(name.replace('-', "_"), function);
    }
    let checks: [fn(&str) -> bool; 17] = {
        use usher_wire::format::*;
        [
            date,
            date_time,
            duration,
            email,
            hostname,
            idn_email,
            ipv4,
            ipv6,
            iri,
            iri_reference,
            json_pointer,
            relative_json_pointer,
            time,
            uri,
            uri_reference,
            uri_template,
            uuid,
        ]
    };
    assert_eq!(checks.len(), FORMATS.len());
}

#[test]
fn a_list_of_values_beside_the_one_value_is_refused() {
    assert!(said(r#"{"const": "a", "enum": ["b"]}"#, &LoadOptions::default()).contains("`enum` beside `const`"));
}
