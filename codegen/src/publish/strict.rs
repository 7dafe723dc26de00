//! Where a schema must be closed so that a message takes no members it does not name.
//!
//! A schema that lists properties is closed by `additionalProperties: false` if it alone describes its value. Where several
//! describe one value together, the value's own schema gets `unevaluatedProperties: false`, which sees what all of them name.

use std::collections::{BTreeMap, BTreeSet};

use crate::json::{Member, Node, Value};
use crate::resolve::{Location, Registry};
use crate::vocabulary;

/// Schemas that list properties and hold for one value together.
type Together = BTreeSet<Location>;

/// More combinations than this are not told apart; the value is then closed as a whole.
const COMBINATIONS_MAX: usize = 256;

/// What to close below one message.
pub(super) struct Closing {
    /// Gets `additionalProperties: false`.
    alone: BTreeSet<Location>,
    /// Gets `unevaluatedProperties: false`.
    whole: BTreeSet<Location>,
}

impl Closing {
    /// Decides for the message with this schema.
    pub(super) fn of(registry: &Registry<'_>, root: &Location) -> Closing {
        let mut survey = Survey { registry, values: BTreeMap::new(), tests: BTreeSet::new() };
        survey.value(root.clone());
        let mut shared = survey.tests.clone();
        let mut alone = BTreeSet::new();
        for together in survey.values.values().flat_map(|combinations| combinations.iter().flatten()) {
            match survey.covering(together) {
                Some(covering) => {
                    shared.extend(together.iter().filter(|record| **record != covering).cloned());
                    alone.insert(covering);
                }
                None => shared.extend(together.iter().cloned()),
            }
        }
        let alone: BTreeSet<Location> = alone.difference(&shared).cloned().collect();
        let is_closed =
            |together: &Together| together.is_empty() || together.iter().any(|record| alone.contains(record));
        let open = survey.values.iter().filter(|(_, combinations)| match combinations {
            Some(combinations) => !combinations.iter().all(is_closed),
            None => true,
        });
        Closing { whole: open.map(|(value, _)| value.clone()).collect(), alone }
    }

    /// Adds to the members of a schema what closes it.
    pub(super) fn close(&self, location: &Location, members: &mut Vec<Member>) {
        let keyword = match (self.alone.contains(location), self.whole.contains(location)) {
            (true, _) => "additionalProperties",
            (false, true) => "unevaluatedProperties",
            (false, false) => return,
        };
        if members.iter().all(|member| member.key != "additionalProperties" && member.key != keyword) {
            members.push(Member::new(keyword, Node::new(Value::Bool(false))));
        }
    }
}

struct Survey<'r, 's> {
    registry: &'r Registry<'s>,
    /// The schema of each value below the message, with the combinations of records that may describe it; none where there
    /// are too many.
    values: BTreeMap<Location, Option<Vec<Together>>>,
    /// Records that only test: below `if`, `not` and `contains`.
    tests: BTreeSet<Location>,
}

impl Survey<'_, '_> {
    fn value(&mut self, place: Location) {
        let mut waiting = vec![place];
        while let Some(place) = waiting.pop() {
            if self.values.contains_key(&place) {
                continue;
            }
            let combinations = self.combinations(&place);
            self.values.insert(place.clone(), combinations);
            self.below(&place, &mut waiting);
        }
    }

    /// The values below a value: the children of every schema that is applied to it.
    fn below(&mut self, place: &Location, waiting: &mut Vec<Location>) {
        let Some(node) = self.registry.schema(place) else { return };
        for child in vocabulary::children(node) {
            let child_place =
                Location { document: place.document, pointer: format!("{}{}", place.pointer, child.pointer) };
            match child.keyword {
                "if" | "not" | "contains" => self.test(child_place),
                "$defs" | "definitions" | "propertyNames" => {}
                _ if child.in_place => self.below(&child_place, waiting),
                _ => waiting.push(child_place),
            }
        }
        if let Some(target) = self.registry.reference(place) {
            self.below(&target, waiting);
        }
    }

    fn test(&mut self, place: Location) {
        let mut waiting = vec![place];
        while let Some(place) = waiting.pop() {
            let Some(node) = self.registry.schema(&place) else { continue };
            if self.tests.insert(place.clone()) {
                let below = vocabulary::children(node).into_iter();
                waiting.extend(below.map(|child| Location {
                    document: place.document,
                    pointer: format!("{}{}", place.pointer, child.pointer),
                }));
                waiting.extend(self.registry.reference(&place));
            }
        }
    }

    /// The sets of records that may describe one value together: one set for each choice among alternatives.
    fn combinations(&self, place: &Location) -> Option<Vec<Together>> {
        let Some(node) = self.registry.schema(place) else { return Some(vec![Together::new()]) };
        let mut all = vec![Together::new()];
        if node.member("properties").is_some() || node.member("patternProperties").is_some() {
            all[0].insert(place.clone());
        }
        let mut choices: BTreeMap<&str, Vec<Together>> = BTreeMap::new();
        let children = vocabulary::children(node).into_iter().filter(|child| child.in_place);
        for child in children {
            let place = Location { document: place.document, pointer: format!("{}{}", place.pointer, child.pointer) };
            match child.keyword {
                "if" | "not" => {}
                "oneOf" | "anyOf" => choices.entry(child.keyword).or_default().extend(self.combinations(&place)?),
                _ => all = product(&all, &self.combinations(&place)?)?,
            }
        }
        for choice in choices.values() {
            all = product(&all, choice)?;
        }
        if let Some(target) = self.registry.reference(place) {
            all = product(&all, &self.combinations(&target)?)?;
        }
        Some(all)
    }

    /// The record of a set that names every member the others name.
    fn covering(&self, together: &Together) -> Option<Location> {
        let covers = |record: &&Location| {
            let Some(node) = self.registry.schema(record) else { return false };
            together.iter().all(|other| {
                other == *record
                    || self.names(other).is_some_and(|names| names.iter().all(|name| has_property(node, name)))
            })
        };
        together.iter().find(covers).cloned()
    }

    /// The members a record names; none where it names them by pattern.
    fn names(&self, record: &Location) -> Option<Vec<&str>> {
        let node = self.registry.schema(record)?;
        if node.member("patternProperties").is_some() {
            return None;
        }
        Some(
            node.member("properties")
                .and_then(Node::as_object)
                .unwrap_or_default()
                .iter()
                .map(|member| member.key.as_str())
                .collect(),
        )
    }
}

fn has_property(record: &Node, name: &str) -> bool {
    record.member("properties").is_some_and(|properties| properties.member(name).is_some())
}

fn product(left: &[Together], right: &[Together]) -> Option<Vec<Together>> {
    if left.len().saturating_mul(right.len()) > COMBINATIONS_MAX {
        return None;
    }
    let pairs = left.iter().flat_map(|left| right.iter().map(move |right| left.union(right).cloned().collect()));
    Some(pairs.collect())
}
