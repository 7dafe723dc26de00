//! What is wrong with a file of codes, and where: all of it at once, up to a stated count.

use std::borrow::Cow;
use std::fmt;

/// How many problems of one file are listed.
pub const PROBLEMS_MAX: usize = 50;

/// One mistake in a file. Lines and columns count from 1, columns in characters; 0 stands for the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// Where it begins, in bytes.
    pub offset: usize,
    /// What is wrong.
    pub message: Cow<'static, str>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.message),
            line => write!(f, "line {line}, column {}: {}", self.column, self.message),
        }
    }
}

/// All that is wrong with a file, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    /// The first [`PROBLEMS_MAX`] of them.
    pub list: Vec<Problem>,
    /// How many more there are.
    pub more: usize,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.list.iter().enumerate() {
            write!(f, "{}{problem}", if position == 0 { "" } else { "\n" })?;
        }
        if self.more > 0 {
            write!(f, "\nand {} more", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Collects problems while a file is read.
pub(crate) struct Found<'t> {
    text: &'t str,
    list: Vec<(usize, Cow<'static, str>)>,
    more: usize,
}

impl<'t> Found<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Found { text, list: Vec::new(), more: 0 }
    }

    /// Notes what is wrong at a byte of the text.
    pub(crate) fn note(&mut self, offset: usize, message: impl Into<Cow<'static, str>>) {
        if self.list.len() < PROBLEMS_MAX {
            self.list.push((offset, message.into()));
        } else {
            self.more += 1;
        }
    }

    /// Nothing when all is well.
    pub(crate) fn finish(mut self) -> Result<(), Problems> {
        if self.list.is_empty() {
            return Ok(());
        }
        self.list.sort_by_key(|(offset, _)| *offset);
        let place = |offset: usize| {
            let before = self.text.get(..offset).unwrap_or(self.text);
            let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
            let begin = before.rfind('\n').map_or(0, |at| at + 1);
            (line, before[begin..].chars().filter(|&character| character != '\u{feff}').count() + 1)
        };
        let list = self.list.into_iter().map(|(offset, message)| {
            let (line, column) = place(offset);
            Problem { line, column, offset, message }
        });
        Err(Problems { list: list.collect(), more: self.more })
    }
}

/// One problem of a file as a whole.
pub(crate) fn whole(message: impl Into<Cow<'static, str>>) -> Problems {
    Problems { list: vec![Problem { line: 0, column: 0, offset: 0, message: message.into() }], more: 0 }
}
