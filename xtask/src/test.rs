//! `cargo xtask test`: everything that must hold before a change lands. The README's second command, and all that CI runs.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use miette::{IntoDiagnostic, Result, WrapErr, miette};

/// One step: what it shows, and the command.
struct Step {
    name: &'static str,
    arguments: &'static [&'static str],
}

/// In the order in which a mistake is found soonest.
const STEPS: [Step; 5] = [
    Step { name: "format", arguments: &["fmt", "--all", "--check"] },
    Step {
        name: "lints",
        arguments: &["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"],
    },
    // The program as it is shipped is what the tests over HTTP start.
    Step { name: "program", arguments: &["build", "--release", "--package", "usher"] },
    Step { name: "tests", arguments: &["test", "--workspace"] },
    Step { name: "documentation", arguments: &["doc", "--workspace", "--no-deps", "--quiet"] },
];

pub(crate) fn run() -> Result<()> {
    let begin = Instant::now();
    let root = crate::root();
    let data = data();
    step("generated files");
    crate::codegen::run(&crate::codegen::Arguments::check())?;
    step("statements");
    crate::statements::run(&crate::statements::Arguments::check())?;
    for Step { name, arguments } in STEPS {
        step(name);
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&root).args(arguments).env("RUSTDOCFLAGS", "--deny warnings");
        command.env("USHER_PROGRAM", target(&root).join("release/usher"));
        if let Some(data) = &data {
            command.env("USHER_DATA", data);
        }
        let status =
            command.status().into_diagnostic().wrap_err_with(|| format!("cannot start cargo for the step {name}"))?;
        if !status.success() {
            let again = format!("run it alone: cargo {}", arguments.join(" "));
            return Err(miette!(help = again, "the step {name} failed"));
        }
    }
    if let Some(data) = &data {
        step("official suite");
        crate::suite::check_all(data)?;
    } else {
        eprintln!(
            "skipped: JSONTestSuite, JSON-Schema-Test-Suite, the German postal code lists.\n\
             They are read from the folder that USHER_DATA names: suites/JSONTestSuite (github.com/nst/JSONTestSuite),\n\
             suites/json-schema-test-suite (github.com/json-schema-org/JSON-Schema-Test-Suite) and de_postal_codes_*.csv."
        );
    }
    eprintln!("all steps passed in {} s", begin.elapsed().as_secs());
    Ok(())
}

fn step(name: &str) {
    eprintln!("==> {name}");
}

/// The folder of test suites and reference data: as the environment says, else beside the project.
pub(crate) fn data() -> Option<PathBuf> {
    let beside = || Some(crate::root().parent()?.join("shared/data"));
    std::env::var_os("USHER_DATA").map(PathBuf::from).or_else(beside).filter(|folder| folder.is_dir())
}

pub(crate) fn target(root: &std::path::Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}
