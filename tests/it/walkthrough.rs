//! The walkthroughs in `docs/walkthroughs` are run as they stand: their files written, their commands typed, their answers
//! compared. Each has a gateway and a folder of its own.
//!
//! A block ```` ```sh ```` is run by a shell, with what the blocks before it exported. The block after it, ```` ```json ````
//! or ```` ```text ````, is what the command prints: `<a placeholder>` stands for anything, and of JSON only the members
//! that are shown are compared. A block with a name, ```` ```json request.json ````, is a file.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{Gateway, Place, texts};

/// One block of a document.
struct Block<'t> {
    line: usize,
    kind: &'t str,
    name: &'t str,
    text: String,
}

fn blocks(document: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut is_open = false;
    for (index, line) in document.lines().enumerate() {
        match line.strip_prefix("```") {
            Some("") => is_open = false,
            Some(info) => {
                let (kind, name) = info.split_once(' ').unwrap_or((info, ""));
                blocks.push(Block { line: index + 1, kind, name, text: String::new() });
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

struct Session<'w> {
    place: &'w Place,
    gateway: &'w Gateway,
}

impl Session<'_> {
    /// What the commands of a block print.
    fn run(&self, commands: &str) -> String {
        let path = crate::harness::binary().parent().expect("a program lies in a folder").display().to_string();
        let path = format!("{path}:{}", std::env::var("PATH").unwrap_or_default());
        // What a block exports is there in the next.
        let script = format!("set -eu\n[ ! -f .exported ] || . ./.exported\n{commands}\nexport -p > .exported\n");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).current_dir(self.place.path("")).stdin(Stdio::null());
        command.env_clear().env("PATH", path).env("LC_ALL", "C.UTF-8");
        command.env("USHER_SERVER", self.gateway.address()).env("USHER_KEY", self.gateway.key());
        command.env("USHER_APP_KEY", self.gateway.app_key()).env("USHER_BANK", self.gateway.bank_address());
        let output = command.output().expect("there is a shell");
        let (stdout, stderr) = texts(&output);
        assert!(output.status.success(), "{commands}\n{stdout}\n{stderr}\n{}", self.gateway.log());
        stdout
    }
}

fn walk(name: &str) {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: {name} needs curl");
        return;
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/walkthroughs");
    let document = std::fs::read_to_string(folder.join(name)).expect("the walkthrough is there");
    let place = Place::new();
    let gateway = place.start();
    let session = Session { place: &place, gateway: &gateway };
    let mut printed = None;
    let mut compared = 0;
    for Block { line, kind, name: file, text } in blocks(&document) {
        if !file.is_empty() {
            let text = text.replace("<AppKey>", gateway.app_key());
            place.write(file, text);
        } else if kind == "sh" {
            printed = Some(session.run(&text));
        } else {
            let found = printed.take().unwrap_or_else(|| panic!("{name}:{line}: no command is before this answer"));
            let wrong = if kind == "json" {
                let expected = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}:{line}: {error}"));
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
    }
    assert!(compared > 2, "{name} compares next to nothing");
}

#[test]
fn a_contact_request_is_followed_from_check_to_withdrawal() {
    walk("contact-request.md");
}

#[test]
fn an_appointment_request_is_refused_with_all_mistakes_and_then_accepted() {
    walk("appointment-request.md");
}

#[test]
fn a_person_is_onboarded_step_by_step() {
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
