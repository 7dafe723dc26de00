//! The dispatcher: one task that claims for all lanes, and a task for each message on its way.
//!
//! A lane is a recipient with its own bound, breaker and pause. The dispatcher asks for all lanes at once when their next
//! message is due, claims for each no more than it may send now, and begins each round with another lane. The time is
//! passed in.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use usher_domain::breaker::{Breaker, BreakerPolicy, BreakerState};
use usher_domain::destinations::TIMEOUT_MAX;
use usher_domain::receipt::DigestKey;
use usher_storage::{Claim, Claimed, Fate, Mark, Marked, Millis, Store, StoreError};

use crate::backoff::{millis, next_attempt};
use crate::body::prepare;
use crate::carrier::{Answer, Carrier, Letter};
use crate::route::{Route, RoutesError, routes};

/// What a lease must be longer than the longest attempt: for reading before it, marking after it, and slow disks.
const LEASE_MARGIN: Duration = Duration::from_secs(15);
/// Messages claimed at once for one lane.
const CLAIM_COUNT_MAX: u32 = 32;
/// How often it is looked for what other processes stored, operators changed, and workers left behind.
const LOOK_PERIOD: Duration = Duration::from_secs(1);
/// How often leases that ran out are given back.
const RELEASE_PERIOD: Duration = Duration::from_secs(10);
/// How long what is on its way may take to end when the dispatcher is stopped.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);
/// When a lane is left alone, and for how long.
const BREAKER: BreakerPolicy = BreakerPolicy { failure_count_max: 5, open_time: Duration::from_secs(30) };

/// The status by which an endpoint says that it is no more.
const GONE: u16 = 410;

/// What a dispatcher works with.
pub struct Parts<C> {
    /// The store.
    pub store: Store,
    /// How messages are carried.
    pub carrier: C,
    /// The key of the ids of events.
    pub digests: Arc<DigestKey>,
    /// How long a claim is the claimer's.
    pub lease: Duration,
    /// The time, Unix milliseconds.
    pub clock: Arc<dyn Fn() -> Millis + Send + Sync>,
    /// Any number, for pauses.
    pub random: Arc<dyn Fn() -> u64 + Send + Sync>,
}

/// A lease could end while an attempt is still on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lease of a delivery must be at least {} seconds: an attempt may take {}", (TIMEOUT_MAX + LEASE_MARGIN).as_secs(), TIMEOUT_MAX.as_secs())]
pub struct LeaseTooShort;

/// Sends what is due for as long as it runs.
pub struct Dispatcher<C> {
    parts: Arc<Parts<C>>,
    lanes: BTreeMap<String, Lane>,
    flying: JoinSet<(String, Landing)>,
    /// The state of what operators set up when it was last read.
    generation: Option<i64>,
    released_at: Option<Millis>,
    /// Which lane begins.
    turn: usize,
    /// A point on the clock of the breakers and the same point on the clock of the store.
    epoch: (Instant, Millis),
}

/// A recipient, and how it fares.
struct Lane {
    route: Arc<Route>,
    breaker: Arc<Breaker>,
    /// Messages on their way.
    flying: u32,
    /// Until when the recipient wants to be left alone.
    quiet_until: Millis,
}

/// What a message on its way leaves behind for its lane.
enum Landing {
    /// Nothing.
    Plain,
    /// The recipient wants to be left alone until then.
    Quiet(Millis),
}

impl<C: Carrier> Dispatcher<C> {
    /// A dispatcher that has done nothing yet.
    ///
    /// # Errors
    /// The lease is too short for the attempts there may be.
    pub fn new(parts: Parts<C>) -> Result<Self, LeaseTooShort> {
        if parts.lease < TIMEOUT_MAX + LEASE_MARGIN {
            return Err(LeaseTooShort);
        }
        let epoch = (Instant::now(), (parts.clock)());
        Ok(Dispatcher {
            parts: Arc::new(parts),
            lanes: BTreeMap::new(),
            flying: JoinSet::new(),
            generation: None,
            released_at: None,
            turn: 0,
            epoch,
        })
    }

    /// Sends what is due until told to stop; then waits a little for what is on its way. What does not end in time is
    /// sent again by whoever comes next, once its lease is over.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut sendable = self.parts.store.sendable();
        tokio::pin!(stop);
        loop {
            sendable.mark_unchanged();
            let wait = match self.round().await {
                Ok(next) => next.map_or(LOOK_PERIOD, |next| self.until(next).min(LOOK_PERIOD)),
                Err(error) => {
                    tracing::warn!(%error, "messages cannot be sent");
                    LOOK_PERIOD
                }
            };
            tokio::select! {
                () = &mut stop => break,
                Some(landed) = self.flying.join_next() => self.land(landed),
                // A store that is closed tells of nothing; the pause goes on then.
                Ok(()) = sendable.changed() => {}
                () = sleep(wait) => {}
            }
        }
        let drained = timeout(DRAIN_TIME_MAX, self.settle()).await;
        if drained.is_err() {
            tracing::warn!(messages = self.flying.len(), "messages on their way were left; they will be sent again");
        }
    }

    /// Begins to send what is due, as far as lanes have room, and says when there may be more: the earliest time at which
    /// something is due that nothing but time keeps waiting.
    ///
    /// # Errors
    /// The store cannot say or claim.
    pub async fn round(&mut self) -> Result<Option<Millis>, StoreError> {
        while let Some(landed) = self.flying.try_join_next() {
            self.land(landed);
        }
        let now = self.now();
        self.refresh().await?;
        if self.released_at.is_none_or(|at| now >= at.saturating_add(millis(RELEASE_PERIOD)) || now < at) {
            let count = self.parts.store.release(now).await?;
            if count > 0 {
                tracing::warn!(count, "claims that nobody marked were given back");
            }
            self.released_at = Some(now);
        }
        let instant = self.instant(now);
        let mut names: Vec<String> = self.lanes.keys().cloned().collect();
        if names.is_empty() {
            return Ok(None);
        }
        let places = names.len();
        names.rotate_left(self.turn % places);
        self.turn = self.turn.wrapping_add(1);
        let queues =
            names.iter().filter_map(|name| self.lanes.get(name)).map(|lane| lane.route.queue.clone()).collect();
        let due = self.parts.store.next_due(queues).await?;
        let mut next: Option<Millis> = None;
        for (name, due) in names.iter().zip(due) {
            let (Some(due), Some(lane)) = (due, self.lanes.get_mut(name)) else { continue };
            let (room, not_before) = lane.room(now, instant);
            let at = due.max(not_before);
            if at > now {
                next = Some(next.map_or(at, |next| next.min(at)));
                continue;
            }
            if room == 0 {
                // The next landing makes room, and that begins another round.
                continue;
            }
            let claim = Claim { queue: lane.route.queue.clone(), now, lease: self.parts.lease, limit: room };
            let rows = self.parts.store.claim(claim).await?;
            // There may be more of it, which then waits for room or for the next round.
            if rows.len() == CLAIM_COUNT_MAX as usize && lane.flying + CLAIM_COUNT_MAX < lane.route.concurrency {
                next = Some(now);
            }
            for row in rows {
                lane.flying += 1;
                let (parts, route, breaker) = (self.parts.clone(), lane.route.clone(), lane.breaker.clone());
                let (name, epoch) = (name.clone(), self.epoch);
                self.flying.spawn(async move {
                    let landing = send(&parts, &route, &breaker, epoch, row).await;
                    (name, landing)
                });
            }
        }
        Ok(next)
    }

    /// Waits until nothing is on its way.
    pub async fn settle(&mut self) {
        while let Some(landed) = self.flying.join_next().await {
            self.land(landed);
        }
    }

    /// Reads the routes again if operators did anything since.
    async fn refresh(&mut self) -> Result<(), StoreError> {
        let generation = self.parts.store.audit_generation().await?;
        if self.generation == Some(generation) {
            return Ok(());
        }
        let routes = match routes(&self.parts.store).await {
            Ok(routes) => routes,
            Err(RoutesError::Store(error)) => return Err(error),
            Err(error @ RoutesError::Document) => {
                tracing::error!(%error, "nothing is sent to destinations until others are applied");
                Vec::new()
            }
        };
        let mut before = std::mem::take(&mut self.lanes);
        for route in routes {
            if !route.can_sign(self.now()) {
                tracing::error!(owner = route.owner, "there is no secret to sign with: nothing is sent");
                continue;
            }
            // Another address is a new beginning; what is on its way to the old one still counts.
            let known = before.remove(&route.owner);
            let is_same = known.as_ref().is_some_and(|lane| lane.route.endpoint == route.endpoint);
            let flying = known.as_ref().map_or(0, |lane| lane.flying);
            let lane = match known.filter(|_| is_same) {
                Some(lane) => Lane { route: Arc::new(route), ..lane },
                None => Lane {
                    route: Arc::new(route),
                    breaker: Arc::new(Breaker::new(BREAKER)),
                    flying,
                    quiet_until: Millis::MIN,
                },
            };
            self.lanes.insert(lane.route.owner.clone(), lane);
        }
        self.generation = Some(generation);
        Ok(())
    }

    fn land(&mut self, landed: Result<(String, Landing), tokio::task::JoinError>) {
        let Ok((name, landing)) = landed else {
            // A task that panicked leaves its lane with one place less until routes are read again; its message is
            // claimed by another once the lease is over.
            tracing::error!("sending a message failed beyond words");
            return;
        };
        if let Some(lane) = self.lanes.get_mut(&name) {
            lane.flying = lane.flying.saturating_sub(1);
            if let Landing::Quiet(until) = landing {
                lane.quiet_until = lane.quiet_until.max(until);
            }
        }
    }

    fn now(&self) -> Millis {
        (self.parts.clock)()
    }

    /// The same time on the clock of the breakers.
    fn instant(&self, now: Millis) -> Instant {
        instant(self.epoch, now)
    }

    fn until(&self, at: Millis) -> Duration {
        Duration::from_millis(u64::try_from(at.saturating_sub(self.now())).unwrap_or(0))
    }
}

fn instant((instant, millis): (Instant, Millis), now: Millis) -> Instant {
    instant + Duration::from_millis(u64::try_from(now.saturating_sub(millis)).unwrap_or(0))
}

impl Lane {
    /// How many messages may be claimed now, and until when there is nothing to claim.
    fn room(&self, now: Millis, instant: Instant) -> (u32, Millis) {
        let free = self.route.concurrency.saturating_sub(self.flying).min(CLAIM_COUNT_MAX);
        match self.breaker.state(instant) {
            BreakerState::Closed => (free, self.quiet_until),
            // One finds out for all.
            BreakerState::HalfOpen => (free.min(u32::from(self.flying == 0)), self.quiet_until),
            BreakerState::Open => (0, self.quiet_until.max(now.saturating_add(millis(LOOK_PERIOD)))),
        }
    }
}

/// Sends one message and marks it.
async fn send<C: Carrier>(
    parts: &Parts<C>,
    route: &Route,
    breaker: &Breaker,
    epoch: (Instant, Millis),
    row: Claimed,
) -> Landing {
    let now = || (parts.clock)();
    let (fate, landing) = match breaker.admit(instant(epoch, now())) {
        // It opened between the claim and now.
        Err(wait) => {
            let due_at = now().saturating_add(millis(wait));
            (Fate::Retry { due_at, reason: Some(Cow::Borrowed("circuit_open")) }, Landing::Quiet(due_at))
        }
        Ok(permit) => match letter(parts, route, &row).await {
            Ok(Some(letter)) => {
                let answer = parts.carrier.carry(route, letter).await;
                match answer {
                    Answer::Accepted => permit.succeeded(),
                    answer if tells_of_trouble(answer) => permit.failed(instant(epoch, now())),
                    // It answers, if not as hoped: there is no sense in leaving it alone.
                    _ => permit.succeeded(),
                }
                judge(answer, &row, now(), (parts.random)())
            }
            Ok(None) => (Fate::Parked { at: now(), reason: Cow::Borrowed("content_gone") }, Landing::Plain),
            Err(error) => {
                tracing::warn!(%error, message = row.id, "a message cannot be read");
                let due_at = now().saturating_add(millis(LOOK_PERIOD));
                (Fate::Retry { due_at, reason: Some(Cow::Borrowed("store_unavailable")) }, Landing::Plain)
            }
        },
    };
    tell(route, &row, &fate);
    match parts.store.mark(vec![Mark { id: row.id, token: row.token, fate }]).await {
        Ok(marked) if marked == [Marked::Done] => {}
        // Claimed by another meanwhile, acknowledged by the bank, or gone with its sandbox: nothing was changed.
        Ok(_) => tracing::info!(owner = route.owner, message = row.id, "a mark came too late"),
        Err(error) => tracing::warn!(%error, message = row.id, "a message cannot be marked; it will be sent again"),
    }
    landing
}

/// The next attempt, signed; none when there is nothing left to send.
async fn letter<C: Carrier>(parts: &Parts<C>, route: &Route, row: &Claimed) -> Result<Option<Letter>, StoreError> {
    let prepared = match prepare(&parts.store, &route.queue.recipient, row, &parts.digests).await {
        Err(StoreError::Unreadable) => None,
        prepared => prepared?,
    };
    let Some(prepared) = prepared else { return Ok(None) };
    let Some((timestamp, signature)) = route.sign(&prepared.id, (parts.clock)(), &prepared.body) else {
        // The last secret ended between the claim and now.
        return Err(StoreError::Overloaded);
    };
    Ok(Some(Letter { id: prepared.id, timestamp, signature, body: prepared.body }))
}

/// Whether an answer says that the recipient as a whole is in trouble, and not that it does not like this message.
fn tells_of_trouble(answer: Answer) -> bool {
    match answer {
        Answer::Accepted => false,
        Answer::Failed(_) => true,
        Answer::Refused { status, .. } => status == 429 || status >= 500,
    }
}

/// What becomes of a message after an attempt, and of its lane.
fn judge(answer: Answer, row: &Claimed, now: Millis, random: u64) -> (Fate, Landing) {
    let reason: Cow<'static, str> = match answer {
        Answer::Accepted => return (Fate::Delivered { at: now }, Landing::Plain),
        Answer::Refused { status, .. } => format!("status_{status}").into(),
        Answer::Failed(failure) => failure.code().into(),
    };
    let Answer::Refused { status, retry_after } = answer else {
        return (again(row, now, random, None, reason), Landing::Plain);
    };
    if status == GONE {
        return (Fate::Parked { at: now, reason }, Landing::Plain);
    }
    let wait = retry_after.filter(|_| matches!(status, 429 | 502..=504));
    let not_before = wait.map(|wait| now.saturating_add(millis(wait)));
    let landing = not_before.map_or(Landing::Plain, Landing::Quiet);
    (again(row, now, random, not_before, reason), landing)
}

/// Another attempt, or none after three days of them.
fn again(row: &Claimed, now: Millis, random: u64, not_before: Option<Millis>, reason: Cow<'static, str>) -> Fate {
    match next_attempt(row.attempts, row.first_tried_at, now, random) {
        Some(due_at) => Fate::Retry { due_at: due_at.max(not_before.unwrap_or(due_at)), reason: Some(reason) },
        None => Fate::Parked { at: now, reason },
    }
}

/// Says what became of a message: ids and codes.
fn tell(route: &Route, row: &Claimed, fate: &Fate) {
    let (owner, message, request_id, attempts) = (&*route.owner, row.id, row.public_id, row.attempts);
    match fate {
        Fate::Delivered { .. } => tracing::info!(owner, message, %request_id, attempts, "a message was delivered"),
        Fate::Retry { reason, .. } => {
            let reason = reason.as_deref().unwrap_or_default();
            tracing::warn!(owner, message, %request_id, attempts, reason, "a message was not delivered yet");
        }
        Fate::Parked { reason, .. } => tracing::error!(
            owner,
            message,
            %request_id,
            attempts,
            reason = &**reason,
            "ALARM: a message was given up; once the cause is mended: usher admin delivery replay"
        ),
    }
}
