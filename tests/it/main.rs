//! The promises of Usher, each shown by a test: one module per API and per promise.

mod contract;
mod generated;
mod harness;
mod house;
mod oracle;
mod program;
mod reading;
mod shapes;
