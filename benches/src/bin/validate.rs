//! Prints how long it takes to turn the bytes of a request into a checked value, ours and other ways.

use std::error::Error;
use std::fs::File;
use std::path::PathBuf;

use clap::Parser;
use usher_benches::callgrind;
use usher_benches::documents::MIX;
use usher_benches::validate::{measure, subjects};

/// From bytes to a checked value: times, speeds and ratios.
#[derive(Parser)]
struct Arguments {
    /// How often every way takes every document.
    #[arg(long, default_value_t = 61)]
    rounds: usize,
    /// Only tables whose title contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Append the tables to this file, one line of JSON each.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Count instructions with valgrind instead of measuring time.
    #[arg(long)]
    callgrind: bool,
    /// Take the documents of one input in one way so many times, and print nothing: what valgrind runs.
    #[arg(long, num_args = 4, value_names = ["API", "INPUT", "WAY", "TIMES"], hide = true)]
    one: Option<Vec<usize>>,
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments = Arguments::parse();
    if let Some(one) = &arguments.one {
        return callgrind::run_one(one);
    }
    let mut json = match &arguments.json {
        Some(path) => Some(File::options().create(true).append(true).open(path)?),
        None => None,
    };
    for (at, subject) in subjects(MIX)?.iter().enumerate() {
        for (input_at, input) in subject.inputs().iter().enumerate() {
            if !format!("{}, {}", subject.name, input.name).contains(&arguments.only) {
                continue;
            }
            let table = if arguments.callgrind {
                callgrind::measure(subject.name, at, input, input_at)?
            } else {
                measure(subject.name, input, arguments.rounds)
            };
            println!("{table}");
            if let Some(file) = &mut json {
                table.write_json(file)?;
            }
        }
    }
    Ok(())
}
