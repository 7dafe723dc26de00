//! Canonical form v1, which no release may change: the published vectors, the generic and the typed writer, a script of thirty
//! lines in another language, and the fixed point.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use usher_domain::hex;
use usher_domain::receipt::{PayloadHash, Salt};
use usher_wire::{Limits, Mode};

use super::json_test_suite::suite;
use super::respell::respell;
use super::{canonical_text, options};
use crate::contract::examples::{READERS, Read, examples};
use crate::oracle::{mutate, scalars_of};
use usher_testkit::random::{Random, seed};

#[derive(serde::Deserialize)]
struct Published {
    vectors: Vec<Vector>,
    refused: Vec<Refused>,
}

#[derive(serde::Deserialize)]
struct Vector {
    name: String,
    /// The schema of a request, by folder and file.
    r#type: Option<String>,
    /// The credentials in the body, which the canonical form leaves out.
    #[serde(default)]
    without: Vec<String>,
    input: String,
    canonical: String,
    salt: String,
    sha256: String,
}

#[derive(serde::Deserialize)]
struct Refused {
    name: String,
    input: String,
    code: String,
}

fn docs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/canonical")
}

fn published() -> Published {
    serde_json::from_slice(&std::fs::read(docs().join("vectors.json")).unwrap()).unwrap()
}

/// The canonical form and the form over the wire of a document, if it obeys the schema.
fn typed(read: Read, text: &str, limits: Limits) -> Option<(String, String)> {
    let reading = read(text.as_bytes(), &options(Mode::Tolerant, limits)).unwrap();
    let written = reading.written?;
    Some((String::from_utf8(written.0).unwrap(), String::from_utf8(written.1).unwrap()))
}

/// What the canonical form of a body leaves out: the application's public id, in the header of every digital customer call.
fn without_app_key(json: &str) -> String {
    let Some(from) = json.find(r#""AppKey":""#) else { return json.to_owned() };
    let to = from + json[from..].find(r#"","#).unwrap() + 2;
    format!("{}{}", &json[..from], &json[to..])
}

#[test]
fn the_published_vectors_hold() {
    let published = published();
    let mut types = BTreeSet::new();
    for vector in &published.vectors {
        if vector.without.is_empty() {
            assert_eq!(
                canonical_text(vector.input.as_bytes(), Limits::GATEWAY).unwrap(),
                vector.canonical,
                "{}",
                vector.name
            );
        }
        if let Some(schema) = &vector.r#type {
            let (_, _, read) = READERS.iter().find(|(folder, stem, _)| *schema == format!("{folder}/{stem}")).unwrap();
            assert_eq!(typed(*read, &vector.input, Limits::GATEWAY).unwrap().0, vector.canonical, "{}", vector.name);
            types.insert(schema.split('/').next().unwrap());
        }
        let salt = Salt::from_bytes(hex::decode(&vector.salt).unwrap());
        assert_eq!(PayloadHash::of(&salt, vector.canonical.as_bytes()).to_string(), vector.sha256, "{}", vector.name);
    }
    for refused in &published.refused {
        let found = canonical_text(refused.input.as_bytes(), Limits::GATEWAY).unwrap_err();
        assert_eq!(found.code, refused.code, "{}", refused.name);
    }
    assert_eq!(types, BTreeSet::from(["appointment_request", "contact_request", "digital_customer"]));
    let names: BTreeSet<_> = published.vectors.iter().map(|vector| &vector.name).collect();
    assert_eq!(names.len(), published.vectors.len());
}

/// The generic writer knows no schema and sorts; the generated ones write members in an order fixed when they were made.
#[test]
fn typed_and_generic_values_have_one_form() {
    let mut random = Random(seed());
    for (folder, stem, read) in READERS {
        for example in examples(folder, "valid", stem) {
            let mut with_more: Value = serde_json::from_str(&example.text).unwrap();
            add_members(&mut with_more, &mut random);
            for text in [&example.text, &with_more.to_string()] {
                let (canonical, json) = typed(*read, text, Limits::GATEWAY).expect(&example.path);
                assert_eq!(json, canonical_text(text.as_bytes(), Limits::GATEWAY).unwrap(), "{}", example.path);
                assert_eq!(canonical, without_app_key(&json), "{}", example.path);
            }
        }
    }
}

/// Puts members that no schema names before, between and behind those of every object.
fn add_members(value: &mut Value, random: &mut Random) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| add_members(item, random)),
        Value::Object(members) => {
            members.values_mut().for_each(|member| add_members(member, random));
            for name in ["", "!", "Z", "bb", "mm", "zz", "\u{ffff}", "\u{10000}"] {
                if random.below(2) == 0 {
                    members.insert(name.to_owned(), serde_json::json!({"b": [1.50, null], "a": name}));
                }
            }
        }
        _ => {}
    }
}

#[test]
fn the_form_of_a_form_is_itself() {
    let seed = seed();
    let mut random = Random(seed);
    let pools: Vec<(Read, Vec<Value>)> = READERS
        .iter()
        .map(|(folder, stem, read)| {
            let texts = examples(folder, "valid", stem).into_iter().map(|example| example.text);
            (*read, texts.map(|text| serde_json::from_str(&text).unwrap()).collect())
        })
        .collect();
    let scalars: Vec<Value> = pools.iter().flat_map(|(_, bodies)| bodies).flat_map(scalars_of).collect();
    let mut shaped = 0;
    for round in 0..8_000 {
        let (read, bodies) = &pools[round % pools.len()];
        let mut body = bodies[random.below(bodies.len())].clone();
        for _ in 0..random.below(4) {
            mutate(&mut body, &scalars, &mut random);
        }
        let text = respell(&usher_codegen::json::parse(&body.to_string()).unwrap(), &mut random);
        let form = canonical_text(text.as_bytes(), Limits::OPEN).unwrap();
        assert_eq!(canonical_text(form.as_bytes(), Limits::OPEN).unwrap(), form, "seed {seed}\n{text}");
        if let Some((canonical, json)) = typed(*read, &text, Limits::OPEN) {
            shaped += 1;
            assert_eq!(json, form, "seed {seed}\n{text}");
            assert_eq!(typed(*read, &json, Limits::OPEN), Some((canonical, json)), "seed {seed}\n{text}");
        }
    }
    assert!(shaped > 2_000, "{shaped}");
}

#[test]
fn a_script_of_another_language_agrees() {
    if !Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success()) {
        // Straight to the terminal: what a passing test prints is not shown.
        let _ = writeln!(std::io::stderr(), "skipped a_script_of_another_language_agrees: there is no python3");
        return;
    }
    script(&["--vectors", docs().join("vectors.json").to_str().unwrap()]);

    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(seed());
    let (mut plain, mut credential) = (Vec::new(), Vec::new());
    for (api, stem, read) in READERS {
        for example in examples(api, "valid", stem) {
            let other = respell(&usher_codegen::json::parse(&example.text).unwrap(), &mut random);
            for text in [example.text, other] {
                let (canonical, json) = typed(*read, &text, Limits::GATEWAY).unwrap();
                if canonical != json {
                    credential.push((text.clone().into_bytes(), canonical));
                }
                plain.push((text.into_bytes(), json));
            }
        }
    }
    assert!(credential.len() >= 40 && plain.len() >= 300, "{} and {}", credential.len(), plain.len());
    for (name, document) in
        suite("test_parsing", "the suite's part of a_script_of_another_language_agrees").unwrap_or_default()
    {
        if name.starts_with("y_")
            && let Ok(form) = canonical_text(&document, Limits::GATEWAY)
        {
            plain.push((document, form));
        }
    }
    for (documents, without) in [(plain, &[][..]), (credential, &["--without", "/Header/AppKey"][..])] {
        let files: Vec<String> = documents
            .iter()
            .enumerate()
            .map(|(index, (document, _))| {
                let file = folder.path().join(format!("{index}.json"));
                std::fs::write(&file, document).unwrap();
                file.to_str().unwrap().to_owned()
            })
            .collect();
        let arguments: Vec<&str> = without.iter().copied().chain(files.iter().map(String::as_str)).collect();
        let forms = script(&arguments);
        let ours: Vec<&str> = documents.iter().map(|(_, form)| form.as_str()).collect();
        assert_eq!(forms.split_terminator('\n').collect::<Vec<_>>(), ours);
    }
}

/// What the published script prints.
fn script(arguments: &[&str]) -> String {
    let script = docs().join("canonical.py");
    let output = Command::new("python3").arg("-B").arg(script).args(arguments).env("PYTHONUTF8", "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Partners copy it; it must stay short enough to be read.
#[test]
fn the_script_has_at_most_forty_lines() {
    let lines = std::fs::read_to_string(docs().join("canonical.py")).unwrap().lines().count();
    assert!(lines <= 40, "{lines}");
}
