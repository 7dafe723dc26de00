//! Labels and codes that stand side by side in a request: each code must exist, its label must be the list's, and the codes
//! of an address must lie in each other. The members are judged while they are read, in whatever order they come, so what
//! is wrong is told together with everything else.

use std::sync::{Mutex, PoisonError};

use usher_wire::{Finding, Path, Personal};

use super::{ContractFacts, violation, warning};
use crate::reference::subject::Subject;
use crate::reference::{Agreement, Existence};

/// Digits of a town's code that the codes of its districts begin with.
const TOWN_DIGITS: usize = 8;

/// Which of the two members it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Label,
    Code,
}

/// The members read so far.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Vec<Pair>>);

#[derive(Debug)]
struct Pair {
    /// The object they are members of.
    owner: String,
    subject: Subject,
    label: Option<Personal<String>>,
    code: Option<Personal<String>>,
}

/// Judges a member by what stands beside it so far.
pub(super) fn check(
    facts: &ContractFacts,
    subject: Subject,
    side: Side,
    text: &str,
    at: Option<&Path<'_>>,
) -> Option<Finding> {
    let pointer = at.map(Path::pointer).unwrap_or_default();
    let owner = pointer.rsplit_once('/').map_or("", |(owner, _)| owner);
    // What a panic elsewhere left behind is whole: pairs are only ever added to.
    let mut pairs = facts.seen.0.lock().unwrap_or_else(PoisonError::into_inner);
    let place = pairs.iter().position(|pair| pair.owner == owner && pair.subject == subject).unwrap_or_else(|| {
        pairs.push(Pair { owner: owner.to_owned(), subject, label: None, code: None });
        pairs.len() - 1
    });
    let member = Some(Personal::new(text.to_owned()));
    match side {
        Side::Label => pairs[place].label = member,
        Side::Code => pairs[place].code = member,
    }
    let beside = |subject: Subject| {
        let pair = pairs.iter().find(|pair| pair.owner == owner && pair.subject == subject)?;
        pair.code.as_ref().map(|code| code.expose().as_str())
    };
    let pair = &pairs[place];
    let agreement = || match (&pair.code, &pair.label) {
        (Some(code), Some(label)) => {
            facts.in_force().agreement(subject, code.expose(), label.expose(), &facts.consulted)
        }
        _ => Agreement::Unknown,
    };
    let differs = || violation("label_mismatch", "must agree: the code list has another label for this code");
    if side == Side::Label {
        return if agreement() == Agreement::Differs { differs() } else { None };
    }
    let existence = facts.in_force().existence(subject, text, &facts.consulted);
    if existence == Existence::Absent {
        return violation("code_unknown", "must be a code of the loaded list");
    }
    // Codes below this one may have been read before it.
    let below = match subject {
        Subject::City => beside(Subject::Town).map(|town| (Subject::Town, town, text)),
        Subject::Town => beside(Subject::District).map(|district| (Subject::District, district, text)),
        Subject::District => beside(Subject::Street).map(|street| (Subject::Street, street, text)),
        _ => None,
    };
    let above = match subject {
        Subject::Town => beside(Subject::City).map(|city| (subject, text, city)),
        Subject::District => beside(Subject::Town).map(|town| (subject, text, town)),
        Subject::Street => beside(Subject::District).map(|district| (subject, text, district)),
        _ => None,
    };
    let outside =
        above.into_iter().chain(below).find(|(subject, code, parent)| !lies_in(facts, *subject, code, parent));
    match outside {
        Some((Subject::Town, ..)) => violation("town_code_mismatch", "must fit: TownCode begins with CityCode"),
        Some((Subject::District, ..)) => {
            violation("district_code_mismatch", "must fit: DistrictCode shares the first 8 digits of TownCode")
        }
        Some(_) => violation("street_code_mismatch", "must fit: the street lies in another district"),
        None if agreement() == Agreement::Differs => differs(),
        None if existence == Existence::NoList => {
            warning("unverified", "the code was not looked up: no list is loaded")
        }
        None => None,
    }
}

/// Whether a code may lie in the one above it, by its digits and by what lists say. Leading zeros count, so 6 is not the city
/// of 06000010000.
fn lies_in(facts: &ContractFacts, subject: Subject, code: &str, parent: &str) -> bool {
    let begins = match subject {
        Subject::Town => code.starts_with(parent),
        // Codes that are too short to have the digits of a town tell nothing.
        Subject::District => parent.get(..TOWN_DIGITS).is_none_or(|town| code.starts_with(town)),
        _ => true,
    };
    begins && facts.in_force().may_belong(subject, code, parent, &facts.consulted)
}
