//! Everything that `cargo` alone cannot do.

mod codegen;

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
}

fn main() -> miette::Result<()> {
    match Arguments::parse().command {
        Command::Codegen(arguments) => codegen::run(&arguments),
    }
}
