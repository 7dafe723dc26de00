//! Appointment request, version 2.

use usher_contract::appointment_request::v2::operations::{
    self, CheckAppointmentRequestParameters, SubmitAppointmentRequestParameters,
};
use usher_contract::appointment_request::v2::{Messages, Request};
use usher_contract::shared::Attribution;
use usher_wire::{Checked, Unknown};

use crate::call::{Answer, ApiCall};
use crate::check;
use crate::error::Error;

/// The appointment request API: somebody who finances a home asks for an appointment.
#[derive(Debug)]
pub enum AppointmentRequest {}

impl ApiCall<'_, AppointmentRequest> {
    /// Says where a submit comes from. It travels in headers, for the body has no place for it.
    pub fn attribution(mut self, attribution: Attribution) -> Self {
        self.attribution = attribution;
        self
    }

    /// Hands in an appointment request. The answer means that it is safely stored.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn submit(self, request: &Checked<Request>) -> Result<Answer<Messages>, Error> {
        let exchange = self.begin_submit();
        let parameters = check(SubmitAppointmentRequestParameters {
            idempotency_key: exchange.idempotency_key(),
            x_correlation_id: exchange.correlation_id(),
            x_partner_reference: self.attribution.partner_reference,
            x_campaign: self.attribution.campaign,
            x_source: self.attribution.source,
            x_sub_partner: self.attribution.sub_partner,
            unknown: Unknown::default(),
        })?;
        let outcome = operations::Client::new(&exchange).submit_appointment_request(&parameters, request).await;
        exchange.end(outcome)
    }

    /// Asks whether a submit would be accepted. Nothing is stored.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn check(self, request: &Checked<Request>) -> Result<Answer<Messages>, Error> {
        let exchange = self.begin();
        let parameters = check(CheckAppointmentRequestParameters {
            x_correlation_id: exchange.correlation_id(),
            x_partner_reference: self.attribution.partner_reference,
            x_campaign: self.attribution.campaign,
            x_source: self.attribution.source,
            x_sub_partner: self.attribution.sub_partner,
            unknown: Unknown::default(),
        })?;
        let outcome = operations::Client::new(&exchange).check_appointment_request(&parameters, request).await;
        exchange.end(outcome)
    }
}
