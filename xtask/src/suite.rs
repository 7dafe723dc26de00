//! `cargo xtask suite`: the official JSON-Schema-Test-Suite against code that is generated from its schemas, compiled and run.
//!
//! Every schema of the suite becomes a module of one crate for each draft, below the target folder; nothing of it is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use miette::{IntoDiagnostic, Result, WrapErr, miette};
use serde::Deserialize;
use serde_json::value::RawValue;
use usher_codegen::dialect::Dialect;
use usher_codegen::generate::{Reader, generate};
use usher_codegen::load::{LoadOptions, from_memory};
use usher_codegen::plan::Class;

/// Options of `cargo xtask suite`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only this draft.
    #[arg(long)]
    draft: Option<String>,
    /// Only files whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Say of each test that is not right what is wrong, whether it is known or not.
    #[arg(long)]
    verbose: bool,
}

/// Where remote schemas of the suite are said to be.
const REMOTE: &str = "http://localhost:1234/";

/// A schema of the suite with its tests.
#[derive(Deserialize)]
struct Group {
    description: String,
    schema: Box<RawValue>,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    description: String,
    data: Box<RawValue>,
    valid: bool,
}

/// A test with the module that decides it.
struct Case {
    file: String,
    name: String,
    module: usize,
    data: String,
    valid: bool,
}

/// The files that were generated from a group's schema, and how it is read.
type Module = (Vec<(String, String)>, Reader);

/// The drafts, as the suite names their folders.
const DRAFTS: [(&str, Dialect); 3] =
    [("draft2020-12", Dialect::Draft2020), ("draft2019-09", Dialect::Draft2019), ("draft7", Dialect::Draft7)];

/// Optional tests that are not right, each below the reason; see the file's own head.
const KNOWN: &str = "tests/json-schema-test-suite.txt";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let data =
        crate::test::data().ok_or_else(|| miette!("USHER_DATA names no folder with suites/json-schema-test-suite"))?;
    check(&data, arguments)
}

/// Everything, as `cargo xtask test` runs it.
pub(crate) fn check_all(data: &Path) -> Result<()> {
    check(data, &Arguments { draft: None, only: None, verbose: false })
}

fn check(data: &Path, arguments: &Arguments) -> Result<()> {
    let suite = data.join("suites/json-schema-test-suite");
    let known = std::fs::read_to_string(crate::root().join(KNOWN)).into_diagnostic()?;
    let known: BTreeSet<&str> = known.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    let mut wrong = BTreeSet::new();
    for (draft, dialect) in DRAFTS {
        if arguments.draft.as_deref().is_none_or(|only| only == draft) {
            wrong.extend(one_draft(&suite, draft, dialect, arguments)?);
        }
    }
    let unknown: Vec<&String> = wrong.iter().filter(|test| !known.contains(test.as_str())).collect();
    let is_whole = arguments.draft.is_none() && arguments.only.is_none();
    let mended: Vec<&&str> = known.iter().filter(|test| is_whole && !wrong.contains(**test)).collect();
    for test in &unknown {
        eprintln!("not right: {test}");
    }
    for test in &mended {
        eprintln!("right by now: {test}");
    }
    if unknown.is_empty() && mended.is_empty() {
        return Ok(());
    }
    let help =
        format!("mend it; or, for an optional test, list it in {KNOWN} below its reason, and unlist what is right");
    Err(miette!(
        help = help,
        "{} tests are not right and not listed, {} are listed and right",
        unknown.len(),
        mended.len()
    ))
}

/// Runs one draft; the names of the tests that are not right.
fn one_draft(suite: &Path, draft: &str, dialect: Dialect, arguments: &Arguments) -> Result<Vec<String>> {
    let mut files = Vec::new();
    json_files(&suite.join("tests").join(draft), "", &mut files)?;
    let mut remotes = Vec::new();
    json_files(&suite.join("remotes"), "", &mut remotes)?;
    let mut cases = Vec::new();
    let mut wrong = Vec::new();
    let mut refused: BTreeMap<bool, usize> = BTreeMap::new();
    let mut modules: Vec<Module> = Vec::new();
    for (name, path) in &files {
        if arguments.only.as_deref().is_some_and(|only| !name.contains(only)) {
            continue;
        }
        let text = std::fs::read_to_string(path).into_diagnostic()?;
        let groups: Vec<Group> = serde_json::from_str(&text).into_diagnostic().wrap_err_with(|| name.clone())?;
        for group in groups {
            let module = modules.len();
            let tests = group.tests.into_iter().map(|test| Case {
                file: name.clone(),
                name: format!("{draft}/{name}: {}: {}", group.description, test.description),
                module,
                data: test.data.get().to_owned(),
                valid: test.valid,
            });
            match make(module, dialect, draft, name, group.schema.get(), &remotes) {
                Ok(made) => {
                    modules.push(made);
                    cases.extend(tests);
                }
                Err(why) => {
                    if arguments.verbose {
                        println!("{draft}/{name}: {}: {why}", group.description);
                    }
                    let before = wrong.len();
                    wrong.extend(tests.map(|case| case.name));
                    *refused.entry(name.contains('/')).or_default() += wrong.len() - before;
                }
            }
        }
    }
    let folder = crate::test::target(&crate::root()).join("suite").join(draft);
    write_crate(&folder, &modules, &cases)?;
    let verdicts = build_and_run(&folder)?;
    if verdicts.len() != cases.len() {
        return Err(miette!("{} of {} tests of {draft} were run", verdicts.len(), cases.len()));
    }
    let mut scores: BTreeMap<bool, Score> = BTreeMap::new();
    for (case, (valid, lossless)) in cases.into_iter().zip(verdicts) {
        let score = scores.entry(case.file.contains('/')).or_default();
        score.all += 1;
        let mut is_right = valid == case.valid;
        score.right += usize::from(is_right);
        if case.valid && modules[case.module].1.class != Class::Rescan {
            score.typed += 1;
            score.whole += usize::from(lossless);
            is_right &= lossless;
        }
        if !is_right {
            if arguments.verbose {
                println!("{}: {}, in g{}", case.name, if valid { "accepted" } else { "refused" }, case.module);
            }
            wrong.push(case.name);
        }
    }
    for (is_optional, Score { all, right, typed, whole }) in scores {
        let kind = if is_optional { "optional" } else { "required" };
        let all = all + refused.get(&is_optional).copied().unwrap_or_default();
        println!(
            "{draft} {kind}: {right} of {all} right; {whole} of {typed} valid documents come back whole from their types"
        );
    }
    Ok(wrong)
}

/// How many tests there are, are right, have valid documents and a type, come back from it whole.
#[derive(Default)]
struct Score {
    all: usize,
    right: usize,
    typed: usize,
    whole: usize,
}

fn json_files(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> Result<()> {
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).into_diagnostic()?.collect::<Result<_, _>>().into_diagnostic()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            json_files(&entry.path(), &format!("{prefix}{name}/"), files)?;
        } else if name.ends_with(".json") {
            files.push((format!("{prefix}{name}"), entry.path()));
        }
    }
    Ok(())
}

/// Generates the module of one group, or says why it is refused.
fn make(
    module: usize,
    dialect: Dialect,
    draft: &str,
    file: &str,
    schema: &str,
    remotes: &[(String, PathBuf)],
) -> Result<Module, String> {
    let entry = format!("g{module}/schema.schema.json");
    let mut files = vec![(entry.clone(), schema.to_owned())];
    if schema.contains(REMOTE) {
        let is_of_draft = |name: &str| match name.split_once('/') {
            Some((folder, _)) if folder.starts_with("draft") || folder == "v1" => folder == draft,
            _ => true,
        };
        for (name, path) in remotes.iter().filter(|(name, _)| is_of_draft(name)) {
            let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
            files.push((format!("g{module}/remotes/{name}"), text));
        }
    }
    let options = LoadOptions {
        base: "https://suite.usher.example/".to_owned(),
        retrieved: vec![(format!("g{module}/remotes/"), REMOTE.to_owned())],
        meta_folder: format!("g{module}/meta/"),
        entries: vec![entry.clone()],
        dialect,
        assert_formats: file.starts_with("optional/format/"),
        ..LoadOptions::default()
    };
    let made = from_memory(files, &options).and_then(|sources| generate(&sources, false));
    let mut generated = made.map_err(|faults| {
        let texts: Vec<String> = faults.iter().map(|fault| fault.to_text().trim_end().replace('\n', " ")).collect();
        texts.join("; ")
    })?;
    let reader = generated.readers.remove(&entry).ok_or("no type reads the schema")?;
    generated.code.retain(|(path, _)| path != "lib.rs");
    Ok((generated.code, reader))
}

fn write_crate(folder: &Path, modules: &[Module], cases: &[Case]) -> Result<()> {
    let source = folder.join("src");
    if source.is_dir() {
        std::fs::remove_dir_all(&source).into_diagnostic()?;
    }
    let put = |path: &Path, text: &str| -> Result<()> {
        std::fs::create_dir_all(path.parent().unwrap_or(folder)).into_diagnostic()?;
        std::fs::write(path, text).into_diagnostic()
    };
    let root = crate::root();
    let manifest = format!(
        "[package]\nname = \"suite\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         usher-wire = {{ path = {:?} }}\nserde_json = {{ version = \"1\", features = [\"raw_value\"] }}\n\n\
         [profile.dev]\nopt-level = 0\ndebug = false\nincremental = false\n",
        root.join("crates/wire")
    );
    put(&folder.join("Cargo.toml"), &manifest)?;
    std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).into_diagnostic()?;
    let mut main = String::from("#![allow(warnings)]\n");
    let mut readers = String::new();
    for (index, (code, reader)) in modules.iter().enumerate() {
        for (path, text) in code {
            put(&source.join(path), text)?;
        }
        let _ = writeln!(main, "mod g{index};");
        let _ = writeln!(readers, "    run::<{}>,", reader.path);
    }
    main.push_str(RUNNER);
    let _ = write!(main, "\nconst READERS: &[Run] = &[\n{readers}];\n");
    put(&source.join("main.rs"), &main)?;
    let mut lines = String::new();
    for case in cases {
        let one_line = case.data.replace(['\n', '\r'], " ");
        let _ = writeln!(lines, "{} {one_line}", case.module);
    }
    put(&folder.join("cases.txt"), &lines)
}

/// The part of the crate that is the same for every draft.
const RUNNER: &str = r#"
use usher_wire::{Json, Limits, Message, Mode, Options, canonical, parse, to_json};

type Run = fn(&[u8]) -> (bool, bool);

fn options() -> Options<'static> {
    Options { mode: Mode::Tolerant, limits: Limits::OPEN, facts: None }
}

fn run<T: for<'a> Message<'a>>(bytes: &[u8]) -> (bool, bool) {
    let Ok(parsed) = parse::<T>(bytes, &options()) else { return (false, false) };
    let Ok((value, _)) = parsed.into_result() else { return (false, false) };
    let form = |bytes: &[u8]| parse::<Json>(bytes, &options()).ok().and_then(|json| json.canonical());
    let (before, after) = (form(bytes), form(&to_json(&*value)));
    (true, before.is_some() && before == after)
}

fn main() {
    let path = std::env::args().nth(1).expect("the file of cases");
    for line in std::fs::read_to_string(path).expect("the file of cases").lines() {
        let (module, data) = line.split_once(' ').expect("a number and a document");
        let (valid, lossless) = READERS[module.parse::<usize>().expect("a number")](data.as_bytes());
        println!("{} {}", u8::from(valid), u8::from(lossless));
    }
}
"#;

fn build_and_run(folder: &Path) -> Result<Vec<(bool, bool)>> {
    let target = folder.parent().unwrap_or(folder).join("target");
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", &target)
        .args(["build", "--quiet"])
        .status()
        .into_diagnostic()?;
    if !status.success() {
        return Err(miette!("what is generated from the suite does not compile: {}", folder.display()));
    }
    let output = Command::new(target.join("debug/suite")).arg(folder.join("cases.txt")).output().into_diagnostic()?;
    if !output.status.success() {
        return Err(miette!("the suite ended early: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let lines = String::from_utf8_lossy(&output.stdout);
    Ok(lines.lines().filter_map(|line| line.split_once(' ')).map(|(a, b)| (a == "1", b == "1")).collect())
}
