//! Receipts of every API, version 1.

use usher_contract::receipts::v1::operations::{self, ListReceiptsParameters, ReadReceiptParameters};
use usher_contract::shared::{Receipt, ReceiptList};
use usher_wire::Unknown;

use super::ReceiptQuery;
use crate::call::{Answer, ApiCall};
use crate::check;
use crate::error::Error;

/// The receipts API: what was accepted, whichever API it came by.
#[derive(Debug)]
pub enum Receipts {}

impl ApiCall<'_, Receipts> {
    /// Reads a receipt.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn read(self, id: &str) -> Result<Answer<Receipt>, Error> {
        let exchange = self.begin();
        let parameters = check(ReadReceiptParameters {
            id: id.to_owned(),
            x_correlation_id: exchange.correlation_id(),
            unknown: Unknown::default(),
        })?;
        let outcome = operations::Client::new(&exchange).read_receipt(&parameters).await;
        exchange.end(outcome)
    }

    /// Lists receipts, newest first.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn list(self, query: &ReceiptQuery) -> Result<Answer<ReceiptList>, Error> {
        let exchange = self.begin();
        let parameters = check(ListReceiptsParameters {
            partner_reference: query.partner_reference.clone(),
            cursor: query.cursor.clone(),
            limit: query.limit,
            x_correlation_id: exchange.correlation_id(),
            unknown: Unknown::default(),
        })?;
        let outcome = operations::Client::new(&exchange).list_receipts(&parameters).await;
        exchange.end(outcome)
    }
}
