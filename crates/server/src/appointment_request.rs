//! The routes of the appointment request API.

use std::borrow::Cow;

use usher_contract::appointment_request::v2::operations::{
    CheckAppointmentRequestParameters, Server, SubmitAppointmentRequestParameters,
};
use usher_contract::appointment_request::v2::{AnswerMessage, MessageCode, Messages, Request};
use usher_domain::accept::Attribution;
use usher_domain::appointment_request::decide;
use usher_wire::{Parsed, Unknown, Warning, to_json};

use crate::dialect::parameter_name;
use crate::exchange::{Answer, Call};
use crate::fault::Fault;
use crate::receipt;
use crate::submit::{Api, Attempt, Beside, Ended, header_key};

pub(crate) const API: Api = Api { name: "appointment_request", version: 2, contract_version: "2.0.0" };

/// The API as the contract's server sees it.
pub(crate) struct AppointmentRequest;

impl Server for AppointmentRequest {
    type Call = Call;
    type Answer = Result<Answer, Fault>;

    async fn submit_appointment_request(
        &self,
        call: &Call,
        parameters: SubmitAppointmentRequestParameters,
        body: Parsed<Request>,
    ) -> Result<Answer, Fault> {
        let key = header_key(call)?;
        let canonical = body.canonical();
        let attempt = Attempt::begin(call, key.as_deref(), "", canonical.as_deref())?;
        let (request, warnings) = match body.into_result() {
            Ok(checked) => checked,
            Err(violations) => return attempt.refused(Fault::Violated(violations)).await,
        };
        let attribution = Attribution {
            partner_reference: parameters.x_partner_reference,
            campaign: parameters.x_campaign,
            source: parameters.x_source,
            sub_partner: parameters.x_sub_partner,
        };
        let accept = call.accept(&request, canonical.unwrap_or_default(), &warnings, attribution);
        let decision = match decide(accept, call.gateway.demands.appointment_request) {
            Ok(decision) => decision,
            Err(refusal) => return attempt.refused(Fault::Refused(refusal)).await,
        };
        let committed = attempt.commit(&API, decision, Beside::default(), |record, warnings| {
            let created = format!("Resource [appointmentRequest] with id [{}] has been created", record.public_id);
            let body = messages(MessageCode::MessageResourceCreated, created.into(), &warnings);
            (body, Some(receipt::location(record)))
        });
        match committed.await? {
            Ended::Answered(answer) => Ok(answer),
            // Two random ids agreed. The client's next try draws another.
            Ended::Overtaken => Err(Fault::Overloaded),
        }
    }

    async fn check_appointment_request(
        &self,
        call: &Call,
        _parameters: CheckAppointmentRequestParameters,
        body: Parsed<Request>,
    ) -> Result<Answer, Fault> {
        let canonical = body.canonical().unwrap_or_default();
        let (request, warnings) = body.into_result().map_err(Fault::Violated)?;
        let accept = call.accept(&request, canonical, &warnings, Attribution::default());
        let decision = decide(accept, call.gateway.demands.appointment_request).map_err(Fault::Refused)?;
        let valid = Cow::Borrowed("The request is valid.");
        Ok(call.answer(messages(MessageCode::MessageOperationSuccessful, valid, &decision.warnings)))
    }
}

/// A success, followed by what should be known of it.
fn messages(code: MessageCode, message: Cow<'_, str>, warnings: &[Warning]) -> Vec<u8> {
    let mut list = Vec::with_capacity(1 + warnings.len());
    list.push(AnswerMessage {
        message_code: code,
        message,
        parameter_name: None,
        reason: None,
        code: None,
        limit: None,
        unknown: Unknown::default(),
    });
    list.extend(warnings.iter().map(|warning| AnswerMessage {
        message_code: MessageCode::MessageWarning,
        message: warning.message.as_ref().into(),
        // A warning about the request as a whole has no place in the body.
        parameter_name: (!warning.pointer.is_empty()).then(|| parameter_name(warning.code, &warning.pointer).into()),
        reason: None,
        code: Some(warning.code.into()),
        limit: None,
        unknown: Unknown::default(),
    }));
    to_json(&Messages { message: list, truncated: None, unknown: Unknown::default() })
}
