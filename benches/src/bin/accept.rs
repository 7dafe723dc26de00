//! Prints how many requests per second go from accept to commit, ours and a hand-written server's.

use std::error::Error;
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use usher_benches::accept::peer::{self, Commits};
use usher_benches::accept::{Plan, floor, measure};

/// From a submit to its commit over HTTP: requests per second, processor time per request, waiting time.
#[derive(Parser)]
struct Arguments {
    /// The gateway's program; without the option the one beside this program.
    #[arg(long, value_name = "FILE")]
    usher: Option<PathBuf>,
    /// Measure the peer only.
    #[arg(long)]
    peer_only: bool,
    /// Where the databases stand meanwhile: a folder on the disk to be measured. [default: the system's temporary folder]
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// How many connections send at once.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 64, 256])]
    connections: Vec<usize>,
    /// How often every server takes its turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many seconds a turn lasts at most.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// How many requests a turn has at most.
    #[arg(long, default_value_t = 50_000)]
    requests: usize,
    /// Append the tables to this file, one line of JSON each.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Be another server instead, until ended.
    #[arg(long, hide = true)]
    serve: Option<Peer>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Peer {
    Floor,
    Single,
    Grouped,
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments = Arguments::parse();
    let folder = arguments.folder.unwrap_or_else(std::env::temp_dir);
    if let Some(peer) = arguments.serve {
        return tokio::runtime::Runtime::new()?.block_on(async {
            match peer {
                Peer::Floor => floor::serve().await,
                Peer::Single => peer::serve(Commits::Single, &folder).await,
                Peer::Grouped => peer::serve(Commits::Grouped, &folder).await,
            }
        });
    }
    let program = std::env::current_exe()?;
    let usher = arguments.usher.unwrap_or_else(|| program.with_file_name("usher"));
    if !arguments.peer_only && !usher.exists() {
        let remedy = "build it with: cargo build --release -p usher";
        return Err(format!("the gateway's program {} is not there; {remedy}", usher.display()).into());
    }
    let mut json = match &arguments.json {
        Some(path) => Some(File::options().create(true).append(true).open(path)?),
        None => None,
    };
    let plan = Plan {
        peer: program,
        usher: (!arguments.peer_only).then_some(usher),
        folder,
        connections: arguments.connections,
        rounds: arguments.rounds,
        turn: Duration::try_from_secs_f64(arguments.seconds)?,
        requests_max: arguments.requests,
    };
    measure(&plan, |table| {
        println!("{table}");
        match &mut json {
            Some(file) => table.write_json(file),
            None => Ok(()),
        }
    })
}
