//! Regular expressions of `pattern`, compiled when code is generated.
//!
//! The ECMA-262 subset without look-around and back-references, in `u` mode, becomes a minimal automaton over UTF-8 bytes
//! that `usher_wire::pattern` runs in linear time. Two common shapes have checks of their own.

mod ecma;
mod table;

use regex_syntax::hir::{Hir, HirKind, Look};

pub use table::Dfa;

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Nothing but ASCII digits, so many of them: `^[0-9]{5}$`.
    Digits {
        /// Fewest digits.
        min: u32,
        /// Most digits, if there is a bound.
        max: Option<u32>,
    },
    /// So many characters once white space at both ends is left out: `^\s*\S([\s\S]{0,98}\S)?\s*$`.
    Trimmed {
        /// Fewest characters.
        min: u32,
        /// Most characters.
        max: u32,
    },
    /// Everything else.
    Dfa(Dfa),
}

/// Why a pattern cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// What is wrong, with its place in the pattern.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// Compiles a pattern.
pub fn compile(pattern: &str) -> Result<Pattern, PatternError> {
    let hir = ecma::parse(pattern)?;
    if let Some(max) = trimmed_max(pattern) {
        return Ok(Pattern::Trimmed { min: 1, max });
    }
    if let Some((min, max)) = digit_count(&hir) {
        return Ok(Pattern::Digits { min, max });
    }
    table::build(&hir).map(Pattern::Dfa)
}

impl Pattern {
    /// Whether the pattern matches somewhere in the text. The generated check must agree with this one.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Pattern::Digits { min, max } => {
                let count = text.len() as u64;
                text.bytes().all(|byte| byte.is_ascii_digit())
                    && count >= u64::from(*min)
                    && max.is_none_or(|max| count <= u64::from(max))
            }
            Pattern::Trimmed { min, max } => {
                let count = text.trim_matches(ecma::is_space).chars().count() as u64;
                (u64::from(*min)..=u64::from(*max)).contains(&count)
            }
            Pattern::Dfa(dfa) => dfa.matches(text),
        }
    }
}

/// The upper bound of the idiom for "1 to N characters after trimming".
fn trimmed_max(pattern: &str) -> Option<u32> {
    let rest = pattern.strip_prefix(r"^\s*\S(")?;
    let rest = rest.strip_prefix("?:").unwrap_or(rest);
    let rest =
        rest.strip_prefix(r"[\s\S]").or_else(|| rest.strip_prefix(r"[\S\s]")).or_else(|| rest.strip_prefix("[^]"))?;
    let (inner, rest) = rest.strip_prefix("{0,")?.split_once('}')?;
    let inner: u32 = inner.parse().ok()?;
    (rest == r"\S)?\s*$").then(|| inner.checked_add(2)).flatten()
}

/// The bounds of a pattern that is nothing but a count of ASCII digits.
fn digit_count(hir: &Hir) -> Option<(u32, Option<u32>)> {
    let HirKind::Concat(parts) = hir.kind() else {
        return None;
    };
    let [start, middle, end] = parts.as_slice() else {
        return None;
    };
    if *start.kind() != HirKind::Look(Look::Start) || *end.kind() != HirKind::Look(Look::End) {
        return None;
    }
    match middle.kind() {
        HirKind::Repetition(repetition) if *repetition.sub == ecma::digit() => Some((repetition.min, repetition.max)),
        _ if *middle == ecma::digit() => Some((1, Some(1))),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
