//! The emitted types are read back and compared with the plan, and with what another generator makes of the same schemas.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use usher_codegen::generate::{generate, plan};
use usher_codegen::load::{LoadOptions, Sources, load};
use usher_codegen::name::identifier;
use usher_codegen::plan::{Plan, Shape};
use usher_codegen::resolve::Registry;

fn trees() -> [Sources; 2] {
    ["../schemas", "../tests/shapes/schemas"].map(|folder| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        load(&folder, &LoadOptions::default()).unwrap()
    })
}

fn planned(sources: &Sources) -> Plan {
    let registry = Registry::new(sources).unwrap();
    plan(sources, &registry).unwrap().0
}

/// The structs and enums of a file, by name.
fn types(code: &str) -> BTreeMap<String, Vec<syn::Item>> {
    let mut types: BTreeMap<String, Vec<syn::Item>> = BTreeMap::new();
    for item in syn::parse_file(code).unwrap().items {
        let name = match &item {
            syn::Item::Struct(item) => item.ident.to_string(),
            syn::Item::Enum(item) => item.ident.to_string(),
            _ => continue,
        };
        types.entry(name).or_default().push(item);
    }
    types
}

#[test]
fn every_planned_type_is_emitted_once_with_the_members_planned() {
    for sources in trees() {
        let plan = planned(&sources);
        let generated = generate(&sources, false).unwrap();
        for (id, name) in &plan.names {
            let path =
                format!("{}{}.rs", name.folder.iter().map(|part| format!("{part}/")).collect::<String>(), name.file);
            let (_, code) = generated.code.iter().find(|(known, _)| *known == path).unwrap();
            let types = types(code);
            let [item] = types[&name.name].as_slice() else { panic!("{path}: {} stands twice", name.name) };
            match (plan.shape(*id), item) {
                (Shape::Record(fields), syn::Item::Struct(item)) => {
                    let kept = fields.iter().filter(|field| field.node.is_some() && field.constant.is_none());
                    let mut expected: Vec<String> = kept.map(|field| identifier(&field.rust).to_string()).collect();
                    expected.push("unknown".to_owned());
                    let found: Vec<String> =
                        item.fields.iter().map(|field| field.ident.as_ref().unwrap().to_string()).collect();
                    assert_eq!(found, expected, "{path}: {}", name.name);
                }
                (Shape::Choice(choices), syn::Item::Enum(item)) => {
                    let future = usize::from(plan.answers.contains(id));
                    assert_eq!(item.variants.len(), choices.len() + future, "{path}: {}", name.name);
                    for (value, _) in choices {
                        assert!(code.contains(&format!("{value:?} => ")), "{path}: {value} cannot be read");
                    }
                }
                (Shape::Tagged { variants, .. }, syn::Item::Enum(item)) => {
                    let future = usize::from(plan.answers.contains(id));
                    assert_eq!(item.variants.len(), variants.len() + future, "{path}: {}", name.name);
                }
                (Shape::ByType(kinds), syn::Item::Enum(item)) => assert_eq!(item.variants.len(), kinds.len()),
                (shape, _) => panic!("{path}: {} is no {shape:?}", name.name),
            }
        }
        for (path, code) in &generated.code {
            for word in ["serde_json", "untagged", "Variant0", "Variant1"] {
                assert!(!code.contains(word), "{path}: {word} slipped in");
            }
        }
    }
}

/// What typify makes of one definition in draft-07.
fn typify(name: &str, schema: Value) -> syn::Item {
    let root = json!({ "$schema": "http://json-schema.org/draft-07/schema#", "definitions": { name: schema } });
    let root: schemars08::schema::RootSchema = serde_json::from_value(root).unwrap();
    let mut space = typify::TypeSpace::default();
    space.add_root_schema(root).unwrap();
    types(&space.to_stream().to_string()).remove(name).unwrap_or_else(|| panic!("typify has no {name}")).remove(0)
}

/// The name on the wire that typify gives a field or a variant.
fn wire_name(attributes: &[syn::Attribute], ident: &syn::Ident) -> String {
    let mut name = ident.to_string().trim_start_matches("r#").to_owned();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        let _ = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("rename") {
                name = meta.value()?.parse::<syn::LitStr>()?.value();
            } else if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<syn::Expr>()?;
            }
            Ok(())
        });
    }
    name
}

#[test]
fn typify_has_the_same_members_and_the_same_values() {
    let (mut records, mut choices) = (0, 0);
    for sources in trees() {
        let plan = planned(&sources);
        for (id, name) in &plan.names {
            match plan.shape(*id) {
                // typify drops what is only required, and makes a map of an object without members.
                Shape::Record(fields) if !fields.is_empty() && fields.iter().all(|field| field.node.is_some()) => {
                    let properties: serde_json::Map<String, Value> =
                        fields.iter().map(|field| (field.name.clone(), json!({ "type": "string" }))).collect();
                    let required: Vec<&String> =
                        fields.iter().filter(|field| field.required).map(|field| &field.name).collect();
                    let schema = json!({ "type": "object", "properties": properties, "required": required });
                    let syn::Item::Struct(item) = typify(&name.name, schema) else {
                        panic!("{} is no struct", name.name)
                    };
                    let mut found: Vec<(String, bool)> = Vec::new();
                    for field in &item.fields {
                        let text = quote::ToTokens::to_token_stream(&field.ty).to_string();
                        found.push((wire_name(&field.attrs, field.ident.as_ref().unwrap()), !text.contains("Option")));
                    }
                    let mut expected: Vec<(String, bool)> =
                        fields.iter().map(|field| (field.name.clone(), field.required)).collect();
                    found.sort();
                    expected.sort();
                    assert_eq!(found, expected, "{}", name.name);
                    records += 1;
                }
                Shape::Choice(values) => {
                    let listed: Vec<&String> = values.iter().map(|(value, _)| value).collect();
                    let schema = json!({ "type": "string", "enum": listed });
                    let syn::Item::Enum(item) = typify(&name.name, schema) else { panic!("{} is no enum", name.name) };
                    let mut found: Vec<String> =
                        item.variants.iter().map(|variant| wire_name(&variant.attrs, &variant.ident)).collect();
                    let mut expected: Vec<String> = values.iter().map(|(value, _)| value.clone()).collect();
                    found.sort();
                    expected.sort();
                    assert_eq!(found, expected, "{}", name.name);
                    choices += 1;
                }
                _ => {}
            }
        }
    }
    assert!(records > 30 && choices > 15, "{records} records and {choices} lists of values were compared");
}
