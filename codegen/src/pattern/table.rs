//! Turns a syntax tree into a minimal automaton and the automaton into a literal.

use std::collections::HashMap;

use proc_macro2::{Literal, TokenStream};
use quote::quote;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::{Anchored, Input};
use regex_syntax::hir::{
    Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition,
};

use super::PatternError;

/// Memory the construction may take.
const BUILD_BYTES_MAX: usize = 4 << 20;

/// Cells of the finished table; as a literal each run of equal cells takes some ten characters.
const CELLS_MAX: usize = 1 << 16;

const DEAD: u16 = 0;
const ACCEPT: u16 = 1;
const FIRST: u16 = 2;

/// A minimal deterministic automaton over the bytes of a valid UTF-8 text.
///
/// State 0 can no longer match, state 1 has matched whatever follows; the others have a row each, those that match if the
/// text ends here come last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dfa {
    classes: Box<[u8; 256]>,
    class_count: usize,
    start: u16,
    accepting: u16,
    next: Vec<u16>,
}

impl Dfa {
    /// Whether the pattern matches somewhere in the text.
    pub fn matches(&self, text: &str) -> bool {
        let mut state = self.start;
        for byte in text.bytes() {
            if state < FIRST {
                break;
            }
            let row = usize::from(state - FIRST) * self.class_count;
            state = self.next[row + usize::from(self.classes[usize::from(byte)])];
        }
        state == ACCEPT || state >= self.accepting
    }

    /// Number of states that have a row.
    pub fn state_count(&self) -> usize {
        self.next.len() / self.class_count
    }

    /// Number of classes of bytes.
    pub fn class_count(&self) -> usize {
        self.class_count
    }

    /// Number of cells of the table.
    pub fn cell_count(&self) -> usize {
        self.next.len()
    }

    /// The state to begin in.
    pub fn start(&self) -> u16 {
        self.start
    }

    /// The first state that matches where the text ends.
    pub fn accepting(&self) -> u16 {
        self.accepting
    }

    /// The automaton as an expression of type `usher_wire::pattern::Dfa`, fit for a `static`.
    pub fn literal(&self) -> TokenStream {
        let classes = Literal::byte_string(&self.class_runs());
        let runs = Literal::byte_string(&self.cell_runs());
        let class_count = Literal::usize_unsuffixed(self.class_count);
        let cells = Literal::usize_unsuffixed(self.next.len());
        let (start, accepting) = (Literal::u16_unsuffixed(self.start), Literal::u16_unsuffixed(self.accepting));
        quote! {
            ::usher_wire::pattern::Dfa::new(#classes, #class_count, #start, #accepting, const { &::usher_wire::pattern::table::<#cells>(#runs) })
        }
    }

    /// Pairs of a byte and the class of all bytes from it on.
    pub(super) fn class_runs(&self) -> Vec<u8> {
        let mut runs = Vec::new();
        for byte in 0..=255u8 {
            let class = self.classes[usize::from(byte)];
            if byte == 0 || class != self.classes[usize::from(byte - 1)] {
                runs.extend([byte, class]);
            }
        }
        runs
    }

    /// Triples of a count and a state (low byte first): so many cells in a row hold that state.
    pub(super) fn cell_runs(&self) -> Vec<u8> {
        let mut runs: Vec<u8> = Vec::new();
        for run in self.next.chunk_by(|a, b| a == b) {
            for part in run.chunks(255) {
                runs.push(part.len() as u8);
                runs.extend(run[0].to_le_bytes());
            }
        }
        runs
    }
}

/// Builds the automaton of a pattern; it accepts the texts in which the pattern matches somewhere.
pub(super) fn build(hir: &Hir) -> Result<Dfa, PatternError> {
    let looks = hir.properties().look_set();
    // `\B` holds between the bytes of one character too, so these patterns must begin and go on by whole characters.
    let (hir, anchored) = if looks.contains(Look::WordAscii) || looks.contains(Look::WordAsciiNegate) {
        let any = Hir::class(Class::Unicode(ClassUnicode::new([ClassUnicodeRange::new('\0', char::MAX)])));
        (Hir::concat(vec![repeated(any), hir.clone()]), Anchored::Yes)
    } else if hir.properties().look_set_prefix().contains(Look::Start) {
        (loosen(hir), Anchored::Yes)
    } else {
        (loosen(hir), Anchored::No)
    };
    let nfa = thompson::NFA::compiler()
        .configure(thompson::Config::new().utf8(false).nfa_size_limit(Some(BUILD_BYTES_MAX)))
        .build_from_hir(&hir)
        .map_err(|_| too_large())?;
    let config = dense::Config::new()
        .start_kind(if anchored == Anchored::Yes { StartKind::Anchored } else { StartKind::Unanchored })
        .accelerate(false)
        .dfa_size_limit(Some(BUILD_BYTES_MAX))
        .determinize_size_limit(Some(BUILD_BYTES_MAX));
    let dfa = dense::Builder::new().configure(config).build_from_nfa(&nfa).map_err(|_| too_large())?;
    let raw = Raw::read(&dfa, anchored).ok_or_else(too_large)?;
    raw.finish().ok_or_else(too_large)
}

fn too_large() -> PatternError {
    PatternError {
        message: "the pattern needs too large a table".to_owned(),
        help: Some("move counts to `minLength` and `maxLength`, for example `^\\p{L}+$` with `\"maxLength\": 50` for `^\\p{L}{1,50}$`".to_owned()),
    }
}

fn repeated(sub: Hir) -> Hir {
    Hir::repetition(Repetition { min: 0, max: None, greedy: true, sub: Box::new(sub) })
}

/// The same pattern, where a class takes the characters of a leading byte, if it has all of them, as that byte and any
/// continuation bytes. In valid UTF-8 this is the same text, and it saves most states of `.` and `[^…]`.
fn loosen(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => loosen_class(class),
        HirKind::Repetition(repetition) => {
            Hir::repetition(Repetition { sub: Box::new(loosen(&repetition.sub)), ..repetition.clone() })
        }
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(loosen).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(loosen).collect()),
        _ => hir.clone(),
    }
}

fn loosen_class(class: &ClassUnicode) -> Hir {
    let mut rest = class.clone();
    let mut leads = ClassBytes::empty();
    for lead in 0xc2..=0xf4 {
        let characters = characters_of(lead);
        let mut missing = characters.clone();
        missing.difference(class);
        if missing.ranges().is_empty() {
            leads.push(ClassBytesRange::new(lead, lead));
            rest.difference(&characters);
        }
    }
    if leads.ranges().is_empty() {
        return Hir::class(Class::Unicode(rest));
    }
    let continuation = ClassBytes::new([ClassBytesRange::new(0x80, 0xbf)]);
    let first = Hir::alternation(vec![Hir::class(Class::Unicode(rest)), Hir::class(Class::Bytes(leads))]);
    Hir::concat(vec![first, repeated(Hir::class(Class::Bytes(continuation)))])
}

/// The characters whose UTF-8 begins with this byte.
fn characters_of(lead: u8) -> ClassUnicode {
    let lead = u32::from(lead);
    let (first, last) = match lead {
        0xc2..0xe0 => ((lead & 0x1f) << 6, ((lead & 0x1f) << 6) + 0x3f),
        0xe0..0xf0 => (((lead & 0xf) << 12).max(0x800), ((lead & 0xf) << 12) + 0xfff),
        _ => (((lead & 7) << 18).max(0x1_0000), (((lead & 7) << 18) + 0x3_ffff).min(0x10_ffff)),
    };
    super::ecma::set(&[(first, last)])
}

/// A complete automaton, not yet minimal: state 0 is dead, state 1 has accepted.
struct Raw {
    /// Class of each byte.
    classes: [u8; 256],
    class_count: usize,
    start: usize,
    /// Rows of all states one after the other.
    next: Vec<usize>,
    /// Whether the text may end in the state.
    accepts: Vec<bool>,
}

impl Raw {
    fn read(dfa: &dense::DFA<Vec<u32>>, anchored: Anchored) -> Option<Raw> {
        let byte_classes = dfa.byte_classes();
        let representatives: Vec<u8> = byte_classes.representatives(0..=255).filter_map(|unit| unit.as_u8()).collect();
        let mut classes = [0; 256];
        for byte in 0..=255u8 {
            classes[usize::from(byte)] = byte_classes.get(byte);
        }
        let class_count = representatives.len();
        let mut raw = Raw {
            classes,
            class_count,
            start: 0,
            next: [vec![0; class_count], vec![1; class_count]].concat(),
            accepts: vec![false, true],
        };
        let mut numbers = HashMap::new();
        let mut states = Vec::new();
        // A match shows one byte late in the source, which is why its match states may be left for good.
        let mut number = |id, states: &mut Vec<_>| match id {
            _ if dfa.is_dead_state(id) || dfa.is_quit_state(id) => 0,
            _ if dfa.is_match_state(id) => 1,
            _ => *numbers.entry(id).or_insert_with(|| {
                states.push(id);
                states.len() + 1
            }),
        };
        let start = dfa.start_state_forward(&Input::new("").anchored(anchored)).ok()?;
        raw.start = number(start, &mut states);
        let mut at = 0;
        while at < states.len() {
            let id = states[at];
            raw.accepts.push(dfa.is_match_state(dfa.next_eoi_state(id)));
            for byte in &representatives {
                let next = number(dfa.next_state(id, *byte), &mut states);
                raw.next.push(next);
            }
            at += 1;
        }
        Some(raw)
    }

    /// Merges equal states and equal classes, and numbers what is left from the start on.
    fn finish(&self) -> Option<Dfa> {
        let blocks = self.equal_states();
        // Any state of a block stands for all of them.
        let members: HashMap<usize, usize> = blocks.iter().enumerate().map(|(state, block)| (*block, state)).collect();
        let block_next = |block: usize, class: usize| blocks[self.next[members[&block] * self.class_count + class]];
        let (dead, accepted) = (blocks[0], blocks[1]);
        // Breadth first from the start, so that numbers follow the pattern.
        let mut order = vec![blocks[self.start]];
        let mut seen: std::collections::HashSet<usize> = [blocks[self.start], dead, accepted].into();
        let mut at = 0;
        while at < order.len() {
            for class in 0..self.class_count {
                let next = block_next(order[at], class);
                if seen.insert(next) {
                    order.push(next);
                }
            }
            at += 1;
        }
        order.retain(|block| *block != dead && *block != accepted);
        let accepts = |block: &usize| self.accepts[members[block]];
        order.sort_by_key(accepts);
        let accepting = FIRST as usize + order.iter().filter(|block| !accepts(block)).count();
        let mut numbers: HashMap<usize, u16> = [(dead, DEAD), (accepted, ACCEPT)].into();
        for (index, block) in order.iter().enumerate() {
            numbers.insert(*block, u16::try_from(index).ok()?.checked_add(FIRST)?);
        }
        let columns: Vec<Vec<u16>> = (0..self.class_count)
            .map(|class| order.iter().map(|block| numbers[&block_next(*block, class)]).collect())
            .collect();
        let (classes, kept) = self.equal_classes(&columns);
        let next: Vec<u16> = (0..order.len()).flat_map(|row| kept.iter().map(move |column| column[row])).collect();
        let fits = next.len() <= CELLS_MAX;
        fits.then_some(Dfa {
            classes: Box::new(classes),
            class_count: kept.len(),
            start: numbers[&blocks[self.start]],
            accepting: u16::try_from(accepting).ok()?,
            next,
        })
    }

    /// The class of each byte when bytes with equal columns share one, and the columns that are left.
    fn equal_classes<'c>(&self, columns: &'c [Vec<u16>]) -> ([u8; 256], Vec<&'c Vec<u16>>) {
        let mut kept: Vec<&Vec<u16>> = Vec::new();
        let merged: Vec<u8> = columns
            .iter()
            .map(|column| {
                let class = kept.iter().position(|other| *other == column).unwrap_or(kept.len());
                if class == kept.len() {
                    kept.push(column);
                }
                class as u8
            })
            .collect();
        (self.classes.map(|class| merged[usize::from(class)]), kept)
    }

    /// Hopcroft's algorithm: the block of each state; states of one block accept the same texts.
    fn equal_states(&self) -> Vec<usize> {
        let count = self.accepts.len();
        let mut before: Vec<Vec<u32>> = vec![Vec::new(); count * self.class_count];
        for state in 0..count {
            for class in 0..self.class_count {
                before[self.next[state * self.class_count + class] * self.class_count + class].push(state as u32);
            }
        }
        let (accepting, others): (Vec<usize>, Vec<usize>) = (0..count).partition(|state| self.accepts[*state]);
        // State 0 never accepts and state 1 always does, so neither block is empty.
        let mut members = vec![others, accepting];
        let mut block_of: Vec<usize> = self.accepts.iter().map(|accepts| usize::from(*accepts)).collect();
        let mut work: Vec<(usize, usize)> = (0..self.class_count).flat_map(|class| [(0, class), (1, class)]).collect();
        let mut pending: std::collections::HashSet<(usize, usize)> = work.iter().copied().collect();
        while let Some((splitter, class)) = work.pop() {
            pending.remove(&(splitter, class));
            let mut hit: HashMap<usize, Vec<usize>> = HashMap::new();
            for target in &members[splitter] {
                for state in &before[target * self.class_count + class] {
                    hit.entry(block_of[*state as usize]).or_default().push(*state as usize);
                }
            }
            let mut hit: Vec<(usize, Vec<usize>)> = hit.into_iter().collect();
            hit.sort();
            for (block, states) in hit {
                if states.len() == members[block].len() {
                    continue;
                }
                let new = members.len();
                for state in &states {
                    block_of[*state] = new;
                }
                members[block].retain(|state| block_of[*state] == block);
                members.push(states);
                for class in 0..self.class_count {
                    let smaller = if members[new].len() <= members[block].len() { new } else { block };
                    let chosen = if pending.contains(&(block, class)) { new } else { smaller };
                    if pending.insert((chosen, class)) {
                        work.push((chosen, class));
                    }
                }
            }
        }
        block_of
    }
}
