//! Decisions of the gateway: is this key well made, is this request a repeat, what is stored and where does it go.
//!
//! Everything here is a pure function of its arguments: no I/O, no clock, no randomness of its own.
//! Shape is checked by the contract before, state is kept by the storage after.

pub mod accept;
pub mod appointment_request;
mod appointment_window;
pub mod breaker;
pub mod commission;
pub mod contact_request;
pub mod destinations;
pub mod digital_customer;
pub mod environment;
pub mod event;
pub mod facts;
pub mod flow;
pub mod german_place;
pub mod hex;
pub mod idempotency;
pub mod ids;
pub mod instant;
pub mod key;
pub mod national_id;
pub mod network;
pub mod phone;
pub mod products;
pub mod promise;
pub mod random;
pub mod receipt;
pub mod reference;
pub mod refusal;
pub mod register;
pub mod role;
pub mod sandbox;
pub mod signature;
pub mod status;
#[cfg(test)]
mod test_support;
pub mod webhook;
