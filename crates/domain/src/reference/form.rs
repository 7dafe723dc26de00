//! The form a list is kept and exchanged in: plain text, described in `docs/reference-data.md`.
//!
//! Head lines `#key: value` tell what the list is; then comes a table with the columns code, label, parent, valid_from and
//! valid_to, of which only the first must be there. Reading reports every mistake with line and column.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::civil::Date;
use sha2::{Digest as _, Sha256};

use super::list::{About, CodeList, LABEL_SEPARATOR, NewEntry, Period};
use super::problem::{Found, Problems, whole};
use super::subject::{FieldClass, Subject};
use super::table::{Field, Table, write_field};
use crate::hex;

/// Largest file, in bytes.
pub const FILE_BYTES_MAX: usize = 64 << 20;

/// Longest code, in bytes: a domain fits.
const CODE_BYTES_MAX: usize = 253;
/// Longest text in the head, in characters.
const TEXT_CHARS_MAX: usize = 500;
/// Names of lists that ship with the program begin so.
pub const BUILTIN_PREFIX: &str = "sandbox_";

/// The columns of a list.
const COLUMNS: [&str; 5] = ["code", "label", "parent", "valid_from", "valid_to"];

/// What an operator says of a list beside its file. It counts more than what the file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// Its name.
    pub name: Option<String>,
    /// Its version; without one, a digest of what is in it.
    pub version: Option<String>,
    /// A title.
    pub title: Option<String>,
    /// What its codes stand for.
    pub subject: Option<Subject>,
    /// Where words are looked for.
    pub classes: Vec<FieldClass>,
    /// The first day it is in force.
    pub valid_from: Option<Date>,
    /// The last day it is in force.
    pub valid_to: Option<Date>,
    /// Where it comes from.
    pub source: Option<String>,
    /// Its licence.
    pub licence: Option<String>,
    /// Whom to name.
    pub credit: Option<String>,
}

/// A row that is still to be checked: each text with the byte it begins at.
pub(crate) struct Row<'t> {
    pub(crate) code: Field<'t>,
    pub(crate) labels: Field<'t>,
    pub(crate) parent: Field<'t>,
    pub(crate) from: Field<'t>,
    pub(crate) to: Field<'t>,
}

/// Reads a list. `progress` is told now and then how many bytes of how many are read.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn read(text: &str, given: &Given, progress: &mut dyn FnMut(usize, usize)) -> Result<CodeList, Problems> {
    check_size(text)?;
    let mut found = Found::new(text);
    let (mut about, begin) = head(text, &mut found);
    let mut table = Table::new(text, begin);
    let mut header = Vec::new();
    if !table.next(&mut header, &mut found) {
        found.note(text.len(), "the file has no table: the first line behind the head names the columns");
        return Err(found.finish().expect_err("a problem was noted"));
    }
    let places = places(&header, &mut found);
    let mut row = Vec::new();
    let mut rows = Vec::new();
    let mut count = 0_usize;
    while table.next(&mut row, &mut found) {
        if row.len() > header.len() {
            found.note(row[header.len()].at, "the row has more fields than the table has columns");
        }
        let end = row.last().map_or(0, |last| last.at + last.text.len());
        let mut field = |place: Option<usize>| {
            let field = place.and_then(|place| row.get_mut(place));
            let empty = || Field { at: end, text: Cow::Borrowed("") };
            field.map_or_else(empty, |field| std::mem::replace(field, Field { at: end, text: Cow::Borrowed("") }))
        };
        rows.push(Row {
            code: field(places[0]),
            labels: field(places[1]),
            parent: field(places[2]),
            from: field(places[3]),
            to: field(places[4]),
        });
        count += 1;
        if count.is_multiple_of(4096) {
            progress(table.offset().min(text.len()), text.len());
        }
    }
    given.overlay(&mut about);
    let list = finish(about, &rows, found)?;
    progress(text.len(), text.len());
    Ok(list)
}

/// What a text that reads says of its list, without reading the codes.
pub fn about(text: &str) -> About {
    head(text, &mut Found::new(text)).0
}

/// Refuses a file nobody should want to load.
pub(crate) fn check_size(text: &str) -> Result<(), Problems> {
    if text.len() > FILE_BYTES_MAX { Err(whole("the file is larger than 64 MiB")) } else { Ok(()) }
}

/// The list of these rows, if all of them, and what is said of the list, are right.
pub(crate) fn finish(mut about: About, rows: &[Row<'_>], mut found: Found<'_>) -> Result<CodeList, Problems> {
    if rows.is_empty() {
        found.note(0, "the list has no code");
    }
    let mut entries: Vec<NewEntry<'_>> = rows.iter().map(|row| checked(row, about.subject, &mut found)).collect();
    entries.sort_by(|a, b| (a.code, a.valid.from).cmp(&(b.code, b.valid.from)));
    for pair in entries.windows(2).filter(|pair| pair[0].code == pair[1].code && !pair[0].code.is_empty()) {
        if pair[0].valid.overlaps(&pair[1].valid) {
            found.note(pair[0].at.max(pair[1].at), "the code stands there twice for the same days");
        }
    }
    check_about(&mut about, &mut found);
    found.finish()?;
    let is_versioned = !about.version.is_empty();
    let list = CodeList::new(about, &entries);
    if is_versioned {
        return Ok(list);
    }
    let digest = Sha256::digest(write(&list));
    Ok(list.with_version(format!("sha-{}", hex::encode(&digest[..6]))))
}

/// Writes a list so that it reads back.
pub fn write(list: &CodeList) -> String {
    let about = list.about();
    let mut out = String::with_capacity(64 * list.len());
    let period = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
    let classes: Vec<&str> = about.classes.iter().map(|class| class.as_str()).collect();
    for (key, value) in [
        ("name", about.name.as_str()),
        ("version", &about.version),
        ("title", &about.title),
        ("subject", about.subject.map_or("", Subject::as_str)),
        ("language", about.language.as_deref().unwrap_or_default()),
        ("fields", &classes.join(" ")),
        ("valid_from", &period(about.valid.from)),
        ("valid_to", &period(about.valid.to)),
        ("source", &about.source),
        ("licence", &about.licence),
        ("credit", &about.credit),
    ] {
        if !value.is_empty() {
            out.extend(["#", key, ": ", value, "\n"]);
        }
    }
    out.push_str("code,label,parent,valid_from,valid_to\n");
    for entry in list.entries() {
        write_field(&mut out, entry.code);
        out.push(',');
        write_field(&mut out, entry.labels_text());
        out.extend([",", entry.parent, ","]);
        out.extend([&period(entry.valid.from), ",", &period(entry.valid.to), "\n"]);
    }
    out
}

impl Given {
    /// Puts what was given over what the file says.
    pub(crate) fn overlay(&self, about: &mut About) {
        let put = |text: &Option<String>, to: &mut String| {
            if let Some(text) = text {
                to.clone_from(text);
            }
        };
        put(&self.name, &mut about.name);
        put(&self.version, &mut about.version);
        put(&self.title, &mut about.title);
        put(&self.source, &mut about.source);
        put(&self.licence, &mut about.licence);
        put(&self.credit, &mut about.credit);
        about.subject = self.subject.or(about.subject);
        about.valid.from = self.valid_from.or(about.valid.from);
        about.valid.to = self.valid_to.or(about.valid.to);
        if !self.classes.is_empty() {
            about.classes.clone_from(&self.classes);
        }
    }
}

/// Reads the head lines and says where the table begins.
fn head(text: &str, found: &mut Found<'_>) -> (About, usize) {
    let mut about = About::default();
    let mut seen = BTreeSet::new();
    let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    while text[at..].starts_with('#') {
        let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
        let line = text[at + 1..end].trim_end();
        match line.split_once(':') {
            // A comment: a colon makes a key only behind a single word.
            None => {}
            Some((key, _)) if key.trim().contains(char::is_whitespace) => {}
            Some((key, value)) => {
                let key = key.trim();
                if !seen.insert(key) {
                    found.note(at, format!("`{key}` stands there twice"));
                }
                if let Some(fault) = set(&mut about, key, value.trim()) {
                    found.note(at, fault);
                }
            }
        }
        at = (end + 1).min(text.len());
    }
    (about, at)
}

fn set(about: &mut About, key: &str, value: &str) -> Option<Cow<'static, str>> {
    let into = match key {
        "name" => &mut about.name,
        "version" => &mut about.version,
        "title" => &mut about.title,
        "source" => &mut about.source,
        "licence" => &mut about.licence,
        "credit" => &mut about.credit,
        "language" => about.language.insert(String::new()),
        "subject" => {
            about.subject = Subject::parse(value);
            return about.subject.is_none().then(|| unknown_subject().into());
        }
        "fields" => {
            let classes: Option<Vec<_>> = value.split_whitespace().map(FieldClass::parse).collect();
            let fault = classes.is_none().then_some("the fields are name, company and text");
            about.classes = classes.unwrap_or_default();
            return fault.map(Cow::Borrowed);
        }
        "valid_from" | "valid_to" => {
            let day = value.parse().ok();
            *(if key == "valid_from" { &mut about.valid.from } else { &mut about.valid.to }) = day;
            return day.is_none().then_some(Cow::Borrowed("a day is written YYYY-MM-DD"));
        }
        _ => return Some(format!("there is no `{key}` in the head of a list").into()),
    };
    value.clone_into(into);
    None
}

fn unknown_subject() -> String {
    let names: Vec<&str> = Subject::ALL.iter().map(|subject| subject.as_str()).collect();
    format!("the subject is one of {}", names.join(", "))
}

/// Where each known column stands.
fn places(header: &[Field<'_>], found: &mut Found<'_>) -> [Option<usize>; 5] {
    let mut places = [None; 5];
    for (place, field) in header.iter().enumerate() {
        match COLUMNS.iter().position(|&column| column == field.text) {
            None => found.note(field.at, "the columns are code, label, parent, valid_from and valid_to"),
            Some(column) if places[column].is_some() => found.note(field.at, "the column stands there twice"),
            Some(column) => places[column] = Some(place),
        }
    }
    if places[0].is_none() {
        found.note(header.first().map_or(0, |field| field.at), "there is no column `code`");
    }
    places
}

fn checked<'r>(row: &'r Row<'_>, subject: Option<Subject>, found: &mut Found<'_>) -> NewEntry<'r> {
    let code = &*row.code.text;
    if code.is_empty() {
        found.note(row.code.at, "the code is missing");
    } else if code.len() > CODE_BYTES_MAX || code.contains(char::is_control) {
        found.note(row.code.at, "a code has at most 253 bytes and no control character");
    } else if let Some(fault) = subject.and_then(|subject| subject.fault_of(code)) {
        found.note(row.code.at, format!("the code {fault}"));
    }
    let labels = &*row.labels.text;
    let is_blank = |label: &str| label.trim().is_empty() || label.trim() != label;
    if labels.contains(char::is_control) || (!labels.is_empty() && labels.split(LABEL_SEPARATOR).any(is_blank)) {
        found.note(
            row.labels.at,
            "labels are apart by a single |, without blanks around and without control characters",
        );
    }
    let parent = &*row.parent.text;
    if parent.len() > CODE_BYTES_MAX || parent.contains([',', ';', '"']) || parent.contains(char::is_control) {
        found.note(row.parent.at, "a parent is a code, without commas and quotes");
    }
    let mut day = |field: &Field<'_>| -> Option<Date> {
        if field.text.is_empty() {
            return None;
        }
        let day = field.text.parse().ok();
        if day.is_none() {
            found.note(field.at, "a day is written YYYY-MM-DD");
        }
        day
    };
    let valid = Period { from: day(&row.from), to: day(&row.to) };
    if !valid.is_forward() {
        found.note(row.to.at, "the last day lies before the first");
    }
    if subject.is_some_and(Subject::is_words) && (valid != Period::default() || !parent.is_empty()) {
        found.note(row.code.at, "a term has neither days nor a parent");
    }
    NewEntry { at: row.code.at, code, labels, parent, valid }
}

fn check_about(about: &mut About, found: &mut Found<'_>) {
    let is_name = |text: &str| text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if about.name.is_empty() || about.name.len() > 64 || !is_name(&about.name) {
        found.note(0, "a list needs a name: 1 to 64 of a-z, 0-9 and _");
    }
    let is_version = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if about.version.len() > 40 || !is_version(&about.version) {
        found.note(0, "a version is 1 to 40 letters, digits, dots, _ and -");
    }
    let texts = [&about.title, &about.source, &about.licence, &about.credit];
    if texts.iter().any(|text| text.chars().count() > TEXT_CHARS_MAX || text.contains(char::is_control)) {
        found.note(0, "title, source, licence and credit have at most 500 characters and are one line each");
    }
    if !about.valid.is_forward() {
        found.note(0, "the last day of the list lies before the first");
    }
    let is_words = about.subject.is_some_and(Subject::is_words);
    let is_tag =
        |tag: &str| (2..=35).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match &about.language {
        Some(tag) if !is_tag(tag) => found.note(0, "a language is a tag such as `de`"),
        None if is_words => found.note(0, "a list of terms needs its language"),
        _ => {}
    }
    if !is_words && !about.classes.is_empty() {
        found.note(0, "only lists of terms have fields");
    }
}
