//! Delivery: messages from the store to whoever must be told.
//!
//! A [`Dispatcher`] claims what is due under a lease, queue by queue, sends outside any transaction, and marks with the
//! number of its claim. What fails is tried again for three days and then parked, never dropped. Each recipient has a
//! lane of its own with a bound on what is on its way, so that one that is slow or dead keeps nobody else waiting.
//!
//! How a message is carried is behind [`Carrier`]; [`HttpCarrier`] calls webhooks. Who the recipients are stands in the
//! store: the destinations document, the webhooks of applications, and the secrets of both.

mod backoff;
mod body;
mod carrier;
mod connect;
mod dispatcher;
mod retry_after;
mod route;

pub use backoff::{ATTEMPTS_FOR, next_attempt};
pub use carrier::{Answer, Carrier, Failure, HttpCarrier, Letter};
pub use connect::{Resolve, Resolving, SystemResolver};
pub use dispatcher::{Dispatcher, LeaseTooShort, Parts};
pub use route::Route;
