//! A circuit breaker: after some failures in a row nobody is sent to a service that is down, so that callers are told at
//! once and the service is left in peace; then one call at a time finds out whether it is back.
//!
//! The time is passed in. What a failure is, the caller says.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// When the circuit opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Failures in a row that open it; at least one.
    pub failure_count_max: u32,
    /// How long nobody is let through.
    pub open_time: Duration,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        BreakerPolicy { failure_count_max: 5, open_time: Duration::from_secs(10) }
    }
}

/// What the breaker does with the next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Lets it through.
    Closed,
    /// Refuses it.
    Open,
    /// Lets it through if no other is trying out whether the service is back.
    HalfOpen,
}

/// What happened since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BreakerCounts {
    /// Calls that succeeded.
    pub succeeded: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Calls that were refused.
    pub refused: u64,
    /// How often the circuit opened.
    pub opened: u64,
}

/// The breaker.
#[derive(Debug)]
pub struct Breaker {
    policy: BreakerPolicy,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Failures since the last success.
    failure_count: u32,
    /// Set while the circuit is open, and after that until a call has succeeded.
    open_until: Option<Instant>,
    is_trying: bool,
    counts: BreakerCounts,
}

/// Leave to make one call. Dropped without a verdict, for whoever waited has gone, it says nothing about the service.
#[derive(Debug)]
pub struct Permit<'b> {
    breaker: &'b Breaker,
    /// Whether it is the call that tries out an open circuit.
    is_trial: bool,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(policy: BreakerPolicy) -> Self {
        Breaker { policy, inner: Mutex::default() }
    }

    /// Leave to make a call.
    ///
    /// # Errors
    /// The circuit is open: after the given time it may be worth asking again.
    pub fn admit(&self, now: Instant) -> Result<Permit<'_>, Duration> {
        let mut inner = self.lock();
        let wait = match inner.state(now) {
            BreakerState::Closed => return Ok(Permit { breaker: self, is_trial: false }),
            BreakerState::HalfOpen if !inner.is_trying => {
                inner.is_trying = true;
                return Ok(Permit { breaker: self, is_trial: true });
            }
            // The trial will be over soon, with one result or the other.
            BreakerState::HalfOpen => Duration::from_secs(1),
            BreakerState::Open => inner.open_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now)),
        };
        inner.counts.refused += 1;
        Err(wait)
    }

    /// What it would do with a call now.
    pub fn state(&self, now: Instant) -> BreakerState {
        self.lock().state(now)
    }

    /// What happened since the start.
    pub fn counts(&self) -> BreakerCounts {
        self.lock().counts
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is whole before a panic could happen.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn state(&self, now: Instant) -> BreakerState {
        match self.open_until {
            None => BreakerState::Closed,
            Some(until) if now < until => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }
}

impl Permit<'_> {
    /// The service answered: the circuit closes.
    pub fn succeeded(self) {
        let mut inner = self.breaker.lock();
        inner.counts.succeeded += 1;
        // A call that began before the circuit opened does not close it: its answer is older than the failures.
        if self.is_trial || inner.open_until.is_none() {
            inner.failure_count = 0;
            inner.open_until = None;
        }
    }

    /// The service did not answer, or not with anything of use.
    pub fn failed(self, now: Instant) {
        let policy = self.breaker.policy;
        let mut inner = self.breaker.lock();
        inner.counts.failed += 1;
        inner.failure_count = inner.failure_count.saturating_add(1);
        let opens = self.is_trial || (inner.open_until.is_none() && inner.failure_count >= policy.failure_count_max);
        if opens {
            inner.counts.opened += 1;
            inner.open_until = Some(now + policy.open_time);
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.is_trial {
            // Judged or not, the trial is over; without a verdict the next call is the next trial.
            self.breaker.lock().is_trying = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn breaker() -> Breaker {
        Breaker::new(BreakerPolicy { failure_count_max: 3, open_time: 10 * SECOND })
    }

    fn fail(breaker: &Breaker, now: Instant, count: u32) {
        for _ in 0..count {
            breaker.admit(now).expect("the circuit lets it through").failed(now);
        }
    }

    #[test]
    fn failures_in_a_row_open_it_and_others_do_not() {
        let (breaker, now) = (breaker(), Instant::now());
        fail(&breaker, now, 2);
        breaker.admit(now).unwrap().succeeded();
        fail(&breaker, now, 2);
        assert_eq!(breaker.state(now), BreakerState::Closed);
        fail(&breaker, now, 1);
        assert_eq!(breaker.state(now), BreakerState::Open);
        assert_eq!(breaker.counts(), BreakerCounts { succeeded: 1, failed: 5, refused: 0, opened: 1 });
    }

    #[test]
    fn an_open_one_says_how_long_it_will_be() {
        let (breaker, now) = (breaker(), Instant::now());
        fail(&breaker, now, 3);
        for (seconds, wait) in [(0, 10), (4, 6), (9, 1)] {
            assert_eq!(breaker.admit(now + seconds * SECOND).unwrap_err(), wait * SECOND);
        }
        assert_eq!(breaker.counts().refused, 3);
    }

    #[test]
    fn one_call_at_a_time_finds_out_whether_the_service_is_back() {
        let (breaker, now) = (breaker(), Instant::now());
        fail(&breaker, now, 3);
        let later = now + 10 * SECOND;
        assert_eq!(breaker.state(later), BreakerState::HalfOpen);
        let trial = breaker.admit(later).unwrap();
        assert_eq!(breaker.admit(later).unwrap_err(), SECOND);
        trial.failed(later);
        assert_eq!(breaker.admit(later + 9 * SECOND).unwrap_err(), SECOND);
        let trial = breaker.admit(later + 10 * SECOND).unwrap();
        trial.succeeded();
        assert_eq!(breaker.state(later + 10 * SECOND), BreakerState::Closed);
        assert_eq!(breaker.counts().opened, 2);
        // The count begins anew.
        fail(&breaker, later, 2);
        assert_eq!(breaker.state(later), BreakerState::Closed);
    }

    #[test]
    fn a_trial_that_nobody_waits_for_any_more_leaves_the_next_one_free() {
        let (breaker, now) = (breaker(), Instant::now());
        fail(&breaker, now, 3);
        let later = now + 10 * SECOND;
        drop(breaker.admit(later).unwrap());
        assert_eq!(breaker.state(later), BreakerState::HalfOpen);
        breaker.admit(later).unwrap().succeeded();
        assert_eq!(breaker.state(later), BreakerState::Closed);
    }

    #[test]
    fn calls_that_began_before_it_opened_neither_close_it_nor_keep_it_open_longer() {
        let (breaker, now) = (breaker(), Instant::now());
        let (slow_success, slow_failure) = (breaker.admit(now).unwrap(), breaker.admit(now).unwrap());
        fail(&breaker, now, 3);
        slow_success.succeeded();
        assert_eq!(breaker.state(now), BreakerState::Open);
        slow_failure.failed(now + 5 * SECOND);
        assert_eq!(breaker.admit(now + 5 * SECOND).unwrap_err(), 5 * SECOND);
    }
}
