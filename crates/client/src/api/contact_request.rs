//! Contact request, version 1.

use usher_contract::contact_request::v1::operations::{
    self, CheckContactRequestParameters, ListContactRequestsParameters, ReadContactRequestParameters,
    SubmitContactRequestParameters, WithdrawContactRequestParameters,
};
use usher_contract::contact_request::v1::{Request, Withdrawal, WithdrawalResult};
use usher_contract::shared::{CheckResult, Receipt, ReceiptList};
use usher_wire::{Checked, Unknown};

use super::ReceiptQuery;
use crate::call::{Answer, ApiCall};
use crate::check;
use crate::error::Error;

/// The contact request API: somebody asks the bank to get in touch.
#[derive(Debug)]
pub enum ContactRequest {}

impl ApiCall<'_, ContactRequest> {
    /// Hands in a contact request. The answer means that it is safely stored.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn submit(self, request: &Checked<Request>) -> Result<Answer<Receipt>, Error> {
        let exchange = self.begin_submit();
        let parameters = check(SubmitContactRequestParameters {
            idempotency_key: exchange.idempotency_key(),
            x_correlation_id: exchange.correlation_id(),
            unknown: Unknown::default(),
        })?;
        let outcome = operations::Client::new(&exchange).submit_contact_request(&parameters, request).await;
        exchange.end(outcome)
    }

    /// Asks whether a submit would be accepted. Nothing is stored.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn check(self, request: &Checked<Request>) -> Result<Answer<CheckResult>, Error> {
        let exchange = self.begin();
        let parameters = check(CheckContactRequestParameters {
            x_correlation_id: exchange.correlation_id(),
            unknown: Unknown::default(),
        })?;
        let outcome = operations::Client::new(&exchange).check_contact_request(&parameters, request).await;
        exchange.end(outcome)
    }

    /// Reads the receipt of a contact request.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn read(self, id: &str) -> Result<Answer<Receipt>, Error> {
        let exchange = self.begin();
        let parameters = check(ReadContactRequestParameters {
            id: id.to_owned(),
            x_correlation_id: exchange.correlation_id(),
            unknown: Unknown::default(),
        })?;
        let outcome = operations::Client::new(&exchange).read_contact_request(&parameters).await;
        exchange.end(outcome)
    }

    /// Lists receipts of contact requests, newest first.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn list(self, query: &ReceiptQuery) -> Result<Answer<ReceiptList>, Error> {
        let exchange = self.begin();
        let parameters = check(ListContactRequestsParameters {
            partner_reference: query.partner_reference.clone(),
            cursor: query.cursor.clone(),
            limit: query.limit,
            x_correlation_id: exchange.correlation_id(),
            unknown: Unknown::default(),
        })?;
        let outcome = operations::Client::new(&exchange).list_contact_requests(&parameters).await;
        exchange.end(outcome)
    }

    /// Takes a contact request back.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn withdraw(self, id: &str, withdrawal: &Checked<Withdrawal>) -> Result<Answer<WithdrawalResult>, Error> {
        let exchange = self.begin_submit();
        let parameters = check(WithdrawContactRequestParameters {
            id: id.to_owned(),
            idempotency_key: exchange.idempotency_key(),
            x_correlation_id: exchange.correlation_id(),
            unknown: Unknown::default(),
        })?;
        let outcome = operations::Client::new(&exchange).withdraw_contact_request(&parameters, withdrawal).await;
        exchange.end(outcome)
    }
}
