//! Prints how long the two forms of the appointment request take.

use std::error::Error;
use std::fs::File;
use std::path::PathBuf;

use clap::Parser;
use usher_benches::documents::MIX;
use usher_benches::xml::{inputs, measure};

/// From bytes to a checked value, in JSON and in XML: times and ratios.
#[derive(Parser)]
struct Arguments {
    /// How often each form takes every document.
    #[arg(long, default_value_t = 61)]
    rounds: usize,
    /// Append the tables to this file, one line of JSON each.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments = Arguments::parse();
    let mut json = match &arguments.json {
        Some(path) => Some(File::options().create(true).append(true).open(path)?),
        None => None,
    };
    for input in inputs(MIX) {
        let table = measure(&input, arguments.rounds);
        println!("{table}");
        if let Some(file) = &mut json {
            table.write_json(file)?;
        }
    }
    Ok(())
}
