//! Receipts of every API, version 1.

use usher_contract::receipts::v1::operations::{
    self, ListEventsParameters, ListReceiptsParameters, ReadReceiptParameters, ReadTimelineParameters,
};
use usher_contract::receipts::v1::{EventList, Timeline};
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

    /// Reads what became of a request, oldest first.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn timeline(self, id: &str) -> Result<Answer<Timeline>, Error> {
        let exchange = self.begin();
        let parameters = check(ReadTimelineParameters {
            id: id.to_owned(),
            x_correlation_id: exchange.correlation_id(),
            unknown: Unknown::default(),
        })?;
        let outcome = operations::Client::new(&exchange).read_timeline(&parameters).await;
        exchange.end(outcome)
    }

    /// Reads events of your requests, oldest first, from the place behind `after` on: `next` of the page before. At most
    /// `limit`, 1 to 200.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn events(self, after: Option<&str>, limit: Option<i64>) -> Result<Answer<EventList>, Error> {
        let exchange = self.begin();
        let parameters = check(ListEventsParameters {
            after: after.map(str::to_owned),
            limit,
            x_correlation_id: exchange.correlation_id(),
            unknown: Unknown::default(),
        })?;
        let outcome = operations::Client::new(&exchange).list_events(&parameters).await;
        exchange.end(outcome)
    }
}
