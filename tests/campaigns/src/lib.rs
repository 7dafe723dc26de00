//! Campaigns: a fault that happens to every gateway one day is made to happen many times over, and the oracle says whether
//! a promise was broken.
//!
//! A campaign runs in rounds. A round has a seed, and with it a failure is there again. Every campaign has a control: the
//! same round against something that is known to break the promise, which the campaign must notice. Totals go to a log in the
//! tree, from which `docs/campaigns.md` is made.

pub mod control;

mod abort;
mod disk_full;
mod every_call;
mod io_error;
mod kill;
mod load;
mod power;
mod stored;
mod sync_order;
mod trace;
mod upgrade;
mod work;
mod zombie;

use std::path::Path;

use usher_oracle::{Evidence, check};

/// A campaign.
pub struct Campaign {
    /// Its name on the command line and in the log.
    pub name: &'static str,
    /// How many runs a round of the log has.
    pub round_runs: u64,
    /// What it needs that not every machine allows; says what is missing.
    pub needs: fn() -> Result<(), String>,
    /// Runs one round.
    pub round: fn(&Round<'_>) -> Tally,
}

/// One round of a campaign.
pub struct Round<'r> {
    /// Everything that is left to chance follows from it.
    pub seed: u64,
    /// How often the fault happens.
    pub runs: u64,
    /// Whether the promise is broken on purpose.
    pub is_control: bool,
    /// The program of the campaigns, which is what some controls run.
    pub program: &'r Path,
    /// Is told of runs that are done.
    pub progress: &'r (dyn Fn(u64) + Sync),
}

/// What a round found.
#[derive(Debug, Default)]
pub struct Tally {
    /// How often the fault happened.
    pub runs: u64,
    /// How many acknowledged requests were held against the store.
    pub acknowledged: u64,
    /// What broke a promise, in words.
    pub faults: Vec<String>,
}

impl Tally {
    /// What the oracle says of the evidence of so many runs.
    fn of(runs: u64, evidence: &Evidence) -> Tally {
        let acknowledged = evidence.answers.iter().filter(|answer| answer.is_acknowledged()).count() as u64;
        let faults = check(evidence).iter().map(ToString::to_string).collect();
        Tally { runs, acknowledged, faults }
    }
}

/// All of them, in the order of the page.
pub static CAMPAIGNS: [Campaign; 10] = [
    kill::KILL,
    every_call::CAMPAIGN,
    power::CAMPAIGN,
    sync_order::CAMPAIGN,
    io_error::CAMPAIGN,
    disk_full::CAMPAIGN,
    abort::CAMPAIGN,
    zombie::CAMPAIGN,
    upgrade::CAMPAIGN,
    kill::STOP,
];

/// The campaign of a name.
pub fn named(name: &str) -> Option<&'static Campaign> {
    CAMPAIGNS.iter().find(|campaign| campaign.name == name)
}

/// For a campaign that runs everywhere.
fn nothing() -> Result<(), String> {
    Ok(())
}
