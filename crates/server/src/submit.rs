//! From a decision to its answer: what every submit does between the domain and the store.
//!
//! Everything an accepted request changes goes into one commit, its answer included. A repeat under the same idempotency
//! key gets that answer again, even where the request would be refused by now.

use std::borrow::Cow;

use usher_domain::accept::{Accept, Attribution, Decision, Person};
use usher_domain::facts::ContractFacts;
use usher_domain::idempotency::IdempotencyKey;
use usher_domain::ids::{ApplicationId, PartnerId, PublicId};
use usher_domain::products::{Policy, Product, Products};
use usher_domain::receipt::{Salt, Scope as KeyScope};
use usher_domain::refusal::Refusal;
use usher_domain::sandbox::Script;
use usher_storage::{
    Commit, Condition, Content, Idempotency, Known, Millis, NewDelivery, NewMessage, Outcome, PARTNER, Payload, Record,
    Reply, Running, SIMULATED_BANK, Scope, Write,
};
use usher_wire::{Checked, Limits, Parsed, Personal, Warning};
use uuid::Uuid;

use crate::exchange::{Answer, Call, NO_STORE};
use crate::fault::{self, Fault};
use crate::gateway::DURABILITY;
use crate::head::IDEMPOTENCY_KEY;
use crate::{caller, commission, random, receipt, sandbox};

/// How long an answer is kept for repeats.
const IDEMPOTENCY_LIFE_MILLIS: Millis = 7 * DAY_MILLIS;
const DAY_MILLIS: Millis = 24 * 60 * 60 * 1000;
/// How often a decision is made again because a twin was faster.
pub(crate) const TRIES_MAX: u32 = 5;

/// An API as its records name it.
pub(crate) struct Api {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) contract_version: &'static str,
}

/// A submit that is being worked on. Until it is dropped, a twin with the same idempotency key is told to wait.
pub(crate) struct Attempt<'c, K = caller::Known> {
    call: &'c Call<K>,
    /// Whose rows are written.
    scope: Scope,
    idempotency: Option<Idempotency>,
    _running: Option<Running>,
}

/// What a commit holds beside the record of the decision.
#[derive(Default)]
pub(crate) struct Beside {
    /// What must hold in the store.
    pub(crate) conditions: Vec<Condition>,
    /// What is written before the record.
    pub(crate) writes: Vec<Write>,
    /// What is kept beside the body, by part.
    pub(crate) payloads: Vec<(&'static str, Content)>,
    /// What the partner's application is told of.
    pub(crate) event: Option<&'static str>,
    /// What the simulated bank does with it.
    pub(crate) script: Option<&'static Script>,
    /// The flow the record is a step of.
    pub(crate) process_id: Option<i64>,
}

/// How a commit ended that was not answered by the store.
pub(crate) enum Ended {
    /// With this answer.
    Answered(Answer),
    /// Something of the state changed meanwhile; nothing was written, and the decision has to be made again.
    Overtaken,
}

/// A person that was looked up.
#[derive(Clone, Copy)]
pub(crate) struct Recalled {
    /// What was found.
    pub(crate) person: Person,
    /// That it is still so when the request is stored.
    pub(crate) condition: Option<Condition>,
}

/// The idempotency key a partner sent in the header.
pub(crate) fn header_key<K>(call: &Call<K>) -> Result<Option<String>, Fault> {
    let sent = call.head.headers.get_all(IDEMPOTENCY_KEY).iter().map(|value| value.as_bytes());
    let key = IdempotencyKey::from_headers(sent).map_err(Fault::IdempotencyKeyMalformed)?;
    Ok(key.map(|key| key.as_str().to_owned()))
}

/// The checked request, or everything that is wrong with it: what its product refuses stands beside what the contract does,
/// so that one correction is enough.
pub(crate) fn judge<T>(body: Parsed<T>, refusals: Vec<Refusal>) -> Result<(Checked<T>, Vec<Warning>), Fault> {
    match (body.into_result(), Refusal::of(refusals)) {
        (Ok(checked), None) => Ok(checked),
        (Ok(_), Some(refusal)) => Err(Fault::Refused(refusal)),
        (Err(violations), None) => Err(Fault::Violated(violations)),
        (Err(mut violations), Some(refusal)) => {
            let room = Limits::GATEWAY.listed_max.saturating_sub(violations.list.len());
            let refused = fault::places(&refusal);
            violations.truncated |= refused.len() > room;
            violations.list.extend(refused.into_iter().take(room));
            Err(Fault::Violated(violations))
        }
    }
}

/// What is known of the person of a request, and what its product refuses. Nothing is asked for a request that may be
/// stored: most persons are new, and the store finds out while it writes. One that is refused anyway is told all.
pub(crate) async fn regard(
    call: &Call,
    api: &Api,
    product: &Product,
    phone: Option<String>,
    is_valid: bool,
    refusals: impl Fn(Option<Person>) -> Vec<Refusal>,
) -> Result<(Option<Recalled>, Vec<Refusal>), Fault> {
    let new = suppose(call, api, product, phone.as_deref());
    let refused = refusals(new.map(|new| new.person));
    if is_valid && refused.is_empty() {
        return Ok((new, refused));
    }
    let known = recall(call, api, product, phone).await?;
    Ok((known, refusals(known.map(|known| known.person))))
}

/// The person as one that this partner did not send before, which must hold when the request is stored; none where the
/// product does not want to know.
fn suppose(call: &Call, api: &Api, product: &Product, phone: Option<&str>) -> Option<Recalled> {
    let phone = phone.filter(|_| product.duplicates.action != Policy::Allow)?;
    let caller = &call.known.caller;
    let digest = call.gateway.digests.partners_person(caller.partner, caller.environment, phone);
    let since = call.now.as_millisecond() - Millis::from(product.duplicates.days) * DAY_MILLIS;
    let condition = Condition::NoRecordOfPerson { person: *digest.as_bytes(), api: api.name, since };
    Some(Recalled { person: Person { digest, was_sent: false }, condition: Some(condition) })
}

/// Whether this partner sent the person before, as far as the product wants to know. Nothing of what other partners sent is
/// looked at, so nobody can find out by trying whom another knows.
pub(crate) async fn recall(
    call: &Call,
    api: &Api,
    product: &Product,
    phone: Option<String>,
) -> Result<Option<Recalled>, Fault> {
    let Some(new) = suppose(call, api, product, phone.as_deref()) else { return Ok(None) };
    let Some(Condition::NoRecordOfPerson { person, since, .. }) = new.condition else { return Ok(Some(new)) };
    let found = call.gateway.store.recent_of_person(&call.known.scope, api.name, person, since).await?;
    // What was looked up may be overtaken by a twin before this one is stored; then it is looked up again.
    Ok(Some(match found {
        None => new,
        Some(_) => Recalled { person: Person { was_sent: true, ..new.person }, condition: None },
    }))
}

impl<'c, K> Attempt<'c, K> {
    /// Begins a submit that writes rows of `scope`. `subject` is what the operation is called for beside the body,
    /// `canonical` the body if its shape is right.
    pub(crate) fn begin_in(
        call: &'c Call<K>,
        scope: Scope,
        key: Option<&str>,
        subject: &str,
        canonical: Option<&[u8]>,
    ) -> Result<Self, Fault> {
        let (Some(key), Some(canonical)) = (key, canonical) else {
            return Ok(Attempt { call, scope, idempotency: None, _running: None });
        };
        let digests = &call.gateway.digests;
        let operation = call.operation.id;
        let key_digest = *digests.idempotency_key(key_scope(&scope, operation), key).as_bytes();
        let running = call.gateway.store.begin(&scope, operation, key_digest).map_err(|_| Fault::StillRunning)?;
        let fingerprint = if subject.is_empty() {
            digests.fingerprint(operation, canonical)
        } else {
            digests.fingerprint(&format!("{operation} {subject}"), canonical)
        };
        let idempotency = Idempotency {
            operation,
            key_digest,
            fingerprint: *fingerprint.as_bytes(),
            expires_at: call.now.as_millisecond() + IDEMPOTENCY_LIFE_MILLIS,
        };
        Ok(Attempt { call, scope, idempotency: Some(idempotency), _running: Some(running) })
    }

    /// What becomes of a request that is refused now: the answer it was given before, if it was accepted then. A key that
    /// another body was accepted under is told first.
    pub(crate) async fn refused(&self, fault: Fault) -> Result<Answer, Fault> {
        // The credential in a body is no part of what makes two bodies the same, so it is never a repeat that has it wrong.
        let is_authentic = !matches!(fault, Fault::Refused(Refusal::AppKeyMismatch));
        let Some(idempotency) = self.idempotency.as_ref().filter(|_| is_authentic) else { return Err(fault) };
        let call = self.call;
        match call.gateway.store.lookup(&self.scope, idempotency, call.now.as_millisecond()).await? {
            Some(Known::Replayed(reply)) => Ok(Answer::replayed(reply)),
            Some(Known::KeyReused) => Err(Fault::IdempotencyKeyReused),
            None => Err(fault),
        }
    }

    /// The answer that was given before under this key and body. Asked where deciding again would cost others something.
    pub(crate) async fn answered(&self) -> Result<Option<Answer>, Fault> {
        let Some(idempotency) = &self.idempotency else { return Ok(None) };
        let call = self.call;
        match call.gateway.store.lookup(&self.scope, idempotency, call.now.as_millisecond()).await? {
            Some(Known::Replayed(reply)) => Ok(Some(Answer::replayed(reply))),
            Some(Known::KeyReused) => Err(Fault::IdempotencyKeyReused),
            None => Ok(None),
        }
    }

    /// Stores writes and their answer in one commit.
    pub(crate) async fn store(
        &self,
        conditions: Vec<Condition>,
        writes: Vec<Write>,
        reply: Reply,
    ) -> Result<Ended, Fault> {
        let call = self.call;
        let commit = Commit {
            scope: self.scope,
            now: call.now.as_millisecond(),
            idempotency: self.idempotency,
            conditions,
            writes,
            reply,
        };
        match call.gateway.store.commit(commit).await? {
            Outcome::Committed(reply) => Ok(Ended::Answered(Answer::stored(reply))),
            Outcome::Replayed(reply) => Ok(Ended::Answered(Answer::replayed(reply))),
            Outcome::KeyReused => Err(Fault::IdempotencyKeyReused),
            Outcome::ConditionFailed(_) | Outcome::FlowExists(_) | Outcome::IdTaken => Ok(Ended::Overtaken),
        }
    }
}

impl<'c> Attempt<'c> {
    /// Begins a submit of a partner.
    pub(crate) fn begin(
        call: &'c Call,
        key: Option<&str>,
        subject: &str,
        canonical: Option<&[u8]>,
    ) -> Result<Self, Fault> {
        Attempt::begin_in(call, call.known.scope, key, subject, canonical)
    }

    /// Stores a decision and gives the answer that `reply` makes of its record.
    pub(crate) async fn commit(
        &self,
        api: &Api,
        decision: Decision,
        beside: Beside,
        reply: impl FnOnce(&Record, Vec<Warning>) -> (Vec<u8>, Option<String>),
    ) -> Result<Ended, Fault> {
        let call = self.call;
        let warnings = receipt::warnings_json(&decision.warnings);
        let record = record(call, api, &decision, warnings, beside.process_id);
        let (body, location) = reply(&record, decision.warnings);
        let reply = Reply {
            status: call.operation.success,
            content_type: Cow::Borrowed("application/json"),
            location,
            body: Content::from(body),
        };
        let id = record.id;
        let due_at = record.received_at;
        let promised_at = decision.promised_at.as_millisecond();
        let mut writes = beside.writes;
        writes.reserve(3 + 2 * decision.destinations.len());
        writes.push(Write::Record(Box::new(record)));
        let canonical = decision.canonical.into_inner().into();
        writes.push(Write::Payload(Payload { record: id, part: "request".into(), body: canonical }));
        if let Some(phone) = decision.phone {
            let phone = phone.into_inner().into_bytes().into();
            writes.push(Write::Payload(Payload { record: id, part: "phone".into(), body: phone }));
        }
        for (part, body) in beside.payloads {
            writes.push(Write::Payload(Payload { record: id, part: Cow::Borrowed(part), body }));
        }
        writes.extend(beside.event.map(|event| {
            let (destination, event) = (Cow::Borrowed(PARTNER), Cow::Borrowed(event));
            Write::Message(NewMessage { record: id, destination, event, delivery: None, due_at })
        }));
        let destinations: Vec<Cow<'static, str>> =
            decision.destinations.iter().map(|destination| destination.to_string().into()).collect();
        let earned = commission::accepted(id, &decision.terms, &destinations, due_at);
        for destination in destinations {
            writes.push(Write::Delivery(NewDelivery {
                record: id,
                destination: destination.clone(),
                promised_at: Some(promised_at),
            }));
            writes.push(Write::Message(NewMessage {
                record: id,
                destination: destination.clone(),
                event: Cow::Borrowed("request.accepted"),
                delivery: Some(destination.clone()),
                due_at,
            }));
            if let Some(script) = beside.script {
                writes.push(Write::Message(NewMessage {
                    record: id,
                    destination: Cow::Borrowed(SIMULATED_BANK),
                    event: Cow::Borrowed(script.name),
                    delivery: Some(destination),
                    due_at: due_at + sandbox::pause(&call.gateway, script),
                }));
            }
        }
        writes.extend(earned);
        let ended = self.store(beside.conditions, writes, reply).await?;
        if beside.script.is_some() {
            call.gateway.scripted.notify_one();
        }
        Ok(ended)
    }
}

/// Where an idempotency key counts.
fn key_scope<'o>(scope: &Scope, operation: &'o str) -> KeyScope<'o> {
    KeyScope {
        partner: PartnerId::from_bytes(scope.partner.0.into_bytes()),
        application: ApplicationId::from_bytes(scope.application.0.into_bytes()),
        environment: caller::environment(scope.environment),
        operation,
    }
}

impl Call {
    /// Hands a checked request to the domain, with an id and a salt of its own.
    pub(crate) fn accept<'a, T>(
        &'a self,
        request: &'a Checked<T>,
        canonical: Vec<u8>,
        warnings: &[Warning],
        attribution: Attribution,
        products: &'a Products,
        person: Option<Person>,
    ) -> Accept<'a, T> {
        Accept {
            caller: &self.known.caller,
            request,
            canonical: Personal::new(canonical),
            warnings: warnings.iter().cloned().chain(self.correlation.warning()).collect(),
            attribution,
            products,
            person,
            id: PublicId::draw(&mut random::fill),
            salt: Salt::draw(&mut random::fill),
            now: self.now,
        }
    }
}

impl Answer {
    fn stored(reply: Reply) -> Self {
        Answer {
            status: reply.status,
            media_type: reply.content_type,
            location: reply.location,
            body: reply.body.into_vec(),
            is_replayed: false,
            cache_control: NO_STORE,
            etag: None,
        }
    }

    fn replayed(reply: Reply) -> Self {
        Answer { is_replayed: true, ..Answer::stored(reply) }
    }
}

fn record(call: &Call, api: &Api, decision: &Decision, warnings: String, process_id: Option<i64>) -> Record {
    let received_at = decision.received_at.as_millisecond();
    let attribution = &decision.attribution;
    Record {
        id: ordered_id(received_at),
        public_id: Uuid::from_bytes(*decision.id.as_bytes()),
        api: Cow::Borrowed(api.name),
        version: api.version,
        operation: Cow::Borrowed(call.operation.id),
        contract_version: Cow::Borrowed(api.contract_version),
        partner_reference: attribution.partner_reference.clone(),
        campaign: attribution.campaign.clone(),
        source: attribution.source.clone(),
        sub_partner: attribution.sub_partner.clone(),
        received_at,
        status: Cow::Borrowed(decision.status.as_str()),
        payload_hash: *decision.payload_hash.as_bytes(),
        salt: Some(decision.salt.as_bytes().to_vec().into()),
        durability: Cow::Borrowed(DURABILITY),
        warnings: warnings.into(),
        correlation_id: Uuid::from_bytes(*call.correlation.id.as_bytes()),
        process_id,
        product: decision.product.clone().into(),
        products_version: decision.products_version,
        lists: lists_json(call).into(),
        person: decision.person.map(|person| *person.as_bytes()),
    }
}

/// The lists the body was checked with, as a JSON array of `name@version`.
fn lists_json(call: &Call) -> String {
    let lists = call.facts.get().map(ContractFacts::lists).unwrap_or_default();
    serde_json::to_string(&lists).expect("texts can be written as JSON")
}

/// An id in the order of time (version 7), for inside use.
fn ordered_id(millis: Millis) -> Uuid {
    let mut tail = [0; 10];
    random::fill(&mut tail);
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(millis).unwrap_or_default(), &tail).into_uuid()
}
