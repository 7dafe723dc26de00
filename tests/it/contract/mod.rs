//! The contracts: every example of every schema is read as it says, and every rule has an example that breaks it.

mod coverage;
mod examples;
mod oracle;
