//! `cargo xtask codegen`: writes what the schemas say, or checks that it is written.

use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic, Result, miette};
use usher_codegen::generate;
use usher_codegen::load::{LoadOptions, load};

/// Options of `cargo xtask codegen`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Write nothing; fail if a generated file is missing, stale or orphaned.
    #[arg(long)]
    check: bool,
    /// Print class and shape of every schema.
    #[arg(long)]
    report: bool,
    /// Generate from another folder of schemas; needs --out.
    #[arg(long, requires = "out")]
    schemas: Option<PathBuf>,
    /// The folder to write to.
    #[arg(long, requires = "schemas")]
    out: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let own_tree = arguments.schemas.is_none();
    let schemas = arguments.schemas.clone().unwrap_or_else(|| PathBuf::from("schemas"));
    let options = LoadOptions { own_tree, ..LoadOptions::default() };
    let generated = load(&schemas, &options).and_then(|sources| generate::generate(&sources, own_tree)).map_err(show)?;
    if arguments.report {
        print!("{}", generated.report);
    }
    let out = arguments.out.clone().unwrap_or_else(|| PathBuf::from("generated/contract/src"));
    for (path, text) in &generated.code {
        write(&out.join(path), text)?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).into_diagnostic()?;
    }
    std::fs::write(path, text).into_diagnostic()
}

fn show(faults: Vec<usher_codegen::diagnostic::Diagnostic>) -> miette::Report {
    let count = faults.len();
    for fault in faults {
        eprintln!("{:?}", miette::Report::new(fault));
    }
    miette!("{count} problems in the schemas; nothing was written")
}
