//! The identity register (KPS), as the gateway's port asks for it.
//!
//! [`HttpRegister`] speaks the contract `register/v1` to the service that the operator runs before the real register;
//! [`Simulator`] plays a register for the sandbox. Whatever cannot be used as an answer is
//! [`RegisterUnavailable`](usher_server::register::RegisterUnavailable): who waits for it is told to come again, and
//! nothing is decided from half an answer. No national id gets into an address, a log line or an error.

mod http;
mod simulator;

pub use http::{HttpRegister, HttpRegisterSettings, SetupError};
pub use simulator::{Simulator, TRIGGERS, Trigger};
