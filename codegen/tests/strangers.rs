//! Any input: schemas nobody here has written become code or diagnostics, never a panic and never silence.

use std::path::Path;

use usher_codegen::generate::generate;
use usher_codegen::load::{LoadOptions, from_memory};

/// Generates from one file; what came out, or how many diagnostics.
fn run(text: &str) -> Result<usize, usize> {
    let files = vec![("stranger.schema.json".to_owned(), text.to_owned())];
    let sources = from_memory(files, &LoadOptions::default()).map_err(|faults| faults.len())?;
    let generated = generate(&sources, false).map_err(|faults| faults.len())?;
    for (path, code) in &generated.code {
        assert!(syn::parse_file(code).is_ok(), "{path} is no Rust, from {text}");
    }
    Ok(generated.code.len())
}

#[test]
fn every_schema_of_the_official_suite_becomes_code_or_diagnostics() {
    let Some(data) = std::env::var_os("USHER_DATA") else {
        eprintln!(
            "skipped: the schemas of JSON-Schema-Test-Suite; USHER_DATA names the folder with suites/json-schema-test-suite"
        );
        return;
    };
    let folder = Path::new(&data).join("suites/json-schema-test-suite/tests/draft2020-12");
    let (mut generated, mut refused) = (0, 0);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for path in files.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "json")) {
        let cases: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for case in cases.as_array().unwrap() {
            match run(&case["schema"].to_string()) {
                Ok(files) => {
                    assert!(files > 0, "{}: {} made nothing", path.display(), case["description"]);
                    generated += 1;
                }
                Err(faults) => {
                    assert!(faults > 0, "{}: {} was refused without a word", path.display(), case["description"]);
                    refused += 1;
                }
            }
        }
    }
    eprintln!("{generated} schemas generated, {refused} refused with diagnostics");
    assert!(generated > refused, "most of the suite is within the accepted keywords");
}

#[test]
fn schemas_with_parts_cut_out_or_swapped_never_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/shapes/schemas");
    let mut texts: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    texts.sort();
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut below = |bound: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 33) as usize % bound.max(1)
    };
    let values =
        ["null", "true", "-1", "1e999", "\"\"", "[]", "{}", "[[]]", "{\"$ref\":\"#\"}", "\"^[a\"", "\"#/nowhere\""];
    for round in 0..1_500 {
        let mut schema: serde_json::Value = serde_json::from_str(&texts[round % texts.len()]).unwrap();
        schema.as_object_mut().unwrap().remove("examples");
        for _ in 0..=below(2) {
            let places = count(&schema);
            let with = serde_json::from_str(values[below(values.len())]).unwrap_or(serde_json::Value::Null);
            replace(&mut schema, &mut below(places), &with);
        }
        // Which of both is the diagnostics' own test; here only that one of them comes.
        let _ = run(&schema.to_string());
    }
}

fn count(value: &serde_json::Value) -> usize {
    1 + match value {
        serde_json::Value::Array(items) => items.iter().map(count).sum(),
        serde_json::Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

fn replace(value: &mut serde_json::Value, left: &mut usize, with: &serde_json::Value) -> bool {
    if *left == 0 {
        *value = with.clone();
        return true;
    }
    *left -= 1;
    match value {
        serde_json::Value::Array(items) => items.iter_mut().any(|item| replace(item, left, with)),
        serde_json::Value::Object(members) => members.values_mut().any(|member| replace(member, left, with)),
        _ => false,
    }
}
