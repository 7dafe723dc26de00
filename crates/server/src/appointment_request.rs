//! The routes of the appointment request API.

use std::borrow::Cow;

use usher_contract::appointment_request::v2::operations::{
    CheckAppointmentRequestParameters, Server, SubmitAppointmentRequestParameters,
};
use usher_contract::appointment_request::v2::{AnswerMessage, MessageCode, Messages, Request};
use usher_domain::accept::Attribution;
use usher_domain::appointment_request::{Outline, decide};
use usher_domain::products::Products;
use usher_domain::sandbox::Script;
use usher_wire::{Parsed, Unknown, Warning, to_json};

use crate::dialect::parameter_name;
use crate::exchange::{Answer, Call};
use crate::fault::Fault;
use crate::receipt;
use crate::submit::{Api, Attempt, Beside, Ended, Recalled, TRIES_MAX, header_key, judge, recall, regard};

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
        let products = call.gateway.products();
        let outline = outline(call, &body);
        let (mut known, refusals) = match &outline {
            Some(outline) => {
                let (product, phone) = (outline.product(&products), outline.phone(&products));
                let refusals = |person| outline.refusals(&products, person);
                regard(call, &API, product, phone, body.is_valid(), refusals).await?
            }
            None => (None, Vec::new()),
        };
        let (request, warnings) = match judge(body, refusals) {
            Ok(checked) => checked,
            Err(fault) => return attempt.refused(fault).await,
        };
        let attribution = Attribution {
            partner_reference: parameters.x_partner_reference,
            campaign: parameters.x_campaign,
            source: parameters.x_source,
            sub_partner: parameters.x_sub_partner,
        };
        let canonical = canonical.unwrap_or_default();
        for _ in 0..TRIES_MAX {
            let person = known.map(|known| known.person);
            let accept = call.accept(&request, canonical.clone(), &warnings, attribution.clone(), &products, person);
            let decision = match decide(accept) {
                Ok(decision) => decision,
                Err(refusal) => return attempt.refused(Fault::Refused(refusal)).await,
            };
            let conditions = known.and_then(|known| known.condition).into_iter().collect();
            let script = Script::of_email(request.contact_request.email.expose(), call.known.caller.environment);
            let beside = Beside { conditions, script, ..Beside::default() };
            let committed = attempt.commit(&API, decision, beside, |record, warnings| {
                let created = format!("Resource [appointmentRequest] with id [{}] has been created", record.public_id);
                let body = messages(MessageCode::MessageResourceCreated, created.into(), &warnings);
                (body, Some(receipt::location(record)))
            });
            if let Ended::Answered(answer) = committed.await? {
                return Ok(answer);
            }
            // The person was sent before, or a twin was faster, or two random ids agreed.
            known = recalled(call, outline.as_ref(), &products).await?;
        }
        Err(Fault::Overloaded)
    }

    async fn check_appointment_request(
        &self,
        call: &Call,
        _parameters: CheckAppointmentRequestParameters,
        body: Parsed<Request>,
    ) -> Result<Answer, Fault> {
        let canonical = body.canonical().unwrap_or_default();
        let products = call.gateway.products();
        let outline = outline(call, &body);
        let person = recalled(call, outline.as_ref(), &products).await?.map(|recalled| recalled.person);
        let refusals = outline.map(|outline| outline.refusals(&products, person)).unwrap_or_default();
        let (request, warnings) = judge(body, refusals)?;
        let accept = call.accept(&request, canonical, &warnings, Attribution::default(), &products, person);
        let decision = decide(accept).map_err(Fault::Refused)?;
        let valid = Cow::Borrowed("The request is valid.");
        Ok(call.answer(messages(MessageCode::MessageOperationSuccessful, valid, &decision.warnings)))
    }
}

/// What is known of the person, as far as the product wants to know.
async fn recalled(call: &Call, outline: Option<&Outline>, products: &Products) -> Result<Option<Recalled>, Fault> {
    match outline {
        Some(outline) => recall(call, &API, outline.product(products), outline.phone(products)).await,
        None => Ok(None),
    }
}

/// What the product looks at, also in a body that breaks the contract.
fn outline(call: &Call, body: &Parsed<Request>) -> Option<Outline> {
    match body.shaped() {
        Some(request) => Some(Outline::of(request)),
        None => serde_json::from_slice(&call.body).ok().map(|body| Outline::of_broken(&body)),
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
