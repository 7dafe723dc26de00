//! The bank sets a status: decided by the domain, stored with its note and its event for the partner in one commit.

use std::borrow::Cow;

use usher_contract::bank::v1::StatusChange;
use usher_contract::shared::CheckResult;
use usher_domain::flow::Flow;
use usher_domain::status::{Move, Reason, Status, Wish};
use usher_storage::{Actor, Condition, Content, Delivery, FlowStep, NewMessage, PARTNER, Payload, Reply, Write};
use usher_wire::{Parsed, Unknown, Warning, to_json};

use super::content::note_part;
use super::{BankCall, delivery};
use crate::commission::{self, Author};
use crate::exchange::Answer;
use crate::fault::Fault;
use crate::receipt;
use crate::submit::{Attempt, Ended, header_key};

/// A legal change of a delivery, and what is told with it.
pub(crate) struct Change {
    pub(crate) moved: Move,
    /// Who sets it.
    pub(crate) actor: Actor,
    /// Which user or program of the actor.
    pub(crate) actor_name: Option<String>,
    pub(crate) at: i64,
    pub(crate) note: Option<String>,
    pub(crate) bank_reference: Option<String>,
}

impl Change {
    /// What the change writes, and what must hold when it does.
    pub(crate) fn writes(self, delivery: &Delivery) -> (Condition, Vec<Write>) {
        let (record, destination) = (delivery.record.id, Cow::<'static, str>::Owned(delivery.destination.clone()));
        let mut writes = vec![Write::Status {
            record,
            destination: Some(destination.clone()),
            change: usher_storage::StatusChange {
                status: Cow::Borrowed(self.moved.status.as_str()),
                open: !self.moved.status.is_final(),
                actor: self.actor,
                actor_name: self.actor_name,
                at: self.at,
                reason: self.moved.reason.map(|reason| Cow::Borrowed(reason.as_str())),
                bank_reference: self.bank_reference,
                first_contact: self.moved.tells_of_contact,
            },
        }];
        let ended = Flow::after_verdict(self.moved.status).zip(delivery.record.process_id);
        writes.extend(ended.map(|(state, process_id)| {
            Write::EndFlow(FlowStep { process_id, state: state.as_str(), open: state.is_open(), at: self.at })
        }));
        if let Some(note) = self.note {
            let part = note_part(delivery.id, delivery.version + 1).into();
            writes.push(Write::Payload(Payload { record, part, body: Content::from(note.into_bytes()) }));
        }
        writes.push(Write::Message(NewMessage {
            record,
            destination: Cow::Borrowed(PARTNER),
            event: Cow::Borrowed("status.changed"),
            delivery: Some(destination),
            due_at: self.at,
        }));
        (Condition::DeliveryIs { id: delivery.id, version: delivery.version }, writes)
    }
}

/// Sets the status of a delivery the caller may see.
pub(super) async fn set(call: &BankCall, found: Delivery, body: Parsed<StatusChange>) -> Result<Answer, Fault> {
    // Users are told apart by the key: the rows of the store belong to the partner of the delivery.
    let key = header_key(call)?.map(|key| format!("bank-user/{}/{key}", call.known.id));
    let canonical = body.canonical();
    let subject = found.id.to_string();
    let attempt = Attempt::begin_in(call, found.scope, key.as_deref(), &subject, canonical.as_deref())?;
    let (wish, _) = match body.into_result() {
        Ok(checked) => checked,
        Err(violations) => return attempt.refused(Fault::Violated(violations)).await,
    };
    let moved = match decide(&found, &wish) {
        Ok(moved) => moved,
        Err(fault) => return attempt.refused(fault).await,
    };
    let at = call.now.as_millisecond();
    let wish = wish.into_inner();
    let change = Change {
        moved,
        actor: Actor::Bank,
        actor_name: Some(call.known.name.clone()),
        at,
        note: wish.note.map(usher_wire::Personal::into_inner),
        bank_reference: wish.bank_reference.clone(),
    };
    let author = Author { actor: Actor::Bank, actor_name: change.actor_name.clone(), at, reference: None };
    let (mut conditions, earned) =
        commission::moved(&call.gateway.store, &found, moved.status, moved.reason, author).await?;
    let (condition, mut writes) = change.writes(&found);
    conditions.push(condition);
    writes.extend(earned);
    let after = Delivery {
        status: Cow::Borrowed(moved.status.as_str()),
        version: found.version + 1,
        open: !moved.status.is_final(),
        first_contact_at: found.first_contact_at.or(moved.tells_of_contact.then_some(at)),
        bank_reference: wish.bank_reference.or(found.bank_reference),
        changed_at: at,
        ..found
    };
    let reply = Reply {
        status: call.operation.success,
        content_type: Cow::Borrowed("application/json"),
        location: None,
        body: Content::from(to_json(&delivery(&after))),
    };
    match attempt.store(conditions, writes, reply).await? {
        Ended::Answered(answer) => Ok(answer),
        Ended::Overtaken => attempt.refused(Fault::VersionConflict).await,
    }
}

/// Says whether the status could be set.
pub(super) fn check(call: &BankCall, found: &Delivery, body: Parsed<StatusChange>) -> Result<Answer, Fault> {
    let (wish, warnings) = body.into_result().map_err(Fault::Violated)?;
    decide(found, &wish)?;
    let warnings: Vec<Warning> = warnings.into_iter().chain(call.correlation.warning()).collect();
    Ok(call.answer(to_json(&CheckResult { warnings: receipt::warnings(&warnings), unknown: Unknown::default() })))
}

fn decide(found: &Delivery, wish: &StatusChange) -> Result<Move, Fault> {
    if wish.expected_version.is_some_and(|version| version != i64::from(found.version)) {
        return Err(Fault::VersionConflict);
    }
    // A status of a newer version is not ours to move on from.
    let from = Status::parse(&found.status).ok_or(Fault::Internal)?;
    let reason =
        wish.reason.as_ref().map(|reason| Reason::parse(reason.as_str()).ok_or(Fault::Internal)).transpose()?;
    let status = Status::parse(wish.status.as_str()).ok_or(Fault::Internal)?;
    from.set(Wish { status, reason, has_note: wish.note.is_some() }).map_err(Fault::Refused)
}
