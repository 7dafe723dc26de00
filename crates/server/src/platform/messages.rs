//! Messages on their way: what waits, what was given up, and sending it once more.

use usher_contract::platform::v1::operations::ListOutgoingParameters;
use usher_contract::platform::v1::{OutgoingList, OutgoingMessage, Replay, ReplayResult};
use usher_contract::shared;
use usher_storage::{Held, Outgoing};
use usher_wire::{Parsed, Unknown, Violations, to_json};

use super::OperatorCall;
use super::destinations::violation;
use super::directory::{shown_environment, stored_environment};
use crate::exchange::Answer;
use crate::fault::Fault;
use crate::receipt;

const LIMIT: u32 = 100;

/// Lists messages in a state, those that were given up unless others are asked for.
pub(super) async fn list(call: &OperatorCall, parameters: ListOutgoingParameters) -> Result<Answer, Fault> {
    let environment = parameters.environment.unwrap_or(shared::Environment::Production);
    let state = match parameters.state.as_ref().map(|state| state.as_str()) {
        Some("pending") => Held::Pending,
        Some("delivered") => Held::Delivered,
        _ => Held::Parked,
    };
    let limit = parameters.limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(LIMIT);
    let after = parameters.after.unwrap_or(0);
    let store = &call.gateway.store;
    // One more than wanted tells whether there is another page.
    let environment = stored_environment(&environment);
    let mut messages = store.outgoing(state, environment, parameters.destination, after, limit + 1).await?;
    let has_more = messages.len() > limit as usize;
    messages.truncate(limit as usize);
    let next = messages.last().map(|message| message.id).filter(|_| has_more);
    let items = messages.into_iter().map(|message| shown(message, state)).collect();
    Ok(call.answer(to_json(&OutgoingList { items, next, unknown: Unknown::default() })))
}

/// Sends messages once more.
pub(super) async fn replay(call: &OperatorCall, body: Parsed<Replay>) -> Result<Answer, Fault> {
    let (wish, _) = body.into_result().map_err(Fault::Violated)?;
    let time = |name: &str, text: &Option<String>| {
        let millis = |text: &String| {
            usher_domain::instant::timestamp(text).map(|time| time.as_millisecond()).ok_or_else(|| {
                let list = vec![violation(format!("/{name}"), "format", "must be an RFC 3339 time with offset")];
                Fault::Violated(Violations { list, truncated: false })
            })
        };
        text.as_ref().map(millis).transpose()
    };
    let replay = usher_storage::Replay {
        state: if wish.delivered.unwrap_or(false) { Held::Delivered } else { Held::Parked },
        environment: stored_environment(&wish.environment),
        destination: wish.destination.clone(),
        id: wish.id,
        from: time("from", &wish.from)?,
        to: time("to", &wish.to)?,
        now: call.now.as_millisecond(),
        actor: call.known.name.clone(),
    };
    let count = call.gateway.store.replay(replay).await?;
    let replayed = i64::try_from(count).unwrap_or(i64::MAX);
    Ok(call.answer(to_json(&ReplayResult { replayed, unknown: Unknown::default() })))
}

fn shown(message: Outgoing, state: Held) -> OutgoingMessage {
    OutgoingMessage {
        id: message.id,
        environment: shown_environment(message.environment),
        destination: message.destination,
        application: message.application,
        event: message.event,
        request_id: message.public_id.to_string(),
        attempts: message.attempts.into(),
        due_since: receipt::time(message.first_due_at),
        next_attempt_at: (state == Held::Pending).then(|| receipt::time(message.next_due_at)),
        parked_at: message.finished_at.filter(|_| state == Held::Parked).map(receipt::time),
        reason: message.reason,
        unknown: Unknown::default(),
    }
}
