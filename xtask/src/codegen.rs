//! `cargo xtask codegen`: writes what the schemas say, or checks that it is written.

use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic, Result, miette};
use usher_codegen::diagnostic::Diagnostic;
use usher_codegen::generate::{Generated, generate};
use usher_codegen::load::{LoadOptions, load};
use usher_codegen::lock::renamed;
use usher_codegen::output::{Ours, compare, write};

/// Options of `cargo xtask codegen`.
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Write nothing; fail if a generated file is missing, stale or orphaned.
    #[arg(long)]
    check: bool,
    /// Print class and shape of every schema.
    #[arg(long)]
    report: bool,
    /// Let generated types change their names, which breaks code that uses them.
    #[arg(long)]
    rename: bool,
    /// Generate from another folder of schemas.
    #[arg(long, requires = "out")]
    schemas: Option<PathBuf>,
    /// The folder of the crate to generate: its `src`, its `publish` and its `names.lock`.
    #[arg(long, requires = "schemas")]
    out: Option<PathBuf>,
}

/// A folder of schemas and where what is generated from it goes.
struct Tree {
    schemas: PathBuf,
    code: PathBuf,
    documents: Option<PathBuf>,
    names: PathBuf,
    own: bool,
}

impl Arguments {
    /// Only compares, with our own schemas.
    pub(crate) fn check() -> Arguments {
        Arguments { check: true, ..Arguments::default() }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let trees = match (&arguments.schemas, &arguments.out) {
        (Some(schemas), Some(out)) => vec![Tree {
            schemas: schemas.clone(),
            code: out.join("src"),
            documents: Some(out.join("publish")),
            names: out.join("names.lock"),
            own: false,
        }],
        _ => own_trees(&crate::root()),
    };
    let mut differs = false;
    for tree in trees {
        differs |= tree.run(arguments)?;
    }
    if differs && arguments.check {
        return Err(miette!(
            help = "run `cargo xtask codegen` and commit what it writes",
            "generated files are not up to date"
        ));
    }
    Ok(())
}

/// The contracts, and the small schemas by which the generator is tested.
fn own_trees(root: &Path) -> Vec<Tree> {
    vec![
        Tree {
            schemas: root.join("schemas"),
            code: root.join("generated/contract/src"),
            documents: Some(root.join("generated/publish")),
            names: root.join("generated/names.lock"),
            own: true,
        },
        Tree {
            schemas: root.join("tests/shapes/schemas"),
            code: root.join("tests/shapes/src"),
            documents: None,
            names: root.join("tests/shapes/names.lock"),
            own: false,
        },
    ]
}

impl Tree {
    /// Writes or compares; true if something differed.
    fn run(&self, arguments: &Arguments) -> Result<bool> {
        let options = LoadOptions { own_tree: self.own, ..LoadOptions::default() };
        let sources = load(&self.schemas, &options).map_err(show)?;
        let generated = generate(&sources, self.own).map_err(show)?;
        for note in sources.notes.iter().chain(&generated.notes).filter(|_| !arguments.check) {
            eprintln!("{}", note.to_text());
        }
        if arguments.report {
            print!("{}", generated.report);
        }
        if !arguments.rename {
            self.keep_names(&generated)?;
        }
        let mut differs = self.put(&self.code, &generated.code, Ours::Marked, arguments.check)?;
        if let Some(folder) = &self.documents {
            differs |= self.put(folder, &generated.documents, Ours::All, arguments.check)?;
        }
        differs |= self.put_names(&generated, arguments.check)?;
        Ok(differs)
    }

    fn put(&self, folder: &Path, files: &[(String, String)], ours: Ours, check: bool) -> Result<bool> {
        let done = if check { compare(folder, files, ours) } else { write(folder, files, ours) };
        let difference = done.map_err(|fault| show(vec![*fault]))?;
        if check && !difference.is_empty() {
            eprintln!("{}:\n{}", folder.display(), difference.to_text());
        } else if !difference.is_empty() {
            let (written, removed) = (difference.missing.len() + difference.stale.len(), difference.orphaned.len());
            eprintln!("{}: {written} files written, {removed} removed", folder.display());
        }
        Ok(!difference.is_empty())
    }

    /// Refuses to rename a type that has been there.
    fn keep_names(&self, generated: &Generated) -> Result<()> {
        let Ok(text) = std::fs::read_to_string(&self.names) else { return Ok(()) };
        let faults =
            renamed(&self.names.to_string_lossy(), &text, &generated.names).map_err(|fault| show(vec![*fault]))?;
        if faults.is_empty() { Ok(()) } else { Err(show(faults)) }
    }

    fn put_names(&self, generated: &Generated, check: bool) -> Result<bool> {
        let text = generated.names.to_text();
        if std::fs::read_to_string(&self.names).is_ok_and(|old| old == text) {
            return Ok(false);
        }
        if check {
            eprintln!("stale {}", self.names.display());
        } else {
            std::fs::write(&self.names, text).into_diagnostic()?;
        }
        Ok(true)
    }
}

fn show(faults: Vec<Diagnostic>) -> miette::Report {
    let count = faults.len();
    for fault in faults {
        eprintln!("{:?}", miette::Report::new(fault));
    }
    miette!("{count} problems in the schemas; nothing was written")
}
