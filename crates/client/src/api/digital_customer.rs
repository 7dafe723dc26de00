//! Digital customer, version 1.

use usher_contract::digital_customer::v1::operations::{
    self, CheckCompleteDigitalCustomerParameters, CheckCreateDigitalCustomerParameters,
    CheckUpdateDigitalCustomerInformationsParameters, CompleteDigitalCustomerParameters,
    CreateDigitalCustomerParameters, UpdateDigitalCustomerInformationsParameters,
};
use usher_contract::digital_customer::v1::{
    CheckAnswer, CompleteAnswer, CompleteDigitalCustomer, CreateAnswer, CreateDigitalCustomer, UpdateAnswer,
    UpdateDigitalCustomerInformations,
};
use usher_contract::shared::Attribution;
use usher_wire::{Checked, Unknown};

use crate::call::{Answer, ApiCall};
use crate::check;
use crate::error::Error;

/// The digital customer API: somebody becomes a customer of the bank, in three steps.
#[derive(Debug)]
pub enum DigitalCustomer {}

impl ApiCall<'_, DigitalCustomer> {
    /// Says where a step comes from. It travels in headers, for the body has no place for it.
    pub fn attribution(mut self, attribution: Attribution) -> Self {
        self.attribution = attribution;
        self
    }

    /// Starts a person's flow, or gives the open one back.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn create(self, request: &Checked<CreateDigitalCustomer>) -> Result<Answer<CreateAnswer>, Error> {
        let exchange = self.begin_submit();
        let parameters = check(CreateDigitalCustomerParameters {
            x_correlation_id: exchange.correlation_id(),
            idempotency_key: exchange.idempotency_key(),
            x_partner_reference: self.attribution.partner_reference,
            x_campaign: self.attribution.campaign,
            x_source: self.attribution.source,
            x_sub_partner: self.attribution.sub_partner,
            unknown: Unknown::default(),
        })?;
        let outcome = operations::Client::new(&exchange).create_digital_customer(&parameters, request).await;
        exchange.end(outcome)
    }

    /// Asks whether [`create`](Self::create) would be accepted. Nothing is stored, and no register is asked.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn check_create(self, request: &Checked<CreateDigitalCustomer>) -> Result<Answer<CheckAnswer>, Error> {
        let exchange = self.begin();
        let parameters = check(CheckCreateDigitalCustomerParameters {
            x_correlation_id: exchange.correlation_id(),
            x_partner_reference: self.attribution.partner_reference,
            x_campaign: self.attribution.campaign,
            x_source: self.attribution.source,
            x_sub_partner: self.attribution.sub_partner,
            unknown: Unknown::default(),
        })?;
        let outcome = operations::Client::new(&exchange).check_create_digital_customer(&parameters, request).await;
        exchange.end(outcome)
    }

    /// Adds to the flow what the bank must know of the person.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn update(
        self,
        request: &Checked<UpdateDigitalCustomerInformations>,
    ) -> Result<Answer<UpdateAnswer>, Error> {
        let exchange = self.begin_submit();
        let parameters = check(UpdateDigitalCustomerInformationsParameters {
            x_correlation_id: exchange.correlation_id(),
            idempotency_key: exchange.idempotency_key(),
            x_partner_reference: self.attribution.partner_reference,
            x_campaign: self.attribution.campaign,
            x_source: self.attribution.source,
            x_sub_partner: self.attribution.sub_partner,
            unknown: Unknown::default(),
        })?;
        let outcome =
            operations::Client::new(&exchange).update_digital_customer_informations(&parameters, request).await;
        exchange.end(outcome)
    }

    /// Asks whether [`update`](Self::update) would be accepted. Nothing is stored, and no register is asked.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn check_update(
        self,
        request: &Checked<UpdateDigitalCustomerInformations>,
    ) -> Result<Answer<CheckAnswer>, Error> {
        let exchange = self.begin();
        let parameters = check(CheckUpdateDigitalCustomerInformationsParameters {
            x_correlation_id: exchange.correlation_id(),
            x_partner_reference: self.attribution.partner_reference,
            x_campaign: self.attribution.campaign,
            x_source: self.attribution.source,
            x_sub_partner: self.attribution.sub_partner,
            unknown: Unknown::default(),
        })?;
        let outcome =
            operations::Client::new(&exchange).check_update_digital_customer_informations(&parameters, request).await;
        exchange.end(outcome)
    }

    /// Ends the flow: the person becomes a customer candidate.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn complete(self, request: &Checked<CompleteDigitalCustomer>) -> Result<Answer<CompleteAnswer>, Error> {
        let exchange = self.begin_submit();
        let parameters = check(CompleteDigitalCustomerParameters {
            x_correlation_id: exchange.correlation_id(),
            idempotency_key: exchange.idempotency_key(),
            x_partner_reference: self.attribution.partner_reference,
            x_campaign: self.attribution.campaign,
            x_source: self.attribution.source,
            x_sub_partner: self.attribution.sub_partner,
            unknown: Unknown::default(),
        })?;
        let outcome = operations::Client::new(&exchange).complete_digital_customer(&parameters, request).await;
        exchange.end(outcome)
    }

    /// Asks whether [`complete`](Self::complete) would be accepted. Nothing is stored, and no register is asked.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn check_complete(
        self,
        request: &Checked<CompleteDigitalCustomer>,
    ) -> Result<Answer<CheckAnswer>, Error> {
        let exchange = self.begin();
        let parameters = check(CheckCompleteDigitalCustomerParameters {
            x_correlation_id: exchange.correlation_id(),
            x_partner_reference: self.attribution.partner_reference,
            x_campaign: self.attribution.campaign,
            x_source: self.attribution.source,
            x_sub_partner: self.attribution.sub_partner,
            unknown: Unknown::default(),
        })?;
        let outcome = operations::Client::new(&exchange).check_complete_digital_customer(&parameters, request).await;
        exchange.end(outcome)
    }
}
