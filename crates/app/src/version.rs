//! What this program is a version of: the product, and the contracts it serves. The numbers are independent.

/// The text of `usher --version`.
pub(crate) const TEXT: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncontracts: contact_request v1, appointment_request v2, digital_customer v1, receipts v1"
);

/// The version of the product.
pub(crate) const PRODUCT: &str = env!("CARGO_PKG_VERSION");
