//! Words that a field must not hold: whole words only, whatever their case and form, unless an allowed term holds them.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};

use super::fold::{Casing, fold};
use super::list::CodeList;
use super::subject::{FieldClass, Market};

/// The terms of one list, ready to be looked for.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    terms: AhoCorasick,
    casing: Casing,
    language: String,
    classes: Vec<FieldClass>,
}

impl Words {
    /// The terms of a list; nothing when they are too many for an automaton.
    pub(crate) fn new(list: &CodeList) -> Option<Words> {
        let language = list.about().language.clone().unwrap_or_default();
        let casing = Casing::of(&language);
        let mut terms: Vec<String> = list.entries().map(|entry| fold(entry.code, casing)).collect();
        terms.retain(|term| !term.is_empty());
        terms.sort_unstable();
        terms.dedup();
        // All matches count, those inside others too: the longer one need not be a whole word.
        let terms = AhoCorasickBuilder::new().match_kind(MatchKind::Standard).build(terms).ok()?;
        let primary = language.split('-').next().unwrap_or_default().to_ascii_lowercase();
        Some(Words { terms, casing, language: primary, classes: list.about().classes.clone() })
    }

    /// Whether they are looked for in fields of this class, of requests from this market.
    pub(crate) fn applies(&self, class: FieldClass, market: Option<Market>) -> bool {
        let is_elsewhere = |market: Market| {
            self.language != market.language() && Market::ALL.iter().any(|other| other.language() == self.language)
        };
        (self.classes.is_empty() || self.classes.contains(&class)) && !market.is_some_and(is_elsewhere)
    }

    /// How texts are folded before they are looked through.
    pub(crate) fn casing(&self) -> Casing {
        self.casing
    }

    /// Where whole words of a folded text are terms of the list.
    pub(crate) fn find<'w>(&'w self, folded: &'w str) -> impl Iterator<Item = (usize, usize)> + 'w {
        let is_inside_word = |at: usize| {
            let (before, behind) = folded.split_at(at);
            before.chars().next_back().is_some_and(char::is_alphanumeric) && behind.starts_with(char::is_alphanumeric)
        };
        let places = self.terms.find_overlapping_iter(folded).map(|found| (found.start(), found.end()));
        places.filter(move |&(start, end)| !is_inside_word(start) && !is_inside_word(end))
    }
}
