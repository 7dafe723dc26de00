//! Reference data: versioned code lists with days of validity, in memory, and what the rules ask of them.
//!
//! Lists come from the operator, one licence each; rules ask every list of a subject and never merge two. Small lists of
//! our own ship with the program and count in the sandbox only, as long as no list of their subject is loaded. Where lists
//! are kept, and when they are read again, is the business of others.

mod builtin;
pub mod fold;
pub mod form;
pub mod list;
pub mod problem;
pub mod source;
pub mod subject;
mod table;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::civil::Date;

use self::fold::{Casing, fold};
use self::list::{CodeList, Entry};
use self::subject::{FieldClass, Market, Subject};
use self::words::Words;
use crate::environment::Environment;

/// Most lists that are held at once, older versions included.
pub const LISTS_MAX: usize = 256;

/// All lists of a gateway.
#[derive(Debug)]
pub struct Reference {
    /// By name, the newest version of each first.
    lists: Vec<Loaded>,
    /// The places of the lists of each subject.
    by_subject: [Vec<u16>; Subject::ALL.len()],
}

#[derive(Debug)]
struct Loaded {
    list: Arc<CodeList>,
    words: Option<Words>,
    is_builtin: bool,
}

/// What the lists of a subject say of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existence {
    /// No list of the subject is in force.
    NoList,
    /// No list has it.
    Absent,
    /// A list has it.
    Present,
}

/// What the lists of a subject say of a code with its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// No list of the subject is in force, or none has the code.
    Unknown,
    /// The label is one of the code.
    Agrees,
    /// The code has other labels.
    Differs,
}

/// Which lists a decision consulted. Filled on the way, from any thread.
#[derive(Debug, Default)]
pub struct Consulted([AtomicU64; LISTS_MAX / 64]);

/// The lists in force on one day in one environment.
#[derive(Debug, Clone, Copy)]
pub struct InForce<'r> {
    reference: &'r Reference,
    day: Date,
    environment: Environment,
}

impl Default for Reference {
    fn default() -> Self {
        Reference::new(Vec::new())
    }
}

impl Reference {
    /// These lists, beside those that ship with the program. Of one name the newest version comes first; an older one counts
    /// while no newer one is in force. Beyond [`LISTS_MAX`] lists the rest does not count.
    pub fn new(loaded: Vec<Arc<CodeList>>) -> Reference {
        let own = builtin::lists().iter().map(|list| (list.clone(), true));
        let all = own.chain(loaded.into_iter().map(|list| (list, false))).take(LISTS_MAX);
        let mut lists: Vec<Loaded> = all
            .map(|(list, is_builtin)| {
                let is_words = list.about().subject.is_some_and(Subject::is_words);
                let words = if is_words { Words::new(&list) } else { None };
                Loaded { list, words, is_builtin }
            })
            .collect();
        // Stable: versions of one name stay in their order.
        lists.sort_by(|a, b| a.list.about().name.cmp(&b.list.about().name));
        let mut by_subject: [Vec<u16>; Subject::ALL.len()] = Default::default();
        for (place, loaded) in (0_u16..).zip(&lists) {
            if let Some(subject) = loaded.list.about().subject {
                by_subject[subject as usize].push(place);
            }
        }
        Reference { lists, by_subject }
    }

    /// No list at all, not even ours: for who only wants to know whether a request has the right form.
    pub fn none() -> Reference {
        Reference { lists: Vec::new(), by_subject: Default::default() }
    }

    /// The lists that count on a day.
    pub fn in_force(&self, day: Date, environment: Environment) -> InForce<'_> {
        InForce { reference: self, day, environment }
    }

    /// The memory that codes and labels take, in bytes.
    pub fn bytes(&self) -> usize {
        self.lists.iter().map(|loaded| loaded.list.bytes()).sum()
    }
}

impl Consulted {
    fn mark(&self, place: u16) {
        self.0[usize::from(place) / 64].fetch_or(1 << (place % 64), Ordering::Relaxed);
    }

    /// The lists that were consulted, as receipts name them: `name@version`.
    pub fn names(&self, reference: &Reference) -> Vec<String> {
        let is_asked = |place: usize| self.0[place / 64].load(Ordering::Relaxed) & (1 << (place % 64)) != 0;
        let consulted = reference.lists.iter().enumerate().filter(|(place, _)| is_asked(*place));
        consulted.map(|(_, loaded)| loaded.list.about().reference()).collect()
    }
}

impl<'r> InForce<'r> {
    /// The lists themselves, by name, each in the version that is in force.
    pub fn lists(self) -> impl Iterator<Item = &'r CodeList> {
        let places = (0_u16..).take(self.reference.lists.len());
        places
            .filter(move |&place| self.counts(place))
            .map(move |place| &*self.reference.lists[usize::from(place)].list)
    }

    /// The list of a name.
    pub fn list(self, name: &str) -> Option<&'r CodeList> {
        self.lists().find(|list| list.about().name == name)
    }

    /// The day.
    pub fn day(self) -> Date {
        self.day
    }

    /// Whether a code exists, by all lists of its subject.
    pub fn existence(self, subject: Subject, code: &str, consulted: &Consulted) -> Existence {
        let mut existence = Existence::NoList;
        for (place, list) in self.of(subject) {
            consulted.mark(place);
            if list.find(code, self.day).is_some() {
                return Existence::Present;
            }
            existence = Existence::Absent;
        }
        existence
    }

    /// Whether a label is one of a code, by the lists of its subject that have the code.
    pub fn agreement(self, subject: Subject, code: &str, label: &str, consulted: &Consulted) -> Agreement {
        let mut agreement = Agreement::Unknown;
        for (place, list) in self.of(subject) {
            let Some(entry) = list.find(code, self.day) else { continue };
            consulted.mark(place);
            if CodeList::is_label(&entry, label) {
                return Agreement::Agrees;
            }
            agreement = Agreement::Differs;
        }
        agreement
    }

    /// Whether a code may belong to another: false where lists have the code, all of them name what it belongs to, and none
    /// names this.
    pub fn may_belong(self, subject: Subject, code: &str, parent: &str, consulted: &Consulted) -> bool {
        let mut is_known_elsewhere = false;
        for (place, list) in self.of(subject) {
            let Some(Entry { parent: known, .. }) = list.find(code, self.day) else { continue };
            consulted.mark(place);
            if known.is_empty() || known == parent {
                return true;
            }
            is_known_elsewhere = true;
        }
        !is_known_elsewhere
    }

    /// Whether the domain, or one it lies under, is of throw-away mail.
    pub fn is_disposable(self, domain: &str, consulted: &Consulted) -> bool {
        let domain = domain.to_ascii_lowercase();
        let mut lists = self.of(Subject::DisposableDomain);
        lists.any(|(place, list)| {
            consulted.mark(place);
            let mut above = Some(&domain[..]);
            while let Some(name) = above.filter(|name| name.contains('.')) {
                if list.find(name, self.day).is_some() {
                    return true;
                }
                above = name.split_once('.').map(|(_, rest)| rest);
            }
            false
        })
    }

    /// Whether a text holds a blocked term, in a field of this class of a request from this market.
    pub fn is_blocked(self, class: FieldClass, market: Option<Market>, text: &str, consulted: &Consulted) -> bool {
        let mut folded: [Option<String>; 2] = [None, None];
        let mut blocked: Vec<(Casing, usize, usize)> = Vec::new();
        for (place, words) in self.words(Subject::BlockedTerm, class, market) {
            consulted.mark(place);
            let text = folded[words.casing() as usize].get_or_insert_with(|| fold(text, words.casing()));
            blocked.extend(words.find(text).map(|(start, end)| (words.casing(), start, end)));
        }
        if blocked.is_empty() {
            return false;
        }
        for (place, words) in self.words(Subject::AllowedTerm, class, market) {
            consulted.mark(place);
            let Some(text) = &folded[words.casing() as usize] else { continue };
            for (from, to) in words.find(text) {
                let is_within = |&(casing, start, end): &(Casing, usize, usize)| {
                    casing == words.casing() && from <= start && end <= to
                };
                blocked.retain(|place| !is_within(place));
            }
        }
        !blocked.is_empty()
    }

    fn words(
        self,
        subject: Subject,
        class: FieldClass,
        market: Option<Market>,
    ) -> impl Iterator<Item = (u16, &'r Words)> {
        self.of(subject).filter_map(move |(place, _)| {
            let words = self.reference.lists[usize::from(place)].words.as_ref()?;
            words.applies(class, market).then_some((place, words))
        })
    }

    /// The lists of a subject that count.
    fn of(self, subject: Subject) -> impl Iterator<Item = (u16, &'r CodeList)> {
        let places = self.reference.by_subject[subject as usize].iter().copied();
        places
            .filter(move |&place| self.counts(place))
            .map(move |place| (place, &*self.reference.lists[usize::from(place)].list))
    }

    /// Whether a list counts: it is the newest of its name that is in force. One of ours counts in the sandbox, while no other
    /// of its subject does.
    fn counts(self, place: u16) -> bool {
        let lists = &self.reference.lists;
        let loaded = &lists[usize::from(place)];
        let about = loaded.list.about();
        if !about.valid.holds(self.day) {
            return false;
        }
        if loaded.is_builtin {
            let is_replaced = || {
                let others = about.subject.map(|subject| &self.reference.by_subject[subject as usize]);
                others.into_iter().flatten().map(|&other| &lists[usize::from(other)]).any(|other| {
                    let language = &other.list.about().language;
                    !other.is_builtin && *language == about.language && other.list.about().valid.holds(self.day)
                })
            };
            return self.environment == Environment::Sandbox && !is_replaced();
        }
        let newer = lists[..usize::from(place)].iter().rev().take_while(|newer| newer.list.about().name == about.name);
        !newer.into_iter().any(|newer| newer.list.about().valid.holds(self.day))
    }
}
