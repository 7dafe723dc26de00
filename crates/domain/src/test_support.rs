//! Reads the schema files for tests that compare the domain with the contract.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder of the schema files.
pub(crate) fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}

/// One file of that folder.
pub(crate) fn schema(path: &str) -> Value {
    let text = std::fs::read_to_string(schemas().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The strings of a JSON array.
pub(crate) fn strings(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Every `x-rule` of the schema files in a folder and those below it.
pub(crate) fn x_rules(folder: &Path) -> BTreeSet<String> {
    let mut rules = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rules.append(&mut x_rules(&path));
        } else if path.to_string_lossy().ends_with(".schema.json") {
            collect_rules(&serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap(), &mut rules);
        }
    }
    rules
}

fn collect_rules(schema: &Value, rules: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            rules.extend(members.get("x-rule").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| collect_rules(member, rules));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_rules(item, rules)),
        _ => {}
    }
}
