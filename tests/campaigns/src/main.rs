//! Runs campaigns and keeps their log; `cargo xtask campaign` calls it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use usher_campaigns::{CAMPAIGNS, Campaign, Round, control, named};
use usher_oracle::log::{self, Line};

/// Runs a campaign.
#[derive(Parser)]
#[command(name = "cargo xtask campaign")]
struct Arguments {
    /// Its name; without one, all are listed.
    name: Option<String>,
    /// How often the fault is to happen.
    #[arg(long, default_value_t = 1)]
    runs: u64,
    /// The seed of the first round. Without it the campaign goes on where the log ends; with it nothing is logged, because
    /// what is run again adds nothing to the totals.
    #[arg(long)]
    seed: Option<u64>,
    /// Run the control instead, in which the promise is broken; nothing is logged.
    #[arg(long)]
    control: bool,
    /// The log.
    #[arg(long, default_value = "docs/campaigns/log.csv")]
    log: PathBuf,
}

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|word| control::serve_as(&word)) {
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::parse();
    let Some(name) = &arguments.name else {
        CAMPAIGNS.iter().for_each(|campaign| println!("{}", campaign.name));
        return ExitCode::SUCCESS;
    };
    let Some(campaign) = named(name) else {
        eprintln!("there is no campaign {name}; `cargo xtask campaign` lists them");
        return ExitCode::from(2);
    };
    if let Err(missing) = (campaign.needs)() {
        eprintln!("skipped: {name}: {missing}");
        return ExitCode::from(3);
    }
    match run(campaign, &arguments) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(faults) => {
            eprintln!("{faults} faults");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs rounds until all runs are done; says how many faults there were.
fn run(campaign: &Campaign, arguments: &Arguments) -> Result<u64, Box<dyn std::error::Error>> {
    let is_logged = arguments.seed.is_none() && !arguments.control;
    let commit = if is_logged { commit()? } else { String::new() };
    let lines = if arguments.log.exists() { log::read(&arguments.log)? } else { Vec::new() };
    let mut seed = arguments.seed.unwrap_or_else(|| log::next_seed(&lines, campaign.name));
    let program = std::env::current_exe()?;
    let style = "{msg} {wide_bar} {pos}/{len} {elapsed} ({eta} left)";
    let bar = ProgressBar::new(arguments.runs).with_style(ProgressStyle::with_template(style)?);
    bar.enable_steady_tick(Duration::from_secs(1));
    let (mut left, mut faults) = (arguments.runs, 0);
    while left > 0 {
        bar.set_message(format!("{} seed {seed}", campaign.name));
        let round = Round {
            seed,
            runs: left.min(campaign.round_runs),
            is_control: arguments.control,
            program: &program,
            progress: &|runs| bar.inc(runs),
        };
        let tally = (campaign.round)(&round);
        for fault in &tally.faults {
            bar.println(format!("{} seed {seed}: {fault}", campaign.name));
        }
        let found = tally.faults.len() as u64;
        println!(
            "{} seed {seed}: {} runs, {} acknowledged requests, {found} faults",
            campaign.name, tally.runs, tally.acknowledged
        );
        if is_logged {
            let line = Line {
                date: Timestamp::now().strftime("%Y-%m-%d").to_string(),
                commit: commit.clone(),
                campaign: campaign.name.to_owned(),
                first_seed: seed,
                last_seed: seed,
                runs: tally.runs,
                acknowledged: tally.acknowledged,
                faults: found,
            };
            log::add(&arguments.log, line)?;
        }
        faults += found;
        left = left.saturating_sub(tally.runs.max(1));
        seed += 1;
    }
    bar.finish_and_clear();
    Ok(faults)
}

/// The commit that is run; a tree with changes in what is run has none.
fn commit() -> Result<String, Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let git = |arguments: &[&str]| -> Result<String, Box<dyn std::error::Error>> {
        let output = Command::new("git").args(arguments).current_dir(root).output()?;
        if !output.status.success() {
            return Err("git does not tell the commit".into());
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    };
    let changed =
        git(&["status", "--porcelain", "--", ":/crates", ":/generated", ":/tests/campaigns", ":/Cargo.lock"])?;
    if !changed.is_empty() {
        return Err(
            "commit the changes first: the log names the commit that was run. With --seed nothing is logged.".into()
        );
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}
