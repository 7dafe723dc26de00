//! The promises of Usher, each shown by a test: one module per API and per promise.

mod bank;
mod commission;
mod contract;
mod directory;
mod gateway;
mod generated;
mod house;
mod onboarding;
mod oracle;
mod privacy;
mod program;
mod reading;
mod receipts;
mod sandbox;
mod shapes;
mod walkthrough;
mod xml;

pub(crate) use usher_testkit::{harness, http};
