//! What the generator tells the writer of a schema: place, fault, and the nearest text it accepts.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{LabeledSpan, NamedSource, SourceCode};

use crate::load::Document;

/// Whether a diagnostic stops generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is generated.
    Error,
    /// Worth knowing; generation goes on.
    Note,
}

/// One message about one place in one file.
#[derive(Clone)]
pub struct Diagnostic {
    /// Whether it stops generation.
    pub severity: Severity,
    /// The file, as a reader can open it from where the generator was started.
    pub file: String,
    /// Line of the place, from 1; 0 where the message is about the whole file.
    pub line: usize,
    /// Column of the place in characters, from 1; 0 where the message is about the whole file.
    pub column: usize,
    /// JSON Pointer of the place inside the file.
    pub pointer: String,
    /// The keyword the message is about, if it is about one.
    pub keyword: Option<String>,
    /// What is wrong.
    pub message: String,
    /// The nearest accepted rewrite, or what to do.
    pub help: Option<String>,
    /// Byte range of the place.
    pub span: Range<usize>,
    source: Option<Arc<NamedSource<Arc<str>>>>,
}

impl Diagnostic {
    /// An error about a place in a document.
    pub fn error(
        document: &Document,
        span: Range<usize>,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::at(Severity::Error, &document.shown_path, &document.text, span, pointer.into(), message.into())
    }

    /// A note about a place in a document.
    pub fn note(
        document: &Document,
        span: Range<usize>,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic { severity: Severity::Note, ..Diagnostic::error(document, span, pointer, message) }
    }

    /// An error about a whole file.
    pub fn file(path: impl Into<String>, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            file: path.into(),
            line: 0,
            column: 0,
            pointer: String::new(),
            keyword: None,
            message: message.into(),
            help: None,
            span: 0..0,
            source: None,
        }
    }

    /// An error about a place in a text that is not (yet) a document.
    pub fn at(
        severity: Severity,
        file: &str,
        text: &Arc<str>,
        span: Range<usize>,
        pointer: String,
        message: String,
    ) -> Diagnostic {
        let (line, column) = line_and_column(text, span.start);
        Diagnostic {
            severity,
            file: file.to_owned(),
            line,
            column,
            pointer,
            keyword: None,
            message,
            help: None,
            span,
            source: Some(Arc::new(NamedSource::new(file, Arc::clone(text)))),
        }
    }

    /// The same with the nearest accepted rewrite.
    pub fn with_help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// The same, naming the keyword it is about.
    pub fn with_keyword(mut self, keyword: impl Into<String>) -> Diagnostic {
        self.keyword = Some(keyword.into());
        self
    }

    /// Whether it stops generation.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The message with severity and help, as plain text for a terminal or a snapshot.
    pub fn to_text(&self) -> String {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Note => "note",
        };
        match &self.help {
            Some(help) => format!("{severity}: {self}\n  help: {help}"),
            None => format!("{severity}: {self}"),
        }
    }
}

/// Line and column (in characters) of a byte offset, both from 1.
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let offset = (0..=offset.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Sorts by file and place, so that the order never depends on how the checks are run.
pub fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by(|a, b| {
        (&a.file, a.span.start, &a.pointer, &a.message).cmp(&(&b.file, b.span.start, &b.pointer, &b.message))
    });
}

/// The candidate most like `wanted`, if one is close enough to be a slip of the pen.
pub(crate) fn nearest<'c>(wanted: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let limit = ((wanted.chars().count() + 1) / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(wanted, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits between two words, ignoring case; a swap of neighbours is two.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, left) in left.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (at, right) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[right.len()]
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.file)?;
        if self.line > 0 {
            write!(out, ":{}:{}", self.line, self.column)?;
        }
        if !self.pointer.is_empty() {
            write!(out, " ({})", self.pointer)?;
        }
        write!(out, ": {}", self.message)
    }
}

impl fmt::Debug for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.to_text())
    }
}

impl std::error::Error for Diagnostic {}

impl miette::Diagnostic for Diagnostic {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Note => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source.as_ref() as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.source.as_ref()?;
        let label = self.keyword.clone().unwrap_or_else(|| "here".to_owned());
        Some(Box::new(std::iter::once(LabeledSpan::new(Some(label), self.span.start, self.span.len()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        assert_eq!(line_and_column("", 0), (1, 1));
        assert_eq!(line_and_column("a\nüb", 4), (2, 2));
        assert_eq!(line_and_column("ü", 1), (1, 1));
        assert_eq!(line_and_column("ab\n", 99), (2, 1));
    }

    #[test]
    fn the_nearest_word_is_a_likely_slip() {
        let words = ["minLength", "maxLength", "pattern"];
        assert_eq!(nearest("minLenght", words), Some("minLength"));
        assert_eq!(nearest("MaxLength", words), Some("maxLength"));
        assert_eq!(nearest("format", words), None);
    }
}
