//! A slice of every campaign, and its control: something that breaks the promise, which the campaign must notice.

use std::collections::BTreeSet;
use std::path::Path;

use usher_campaigns::{CAMPAIGNS, Round, Tally, named};
use usher_testkit::random::seed;

/// Runs a slice; none where the machine does not allow the campaign.
fn slice(name: &str, runs: u64, is_control: bool) -> Option<Tally> {
    let campaign = named(name).expect("it is in the list");
    if let Err(missing) = (campaign.needs)() {
        eprintln!("skipped: {name}: {missing}");
        return None;
    }
    let (seed, program) = (seed(), Path::new(env!("CARGO_BIN_EXE_usher-campaigns")));
    println!("{name}: seed {seed}");
    let tally = (campaign.round)(&Round { seed, runs, is_control, program, progress: &|_| {} });
    println!("{name}: {} runs, {} acknowledged requests", tally.runs, tally.acknowledged);
    Some(tally)
}

macro_rules! slices {
    ($($module:ident: $name:literal, $runs:literal runs, control $controls:literal;)*) => {
        $(mod $module {
            #[test]
            fn every_promise_holds() {
                let Some(tally) = super::slice($name, $runs, false) else { return };
                assert!(tally.faults.is_empty(), "{} faults\n{}", tally.faults.len(), tally.faults.join("\n"));
                assert!(tally.runs >= $runs, "{} runs", tally.runs);
            }

            #[test]
            fn the_control_is_noticed() {
                let Some(tally) = super::slice($name, $controls, true) else { return };
                assert!(!tally.faults.is_empty(), "the promise was broken and nothing was found");
            }
        })*

        #[test]
        fn every_campaign_has_a_slice_and_a_description() {
            let all: BTreeSet<&str> = CAMPAIGNS.iter().map(|campaign| campaign.name).collect();
            assert_eq!(all, BTreeSet::from([$($name),*]));
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/campaigns/campaigns.toml");
            let described: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
            let described = described["campaigns"].as_array().unwrap().iter();
            assert_eq!(all, described.map(|campaign| campaign["name"].as_str().unwrap()).collect());
        }
    };
}

slices! {
    kill: "kill", 30 runs, control 3;
    every_call: "every-call", 12 runs, control 12;
    power: "power-loss", 300 runs, control 100;
    sync_order: "sync-order", 50 runs, control 20;
    io_error: "io-error", 60 runs, control 40;
    disk_full: "disk-full", 2 runs, control 1;
    abort: "abort", 500 runs, control 200;
    zombie: "zombie", 500 runs, control 200;
    upgrade: "upgrade", 150 runs, control 60;
    stop: "stop", 10 runs, control 3;
}
