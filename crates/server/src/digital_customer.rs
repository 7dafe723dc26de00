//! The routes of the digital customer API.

use std::borrow::Cow;

use jiff::Timestamp;
use usher_contract::digital_customer::v1::operations::{
    CheckCompleteDigitalCustomerParameters, CheckCreateDigitalCustomerParameters,
    CheckUpdateDigitalCustomerInformationsParameters, CompleteDigitalCustomerParameters,
    CreateDigitalCustomerParameters, Server, UpdateDigitalCustomerInformationsParameters,
};
use usher_contract::digital_customer::v1::{
    self, CompleteDigitalCustomer, CreateDigitalCustomer, UpdateDigitalCustomerInformations,
};
use usher_domain::accept::{Accept, Attribution};
use usher_domain::digital_customer::{Created, Numbers, Step, asks_register, complete, create, person, update};
use usher_domain::flow::{Flow, FlowState};
use usher_domain::hex;
use usher_domain::ids::{CustomerNo, ProcessId};
use usher_domain::receipt::{Digest, DigestKey};
use usher_domain::refusal::Refusal;
use usher_domain::register::Finding;
use usher_domain::sandbox::Script;
use usher_storage::{Condition, FlowStep, NewFlow, Write};
use usher_wire::{Checked, Choice, Message, Parsed, Personal, Unknown, Warning, to_json};

use crate::exchange::{Answer, Call};
use crate::fault::Fault;
use crate::submit::{Api, Attempt, Beside, Ended, header_key};
use crate::{random, receipt};

pub(crate) const API: Api = Api { name: "digital_customer", version: 1, contract_version: "1.0.0" };

/// How often a decision is made anew when the flow changed under it, or a random number was taken.
const TRIES_MAX: u32 = 5;

/// What an application is told after each step of a flow, if it wants to be.
pub(crate) const FLOW_STEP: &str = "flow.step";

/// The API as the contract's server sees it.
pub(crate) struct DigitalCustomer;

impl Server for DigitalCustomer {
    type Call = Call;
    type Answer = Result<Answer, Fault>;

    async fn create_digital_customer(
        &self,
        call: &Call,
        parameters: CreateDigitalCustomerParameters,
        body: Parsed<CreateDigitalCustomer>,
    ) -> Result<Answer, Fault> {
        let attribution = Attribution {
            partner_reference: parameters.x_partner_reference,
            campaign: parameters.x_campaign,
            source: parameters.x_source,
            sub_partner: parameters.x_sub_partner,
        };
        let canonical = body.canonical();
        // What only reads is answered with what is there now, not with what was there at the first call.
        let reads = body.shaped().is_some_and(|request| request.parameters.iter().any(|one| one.is_get_process));
        let key = repeat_key(call, body.shaped(), canonical.as_deref())?.filter(|_| !reads);
        let attempt = Attempt::begin(call, key.as_deref(), "", canonical.as_deref())?;
        let (request, warnings) = match body.into_result() {
            Ok(checked) => checked,
            Err(violations) => return attempt.refused(Fault::Violated(violations)).await,
        };
        let canonical = canonical.unwrap_or_default();
        let products = call.gateway.products();
        let mut finding: Option<Finding> = None;
        for _ in 0..TRIES_MAX {
            let accept = call.accept(&request, canonical.clone(), &warnings, attribution.clone(), &products, None);
            let open = open_flow(call, &request).await?;
            if let Some(national_id) = asks_register(&request, accept.caller, open.as_ref(), call.now)
                && finding.is_none()
            {
                // A repeat of what was accepted needs no register, and gets its answer while that is down.
                if let Some(answer) = attempt.answered().await? {
                    return Ok(answer);
                }
                finding = Some(look_up(call, &national_id).await?);
            }
            let (step, state, writes) = match create(accept, open, finding.clone(), numbers(), &call.gateway.digests) {
                Ok(Created::Opened(step)) => {
                    let opened = Write::OpenFlow(new_flow(&step.flow, call.now));
                    (step, None, vec![opened])
                }
                Ok(Created::Known(step)) => {
                    let state = step.flow.state;
                    (step, Some(state), Vec::new())
                }
                Ok(Created::Read(flow)) => {
                    let warnings: Vec<_> = warnings.into_iter().chain(call.correlation.warning()).collect();
                    return Ok(call.answer(create_answer(&flow, &warnings, call.now)));
                }
                Err(refusal) => return attempt.refused(Fault::Refused(refusal)).await,
            };
            let answer = |_: &_, flow: &_, warnings: &_, now| create_answer(flow, warnings, now);
            if let Ended::Answered(answer) = commit(&attempt, call, &request, step, state, writes, answer).await? {
                return Ok(answer);
            }
        }
        Err(Fault::Overloaded)
    }

    async fn check_create_digital_customer(
        &self,
        call: &Call,
        _parameters: CheckCreateDigitalCustomerParameters,
        body: Parsed<CreateDigitalCustomer>,
    ) -> Result<Answer, Fault> {
        let canonical = body.canonical().unwrap_or_default();
        let (request, warnings) = body.into_result().map_err(Fault::Violated)?;
        let products = call.gateway.products();
        let accept = call.accept(&request, canonical, &warnings, Attribution::default(), &products, None);
        let warnings = accept.warnings.clone();
        let open = open_flow(call, &request).await?;
        let would_ask = asks_register(&request, accept.caller, open.as_ref(), call.now).is_some();
        if would_ask && call.gateway.registers.of(call.known.caller.environment).is_none() {
            return Err(Fault::Refused(Refusal::RegisterNotConfigured));
        }
        match create(accept, open, None, numbers(), &call.gateway.digests).map_err(Fault::Refused)? {
            Created::Opened(step) | Created::Known(step) => Ok(check_answer(call, &step.decision.warnings)),
            Created::Read(_) => Ok(check_answer(call, &warnings)),
        }
    }

    async fn update_digital_customer_informations(
        &self,
        call: &Call,
        parameters: UpdateDigitalCustomerInformationsParameters,
        body: Parsed<UpdateDigitalCustomerInformations>,
    ) -> Result<Answer, Fault> {
        let attribution = Attribution {
            partner_reference: parameters.x_partner_reference,
            campaign: parameters.x_campaign,
            source: parameters.x_source,
            sub_partner: parameters.x_sub_partner,
        };
        submit_step(call, attribution, body, update, update_answer).await
    }

    async fn check_update_digital_customer_informations(
        &self,
        call: &Call,
        _parameters: CheckUpdateDigitalCustomerInformationsParameters,
        body: Parsed<UpdateDigitalCustomerInformations>,
    ) -> Result<Answer, Fault> {
        check_step(call, body, update).await
    }

    async fn complete_digital_customer(
        &self,
        call: &Call,
        parameters: CompleteDigitalCustomerParameters,
        body: Parsed<CompleteDigitalCustomer>,
    ) -> Result<Answer, Fault> {
        let attribution = Attribution {
            partner_reference: parameters.x_partner_reference,
            campaign: parameters.x_campaign,
            source: parameters.x_source,
            sub_partner: parameters.x_sub_partner,
        };
        submit_step(call, attribution, body, complete, complete_answer).await
    }

    async fn check_complete_digital_customer(
        &self,
        call: &Call,
        _parameters: CheckCompleteDigitalCustomerParameters,
        body: Parsed<CompleteDigitalCustomer>,
    ) -> Result<Answer, Fault> {
        check_step(call, body, complete).await
    }
}

/// A request of this API, as far as all its methods have the same parts.
trait Envelope: for<'a> Message<'a> + Send + Sync {
    fn header(&self) -> &v1::Header;
    /// The person's mail address, where it tells it.
    fn email(&self) -> Option<&str>;
    /// The flow it names; 0, which is no flow's number, where it names none.
    fn process_id(&self) -> i64;
}

impl Envelope for CreateDigitalCustomer {
    fn header(&self) -> &v1::Header {
        &self.header
    }

    fn email(&self) -> Option<&str> {
        self.parameters.first().map(|parameters| parameters.digital_customer.email.expose().as_str())
    }

    fn process_id(&self) -> i64 {
        0
    }
}

impl Envelope for UpdateDigitalCustomerInformations {
    fn header(&self) -> &v1::Header {
        &self.header
    }

    fn email(&self) -> Option<&str> {
        None
    }

    fn process_id(&self) -> i64 {
        self.parameters.first().map_or(0, |parameters| parameters.process_id)
    }
}

impl Envelope for CompleteDigitalCustomer {
    fn header(&self) -> &v1::Header {
        &self.header
    }

    fn email(&self) -> Option<&str> {
        self.parameters.first().map(|parameters| parameters.email.expose().as_str())
    }

    fn process_id(&self) -> i64 {
        self.parameters.first().map_or(0, |parameters| parameters.process_id)
    }
}

/// Decides on the next step of a flow, from the flow as it stands.
type Decide<T> = fn(Accept<'_, T>, Option<Flow>, &DigestKey) -> Result<Step, Refusal>;

/// Writes the answer to a step, from the flow as it stands afterwards.
type WriteAnswer<T> = fn(&T, &Flow, &[Warning], Timestamp) -> Vec<u8>;

/// Takes a flow one step further.
async fn submit_step<T: Envelope>(
    call: &Call,
    attribution: Attribution,
    body: Parsed<T>,
    decide: Decide<T>,
    answer: WriteAnswer<T>,
) -> Result<Answer, Fault> {
    let canonical = body.canonical();
    let key = repeat_key(call, body.shaped(), canonical.as_deref())?;
    let attempt = Attempt::begin(call, key.as_deref(), "", canonical.as_deref())?;
    let (request, warnings) = match body.into_result() {
        Ok(checked) => checked,
        Err(violations) => return attempt.refused(Fault::Violated(violations)).await,
    };
    let canonical = canonical.unwrap_or_default();
    let products = call.gateway.products();
    for _ in 0..TRIES_MAX {
        let before = flow(call, request.process_id()).await?;
        let state = before.as_ref().map(|flow| flow.state);
        let accept = call.accept(&request, canonical.clone(), &warnings, attribution.clone(), &products, None);
        let step = match decide(accept, before, &call.gateway.digests) {
            Ok(step) => step,
            Err(refusal) => return attempt.refused(Fault::Refused(refusal)).await,
        };
        let writes = vec![Write::StepFlow(flow_step(&step.flow, call.now))];
        if let Ended::Answered(answer) = commit(&attempt, call, &request, step, state, writes, answer).await? {
            return Ok(answer);
        }
    }
    Err(Fault::Overloaded)
}

/// Decides as a submit would, and stores nothing.
async fn check_step<T: Envelope>(call: &Call, body: Parsed<T>, decide: Decide<T>) -> Result<Answer, Fault> {
    let canonical = body.canonical().unwrap_or_default();
    let (request, warnings) = body.into_result().map_err(Fault::Violated)?;
    let products = call.gateway.products();
    let accept = call.accept(&request, canonical, &warnings, Attribution::default(), &products, None);
    let flow = flow(call, request.process_id()).await?;
    let step = decide(accept, flow, &call.gateway.digests).map_err(Fault::Refused)?;
    Ok(check_answer(call, &step.decision.warnings))
}

/// Stores a step. `before` is the state the decision was made in, which must still be the flow's.
async fn commit<T: Envelope>(
    attempt: &Attempt<'_>,
    call: &Call,
    request: &Checked<T>,
    step: Step,
    before: Option<FlowState>,
    writes: Vec<Write>,
    answer: WriteAnswer<T>,
) -> Result<Ended, Fault> {
    let Step { decision, flow, register } = step;
    let process_id = flow.process.number();
    let conditions = before.map(|state| Condition::FlowIs { process_id, states: only(state) }).into_iter().collect();
    let payloads = register.map(|person| ("register", person.into_inner().into())).into_iter().collect();
    // Given back, a flow has not gone on, and nobody is told that it did.
    let event = (flow.notify && !writes.is_empty()).then_some(FLOW_STEP);
    let script = request.email().and_then(|email| Script::of_email(email, call.known.caller.environment));
    let beside = Beside { conditions, writes, payloads, event, script, process_id: Some(process_id) };
    attempt
        .commit(&API, decision, beside, |record, warnings| {
            (answer(request, &flow, &warnings, call.now), Some(receipt::location(record)))
        })
        .await
}

/// The key a repeated call is recognised by: the header's, else the request id of the channel together with the body, as
/// clients of this API reuse that id for other bodies. It holds a space, so it is never one that a header could carry.
fn repeat_key<T: Envelope>(
    call: &Call,
    request: Option<&T>,
    canonical: Option<&[u8]>,
) -> Result<Option<String>, Fault> {
    if let Some(key) = header_key(call)? {
        return Ok(Some(key));
    }
    Ok(request.zip(canonical).map(|(request, canonical)| {
        let body = call.gateway.digests.fingerprint(call.operation.id, canonical);
        format!("ChannelRequestId {} {}", hex::encode(body.as_bytes()), request.header().channel_request_id)
    }))
}

/// Asks the register of this environment. Nothing is stored before it has answered.
async fn look_up(call: &Call, national_id: &Personal<String>) -> Result<Finding, Fault> {
    let register = call.gateway.registers.of(call.known.caller.environment);
    let register = register.ok_or(Fault::Refused(Refusal::RegisterNotConfigured))?;
    let answer = register.look_up(national_id, &call.correlation.id.to_string()).await;
    answer.map_err(|unavailable| {
        // Rounded up: who comes a moment too early is sent away again.
        let seconds = unavailable.retry_after.as_millis().div_ceil(1000).max(1);
        Fault::RegisterUnavailable { retry_after_seconds: u16::try_from(seconds).unwrap_or(u16::MAX) }
    })
}

fn numbers() -> Numbers {
    Numbers { process: ProcessId::draw(&mut random::fill), customer: CustomerNo::draw(&mut random::fill) }
}

async fn open_flow(call: &Call, request: &CreateDigitalCustomer) -> Result<Option<Flow>, Fault> {
    let person = *person(request, &call.gateway.digests).as_bytes();
    let flow = call.gateway.store.open_flow(&call.known.scope, person, call.now.as_millisecond()).await?;
    flow.map(flow_of).transpose()
}

async fn flow(call: &Call, process_id: i64) -> Result<Option<Flow>, Fault> {
    let flow = call.gateway.store.flow(&call.known.scope, process_id).await?;
    flow.map(flow_of).transpose()
}

fn flow_of(stored: usher_storage::Flow) -> Result<Flow, Fault> {
    let read = || {
        Some(Flow {
            process: ProcessId::new(stored.process_id)?,
            customer: CustomerNo::new(stored.customer_no)?,
            state: FlowState::parse(&stored.state)?,
            expires_at: Timestamp::from_millisecond(stored.expires_at).ok()?,
            person: Digest::from_bytes(stored.person_digest),
            phone: Digest::from_bytes(stored.phone_digest),
            email: Digest::from_bytes(stored.email_digest),
            notify: stored.notify,
        })
    };
    read().ok_or_else(|| {
        tracing::error!(process_id = stored.process_id, "a stored flow cannot be read");
        Fault::Internal
    })
}

fn new_flow(flow: &Flow, now: Timestamp) -> NewFlow {
    NewFlow {
        process_id: flow.process.number(),
        customer_no: flow.customer.number(),
        person_digest: *flow.person.as_bytes(),
        state: flow.state.as_str(),
        phone_digest: *flow.phone.as_bytes(),
        email_digest: *flow.email.as_bytes(),
        created_at: now.as_millisecond(),
        expires_at: flow.expires_at.as_millisecond(),
        notify: flow.notify,
    }
}

fn flow_step(flow: &Flow, now: Timestamp) -> FlowStep {
    FlowStep {
        process_id: flow.process.number(),
        state: flow.state.as_str(),
        open: flow.state.is_open(),
        at: now.as_millisecond(),
    }
}

/// The name of one state, as a condition takes it. A flow that is over meets no condition.
fn only(state: FlowState) -> &'static [&'static str] {
    match state {
        FlowState::Created => const { &[FlowState::Created.as_str()] },
        FlowState::Informed => const { &[FlowState::Informed.as_str()] },
        FlowState::Completed | FlowState::Rejected | FlowState::Expired => &[],
    }
}

fn create_answer(flow: &Flow, warnings: &[Warning], now: Timestamp) -> Vec<u8> {
    to_json(&v1::CreateAnswer {
        data: v1::CreateDigitalCustomerMessage {
            process_id: flow.process.number(),
            customer_id: Personal::new(flow.customer.number()),
            flow_state: flow_state(flow, now),
            missing_fields: missing_fields(flow, now),
            next_methods: next_methods(flow, now),
            expires_at: expires_at(flow, now),
            warnings: self::warnings(warnings),
            unknown: Unknown::default(),
        },
        unknown: Unknown::default(),
    })
}

fn update_answer(
    request: &UpdateDigitalCustomerInformations,
    flow: &Flow,
    warnings: &[Warning],
    now: Timestamp,
) -> Vec<u8> {
    to_json(&v1::UpdateAnswer {
        data: v1::AddDigitalCustomerDocumentsMessage {
            calculate_limit: request.parameters.iter().any(|parameters| parameters.calculate_limit),
            process_id: flow.process.number(),
            flow_state: flow_state(flow, now),
            missing_fields: missing_fields(flow, now),
            next_methods: next_methods(flow, now),
            expires_at: expires_at(flow, now),
            warnings: self::warnings(warnings),
            unknown: Unknown::default(),
        },
        unknown: Unknown::default(),
    })
}

fn complete_answer(_: &CompleteDigitalCustomer, flow: &Flow, warnings: &[Warning], now: Timestamp) -> Vec<u8> {
    to_json(&v1::CompleteAnswer {
        data: v1::CompleteDigitalCustomerMessage {
            flow_state: flow_state(flow, now),
            missing_fields: missing_fields(flow, now),
            next_methods: next_methods(flow, now),
            expires_at: expires_at(flow, now),
            warnings: self::warnings(warnings),
            unknown: Unknown::default(),
        },
        unknown: Unknown::default(),
    })
}

fn check_answer(call: &Call, warnings: &[Warning]) -> Answer {
    call.answer(to_json(&v1::CheckAnswer {
        data: v1::CheckMessage { warnings: self::warnings(warnings), unknown: Unknown::default() },
        unknown: Unknown::default(),
    }))
}

fn flow_state(flow: &Flow, now: Timestamp) -> v1::FlowState {
    let name = flow.state_at(now).as_str();
    v1::FlowState::find(name).unwrap_or_else(|| v1::FlowState::Unknown(name.into()))
}

fn missing_fields(flow: &Flow, now: Timestamp) -> Vec<Cow<'static, str>> {
    flow.state_at(now).missing_fields().iter().map(|&pointer| pointer.into()).collect()
}

fn next_methods(flow: &Flow, now: Timestamp) -> Vec<v1::Method> {
    let method = |name: &str| v1::Method::find(name).unwrap_or_else(|| v1::Method::Unknown(name.into()));
    flow.state_at(now).next_methods().iter().map(|next| method(next.as_str())).collect()
}

fn expires_at<'a>(flow: &Flow, now: Timestamp) -> Option<Cow<'a, str>> {
    flow.expires_at(now).map(|end| end.to_string().into())
}

fn warnings(warnings: &[Warning]) -> Vec<v1::Warning<Cow<'_, str>>> {
    warnings.iter().map(warning).collect()
}

fn warning(warning: &Warning) -> v1::Warning<Cow<'_, str>> {
    v1::Warning {
        // A warning about the request as a whole has no place in the body.
        pointer: (!warning.pointer.is_empty()).then(|| warning.pointer.as_str().into()),
        code: warning.code.into(),
        message: warning.message.as_ref().into(),
        unknown: Unknown::default(),
    }
}
