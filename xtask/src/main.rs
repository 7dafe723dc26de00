//! Everything that `cargo` alone cannot do.

mod bench;
mod campaigns;
mod codegen;
mod statements;
mod suite;
mod test;

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

/// Maintains the project.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Generate Rust and documents from the schemas.
    Codegen(codegen::Arguments),
    /// Write the table of statements and what shows them, and the page of campaigns.
    Docs(statements::Arguments),
    /// Set up and run every test.
    Test,
    /// Run the official JSON-Schema-Test-Suite through generated code.
    Suite(suite::Arguments),
    /// Run the benchmarks and print their tables.
    Bench(bench::Arguments),
    /// Run a campaign of faults and add what came of it to the log.
    Campaign(campaigns::Arguments),
}

fn main() -> miette::Result<()> {
    match Arguments::parse().command {
        Command::Codegen(arguments) => codegen::run(&arguments),
        Command::Docs(arguments) => statements::run(&arguments),
        Command::Test => test::run(),
        Command::Suite(arguments) => suite::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Campaign(arguments) => campaigns::run(&arguments),
    }
}

/// The root of the project.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}
