//! HTTP stops here: bytes in, reply out.
//!
//! The crate accepts connections, caps what a client may use, finds out who calls and what for, and turns every outcome into
//! the answer form of the API that was called. What a request means is decided in the domain, what is kept in the storage.

pub mod accept;
pub mod documents;
pub mod gateway;
pub mod limits;
pub mod ops;
pub mod register;
pub mod socket;
pub mod tls;

mod about_data;
mod appointment_request;
mod bank;
mod bank_commission;
mod body;
mod caller;
mod commission;
mod contact_request;
mod contain;
mod correlation;
mod credentials;
mod dialect;
mod digital_customer;
mod exchange;
mod fault;
mod following;
mod form;
mod head;
mod lead;
mod meter;
mod parameters;
mod platform;
mod pressure;
mod random;
mod receipt;
mod receipts;
mod reference;
mod retention;
mod routes;
mod sandbox;
mod signing_keys;
mod submit;
#[cfg(test)]
mod test_support;
#[cfg(test)]
mod tests;

pub use contain::log_panics_without_text;
pub use pressure::watch_load;
pub use retention::erase_expired;
pub use routes::{admin_router, bank_router, router};
pub use sandbox::{end_expired_flows, simulate_bank};
