//! What tests over the running program share. For tests only: it panics where a test would, and nothing that is shipped
//! uses it.

pub mod harness;
pub mod http;
pub mod random;
