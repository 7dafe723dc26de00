//! The log of campaigns: what was run on which commit with which seeds, and what came of it. It is committed, and from it
//! the totals are published.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

const HEAD: &str = "date,commit,campaign,first_seed,last_seed,runs,acknowledged,faults";

/// A line: rounds of one campaign, on one day and commit, with seeds that follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The day, in UTC.
    pub date: String,
    /// The commit that was run.
    pub commit: String,
    /// The name of the campaign.
    pub campaign: String,
    /// The seed of the first round.
    pub first_seed: u64,
    /// The seed of the last round.
    pub last_seed: u64,
    /// How often the fault happened.
    pub runs: u64,
    /// How many acknowledged requests were held against the store.
    pub acknowledged: u64,
    /// What broke a promise.
    pub faults: u64,
}

impl Line {
    fn of(text: &str) -> Option<Line> {
        let mut words = text.split(',');
        let mut word = || words.next();
        let line = Line {
            date: word()?.to_owned(),
            commit: word()?.to_owned(),
            campaign: word()?.to_owned(),
            first_seed: word()?.parse().ok()?,
            last_seed: word()?.parse().ok()?,
            runs: word()?.parse().ok()?,
            acknowledged: word()?.parse().ok()?,
            faults: word()?.parse().ok()?,
        };
        words.next().is_none().then_some(line)
    }

    fn to_text(&self) -> String {
        let Line { date, commit, campaign, first_seed, last_seed, runs, acknowledged, faults } = self;
        format!("{date},{commit},{campaign},{first_seed},{last_seed},{runs},{acknowledged},{faults}")
    }

    /// Whether `next` goes on where this ends.
    fn is_before(&self, next: &Line) -> bool {
        (&self.date, &self.commit, &self.campaign) == (&next.date, &next.commit, &next.campaign)
            && self.last_seed.checked_add(1) == Some(next.first_seed)
    }
}

/// All lines of a log.
///
/// # Errors
/// When it cannot be read, or a line is not one of a log.
pub fn read(path: &Path) -> io::Result<Vec<Line>> {
    parse(path, &std::fs::read_to_string(path)?)
}

fn parse(path: &Path, text: &str) -> io::Result<Vec<Line>> {
    let wrong = |line: usize| io::Error::other(format!("{}:{line}: not a line of `{HEAD}`", path.display()));
    let mut lines = text.lines();
    if lines.next() != Some(HEAD) {
        return Err(wrong(1));
    }
    lines.enumerate().map(|(index, line)| Line::of(line).ok_or_else(|| wrong(index + 2))).collect()
}

/// Adds a round to a log, which is begun when there is none. Two campaigns may do so at once.
///
/// # Errors
/// When it cannot be written, or is not a log.
pub fn add(path: &Path, round: Line) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    file.lock()?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let mut lines = if text.is_empty() { Vec::new() } else { parse(path, &text)? };
    match lines.iter_mut().find(|line| line.is_before(&round)) {
        Some(line) => {
            line.last_seed = round.last_seed;
            line.runs += round.runs;
            line.acknowledged += round.acknowledged;
            line.faults += round.faults;
        }
        None => lines.push(round),
    }
    write(&mut file, &lines)
}

fn write(file: &mut File, lines: &[Line]) -> io::Result<()> {
    let lines = lines.iter().map(Line::to_text);
    let text = std::iter::once(HEAD.to_owned()).chain(lines).map(|line| line + "\n").collect::<String>();
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

/// The seed with which a campaign goes on.
pub fn next_seed(lines: &[Line], campaign: &str) -> u64 {
    lines.iter().filter(|line| line.campaign == campaign).map(|line| line.last_seed + 1).max().unwrap_or(1)
}

/// The probability of a fault that is not exceeded with a confidence of 95 %, after so many faults in so many runs: the upper
/// end of the one-sided interval of Clopper and Pearson. Without a fault that is about 3 / `runs`.
pub fn bound(faults: u64, runs: u64) -> f64 {
    if faults >= runs {
        return 1.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if chance_of_at_most(faults, runs, middle) > 0.05 { low = middle } else { high = middle }
    }
    high
}

/// The chance of at most so many faults in so many runs, when each is one with probability `p`.
fn chance_of_at_most(faults: u64, runs: u64, p: f64) -> f64 {
    let (n, mut choices) = (runs as f64, 0.0);
    let mut chance = 0.0;
    for k in 0..=faults {
        let k = k as f64;
        if k > 0.0 {
            choices += ((n - k + 1.0) / k).ln();
        }
        chance += (choices + k * p.ln() + (n - k) * (-p).ln_1p()).exp();
    }
    chance
}

#[cfg(test)]
mod tests {
    use super::{Line, add, bound, next_seed, read};

    fn line(commit: &str, campaign: &str, seeds: (u64, u64), runs: u64, faults: u64) -> Line {
        Line {
            date: "2026-01-31".to_owned(),
            commit: commit.to_owned(),
            campaign: campaign.to_owned(),
            first_seed: seeds.0,
            last_seed: seeds.1,
            runs,
            acknowledged: 10 * runs,
            faults,
        }
    }

    #[test]
    fn rounds_that_follow_each_other_become_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        for round in [
            line("abc", "kill", (1, 1), 50, 0),
            line("abc", "power", (1, 1), 1_000, 0),
            line("abc", "kill", (2, 2), 50, 1),
            line("def", "kill", (3, 3), 50, 0),
            line("def", "kill", (7, 7), 50, 0),
        ] {
            add(&path, round).unwrap();
        }
        let lines = read(&path).unwrap();
        assert_eq!(
            lines,
            [
                line("abc", "kill", (1, 2), 100, 1),
                line("abc", "power", (1, 1), 1_000, 0),
                line("def", "kill", (3, 3), 50, 0),
                line("def", "kill", (7, 7), 50, 0),
            ]
        );
        assert_eq!((next_seed(&lines, "kill"), next_seed(&lines, "power"), next_seed(&lines, "other")), (8, 2, 1));
    }

    #[test]
    fn a_log_that_is_none_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        add(&path, line("abc", "kill", (1, 1), 50, 0)).unwrap();
        let good = std::fs::read_to_string(&path).unwrap();
        for bad in
            ["x\n".to_owned(), format!("{good}2026-01-31,abc,kill,1,1,50,500\n"), good.replace("500,0", "500,0,1")]
        {
            std::fs::write(&path, &bad).unwrap();
            assert!(read(&path).unwrap_err().to_string().contains("log.csv:"));
            assert!(add(&path, line("abc", "kill", (2, 2), 50, 0)).is_err());
            assert_eq!(std::fs::read_to_string(&path).unwrap(), bad);
        }
    }

    #[test]
    fn the_bound_is_that_of_clopper_and_pearson() {
        // 1 - 0.05^(1/n) without a fault; the others from the quantiles of the beta distribution.
        for (faults, runs, expected) in
            [(0, 1, 0.95), (0, 1_000, 0.002_991_25), (1, 100, 0.046_559_8), (3, 50, 0.147_833), (5, 5, 1.0)]
        {
            let found = bound(faults, runs);
            assert!((found - expected).abs() < 1e-4 * expected.max(0.01), "{faults} of {runs}: {found}");
        }
    }
}
