//! `cargo xtask campaign`: runs a campaign. And the page of their totals, made of the log and of what
//! `docs/campaigns/campaigns.toml` says about each, so that it cannot rot.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use miette::{IntoDiagnostic, Result, WrapErr, miette};
use serde::Deserialize;
use usher_oracle::log::{self, Line, bound};

const SOURCE: &str = "docs/campaigns/campaigns.toml";
const LOG: &str = "docs/campaigns/log.csv";
const PAGE: &str = "docs/campaigns.md";

/// Options of `cargo xtask campaign`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// `NAME --runs N`: so many runs more, added to the log. With `--seed S` rounds are run again from that seed on, and with
    /// `--control` the promise is broken on purpose; neither is logged. Without a name: the list.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Campaigns {
    campaigns: Vec<Campaign>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Campaign {
    name: String,
    number: String,
    /// What a run is, in the plural.
    runs: String,
    goal: u64,
    does: String,
    control: String,
    needs: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::root()).args(["run", "--quiet", "--package", "usher-campaigns", "--"]);
    let status = command.args(&arguments.rest).status().into_diagnostic()?;
    // What was logged before it failed counts too.
    write_page(&crate::root(), false)?;
    if status.success() { Ok(()) } else { Err(miette!("the campaign failed, or could not be run")) }
}

/// Writes the page, or only compares it.
pub(crate) fn write_page(root: &Path, is_check: bool) -> Result<()> {
    let text = std::fs::read_to_string(root.join(SOURCE)).into_diagnostic().wrap_err(SOURCE)?;
    let Campaigns { campaigns } = toml::from_str(&text).into_diagnostic().wrap_err(SOURCE)?;
    let lines = log::read(&root.join(LOG)).into_diagnostic()?;
    let page = page(&campaigns, &lines)?;
    let path = root.join(PAGE);
    if std::fs::read_to_string(&path).is_ok_and(|old| old == page) {
        return Ok(());
    }
    if is_check {
        return Err(miette!(help = "run `cargo xtask docs` and commit what it writes", "{PAGE} is not up to date"));
    }
    std::fs::write(path, page).into_diagnostic()
}

fn page(campaigns: &[Campaign], lines: &[Line]) -> Result<String> {
    let known: BTreeSet<&str> = campaigns.iter().map(|campaign| campaign.name.as_str()).collect();
    if let Some(line) = lines.iter().find(|line| !known.contains(line.campaign.as_str())) {
        return Err(miette!("{LOG} tells of the campaign {}, which {SOURCE} does not know", line.campaign));
    }
    let mut text = String::from(
        "# Campaigns: what was done to it, and what came of it\n\n\
         Made by `cargo xtask docs` from `docs/campaigns/campaigns.toml` and `docs/campaigns/log.csv`; edit the first, and let\n\
         `cargo xtask campaign` write the second.\n\n\
         A campaign makes a fault happen many times over. What clients were told stands in a ledger on disk, and the oracle\n\
         (`tests/oracle/src/check.rs`) holds it against what the store shows afterwards: nothing acknowledged is lost (I1),\n\
         nothing is stored twice or told under another id (I2), what was not acknowledged comes to one answer when it is sent\n\
         again (I3), final states stay (I4), personal data stays inside (I5), tenants see their own only (I6), time and space\n\
         stay bounded (I7). Each campaign has a control: something that is known to break the promise, which it must notice; a\n\
         slice of each campaign and its control run with `cargo xtask test`. One that needs a right the machine does not give is\n\
         skipped by name and counts for nothing.\n\n\
         The bound is the chance of a fault in one run that is not exceeded with 95 % confidence (Clopper and Pearson; without a\n\
         fault it is about 3 divided by the runs). It speaks of the faults that were made, on the machine they were made on.\n\n\
         | | campaign | runs | goal | acknowledged requests checked | faults | bound per run |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for Campaign { name, number, runs: unit, goal, .. } in campaigns {
        let of_it = || lines.iter().filter(|line| line.campaign == *name);
        let runs: u64 = of_it().map(|line| line.runs).sum();
        let acknowledged: u64 = of_it().map(|line| line.acknowledged).sum();
        let faults: u64 = of_it().map(|line| line.faults).sum();
        let bound = if runs == 0 { "-".to_owned() } else { format!("{:.1e}", bound(faults, runs)) };
        let (runs, goal, acknowledged) = (grouped(runs), grouped(*goal), grouped(acknowledged));
        let _ = writeln!(
            text,
            "| {number} | [{name}](#{name}) | {runs} {unit} | {goal} | {acknowledged} | {faults} | {bound} |"
        );
    }
    for Campaign { name, number, does, control, needs, .. } in campaigns {
        let _ = write!(text, "\n## {name}\n\n{number}. {does}\n\nControl: {control}\n");
        if let Some(needs) = needs {
            let _ = write!(text, "\nNeeds: {needs}\n");
        }
        let _ = write!(text, "\n`cargo xtask campaign {name} --runs N`");
        let mut commits: Vec<String> = Vec::new();
        for line in lines.iter().filter(|line| line.campaign == *name) {
            let Line { date, commit, first_seed, last_seed, runs, faults, .. } = line;
            commits.push(format!(
                "{date}, {commit}, seeds {first_seed} to {last_seed}: {} runs, {faults} faults",
                grouped(*runs)
            ));
        }
        text.push_str(if commits.is_empty() { "; not in the log yet.\n" } else { "; so far:\n\n" });
        for commit in commits {
            let _ = writeln!(text, "- {commit}");
        }
    }
    Ok(text)
}

/// A number with commas between its thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Campaign, Line, grouped, page, write_page};

    fn campaigns() -> Vec<Campaign> {
        let name = |name: &str| Campaign {
            name: name.to_owned(),
            number: "C1".to_owned(),
            runs: "kills".to_owned(),
            goal: 1_000,
            does: "It kills.".to_owned(),
            control: "it answers early.".to_owned(),
            needs: None,
        };
        vec![name("kill"), name("never")]
    }

    fn line(campaign: &str, runs: u64, faults: u64) -> Line {
        Line {
            date: "2026-01-31".to_owned(),
            commit: "abc".to_owned(),
            campaign: campaign.to_owned(),
            first_seed: 1,
            last_seed: 9,
            runs,
            acknowledged: 7_000,
            faults,
        }
    }

    #[test]
    fn the_page_adds_up_the_log() {
        let page = page(&campaigns(), &[line("kill", 600, 0), line("kill", 400, 0)]).expect("a page");
        assert!(page.contains("| C1 | [kill](#kill) | 1,000 kills | 1,000 | 14,000 | 0 | 3.0e-3 |"), "{page}");
        assert!(page.contains("| C1 | [never](#never) | 0 kills | 1,000 | 0 | 0 | - |"), "{page}");
        assert!(page.contains("- 2026-01-31, abc, seeds 1 to 9: 600 runs, 0 faults\n"), "{page}");
    }

    #[test]
    fn the_page_is_what_the_log_says() {
        write_page(&crate::root(), true).expect("run `cargo xtask docs` and commit what it writes");
    }

    #[test]
    fn a_campaign_nobody_describes_is_refused() {
        assert!(page(&campaigns(), &[line("other", 1, 0)]).is_err());
    }

    #[test]
    fn thousands_are_told_apart() {
        let told: Vec<String> = [0, 999, 1_000, 1_234_567].into_iter().map(grouped).collect();
        assert_eq!(told, ["0", "999", "1,000", "1,234,567"]);
    }
}
