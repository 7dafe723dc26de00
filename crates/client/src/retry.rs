//! When a call is sent again, how long the client waits before, and when it gives up.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::error::NetworkFault;
use crate::http::{Fault, Response};

/// How long things may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeLimits {
    /// To reach the gateway, TLS included.
    pub connect_time_max: Duration,
    /// From sending to the end of the answer, each time.
    pub attempt_time_max: Duration,
    /// All attempts and the pauses between them.
    pub call_time_max: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        TimeLimits {
            connect_time_max: Duration::from_secs(5),
            // A little more than the gateway gives itself, so that its own answer is heard.
            attempt_time_max: Duration::from_secs(35),
            call_time_max: Duration::from_secs(90),
        }
    }
}

/// How often and how soon a call is sent again. Only calls that cannot duplicate anything are: reads, checks, and
/// submits with an idempotency key; and only after trouble that passes: no connection, no answer in time, an answer cut
/// off, and the statuses 408, 429, 502, 503, 504, and 409 with `Retry-After`, by which the gateway says that the first
/// call with this key is still running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a call is sent at most, the first time included.
    pub attempt_count_max: u32,
    /// The longest pause before the second attempt. It doubles each time; the pause is drawn evenly between nothing and
    /// that, so that clients which failed together do not come back together.
    pub pause_first_max: Duration,
    /// The longest pause, however often it doubled.
    pub pause_max: Duration,
    /// The longest `Retry-After` that is waited for. Told to wait longer, the client gives the answer to its caller.
    pub retry_after_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy {
            attempt_count_max: 5,
            pause_first_max: Duration::from_millis(250),
            pause_max: Duration::from_secs(8),
            retry_after_max: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// Sends every call once.
    pub fn never() -> RetryPolicy {
        RetryPolicy { attempt_count_max: 1, ..RetryPolicy::default() }
    }

    /// How long to wait after attempt `attempt_count`, or not to try again. `draw` is any number, drawn by chance.
    fn pause(&self, attempt_count: u32, outcome: &Result<Response, Fault>, draw: u64) -> Option<Duration> {
        if attempt_count >= self.attempt_count_max {
            return None;
        }
        let told = match outcome {
            Ok(response) if is_passing(response.status, response.retry_after) => response.retry_after,
            Err(fault) if fault.kind != NetworkFault::Tls => None,
            _ => return None,
        };
        let doublings = attempt_count.saturating_sub(1).min(31);
        let longest = self.pause_first_max.saturating_mul(1 << doublings).min(self.pause_max);
        match told {
            Some(told) if told > self.retry_after_max => None,
            // Everybody who was told the same time adds a little of their own.
            Some(told) => Some(told + part(self.pause_first_max, draw)),
            None => Some(part(longest, draw)),
        }
    }
}

/// Whether an answer tells of trouble that passes by itself.
pub(crate) fn is_passing(status: u16, retry_after: Option<Duration>) -> bool {
    match status {
        408 | 429 | 502 | 503 | 504 => true,
        // Other conflicts stay: the state does not allow the call.
        409 => retry_after.is_some(),
        _ => false,
    }
}

/// Sends a call until it has an answer that stays, within the limits. Returns the last outcome and the number of
/// attempts.
pub(crate) async fn repeat<F>(
    limits: &TimeLimits,
    policy: &RetryPolicy,
    is_repeatable: bool,
    mut attempt: impl FnMut() -> F,
) -> (Result<Response, Fault>, u32)
where
    F: Future<Output = Result<Response, Fault>> + Send,
{
    let end = Instant::now() + limits.call_time_max;
    let mut attempt_count = 0;
    loop {
        attempt_count += 1;
        let time_max = limits.attempt_time_max.min(end.saturating_duration_since(Instant::now()));
        let outcome = match timeout(time_max, attempt()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Fault { kind: NetworkFault::Timeout, cause: None, source: None }),
        };
        // Without randomness the longest pause is the safe one.
        let draw = getrandom::u64().unwrap_or(u64::MAX);
        match policy.pause(attempt_count, &outcome, draw).filter(|_| is_repeatable) {
            // A pause that outlasts the call is not worth beginning: the caller can be told now.
            Some(pause) if Instant::now() + pause < end => sleep(pause).await,
            _ => return (outcome, attempt_count),
        }
    }
}

/// A part of `whole` between nothing and all of it, as `draw` lies between zero and its largest value.
fn part(whole: Duration, draw: u64) -> Duration {
    let nanos = whole.as_nanos() * u128::from(draw) / u128::from(u64::MAX);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
