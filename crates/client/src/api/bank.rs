//! The bank API, version 1, for the bank and its providers.

use usher_contract::bank::v1::operations::{
    self, AcknowledgeMessagesParameters, CheckDeliveryStatusParameters, ListDeliveriesParameters,
    PullMessagesParameters, ReadDeliveryParameters, ReadDeliveryTimelineParameters, ReadFirstContactParameters,
    SetDeliveryStatusParameters,
};
use usher_contract::bank::v1::{
    Acknowledgement, AcknowledgementResult, Delivery, DeliveryDetail, DeliveryList, FirstContact, MessageList,
    StatusChange, Timeline,
};
use usher_contract::shared::{CheckResult, Environment};
use usher_wire::{Checked, Unknown};

use crate::call::{Answer, ApiCall};
use crate::check;
use crate::error::Error;

/// The bank API: what was taken in for you, and what you make of it. Calls are about production unless an environment is
/// named; its key is a bank user's.
#[derive(Debug)]
pub enum Bank {}

impl ApiCall<'_, Bank> {
    /// Pulls messages that are not acknowledged yet, oldest first. The correlation id of `parameters` is not looked at: it is the call's own.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn pull(self, parameters: PullMessagesParameters) -> Result<Answer<MessageList>, Error> {
        let exchange = self.begin();
        let parameters = check(PullMessagesParameters { x_correlation_id: exchange.correlation_id(), ..parameters })?;
        let outcome = operations::Client::new(&exchange).pull_messages(&parameters).await;
        exchange.end(outcome)
    }

    /// Acknowledges messages. It is safe to repeat.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn acknowledge(
        self,
        environment: Option<Environment>,
        messages: &Checked<Acknowledgement>,
    ) -> Result<Answer<AcknowledgementResult>, Error> {
        let exchange = self.begin();
        let parameters = check(AcknowledgeMessagesParameters {
            environment,
            x_correlation_id: exchange.correlation_id(),
            unknown: Unknown::default(),
        })?;
        let outcome = operations::Client::new(&exchange).acknowledge_messages(&parameters, messages).await;
        exchange.end(outcome)
    }

    /// Lists deliveries. The correlation id of `parameters` is not looked at: it is the call's own.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn deliveries(self, parameters: ListDeliveriesParameters) -> Result<Answer<DeliveryList>, Error> {
        let exchange = self.begin();
        let parameters = check(ListDeliveriesParameters { x_correlation_id: exchange.correlation_id(), ..parameters })?;
        let outcome = operations::Client::new(&exchange).list_deliveries(&parameters).await;
        exchange.end(outcome)
    }

    /// Reads a delivery with the content of its request.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn delivery(self, environment: Option<Environment>, id: i64) -> Result<Answer<DeliveryDetail>, Error> {
        let exchange = self.begin();
        let parameters = check(ReadDeliveryParameters {
            id,
            environment,
            x_correlation_id: exchange.correlation_id(),
            unknown: Unknown::default(),
        })?;
        let outcome = operations::Client::new(&exchange).read_delivery(&parameters).await;
        exchange.end(outcome)
    }

    /// Reads what happened to a delivery, oldest first.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn timeline(self, environment: Option<Environment>, id: i64) -> Result<Answer<Timeline>, Error> {
        let exchange = self.begin();
        let parameters = check(ReadDeliveryTimelineParameters {
            id,
            environment,
            x_correlation_id: exchange.correlation_id(),
            unknown: Unknown::default(),
        })?;
        let outcome = operations::Client::new(&exchange).read_delivery_timeline(&parameters).await;
        exchange.end(outcome)
    }

    /// Sets the status of a delivery.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn set_status(
        self,
        environment: Option<Environment>,
        id: i64,
        change: &Checked<StatusChange>,
    ) -> Result<Answer<Delivery>, Error> {
        let exchange = self.begin_submit();
        let parameters = check(SetDeliveryStatusParameters {
            id,
            environment,
            idempotency_key: exchange.idempotency_key(),
            x_correlation_id: exchange.correlation_id(),
            unknown: Unknown::default(),
        })?;
        let outcome = operations::Client::new(&exchange).set_delivery_status(&parameters, change).await;
        exchange.end(outcome)
    }

    /// Asks whether a status could be set. Nothing is stored.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn check_status(
        self,
        environment: Option<Environment>,
        id: i64,
        change: &Checked<StatusChange>,
    ) -> Result<Answer<CheckResult>, Error> {
        let exchange = self.begin();
        let parameters = check(CheckDeliveryStatusParameters {
            id,
            environment,
            x_correlation_id: exchange.correlation_id(),
            unknown: Unknown::default(),
        })?;
        let outcome = operations::Client::new(&exchange).check_delivery_status(&parameters, change).await;
        exchange.end(outcome)
    }

    /// Reads how soon persons heard from the bank. The correlation id of `parameters` is not looked at: it is the call's own.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn first_contact(self, parameters: ReadFirstContactParameters) -> Result<Answer<FirstContact>, Error> {
        let exchange = self.begin();
        let parameters =
            check(ReadFirstContactParameters { x_correlation_id: exchange.correlation_id(), ..parameters })?;
        let outcome = operations::Client::new(&exchange).read_first_contact(&parameters).await;
        exchange.end(outcome)
    }
}
