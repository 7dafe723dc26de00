//! `cargo xtask bench`: builds the benchmarks as the program is shipped, runs them and prints their tables.

use std::process::Command;

use miette::{IntoDiagnostic, Result, miette};

/// Options of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Which one: `validate`, `xml`, `accept` or `rules`; all of them if none is named.
    name: Option<String>,
    /// Options of the benchmark itself, after `--`.
    #[arg(last = true)]
    rest: Vec<String>,
}

/// All benchmarks.
const BENCHMARKS: [&str; 4] = ["validate", "xml", "accept", "rules"];

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let named = |name: &&str| arguments.name.as_deref().is_none_or(|only| only == *name);
    let chosen: Vec<&str> = BENCHMARKS.into_iter().filter(named).collect();
    if chosen.is_empty() {
        return Err(miette!(help = format!("there are {}", BENCHMARKS.join(", ")), "no such benchmark"));
    }
    for name in chosen {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(crate::root()).args([
            "run",
            "--release",
            "--quiet",
            "--package",
            "usher-benches",
            "--bin",
            name,
            "--",
        ]);
        let status = command.args(&arguments.rest).status().into_diagnostic()?;
        if !status.success() {
            return Err(miette!("the benchmark {name} failed"));
        }
    }
    Ok(())
}
