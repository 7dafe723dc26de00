//! The promises of Usher, each shown by a test: one module per API and per promise.

mod contract;
mod oracle;
mod shapes;
