//! Typed calls to the gateway, for partners.
//!
//! Only a [`Checked`] value can be sent, and only the contract's own validator makes one: what leaves this client is
//! well formed. Every submit carries an idempotency key that stays the same when the client repeats the call, so trouble
//! on the way cannot store a request twice. What went wrong comes back as one [`Error`], whichever API it was. Calls are
//! made within a Tokio runtime.
//!
//! ```no_run
//! use usher_client::contract::contact_request::v1::{Person, Request, Subject};
//! use usher_client::{ApiKey, Client, Error, check};
//!
//! # async fn submit(person: Person, subject: Subject) -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("https://gateway.example.org", ApiKey::new("the key")?).build()?;
//! let request = check(Request {
//!     person,
//!     phone_number: "+420 601 123 456".into(),
//!     email: "jana.vzorova@example.org".into(),
//!     language: None,
//!     recontact: None,
//!     subject,
//!     message: Some("Please call me in the morning.".into()),
//!     consent: None,
//!     attribution: None,
//!     unknown: Default::default(),
//! })?;
//! match client.contact_request().submit(&request).await {
//!     Ok(receipt) => println!("stored as {}", receipt.id),
//!     Err(Error::Refused(refusal)) => println!("{} rules broken", refusal.violations.len()),
//!     Err(error) if error.is_retryable() => println!("later, with the same idempotency key: {error}"),
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Not in here: rules that need facts. Whether a telephone number is one of a numbering plan, a checksum fits, a postal
//! code is assigned, a time zone exists, a time lies in the past, a word is on a blacklist, and what a product demands, only
//! the gateway knows; the check calls ask it without storing anything.

pub mod api;
mod call;
mod client;
mod error;
mod http;
mod key;
pub mod receipt;
mod refusal;
mod retry;
mod transport;
mod trust;

pub use api::ReceiptQuery;
pub use call::{Answer, ApiCall, Sent};
pub use client::{Client, ClientBuilder, SetupError};
pub use error::{Error, NetworkError, NetworkFault, UnexpectedAnswer};
pub use key::{ApiKey, IdempotencyKey, MalformedKey};
pub use refusal::{Refusal, pointer_of_parameter_name};
pub use retry::{RetryPolicy, TimeLimits};
pub use transport::{HttpTransport, TransportError};
/// The types of the contracts.
pub use usher_contract as contract;
/// What the types of the contracts are made of.
pub use usher_wire as wire;
pub use usher_wire::Checked;
pub use uuid::Uuid;

/// Checks a value that was built by hand, with the validator of the gateway. Rules that need facts are not asked.
///
/// # Errors
/// [`Error::NotSent`] with every rule of the contract that the value breaks.
pub fn check<T: for<'a> wire::Message<'a>>(value: T) -> Result<Checked<T>, Error> {
    Checked::check(value).map_err(Error::NotSent)
}
