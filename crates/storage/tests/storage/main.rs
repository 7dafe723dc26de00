//! The promises of the store, each as a partner or an operator would notice it.

mod bank;
mod commits;
mod deliveries;
mod directory;
mod documents;
mod fixtures;
mod flows;
mod folders;
mod idempotency;
mod ledger;
mod messages;
mod reading;
mod retention;
mod sandbox;
mod sealing;
