//! The house: who may use whom, which library stays where, and that the documents name only what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use usher_codegen::generate::generate;
use usher_codegen::load::{LoadOptions, from_memory};

/// A crate of ours and the crates of ours it may use. A use that is not listed fails, and so does a crate that is not.
const MAY_USE: [(&str, &[&str]); 11] = [
    ("usher-wire", &[]),
    ("usher-codegen", &[]),
    ("usher-contract", &["usher-wire"]),
    ("usher-shapes", &["usher-wire"]),
    ("usher-domain", &["usher-wire", "usher-contract"]),
    ("usher-storage", &[]),
    ("usher-client", &["usher-wire", "usher-contract"]),
    ("usher-server", &["usher-wire", "usher-contract", "usher-domain", "usher-storage"]),
    ("usher-register", &["usher-wire", "usher-contract", "usher-domain", "usher-client", "usher-server"]),
    ("usher-delivery", &["usher-wire", "usher-contract", "usher-domain", "usher-storage"]),
    (
        "usher",
        &[
            "usher-wire",
            "usher-contract",
            "usher-domain",
            "usher-storage",
            "usher-client",
            "usher-server",
            "usher-register",
            "usher-delivery",
        ],
    ),
];

/// Crates that build, test and measure the others: they may use everything, and nothing that is shipped uses them.
const WORKSHOP: [&str; 7] =
    ["xtask", "usher-tests", "usher-oracle", "usher-testkit", "usher-vfs", "usher-campaigns", "usher-benches"];

/// What a crate may use beyond the table in its own tests.
const MAY_USE_IN_TESTS: [(&str, &str); 1] = [("usher-codegen", "usher-wire")];

/// Libraries that stand for a duty, and the shipped crates that have it.
const KEPT_IN: [(&str, &[&str]); 9] = [
    ("axum", &["usher-server"]),
    ("hyper", &["usher-server", "usher-delivery"]),
    ("reqwest", &["usher-client"]),
    ("rusqlite", &["usher-storage"]),
    ("chacha20poly1305", &["usher-storage"]),
    ("rlibphonenumber", &["usher-domain"]),
    ("prometheus-client", &["usher-server"]),
    ("rustix", &["usher-storage"]),
    ("clap", &["usher"]),
];

/// Marks of unfinished work, each broken in two so that this file does not carry them.
const UNFINISHED: [(&str, &str); 4] = [("todo", "!("), ("unimplemented", "!("), ("dbg", "!("), ("#[", "ignore")];

/// The only files that may hold `unsafe`; the lint denies it elsewhere, and this says where it may be allowed.
const UNSAFE: [&str; 2] = ["crates/wire/src/scan.rs", "tests/vfs/src/layer.rs"];

/// Where our own Rust stands.
const SOURCES: [&str; 6] = ["benches", "codegen", "crates", "generated", "tests", "xtask"];

struct Package {
    name: String,
    /// Names of what it uses when it is shipped or built.
    uses: BTreeSet<String>,
    /// Names of what only its own tests use.
    uses_in_tests: BTreeSet<String>,
}

#[test]
fn every_crate_uses_only_what_it_may() {
    let packages = packages();
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let table: BTreeMap<&str, &[&str]> = MAY_USE.into_iter().collect();
    let known: BTreeSet<&str> = table.keys().copied().chain(WORKSHOP).collect();
    assert_eq!(ours, known, "the table in tests/it/house.rs and the workspace name other crates");
    for package in packages.iter().filter(|package| !WORKSHOP.contains(&package.name.as_str())) {
        let may = table[package.name.as_str()];
        for used in package.uses.iter().filter(|used| ours.contains(used.as_str())) {
            assert!(may.contains(&used.as_str()), "{} must not use {used}", package.name);
        }
        for used in package.uses_in_tests.iter().filter(|used| ours.contains(used.as_str())) {
            let may = may.contains(&used.as_str()) || MAY_USE_IN_TESTS.contains(&(&package.name, used));
            assert!(may, "the tests of {} must not use {used}: move them to tests/it", package.name);
        }
    }
}

#[test]
fn a_duty_stays_with_its_crate() {
    for package in packages().iter().filter(|package| !WORKSHOP.contains(&package.name.as_str())) {
        for (library, owners) in KEPT_IN.iter().filter(|(_, owners)| !owners.contains(&&*package.name)) {
            assert!(!package.uses.contains(*library), "{} uses {library}, which belongs to {owners:?}", package.name);
        }
    }
}

#[test]
fn every_rust_file_says_what_it_is_for() {
    for path in files("rs") {
        let shown = shown(&path);
        // What is generated opens with its origin; the tests of a module are told of by the module.
        let is_exempt =
            shown.starts_with("generated/") || shown.starts_with("tests/shapes/") || path.ends_with("tests.rs");
        assert!(is_exempt || read(&path).starts_with("//! "), "{shown} must open with a line of documentation, `//!`");
    }
}

#[test]
fn no_rust_file_is_unfinished() {
    for path in files("rs") {
        let text = read(&path);
        for (begin, end) in UNFINISHED {
            assert!(!text.contains(&format!("{begin}{end}")), "{} holds `{begin}{end}`", shown(&path));
        }
    }
}

#[test]
fn unsafe_code_is_allowed_where_the_architecture_says() {
    let mark = concat!("allow(unsafe", "_code");
    let mut allowed: Vec<String> =
        files("rs").iter().filter(|path| read(path).contains(mark)).map(|path| shown(path)).collect();
    allowed.sort();
    assert_eq!(allowed, UNSAFE);
    let architecture = read(&root().join("ARCHITECTURE.md"));
    assert!(UNSAFE.iter().all(|path| architecture.contains(path)), "invariant 10 of ARCHITECTURE.md names other files");
}

#[test]
fn no_folder_holds_data() {
    let mut open = vec![root()];
    while let Some(folder) = open.pop() {
        for path in entries(&folder).into_iter().filter(|path| path.is_dir()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            assert_ne!(
                name,
                "data",
                "{} does not belong here: suites and lists are read from USHER_DATA",
                shown(&path)
            );
            if !name.starts_with('.') && !matches!(name.as_str(), "target" | "usher-data") {
                open.push(path);
            }
        }
    }
}

#[test]
fn the_commands_of_the_documents_exist() {
    let main = read(&root().join("xtask/src/main.rs"));
    let commands = main.split_once("enum Command {").and_then(|(_, rest)| rest.split_once("\n}")).unwrap().0;
    let commands: BTreeSet<String> = commands
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()))
        .map(|line| {
            line.split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or_default().to_lowercase()
        })
        .collect();
    let mut told = BTreeSet::new();
    for path in documents().into_iter().chain([root().join(".ci/run")]) {
        let text = read(&path);
        let words = text
            .split("cargo xtask ")
            .skip(1)
            .filter_map(|rest| rest.split(|letter: char| !letter.is_ascii_lowercase()).next());
        for word in words.filter(|word| !word.is_empty()) {
            assert!(commands.contains(word), "{} tells of `cargo xtask {word}`, which is not there", shown(&path));
            told.insert(word.to_owned());
        }
    }
    assert_eq!(told, commands, "a command of xtask is told of nowhere");

    // The two commands of the README: the second is all that CI runs.
    let readme = read(&root().join("README.md"));
    assert!(readme.contains("\ncargo run --release\n") && readme.contains("\ncargo xtask test\n"));
    assert!(read(&root().join(".ci/run")).contains("cargo xtask test"));
    assert!(read(&root().join(".cargo/config.toml")).contains("xtask = \"run --quiet --package xtask --\""));
    assert!(read(&root().join("Cargo.toml")).contains("default-members = [\"crates/app\"]"));
}

#[test]
fn what_the_documents_name_is_there() {
    let rust = files("rs");
    for path in documents() {
        let folder = path.parent().unwrap_or(&path).to_owned();
        let text = read(&path);
        for target in links(&text) {
            assert!(folder.join(target).exists(), "{} leads to {target}, which is not there", shown(&path));
        }
        for named in paths(&text) {
            let found = root().join(named).exists() || folder.join(named).exists();
            assert!(found, "{} names {named}, which is not there", shown(&path));
        }
        for named in code(&text).filter(|named| named.ends_with(".rs")) {
            assert!(
                rust.iter().any(|file| file.ends_with(named)),
                "{} names {named}, which is not there",
                shown(&path)
            );
        }
    }
}

#[test]
fn the_rust_of_the_readme_is_the_rust_that_compiles() {
    let readme = read(&root().join("README.md"));
    let shown = readme.split_once("```rust\n").and_then(|(_, rest)| rest.split_once("```")).unwrap().0;
    let here = include_str!("house.rs");
    let compiled =
        here.split_once("// README begins.\n").and_then(|(_, rest)| rest.split_once("// README ends.")).unwrap().0;
    let lines = |text: &str| {
        text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect::<Vec<_>>()
    };
    assert_eq!(lines(shown), lines(compiled), "the README and tests/it/house.rs differ");
}

#[test]
fn the_schemas_of_the_guide_become_the_types_it_shows() {
    let guide = read(&root().join("docs/schemas.md"));
    let mut compared = 0;
    for part in guide.split("```json\n").skip(1) {
        let (schema, rest) = part.split_once("```").expect("a block ends");
        let shown =
            rest.split_once("```rust\n").and_then(|(_, rest)| rest.split_once("```")).expect("a type follows").0;
        let files = vec![("guide.schema.json".to_owned(), schema.to_owned())];
        let generated = from_memory(files, &LoadOptions::default()).and_then(|sources| generate(&sources, false));
        let generated = generated.unwrap_or_else(|faults| panic!("{}", faults[0].to_text()));
        assert!(generated.notes.is_empty(), "{}", generated.notes[0].to_text());
        let (_, code) = generated.code.iter().find(|(path, _)| path == "guide.rs").expect("a file for each schema");
        assert!(bare(code).contains(&bare(shown)), "the guide shows\n{shown}\nand what comes out is\n{code}");
        compared += 1;
    }
    assert!(compared > 2);
}

#[test]
fn every_decision_is_listed() {
    let folder = root().join("docs/decisions");
    let index = read(&folder.join("README.md"));
    for path in entries(&folder) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        assert!(name == "README.md" || index.contains(&format!("({name})")), "docs/decisions/README.md misses {name}");
    }
}

/// What the README shows. It is compiled and not run: there is no gateway here.
#[rustfmt::skip]
#[allow(dead_code)]
async fn readme() -> Result<(), Box<dyn std::error::Error>> {
    // README begins.
    use usher_client::contract::contact_request::v1::{General, Person, Request, Subject};
    use usher_client::{ApiKey, Client, check};

    let client = Client::builder("http://127.0.0.1:8080", ApiKey::new(&std::env::var("USHER_KEY")?)?).build()?;
    let request = check(Request {
        person: Person { forename: "Jana".into(), surname: "Vzorová".into(), unknown: Default::default() },
        phone_number: "+420 601 123 456".into(), email: "jana.vzorova@example.org".into(),
        subject: Subject::General(General { intent: None, unknown: Default::default() }),
        message: Some("Please call me about a mortgage.".into()),
        language: None, recontact: None, consent: None, attribution: None, unknown: Default::default(),
    })?;
    let receipt = client.contact_request().submit(&request).await?;
    println!("stored as {}", receipt.id);
    // README ends.
    Ok(())
}

fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let package = |package: &Value| {
        let dependencies = package["dependencies"].as_array().expect("a list");
        let of = |is_dev: bool| {
            let kind = move |dependency: &&Value| (dependency["kind"] == "dev") == is_dev;
            dependencies.iter().filter(kind).map(|dependency| text(&dependency["name"])).collect()
        };
        Package { name: text(&package["name"]), uses: of(false), uses_in_tests: of(true) }
    };
    metadata["packages"].as_array().expect("a list").iter().map(package).collect()
}

/// The documents at the root and in `docs/`.
fn documents() -> Vec<PathBuf> {
    let mut open = vec![root().join("docs")];
    let mut found: Vec<PathBuf> = entries(&root()).into_iter().filter(|path| is(path, "md")).collect();
    while let Some(folder) = open.pop() {
        let (folders, documents) = entries(&folder).into_iter().partition(|path| path.is_dir());
        open.extend::<Vec<_>>(folders);
        found.extend::<Vec<_>>(documents);
    }
    found.retain(|path| is(path, "md"));
    found
}

/// Code without documentation, attributes and white space.
fn bare(code: &str) -> String {
    let lines = code.lines().map(str::trim).filter(|line| !line.starts_with("///") && !line.starts_with("#["));
    lines.flat_map(|line| line.chars().filter(|letter| !letter.is_whitespace())).collect()
}

/// The targets of the links that lead to files of ours.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let targets = targets.map(|target| target.split('#').next().unwrap_or_default());
    targets.filter(|target| !target.is_empty() && !target.contains("://"))
}

/// What stands between backticks.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// What of it begins like a path of ours.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let ours = |path: &&str| {
        let begins = SOURCES.iter().chain(&["schemas", "docs"]).any(|folder| path.split('/').next() == Some(folder));
        begins
            && path.contains('/')
            && !path.contains(|letter: char| letter.is_whitespace() || "<>{}*…".contains(letter))
    };
    code(text).filter(ours).map(|path| path.split([':', '#']).next().unwrap_or(path))
}

fn files(extension: &str) -> Vec<PathBuf> {
    let mut open: Vec<PathBuf> = SOURCES.iter().map(|folder| root().join(folder)).collect();
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for path in entries(&folder) {
            if path.is_dir() {
                open.push(path);
            } else if is(&path, extension) {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty());
    found
}

fn is(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry can be read").path()).collect();
    entries.sort();
    entries
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the root is there")
}

/// A path as the documents write it.
fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}
