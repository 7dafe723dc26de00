//! The sandbox: a simulated bank that follows scripts, and the way to begin anew.
//!
//! A request with a trigger address leaves a message for the simulated bank beside the ones for the real destinations. The
//! worker takes it up when it is due, sets the next status by the function the bank API uses, and puts the message back
//! until the one after that. Where a script stands is told by the delivery itself, so a restart loses nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use usher_contract::sandbox::v1::ResetResult;
use usher_contract::sandbox::v1::operations::{ResetSandboxParameters, Server};
use usher_domain::flow::FlowState;
use usher_domain::sandbox::Script;
use usher_domain::status::{Status, Wish};
use usher_storage::{
    Actor, BankView, Claim, Claimed, Commit, Content, Environment, Fate, FlowExpiry, Mark, Millis, Outcome, Queue,
    Recipient, Reply, SIMULATED_BANK, Store, StoreError,
};
use usher_wire::{Decimal, Unknown, to_json};

use crate::bank::Change;
use crate::digital_customer::FLOW_STEP;
use crate::exchange::{Answer, Call};
use crate::fault::Fault;
use crate::gateway::Gateway;

/// Who moved a status, as the bank's timeline names it.
const NAME: &str = "simulated bank";
const LEASE: Duration = Duration::from_secs(30);
const CLAIM_COUNT_MAX: u32 = 64;
/// How long the worker looks often after a scripted request came in, and how often otherwise.
const BUSY_TIME: Duration = Duration::from_secs(60);
const IDLE_PERIOD: Duration = Duration::from_secs(5);
/// Expired flows ended in one transaction.
const EXPIRY_COUNT_MAX: u32 = 256;

/// How long the simulated bank takes for a step.
pub(crate) fn pause(gateway: &Gateway, script: &Script) -> Millis {
    let pause = gateway.sandbox_step.saturating_mul(script.slowness);
    Millis::try_from(pause.as_millis()).unwrap_or(Millis::MAX)
}

/// Plays the bank of the sandbox for as long as it runs.
pub async fn simulate_bank(gateway: Arc<Gateway>) {
    let period = gateway.sandbox_step.clamp(Duration::from_millis(10), Duration::from_millis(500));
    let mut busy_until = Instant::now() + BUSY_TIME;
    loop {
        match play_due(&gateway).await {
            Ok(0) => {}
            Ok(_) => {
                busy_until = Instant::now() + BUSY_TIME;
                continue;
            }
            Err(error) => tracing::warn!(%error, "the simulated bank cannot work"),
        }
        if Instant::now() < busy_until {
            sleep(period).await;
        } else if timeout(IDLE_PERIOD, gateway.scripted.notified()).await.is_ok() {
            busy_until = Instant::now() + BUSY_TIME;
        }
    }
}

/// Ends the onboarding flows whose time is over at `now`, and tells the applications that want to know.
///
/// # Errors
/// See [`StoreError`].
pub async fn end_expired_flows(store: &Store, now: Millis) -> Result<(), StoreError> {
    let expiry = FlowExpiry { now, state: FlowState::Expired.as_str(), event: FLOW_STEP, limit: EXPIRY_COUNT_MAX };
    while store.expire_flows(expiry).await? == EXPIRY_COUNT_MAX as usize {}
    Ok(())
}

/// Does all that is due, and says how much it was.
async fn play_due(gateway: &Gateway) -> Result<usize, StoreError> {
    let claim = Claim {
        queue: Queue { environment: Environment::Sandbox, recipient: Recipient::Destination(SIMULATED_BANK.into()) },
        now: gateway.now().as_millisecond(),
        lease: LEASE,
        limit: CLAIM_COUNT_MAX,
    };
    let rows = gateway.store.claim(claim).await?;
    let mut marks = Vec::with_capacity(rows.len());
    for row in &rows {
        let fate = play(gateway, row).await?;
        marks.push(Mark { id: row.id, token: row.token, fate });
    }
    if !marks.is_empty() {
        gateway.store.mark(marks).await?;
    }
    Ok(rows.len())
}

/// Takes one script a step further.
async fn play(gateway: &Gateway, row: &Claimed) -> Result<Fate, StoreError> {
    let at = gateway.now().as_millisecond();
    let over = Fate::Delivered { at };
    let (Some(script), Some(id)) = (Script::of_name(&row.event), row.delivery) else { return Ok(over) };
    let view = BankView { environment: Environment::Sandbox, destination: None };
    let Some(delivery) = gateway.store.delivery(view, id).await? else { return Ok(over) };
    let done = usize::try_from(delivery.version).unwrap_or(usize::MAX);
    let next = script.statuses.get(done).zip(Status::parse(&delivery.status)).filter(|_| delivery.open);
    let Some((&status, from)) = next else { return Ok(over) };
    let wish = Wish { status, reason: status.reasons().first().copied(), has_note: false };
    // Somebody else has it in hand, and took it elsewhere.
    let Ok(moved) = from.set(wish) else { return Ok(over) };
    let change =
        Change { moved, actor: Actor::Bank, actor_name: Some(NAME.to_owned()), at, note: None, bank_reference: None };
    let (condition, writes) = change.writes(&delivery);
    let commit = Commit {
        scope: delivery.scope,
        now: at,
        idempotency: None,
        conditions: vec![condition],
        writes,
        // Nobody asked, so nobody reads it.
        reply: Reply { status: 200, content_type: "".into(), location: None, body: Content::from(Vec::new()) },
    };
    match gateway.store.commit(commit).await? {
        Outcome::Committed(_) if done + 1 == script.statuses.len() => Ok(over),
        _ => Ok(Fate::Retry { due_at: at + pause(gateway, script), reason: None }),
    }
}

/// The API as the contract's server sees it.
pub(crate) struct Sandbox;

impl Server for Sandbox {
    type Call = Call;
    type Answer = Result<Answer, Fault>;

    async fn reset_sandbox(&self, call: &Call, _parameters: ResetSandboxParameters) -> Result<Answer, Fault> {
        if call.known.scope.environment != Environment::Sandbox {
            return Err(Fault::WrongEnvironment);
        }
        let counts = call.gateway.store.reset_sandbox(&call.known.scope).await?;
        let number = |count: usize| Decimal::from(i64::try_from(count).unwrap_or(i64::MAX));
        Ok(call.answer(to_json(&ResetResult {
            requests: number(counts.records),
            deliveries: number(counts.deliveries),
            messages: number(counts.messages),
            answers: number(counts.replies),
            flows: number(counts.flows),
            unknown: Unknown::default(),
        })))
    }
}
