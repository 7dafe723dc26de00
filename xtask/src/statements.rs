//! `cargo xtask docs`: the table of every statement of the source documents with what shows it, made of
//! `docs/statements.toml` and of the tags in the tests, so that it cannot rot. The page of campaigns is written with it.
//!
//! A tag is a comment above a test, `// shows: KB-001, KB-002`. An example of the schemas shows a statement too: the
//! contract and the gateway are tested with each of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use miette::{IntoDiagnostic, Result, WrapErr, miette};
use serde::Deserialize;

const SOURCE: &str = "docs/statements.toml";
const TABLE: &str = "docs/statements.md";
/// Where tests are; this crate only speaks of tags.
const FOLDERS: [&str; 4] = ["crates", "tests", "codegen", "benches"];
const TAG: &str = "// shows: ";

/// The parts of the program that come later and bring what some statements need.
const LATER: [&str; 3] = ["portal", "certificates", "tokens"];

/// Options of `cargo xtask docs`.
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Write nothing; fail if the table is not what statements and tags say.
    #[arg(long)]
    check: bool,
}

impl Arguments {
    /// Only compares.
    pub(crate) fn check() -> Arguments {
        Arguments { check: true }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Statements {
    documents: BTreeMap<String, String>,
    statements: Vec<Statement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    id: String,
    place: String,
    says: String,
    #[serde(default)]
    examples: Vec<String>,
    later: Option<String>,
}

/// A tag and the test below it.
#[derive(Debug, PartialEq)]
struct Tag {
    ids: Vec<String>,
    file: String,
    test: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let root = crate::root();
    crate::campaigns::write_page(&root, arguments.check)?;
    let text = std::fs::read_to_string(root.join(SOURCE)).into_diagnostic().wrap_err(SOURCE)?;
    let statements: Statements = toml::from_str(&text).into_diagnostic().wrap_err(SOURCE)?;
    let (mut tags, mut faults) = (Vec::new(), Vec::new());
    for folder in FOLDERS {
        collect(&root, &root.join(folder), &mut tags, &mut faults)?;
    }
    let is_example = |path: &str| root.join("schemas").join(path).with_added_extension("json").is_file();
    faults.extend(mistakes(&statements, &tags, is_example));
    if !faults.is_empty() {
        faults.iter().for_each(|fault| eprintln!("{fault}"));
        return Err(miette!("{} mistakes in {SOURCE} and the tags of the tests; nothing was written", faults.len()));
    }
    let table = table(&statements, &tags);
    let path = root.join(TABLE);
    if std::fs::read_to_string(&path).is_ok_and(|old| old == table) {
        return Ok(());
    }
    if arguments.check {
        return Err(miette!(help = "run `cargo xtask docs` and commit what it writes", "{TABLE} is not up to date"));
    }
    std::fs::write(path, table).into_diagnostic()
}

/// The tags below a folder.
fn collect(root: &Path, folder: &Path, tags: &mut Vec<Tag>, faults: &mut Vec<String>) -> Result<()> {
    let mut entries = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>())
        .into_diagnostic()?;
    entries.sort();
    for path in entries {
        if path.is_dir() && !path.ends_with("target") {
            collect(root, &path, tags, faults)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).into_diagnostic()?;
            let file = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            let (found, wrong) = read(&file, &text);
            tags.extend(found);
            faults.extend(wrong);
        }
    }
    Ok(())
}

/// The tags of a file, and those above something that is no test.
fn read(file: &str, text: &str) -> (Vec<Tag>, Vec<String>) {
    let (mut tags, mut faults) = (Vec::new(), Vec::new());
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    for (index, line) in lines.iter().enumerate() {
        let Some(ids) = line.strip_prefix(TAG) else { continue };
        let below = lines[index + 1..].iter();
        let mut attributes = below.clone().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        let is_test = attributes.any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"));
        let function = below.clone().find(|line| !line.starts_with("#[") && !line.starts_with("//"));
        let name = function.and_then(|line| line.split_once("fn ")?.1.split(['(', '<']).next());
        match name.filter(|_| is_test) {
            Some(test) => tags.push(Tag {
                ids: ids.split(',').map(|id| id.trim().to_owned()).collect(),
                file: file.to_owned(),
                test: test.to_owned(),
            }),
            None => faults.push(format!("{file}:{}: the tag stands above something that is no test", index + 1)),
        }
    }
    (tags, faults)
}

/// What does not fit together.
fn mistakes(statements: &Statements, tags: &[Tag], is_example: impl Fn(&str) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    let mut known = BTreeSet::new();
    let tagged: BTreeSet<&str> = tags.iter().flat_map(|tag| &tag.ids).map(String::as_str).collect();
    for Statement { id, examples, later, .. } in &statements.statements {
        if !known.insert(id.as_str()) {
            faults.push(format!("{SOURCE}: {id} stands there twice"));
        }
        if !id.split_once('-').is_some_and(|(document, _)| statements.documents.contains_key(document)) {
            faults.push(format!("{SOURCE}: {id} names no document: begin it with one of [documents]"));
        }
        for example in examples.iter().filter(|example| !is_example(example)) {
            faults.push(format!("{SOURCE}: {id} names the example {example}, which is not there"));
        }
        let is_shown = tagged.contains(id.as_str()) || !examples.is_empty();
        match later {
            None if !is_shown => faults.push(format!(
                "{SOURCE}: nothing shows {id}: tag a test with `{TAG}{id}`, name an example, or say what it waits for"
            )),
            Some(_) if is_shown => {
                faults.push(format!("{SOURCE}: {id} is shown already: take its `later` out"));
            }
            Some(part) if !LATER.contains(&part.as_str()) => {
                faults.push(format!("{SOURCE}: {id} waits for `{part}`, which is none of {}", LATER.join(", ")));
            }
            _ => {}
        }
    }
    for Tag { ids, file, test } in tags {
        for id in ids.iter().filter(|id| !known.contains(id.as_str())) {
            faults.push(format!("{file}: {test} shows {id}, which is no statement of {SOURCE}"));
        }
    }
    faults
}

/// The document.
fn table(statements: &Statements, tags: &[Tag]) -> String {
    let mut text = String::from(
        "# What the source documents say, and what shows it\n\n\
         Made by `cargo xtask docs` from `docs/statements.toml` and the tags in the tests (`// shows: ID`); edit those.\n\n\
         Every statement of the three documents that the APIs come from, in our own words. An example in *italics* is run as \
         a test: the contract reads it (`tests/it/contract/examples.rs`), and a running gateway accepts or refuses it with \
         exactly the violations it lists (`tests/it/gateway/examples.rs`).\n",
    );
    for (document, title) in &statements.documents {
        let of_document = |statement: &&Statement| statement.id.split_once('-').is_some_and(|(it, _)| it == document);
        let of_document: Vec<_> = statements.statements.iter().filter(of_document).collect();
        let waiting = of_document.iter().filter(|statement| statement.later.is_some()).count();
        let _ = write!(
            text,
            "\n## {title}\n\n{} statements, {waiting} of them waiting for a later part.\n\n\
             | id | place | statement | shown by |\n| --- | --- | --- | --- |\n",
            of_document.len()
        );
        for Statement { id, place, says, examples, later } in of_document {
            let tests = tags.iter().filter(|tag| tag.ids.contains(id));
            let mut shown: Vec<String> = tests.map(|Tag { file, test, .. }| format!("[`{test}`](../{file})")).collect();
            shown.extend(examples.iter().map(|path| {
                let name = path.split_once("examples/").map_or(path.as_str(), |(_, name)| name);
                format!("[*{name}*](../schemas/{path}.json)")
            }));
            shown.extend(later.iter().map(|part| format!("waits: {part}")));
            let _ = writeln!(text, "| {id} | {place} | {says} | {} |", shown.join("<br>"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(text: &str) -> Statements {
        toml::from_str(&format!("[documents]\nAB = \"A bank\"\n{text}")).expect("statements")
    }

    fn statement(id: &str, rest: &str) -> String {
        format!("[[statements]]\nid = \"{id}\"\nplace = \"p\"\nsays = \"s\"\n{rest}\n")
    }

    #[test]
    fn a_tag_belongs_to_the_test_below_it() {
        let text = format!(
            "{TAG}AB-1, AB-2\n#[tokio::test]\n#[cfg(unix)]\nasync fn one() {{\n}}\n\n    {TAG}AB-3\n    #[test]\n    fn two() {{\n"
        );
        let (tags, faults) = read("a.rs", &text);
        assert!(faults.is_empty(), "{faults:?}");
        let told: Vec<_> = tags.iter().map(|tag| (tag.ids.join(" "), tag.test.as_str())).collect();
        assert_eq!(told, [("AB-1 AB-2".to_owned(), "one"), ("AB-3".to_owned(), "two")]);
    }

    #[test]
    fn a_tag_above_something_that_is_no_test_is_refused() {
        for below in ["fn helper() {", "#[inline]\nfn helper() {", "", "\n#[test]\nfn apart() {"] {
            let (tags, faults) = read("a.rs", &format!("{TAG}AB-1\n{below}\n"));
            assert!(tags.is_empty() && faults.len() == 1, "{below}: {tags:?}");
        }
    }

    #[test]
    fn every_statement_is_shown_or_waits_and_every_tag_shows_one() {
        let text = [
            statement("AB-1", ""),
            statement("AB-2", "examples = [\"there\"]"),
            statement("AB-3", "later = \"portal\""),
            statement("AB-4", "later = \"never\""),
            statement("AB-5", "examples = [\"gone\"]"),
            statement("AB-6", "later = \"tokens\""),
            statement("XY-1", "examples = [\"there\"]"),
            statement("AB-2", "examples = [\"there\"]"),
        ];
        let tag = |id: &str| Tag { ids: vec![id.to_owned()], file: "a.rs".to_owned(), test: "t".to_owned() };
        let faults = mistakes(&statements(&text.concat()), &[tag("AB-6"), tag("AB-9")], |path| path == "there");
        let expected = [
            "nothing shows AB-1",
            "AB-4 waits for `never`",
            "AB-5 names the example gone",
            "AB-6 is shown already",
            "XY-1 names no document",
            "AB-2 stands there twice",
            "a.rs: t shows AB-9",
        ];
        assert_eq!(faults.len(), expected.len(), "{faults:#?}");
        for (fault, expected) in faults.iter().zip(expected) {
            assert!(fault.contains(expected), "{fault} for {expected}");
        }
    }

    #[test]
    fn the_table_names_tests_examples_and_what_is_waited_for() {
        let text =
            [statement("AB-1", "examples = [\"a/v1/examples/valid/x/y\"]"), statement("AB-2", "later = \"portal\"")];
        let tag = Tag { ids: vec!["AB-1".to_owned()], file: "t/a.rs".to_owned(), test: "it_holds".to_owned() };
        let table = table(&statements(&text.concat()), &[tag]);
        let row =
            "| AB-1 | p | s | [`it_holds`](../t/a.rs)<br>[*valid/x/y*](../schemas/a/v1/examples/valid/x/y.json) |";
        assert!(table.contains(row), "{table}");
        assert!(
            table.contains("2 statements, 1 of them waiting") && table.contains("| AB-2 | p | s | waits: portal |")
        );
    }
}
