//! The public keys of receipts, version 1.

use usher_contract::shared::JwkSet;
use usher_contract::signing_keys::v1::operations::{self, ReadSigningKeysParameters};
use usher_wire::Unknown;

use crate::call::{Answer, ApiCall};
use crate::check;
use crate::error::Error;

/// The signing keys API: what receipts are verified with. It needs no key.
#[derive(Debug)]
pub enum SigningKeys {}

impl ApiCall<'_, SigningKeys> {
    /// Reads the keys, retired ones included.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn read(self) -> Result<Answer<JwkSet>, Error> {
        let exchange = self.begin();
        let parameters = check(ReadSigningKeysParameters {
            x_correlation_id: exchange.correlation_id(),
            unknown: Unknown::default(),
        })?;
        let outcome = operations::Client::new(&exchange).read_signing_keys(&parameters).await;
        exchange.end(outcome)
    }
}
