//! Reading bytes: what is a JSON text, what is refused and where, what is kept, and the one form in which it is stored.

mod canonical;
mod checked;
mod decisions;
mod json_test_suite;
mod limits;
mod members;
mod respell;
mod sealed;
pub(crate) mod secrecy;

use usher_wire::{Json, Limits, Mode, Options, Parsed, Unreadable, parse};

/// Reading without rules that need facts.
const fn options(mode: Mode, limits: Limits) -> Options<'static> {
    Options { mode, limits, facts: None }
}

/// The canonical form of any JSON text.
fn canonical_text(bytes: &[u8], limits: Limits) -> Result<String, Unreadable> {
    let parsed: Parsed<Json> = parse(bytes, &options(Mode::Tolerant, limits))?;
    Ok(parsed.shaped().expect("no rule stands against any JSON").as_str().to_owned())
}
