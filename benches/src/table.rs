//! What was measured, as a table to read and as JSON lines to keep.

use std::fmt;
use std::io::{self, Write};
use std::time::Instant;

use serde::Serialize;

/// One line of a table.
#[derive(Debug, Serialize)]
pub struct Line {
    /// What was measured.
    pub name: String,
    /// Its numbers, as many as the table has columns; none where it could not be measured.
    pub numbers: Vec<Option<f64>>,
}

/// A table of numbers.
#[derive(Debug, Serialize)]
pub struct Table {
    /// What the table is about, with the size of the input.
    pub title: String,
    /// The columns: their headings with the unit, and how many places their numbers show.
    pub columns: Vec<(&'static str, usize)>,
    /// The lines, the one that the others are compared with first.
    pub lines: Vec<Line>,
}

impl Table {
    /// Writes the table as one line of JSON.
    ///
    /// # Errors
    /// Writing failed.
    pub fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        out.write_all(b"\n")
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name_width = self.lines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0);
        writeln!(f, "\n{}", self.title)?;
        write!(f, "{:name_width$}", "")?;
        for (heading, _) in &self.columns {
            write!(f, "  {heading:>10}")?;
        }
        for line in &self.lines {
            write!(f, "\n{:name_width$}", line.name)?;
            for (number, (heading, places)) in line.numbers.iter().zip(&self.columns) {
                let width = heading.len().max(10);
                match number {
                    Some(number) => write!(f, "  {number:>width$.places$}")?,
                    None => write!(f, "  {:>width$}", "-")?,
                }
            }
        }
        writeln!(f)
    }
}

/// The middle one of `numbers`; none of none.
pub fn median(numbers: &mut [f64]) -> Option<f64> {
    percentile(numbers, 50)
}

/// The number that `percent` of a hundred of `numbers` do not exceed; none of none.
pub fn percentile(numbers: &mut [f64], percent: usize) -> Option<f64> {
    let last = numbers.len().checked_sub(1)?;
    let (_, number, _) = numbers.select_nth_unstable_by(last * percent / 100, f64::total_cmp);
    Some(*number)
}

/// The nanoseconds `work` takes.
pub fn nanoseconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_nanos() as f64
}

#[cfg(test)]
mod tests {
    use super::{Line, Table, median, percentile};

    #[test]
    fn percentiles_are_numbers_that_were_measured() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(percentile(&mut [4.0, 1.0, 3.0, 2.0], 99), Some(3.0));
    }

    #[test]
    fn a_table_lines_up() {
        let lines = vec![
            Line { name: "peer".to_owned(), numbers: vec![Some(1234.5), Some(1.0)] },
            Line { name: "ours".to_owned(), numbers: vec![Some(1.0), None] },
        ];
        let table = Table { title: "a title".to_owned(), columns: vec![("ns", 0), ("ratio", 2)], lines };
        let expected =
            "\na title\n              ns       ratio\npeer        1234        1.00\nours           1           -\n";
        assert_eq!(table.to_string(), expected);
    }
}
