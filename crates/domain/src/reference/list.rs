//! One code list in memory: sorted by code, all texts in one piece, a row of 20 bytes per code beside it.

use std::fmt;

use jiff::civil::Date;

use super::fold::{Casing, fold, fold_for_search};
use super::subject::{FieldClass, Subject};

/// Between the labels of one code, in a file as in memory.
pub(crate) const LABEL_SEPARATOR: char = '|';

/// Days from which and until which something is in force, both included. Days begin at midnight UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    /// The first day; none: since ever.
    pub from: Option<Date>,
    /// The last day; none: until further notice.
    pub to: Option<Date>,
}

impl Period {
    /// Whether the day lies in it.
    pub fn holds(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }

    /// Whether the last day is not before the first.
    pub fn is_forward(&self) -> bool {
        !matches!((self.from, self.to), (Some(from), Some(to)) if to < from)
    }

    pub(crate) fn overlaps(&self, other: &Period) -> bool {
        let ends_before =
            |one: &Period, next: &Period| matches!((one.to, next.from), (Some(to), Some(from)) if to < from);
        !ends_before(self, other) && !ends_before(other, self)
    }
}

/// What a list says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Its name: 1 to 64 of a-z, 0-9 and `_`.
    pub name: String,
    /// The version its owner gave it: 1 to 40 of letters, digits, `.`, `_` and `-`.
    pub version: String,
    /// A title to show.
    pub title: String,
    /// What its codes stand for, where a rule asks for it.
    pub subject: Option<Subject>,
    /// The language of words (BCP 47); none where it does not matter.
    pub language: Option<String>,
    /// Where words are looked for; empty: in every class.
    pub classes: Vec<FieldClass>,
    /// When the list is in force.
    pub valid: Period,
    /// Where it comes from.
    pub source: String,
    /// The licence it is under.
    pub licence: String,
    /// Whom to name where it is used.
    pub credit: String,
}

impl About {
    /// How receipts name it: `name@version`.
    pub fn reference(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

/// One code of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'l> {
    /// The code.
    pub code: &'l str,
    /// Its labels, apart by `|`; empty where it has none.
    labels: &'l str,
    /// The code it belongs to, of this list or of the one above; empty where there is none.
    pub parent: &'l str,
    /// When it is in force.
    pub valid: Period,
}

impl<'l> Entry<'l> {
    /// The label to show.
    pub fn label(&self) -> Option<&'l str> {
        self.labels().next()
    }

    /// Every label, as files hold them.
    pub(crate) fn labels_text(&self) -> &'l str {
        self.labels
    }

    /// Every label.
    pub fn labels(&self) -> impl Iterator<Item = &'l str> + use<'l> {
        self.labels.split(LABEL_SEPARATOR).filter(|label| !label.is_empty())
    }
}

/// A row as it was read.
#[derive(Debug, Clone)]
pub(crate) struct NewEntry<'t> {
    pub(crate) at: usize,
    pub(crate) code: &'t str,
    pub(crate) labels: &'t str,
    pub(crate) parent: &'t str,
    pub(crate) valid: Period,
}

/// A checked code list.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeList {
    about: About,
    text: Box<str>,
    slots: Box<[Slot]>,
}

/// Where the texts of one code stand, and its days counted from 1 January 1970.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Slot {
    at: u32,
    code: u16,
    labels: u16,
    parent: u16,
    from: i32,
    to: i32,
}

const SINCE_EVER: i32 = i32::MIN;
const FURTHER_NOTICE: i32 = i32::MAX;

impl fmt::Debug for CodeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodeList({} with {} codes)", self.about.reference(), self.slots.len())
    }
}

impl CodeList {
    /// A list of these rows, which were checked and stand in the order of their codes.
    pub(crate) fn new(about: About, rows: &[NewEntry<'_>]) -> CodeList {
        let length = rows.iter().map(|row| row.code.len() + row.labels.len() + row.parent.len()).sum();
        let mut text = String::with_capacity(length);
        let slots = rows.iter().map(|row| {
            let length = |part: &str| u16::try_from(part.len()).expect("fields are at most 4000 bytes long");
            let at = u32::try_from(text.len()).expect("files are at most 64 MiB long");
            text.push_str(row.code);
            text.push_str(row.labels);
            text.push_str(row.parent);
            let days = |day: Option<Date>, none| day.map_or(none, days_of);
            Slot {
                at,
                code: length(row.code),
                labels: length(row.labels),
                parent: length(row.parent),
                from: days(row.valid.from, SINCE_EVER),
                to: days(row.valid.to, FURTHER_NOTICE),
            }
        });
        let slots = slots.collect();
        CodeList { about, text: text.into_boxed_str(), slots }
    }

    /// The same list under another version.
    pub(crate) fn with_version(self, version: String) -> CodeList {
        CodeList { about: About { version, ..self.about }, ..self }
    }

    /// What it says of itself.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The memory its codes take, in bytes.
    pub fn bytes(&self) -> usize {
        self.text.len() + std::mem::size_of_val::<[Slot]>(&self.slots)
    }

    /// Every row, by code.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.slots.iter().map(|slot| self.entry(slot))
    }

    /// The row of a code on a day.
    pub fn find(&self, code: &str, day: Date) -> Option<Entry<'_>> {
        let day = days_of(day);
        let first = self.slots.partition_point(|slot| self.code(slot) < code);
        let same = self.slots[first..].iter().take_while(|slot| self.code(slot) == code);
        same.filter(|slot| slot.from <= day && day <= slot.to).map(|slot| self.entry(slot)).next()
    }

    /// The rows in force on a day that come after a code, have the parent if one is asked for, and whose code begins with
    /// what is searched for or one of whose labels holds it.
    pub fn search<'l>(&'l self, wish: &'l Search<'_>, day: Date) -> impl Iterator<Item = Entry<'l>> {
        let first = wish.after.map_or(0, |after| self.slots.partition_point(|slot| self.code(slot) <= after));
        let day = days_of(day);
        let searched = wish.text.map(fold_for_search).filter(|text| !text.is_empty());
        let in_force = self.slots[first..].iter().filter(move |slot| slot.from <= day && day <= slot.to);
        in_force.map(|slot| self.entry(slot)).filter(move |entry| {
            wish.parent.is_none_or(|parent| entry.parent == parent)
                && searched.as_deref().is_none_or(|text| {
                    entry.code.starts_with(text) || entry.labels().any(|label| fold_for_search(label).contains(text))
                })
        })
    }

    /// Whether one of the labels of an entry is this one, whatever its case.
    pub(crate) fn is_label(entry: &Entry<'_>, label: &str) -> bool {
        // Equal texts need no folding.
        entry.labels().any(|known| known == label) || {
            let label = fold(label, Casing::Turkish);
            entry.labels().any(|known| fold(known, Casing::Turkish) == label)
        }
    }

    fn code(&self, slot: &Slot) -> &str {
        let at = slot.at as usize;
        &self.text[at..at + usize::from(slot.code)]
    }

    fn entry(&self, slot: &Slot) -> Entry<'_> {
        let rest = &self.text[slot.at as usize..];
        let (code, rest) = rest.split_at(slot.code.into());
        let (labels, rest) = rest.split_at(slot.labels.into());
        let valid = Period { from: date_of(slot.from), to: date_of(slot.to) };
        Entry { code, labels, parent: &rest[..slot.parent.into()], valid }
    }
}

/// Which rows of a list are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Search<'w> {
    /// Only rows behind this code.
    pub after: Option<&'w str>,
    /// Only rows that belong to this code.
    pub parent: Option<&'w str>,
    /// Only rows whose code begins with it or one of whose labels holds it.
    pub text: Option<&'w str>,
}

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

fn days_of(day: Date) -> i32 {
    day.since(EPOCH).map_or(0, |span| span.get_days())
}

fn date_of(days: i32) -> Option<Date> {
    if days == SINCE_EVER || days == FURTHER_NOTICE {
        return None;
    }
    EPOCH.checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}
