//! Benchmarks of Usher, run by `cargo xtask bench`. Their bodies also run as tests, on small input, so they cannot rot; no
//! test looks at a time.

pub mod accept;
pub mod callgrind;
pub mod documents;
pub mod jsonschema_peer;
pub mod plain;
pub mod random;
pub mod rules;
pub mod table;
pub mod validate;
pub mod xml;
