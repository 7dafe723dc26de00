//! The routes of the contact request API.

use std::borrow::Cow;

use usher_contract::contact_request::v1::operations::{
    CheckContactRequestParameters, ListContactRequestsParameters, ReadContactRequestParameters, Server,
    SubmitContactRequestParameters, WithdrawContactRequestParameters,
};
use usher_contract::contact_request::v1::{Request, Withdrawal, WithdrawalResult};
use usher_contract::shared::{self, CheckResult};
use usher_domain::accept::Attribution;
use usher_domain::contact_request::{Outline, decide};
use usher_domain::products::Products;
use usher_domain::sandbox::Script;
use usher_domain::status::Status;
use usher_storage::{
    Actor, Condition, Content, Delivery, NewMessage, PARTNER, Payload, Record, Reply, StatusChange, Write,
};
use usher_wire::{Choice, Parsed, Unknown, to_json};
use uuid::Uuid;

use crate::commission::{self, Author};
use crate::exchange::{Answer, Call};
use crate::fault::Fault;
use crate::receipts::{self, PageWish};
use crate::submit::{Api, Attempt, Beside, Ended, Recalled, TRIES_MAX, header_key, judge, recall, regard};
use crate::{following, receipt};

/// How often a withdrawal is decided anew because the bank changed something meanwhile.
const WITHDRAWAL_TRIES: usize = 3;

pub(crate) const API: Api = Api { name: "contact_request", version: 1, contract_version: "1.0.0" };

/// The API as the contract's server sees it.
pub(crate) struct ContactRequest;

impl Server for ContactRequest {
    type Call = Call;
    type Answer = Result<Answer, Fault>;

    async fn submit_contact_request(
        &self,
        call: &Call,
        _parameters: SubmitContactRequestParameters,
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
        let canonical = canonical.unwrap_or_default();
        let environment = call.known.caller.environment;
        for _ in 0..TRIES_MAX {
            let person = known.map(|known| known.person);
            let accept = call.accept(&request, canonical.clone(), &warnings, Attribution::default(), &products, person);
            let decision = match decide(accept) {
                Ok(decision) => decision,
                Err(refusal) => return attempt.refused(Fault::Refused(refusal)).await,
            };
            let conditions = known.and_then(|known| known.condition).into_iter().collect();
            let script = Script::of_email(request.email.expose(), environment);
            let beside = Beside { conditions, script, ..Beside::default() };
            let deliveries = following::accepted(&decision);
            let committed = attempt.commit(&API, decision, beside, |record, warnings| {
                let warnings = receipt::warnings(&warnings);
                let lists = receipt::lists(record);
                let mut receipt = receipt::receipt(&call.gateway, record, environment, warnings, lists);
                receipt.deliveries = Some(deliveries);
                (to_json(&receipt), Some(receipt::location(record)))
            });
            if let Ended::Answered(answer) = committed.await? {
                return Ok(answer);
            }
            // The person was sent before, or a twin was faster, or two random ids agreed.
            known = recalled(call, outline.as_ref(), &products).await?;
        }
        Err(Fault::Overloaded)
    }

    async fn check_contact_request(
        &self,
        call: &Call,
        _parameters: CheckContactRequestParameters,
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
        let warnings = receipt::warnings(&decision.warnings);
        Ok(call.answer(to_json(&CheckResult { warnings, unknown: Unknown::default() })))
    }

    async fn list_contact_requests(
        &self,
        call: &Call,
        parameters: ListContactRequestsParameters,
    ) -> Result<Answer, Fault> {
        let ListContactRequestsParameters { partner_reference, cursor, limit, .. } = parameters;
        receipts::list(call, Some(API.name), PageWish { partner_reference, cursor, limit }).await
    }

    async fn read_contact_request(
        &self,
        call: &Call,
        parameters: ReadContactRequestParameters,
    ) -> Result<Answer, Fault> {
        receipts::read(call, Some(API.name), &parameters.id).await
    }

    async fn withdraw_contact_request(
        &self,
        call: &Call,
        parameters: WithdrawContactRequestParameters,
        body: Parsed<Withdrawal>,
    ) -> Result<Answer, Fault> {
        let key = header_key(call)?;
        let canonical = body.canonical();
        let attempt = Attempt::begin(call, key.as_deref(), &parameters.id, canonical.as_deref())?;
        let warnings = match body.into_result() {
            Ok((_, warnings)) => warnings,
            Err(violations) => return attempt.refused(Fault::Violated(violations)).await,
        };
        let record = receipts::find(call, Some(API.name), &parameters.id).await?;
        let warnings: Vec<_> = warnings.into_iter().chain(call.correlation.warning()).collect();
        for _ in 0..WITHDRAWAL_TRIES {
            let (conditions, writes, status) = match withdraw(call, &record, canonical.clone()).await {
                Ok(withdrawal) => withdrawal,
                Err(fault) => return attempt.refused(fault).await,
            };
            let body = to_json(&WithdrawalResult::<Cow<'_, str>> {
                id: record.public_id.to_string().into(),
                status: shared::Status::find(status.as_str()).ok_or(Fault::Internal)?,
                withdrawn_at: receipt::time(call.now.as_millisecond()).into(),
                warnings: receipt::warnings(&warnings),
                unknown: Unknown::default(),
            });
            let reply = Reply {
                status: call.operation.success,
                content_type: Cow::Borrowed("application/json"),
                location: None,
                body: Content::from(body),
            };
            // The bank was faster: what it did decides whether there is still something to withdraw.
            if let Ended::Answered(answer) = attempt.store(conditions, writes, reply).await? {
                return Ok(answer);
            }
        }
        Err(Fault::Overloaded)
    }
}

/// Decides on a withdrawal by what is there now: what must hold, what it writes, and the status.
async fn withdraw(
    call: &Call,
    record: &Record,
    canonical: Option<Vec<u8>>,
) -> Result<(Vec<Condition>, Vec<Write>, Status), Fault> {
    let store = &call.gateway.store;
    let deliveries = store.record_deliveries(&call.known.scope, vec![record.id]).await?;
    // A status of a newer version is not ours to end.
    let statuses = deliveries.iter().map(|delivery| Status::parse(&delivery.status));
    let statuses: Vec<Status> = statuses.collect::<Option<_>>().ok_or(Fault::Internal)?;
    let status = usher_domain::status::withdraw(&statuses).map_err(Fault::Refused)?;
    let at = call.now.as_millisecond();
    let change = StatusChange {
        status: Cow::Borrowed(status.as_str()),
        open: !status.is_final(),
        actor: Actor::Partner,
        actor_name: None,
        at,
        reason: None,
        bank_reference: None,
        first_contact: false,
    };
    let mut conditions = vec![Condition::IsOpen { record: record.id }];
    let mut writes = withdrawal(record.id, &deliveries, change, canonical);
    for delivery in deliveries.iter().filter(|delivery| delivery.open) {
        let author = Author { actor: Actor::Partner, actor_name: None, at, reference: None };
        let (must_hold, entries) = commission::moved(store, delivery, status, None, author).await?;
        conditions.extend(must_hold);
        writes.extend(entries);
    }
    Ok((conditions, writes, status))
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
        None => serde_json::from_slice(&call.body).ok().and_then(|body| Outline::of_broken(&body)),
    }
}

/// What a withdrawal changes. A destination is told even if the request has not left yet: its two messages go out in their
/// order.
fn withdrawal(record: Uuid, deliveries: &[Delivery], change: StatusChange, canonical: Option<Vec<u8>>) -> Vec<Write> {
    let due_at = change.at;
    let mut writes = vec![Write::Status { record, destination: None, change }];
    if let Some(canonical) = canonical {
        writes.push(Write::Payload(Payload { record, part: "withdrawal".into(), body: canonical.into() }));
    }
    for delivery in deliveries.iter().filter(|delivery| delivery.open) {
        let destination: Cow<'static, str> = delivery.destination.clone().into();
        for (to, event) in [(destination.clone(), "request.withdrawn"), (Cow::Borrowed(PARTNER), "status.changed")] {
            writes.push(Write::Message(NewMessage {
                record,
                destination: to,
                event: Cow::Borrowed(event),
                delivery: Some(destination.clone()),
                due_at,
            }));
        }
    }
    writes
}
