//! Instructions per document, counted by valgrind: unlike times they are the same on a busy machine.

use std::error::Error;
use std::process::Command;

use crate::documents::MIX;
use crate::table::{Line, Table};
use crate::validate::{Input, subjects};

/// Takes the documents in rotation so many times; the difference of two runs leaves out what happens before.
const TIMES: [usize; 2] = [1, 3];

/// Counts the instructions of every way to take the documents of `input`, the input number `input_at` of the API number
/// `subject_at`.
///
/// # Errors
/// valgrind is not installed or cannot run this program.
pub fn measure(
    subject: &str,
    subject_at: usize,
    input: &Input<'_>,
    input_at: usize,
) -> Result<Table, Box<dyn Error + Send + Sync>> {
    let mut counts = Vec::new();
    for case_at in 0..input.cases.len() {
        let [low, high] = TIMES.map(|times| instructions([subject_at, input_at, case_at, times]));
        counts.push((high? - low?) as f64 / ((TIMES[1] - TIMES[0]) * input.documents.len()) as f64);
    }
    let base = counts.first().copied();
    let lines = input.cases.iter().zip(counts).map(|(case, count)| {
        let numbers = vec![Some(count), Some(count / input.bytes()), base.map(|base| count / base)];
        Line { name: case.name.to_owned(), numbers }
    });
    Ok(Table {
        title: format!("{subject}, {}: instructions, {:.0} bytes on average", input.name, input.bytes()),
        columns: vec![("per doc", 0), ("per byte", 2), ("ratio", 2)],
        lines: lines.collect(),
    })
}

/// Does what `validate --one` asks for: API, input, way and times by number.
///
/// # Errors
/// There is no such API, input or way.
pub fn run_one(one: &[usize]) -> Result<(), Box<dyn Error + Send + Sync>> {
    let &[subject_at, input_at, case_at, times] = one else { return Err("four numbers are needed".into()) };
    let subjects = subjects(MIX)?;
    let subject = subjects.get(subject_at).ok_or("no such API")?;
    let inputs = subject.inputs();
    let input = inputs.get(input_at).ok_or("no such input")?;
    let case = input.cases.get(case_at).ok_or("no such way")?;
    for _ in 0..times {
        input.documents.iter().for_each(|document| _ = case.accepts(document));
    }
    Ok(())
}

fn instructions(one: [usize; 4]) -> Result<u64, Box<dyn Error + Send + Sync>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .arg("--one")
        .args(one.map(|number| number.to_string()))
        .output()
        .map_err(|error| format!("valgrind cannot be started ({error}); install it, or leave out --callgrind"))?;
    let report = String::from_utf8_lossy(&output.stderr);
    let count = report.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    count.ok_or_else(|| format!("valgrind reported no count:\n{report}").into())
}
