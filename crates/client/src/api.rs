//! The operations of each API, as methods of an [`ApiCall`](crate::ApiCall).

mod appointment_request;
mod bank;
mod contact_request;
mod digital_customer;
mod receipts;
mod signing_keys;

pub use appointment_request::AppointmentRequest;
pub use bank::Bank;
pub use contact_request::ContactRequest;
pub use digital_customer::DigitalCustomer;
pub use receipts::Receipts;
pub use signing_keys::SigningKeys;

/// Which receipts to list. All of them, if nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReceiptQuery {
    /// Only those of the request you call by this name.
    pub partner_reference: Option<String>,
    /// Where to go on: `next` of the page before.
    pub cursor: Option<String>,
    /// How many at most, 1 to 100.
    pub limit: Option<i64>,
}
