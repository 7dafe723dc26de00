//! Rows of plain tables: fields apart by comma, semicolon or tab, quoted where they hold one, one row a line.

use std::borrow::Cow;

use super::problem::Found;

/// Longest field, in bytes.
const FIELD_BYTES_MAX: usize = 4000;

/// One field of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field<'t> {
    /// Where it begins in the text, in bytes.
    pub(crate) at: usize,
    /// What it holds, without quotes and without blanks around.
    pub(crate) text: Cow<'t, str>,
}

/// The rows of a text, from a byte of it on.
pub(crate) struct Table<'t> {
    text: &'t str,
    at: usize,
    delimiter: u8,
}

impl<'t> Table<'t> {
    /// The rows of the text from `at` on. The first line decides what stands between fields.
    pub(crate) fn new(text: &'t str, at: usize) -> Self {
        let line = text[at..].lines().next().unwrap_or_default();
        let delimiter = [b'\t', b';'].into_iter().find(|delimiter| line.as_bytes().contains(delimiter));
        Table { text, at, delimiter: delimiter.unwrap_or(b',') }
    }

    /// How far it was read, in bytes.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// Reads the next row that is not empty into `row` and says whether there was one.
    pub(crate) fn next(&mut self, row: &mut Vec<Field<'t>>, found: &mut Found<'_>) -> bool {
        loop {
            if self.at >= self.text.len() {
                return false;
            }
            let begin = self.at;
            let rest = &self.text[begin..];
            let end = rest.find('\n').map_or(self.text.len(), |end| begin + end);
            self.at = end + 1;
            let line = &self.text[begin..end];
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.trim().is_empty() {
                continue;
            }
            row.clear();
            split(line, begin, self.delimiter, row, found);
            return true;
        }
    }
}

fn split<'t>(line: &'t str, begin: usize, delimiter: u8, row: &mut Vec<Field<'t>>, found: &mut Found<'_>) {
    let mut at = 0;
    loop {
        let rest = &line[at..];
        let (field, length) = match rest.strip_prefix('"') {
            Some(quoted) => match unquote(quoted) {
                Some((text, length)) => (text, length + 1),
                None => {
                    found.note(begin + at, "the quote is not closed on this line");
                    return;
                }
            },
            None => {
                let length = rest.bytes().position(|byte| byte == delimiter).unwrap_or(rest.len());
                (Cow::Borrowed(rest[..length].trim()), length)
            }
        };
        if field.len() > FIELD_BYTES_MAX {
            found.note(begin + at, "the field is longer than 4000 bytes");
        }
        row.push(Field { at: begin + at, text: field });
        match line.as_bytes().get(at + length) {
            None => return,
            Some(&byte) if byte == delimiter => at += length + 1,
            Some(_) => {
                found.note(begin + at + length, "a quoted field must end before the next one begins");
                return;
            }
        }
    }
}

/// The text up to the closing quote, and how many bytes it takes with it. A quote inside is written twice.
fn unquote(text: &str) -> Option<(Cow<'_, str>, usize)> {
    let end = text.find('"')?;
    if !text[end + 1..].starts_with('"') {
        return Some((Cow::Borrowed(text[..end].trim()), end + 1));
    }
    let mut plain = String::new();
    let mut at = 0;
    loop {
        let quote = at + text[at..].find('"')?;
        plain.push_str(&text[at..quote]);
        if !text[quote + 1..].starts_with('"') {
            return Some((Cow::Owned(plain.trim().to_owned()), quote + 1));
        }
        plain.push('"');
        at = quote + 2;
    }
}

/// Writes a field of a row so that it reads back.
pub(crate) fn write_field(out: &mut String, text: &str) {
    if text.contains(['"', ',', ';', '\t']) || text.starts_with('#') {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> (Vec<Vec<String>>, String) {
        let (mut table, mut found, mut row) = (Table::new(text, 0), Found::new(text), Vec::new());
        let mut rows = Vec::new();
        while table.next(&mut row, &mut found) {
            rows.push(row.iter().map(|field| field.text.clone().into_owned()).collect());
        }
        (rows, found.finish().err().map(|problems| problems.to_string()).unwrap_or_default())
    }

    #[test]
    fn fields_are_apart_by_what_the_first_line_shows() {
        for text in ["a,b\n1, two \n", "a;b\r\n1;two\r\n\r\n", "a\tb\n1\ttwo"] {
            assert_eq!(rows(text), (vec![vec!["a".into(), "b".into()], vec!["1".into(), "two".into()]], String::new()));
        }
        assert_eq!(rows("a,b,\n").0, [["a", "b", ""]]);
    }

    #[test]
    fn a_quoted_field_may_hold_the_delimiter_and_quotes() {
        let (rows, problems) = rows("a,b\n\"x, \"\"y\"\"\",\"z\"\n");
        assert_eq!((&rows[1][..], &problems[..]), (&["x, \"y\"".to_owned(), "z".to_owned()][..], ""));
        for text in ["x, \"y\"", "plain", "#hash", "a;b", "tab\tbed"] {
            let mut line = "key,value\nk,".to_owned();
            write_field(&mut line, text);
            assert_eq!(self::rows(&line).0[1][1], text);
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place() {
        assert_eq!(rows("a,b\nž,\"open\n").1, "line 2, column 3: the quote is not closed on this line");
        assert_eq!(rows("a,b\n\"x\"y,z\n").1, "line 2, column 4: a quoted field must end before the next one begins");
    }
}
