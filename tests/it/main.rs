//! The promises of Usher, each shown by a test: one module per API and per promise.

mod bank;
mod commission;
mod contract;
mod crash;
mod directory;
mod gateway;
mod generated;
mod harness;
mod house;
mod http;
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
