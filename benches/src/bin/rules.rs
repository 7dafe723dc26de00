//! Prints what the rules add to the accept path, and what a list of codes costs.

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use usher_benches::documents::MIX;
use usher_benches::rules::{CODES, Plan, lists, measure};

/// What fact rules, products and signatures add to the accept path, and what a list of codes costs.
#[derive(Parser)]
struct Arguments {
    /// The gateway's program; without the option the one beside this program.
    #[arg(long, value_name = "FILE")]
    usher: Option<PathBuf>,
    /// Where the database stands meanwhile. [default: the system's temporary folder]
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// How often each step takes its turn.
    #[arg(long, default_value_t = 25)]
    rounds: usize,
    /// How many requests the gateway takes.
    #[arg(long, default_value_t = 20_000)]
    requests: usize,
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments = Arguments::parse();
    let beside = || Ok::<_, std::io::Error>(std::env::current_exe()?.with_file_name("usher"));
    let usher = arguments.usher.map_or_else(beside, Ok)?;
    if !usher.exists() {
        let remedy = "build it with: cargo build --release -p usher";
        return Err(format!("the gateway's program {} is not there; {remedy}", usher.display()).into());
    }
    let plan = Plan { documents: MIX, rounds: arguments.rounds, requests: arguments.requests };
    println!("{}", measure(&plan, Some(&usher), &arguments.folder.unwrap_or_else(std::env::temp_dir))?);
    println!("{}", lists(CODES)?);
    Ok(())
}
