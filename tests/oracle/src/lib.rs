//! The oracle of every campaign: what clients were told and what receivers got is written to ledgers of their own, and held
//! against what the store shows afterwards. The log of totals is here as well.
//!
//! It knows nothing of the gateway, its store or HTTP: a campaign turns what it sees into the plain values here.

pub mod log;

mod check;
mod ledger;

pub use check::{Evidence, Fault, Handed, Invariant, Leak, Measure, Sight, Step, Stored, check, leaks};
pub use ledger::{Answer, Ledger, Received, digest, now, read};
