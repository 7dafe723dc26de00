//! Schema files in, Rust and documents out.
//!
//! A pure library: it knows nothing of the crates that use what it writes, reads no network, and answers every input with
//! output or with diagnostics.

pub mod diagnostic;
pub mod dialect;
pub mod emit;
pub mod generate;
pub mod json;
pub mod lint;
pub mod load;
pub mod lock;
mod meta;
pub mod model;
pub mod name;
pub mod normalize;
pub mod openapi;
pub mod output;
pub mod pattern;
pub mod plan;
pub mod publish;
pub mod resolve;
pub mod rules;
pub mod vocabulary;

#[cfg(test)]
mod hostile;
mod uri;
