//! The walkthroughs in `docs/walkthroughs` are run as they stand: their commands typed into one shell, their answers compared.
//! Each has a gateway and a folder of its own.
//!
//! All blocks ```` ```sh ```` of a page are run by one shell, as somebody does who pastes one after the other. The block
//! after it, ```` ```json ```` or ```` ```text ````, is what the command prints: `<a placeholder>` stands
//! for anything, and of JSON only the members that are shown are compared.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{Gateway, Place, texts};

/// One block of a document.
struct Block<'t> {
    line: usize,
    kind: &'t str,
    text: String,
}

fn blocks(document: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut is_open = false;
    for (index, line) in document.lines().enumerate() {
        match line.strip_prefix("```") {
            Some("") => is_open = false,
            Some(kind) => {
                blocks.push(Block { line: index + 1, kind, text: String::new() });
                is_open = true;
            }
            None if is_open => {
                let block = blocks.last_mut().expect("an open block is the last");
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {}
        }
    }
    blocks
}

/// Whether a text is what was expected, where `<words>` stand for anything.
fn is_like(expected: &str, found: &str) -> bool {
    let Some((before, rest)) = expected.split_once('<') else { return expected == found };
    let Some((_, after)) = rest.split_once('>') else { return expected == found };
    let Some(found) = found.strip_prefix(before) else { return false };
    let ends = found.char_indices().map(|(at, _)| at).chain([found.len()]);
    ends.skip(usize::from(!found.is_empty())).any(|at| is_like(after, &found[at..]))
}

/// Where an answer differs from what is shown of it.
fn difference(expected: &Value, found: &Value, at: &str) -> Option<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => expected.iter().find_map(|(name, value)| {
            let at = format!("{at}/{name}");
            found.get(name).map_or(Some(format!("{at} is not there")), |found| difference(value, found, &at))
        }),
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            let mut pairs = expected.iter().zip(found).enumerate();
            pairs.find_map(|(index, (expected, found))| difference(expected, found, &format!("{at}/{index}")))
        }
        (Value::String(expected), Value::String(found)) if is_like(expected, found) => None,
        (Value::String(expected), Value::Number(found)) if is_like(expected, &found.to_string()) => None,
        _ if expected == found => None,
        _ => Some(format!("{at} is {found}, not {expected}")),
    }
}

/// Runs the commands of a page in one shell, and gives what each block printed.
fn run(name: &str, commands: &[&Block<'_>], place: &Place, gateway: &Gateway) -> Vec<String> {
    let path = crate::harness::binary().parent().expect("a program lies in a folder").display().to_string();
    let path = format!("{path}:{}", std::env::var("PATH").unwrap_or_default());
    let blocks = commands.iter().enumerate();
    let blocks = blocks.map(|(index, block)| format!("{{\n{}}} > .printed-{index}\n", block.text));
    let script = format!("set -eu\n{}", blocks.collect::<String>());
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(place.path("")).stdin(Stdio::null());
    command.env_clear().env("PATH", path).env("LC_ALL", "C.UTF-8");
    // What the first start says to export.
    let exports = gateway.said.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    let output = command.envs(exports).output().expect("there is a shell");
    let printed = |index| std::fs::read_to_string(place.path(&format!(".printed-{index}"))).ok();
    let printed: Vec<String> = (0..commands.len()).map_while(printed).collect();
    if !output.status.success() {
        let stderr = texts(&output).1;
        let (last, said) = commands.iter().zip(&printed).next_back().expect("a walkthrough has commands");
        panic!("{name}:{}: a command failed\n{said}\n{stderr}\n{}", last.line, gateway.log());
    }
    printed
}

fn walk(name: &str) {
    for tool in ["curl", "jq"] {
        if Command::new(tool).arg("--version").output().is_err() {
            eprintln!("skipped: {name} needs {tool}");
            return;
        }
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/walkthroughs");
    let document = std::fs::read_to_string(folder.join(name)).expect("the walkthrough is there");
    let place = Place::new();
    let gateway = place.start();
    let blocks = blocks(&document);
    let commands: Vec<&Block<'_>> = blocks.iter().filter(|block| block.kind == "sh").collect();
    let mut printed = run(name, &commands, &place, &gateway).into_iter();
    let (mut found, mut compared) = (None, 0);
    for Block { line, kind, text } in &blocks {
        if *kind == "sh" {
            found = printed.next();
            continue;
        }
        let found = found.take().unwrap_or_else(|| panic!("{name}:{line}: no command is before this answer"));
        let wrong = if *kind == "json" {
            let expected = serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}:{line}: {error}"));
            match serde_json::from_str(&found) {
                Ok(found) => difference(&expected, &found, ""),
                Err(error) => Some(error.to_string()),
            }
        } else {
            (!is_like(text.trim(), found.trim())).then(|| "the text is another".to_owned())
        };
        assert!(wrong.is_none(), "{name}:{line}: {}\n{found}\n{}", wrong.unwrap_or_default(), gateway.log());
        compared += 1;
    }
    assert!(compared > 2, "{name} compares next to nothing");
}

// shows: KB-001, KB-002, KB-007, KB-008, KB-009, KB-028, KB-031
#[test]
fn a_contact_request_goes_from_the_first_mistake_to_the_paid_commission() {
    walk("contact-request.md");
}

// shows: IS-002, IS-003, IS-004, IS-056, IS-058, IS-067
#[test]
fn an_appointment_request_in_xml_goes_from_the_first_mistake_to_the_deal() {
    walk("appointment-request.md");
}

// shows: IA-001, IA-002, IA-014, IA-016, IA-036, IA-069, IA-070
#[test]
fn a_person_is_onboarded_from_the_first_mistake_to_the_candidate_at_the_bank() {
    walk("onboarding.md");
}

#[test]
fn every_walkthrough_is_walked() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/walkthroughs");
    let here = include_str!("walkthrough.rs");
    for entry in std::fs::read_dir(folder).expect("there are walkthroughs") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        assert!(here.contains(&format!("walk(\"{name}\")")), "{name} is not run");
    }
}

#[test]
fn placeholders_stand_for_anything_and_nothing_else_does() {
    for (expected, found, is) in [
        ("a", "a", true),
        ("a", "b", false),
        ("id <id>, then", "id 7, then", true),
        ("id <id>, then", "id 7 then", false),
        ("<a>-<b>", "1-2-3", true),
        ("<a>x", "", false),
        ("a < b", "a < b", true),
    ] {
        assert_eq!(is_like(expected, found), is, "{expected} {found}");
    }
    let json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let found = json(r#"{"a": [1, {"b": "x", "c": 2}], "d": 3}"#);
    assert_eq!(difference(&json(r#"{"a": [1, {"b": "<any>"}]}"#), &found, ""), None);
    for wrong in [r#"{"a": [1]}"#, r#"{"a": [1, {"b": "y"}]}"#, r#"{"e": 1}"#] {
        assert!(difference(&json(wrong), &found, "").is_some(), "{wrong}");
    }
}
