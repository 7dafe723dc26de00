//! When there is too much to do: what would have to wait is turned away before it is read, so that what was taken is done
//! in time.
//!
//! Two things are looked at: how much waits for the store, and, where many requests are under way, how late this process
//! gets to run. Either alone says little: a short queue may be a slow disk's, and a busy neighbour makes everybody late.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use usher_storage::Health;
use usher_wire::OperationKind;

use crate::fault::Fault;
use crate::gateway::Gateway;
use crate::limits::Limits;

/// How often it is measured how late this process is.
const MEASURE_PERIOD: Duration = Duration::from_millis(5);
/// How often it is told how many requests were turned away: one line for all of them, as a line for each would be work too.
const TELL_PERIOD: Duration = Duration::from_secs(1);

/// What is known of the load.
#[derive(Debug, Default)]
pub(crate) struct Pressure {
    under_way: AtomicUsize,
    late_micros: AtomicU64,
    turned_away: AtomicU64,
}

/// A request under way, until this is dropped.
pub(crate) struct UnderWay<'p>(&'p Pressure);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Relaxed);
    }
}

impl Pressure {
    /// Counts a request for as long as it is under way.
    pub(crate) fn begin(&self) -> UnderWay<'_> {
        self.under_way.fetch_add(1, Relaxed);
        UnderWay(self)
    }

    /// Requests under way.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.load(Relaxed)
    }

    /// How late this process got to run when it was last measured.
    pub(crate) fn late(&self) -> Duration {
        Duration::from_micros(self.late_micros.load(Relaxed))
    }

    /// Why a request is turned away before anything of it is looked at, if it is. Who only reads is served as long as that
    /// can be: it is how those who wait find out what became of theirs.
    pub(crate) fn refusal(
        &self,
        kind: OperationKind,
        takes_room: bool,
        health: &Health,
        limits: &Limits,
    ) -> Option<Fault> {
        let stores = match kind {
            OperationKind::Submit | OperationKind::Withdraw | OperationKind::Change => true,
            OperationKind::Check | OperationKind::Read | OperationKind::List => false,
        };
        if takes_room && kind == OperationKind::Submit && health.full {
            return Some(Fault::StoreUnavailable);
        }
        let is_late = self.under_way() > limits.under_way_max && self.late() > limits.late_time_max;
        let is_queue_long = stores && health.queue_length >= limits.queue_length_max;
        if !is_late && !is_queue_long {
            return None;
        }
        self.turned_away.fetch_add(1, Relaxed);
        Some(Fault::Overloaded)
    }
}

/// Measures how late this process gets to run, for as long as the gateway does.
pub async fn watch_load(gateway: std::sync::Arc<Gateway>) {
    let pressure = &gateway.pressure;
    let mut told_at = Instant::now();
    loop {
        let due = Instant::now() + MEASURE_PERIOD;
        sleep(MEASURE_PERIOD).await;
        let late = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
        pressure.late_micros.store(late, Relaxed);
        if told_at.elapsed() >= TELL_PERIOD {
            told_at = Instant::now();
            let count = pressure.turned_away.swap(0, Relaxed);
            if count > 0 {
                tracing::warn!(count, late_micros = late, "requests were turned away: there is too much to do");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::World;

    fn health(queue_length: usize, full: bool) -> Health {
        Health {
            writable: true,
            full,
            queue_length,
            queue_wait: Duration::ZERO,
            transactions: 0,
            commits: 0,
            erased: 0,
        }
    }

    fn limits() -> Limits {
        Limits { queue_length_max: 10, under_way_max: 2, late_time_max: Duration::from_millis(25), ..Limits::default() }
    }

    fn code(pressure: &Pressure, kind: OperationKind, health: &Health) -> Option<&'static str> {
        pressure.refusal(kind, true, health, &limits()).map(|fault| fault.code())
    }

    #[test]
    fn what_stores_is_turned_away_at_a_long_queue_and_what_reads_is_not() {
        let pressure = Pressure::default();
        for kind in [OperationKind::Submit, OperationKind::Withdraw, OperationKind::Change] {
            assert_eq!(code(&pressure, kind, &health(9, false)), None);
            assert_eq!(code(&pressure, kind, &health(10, false)), Some("overloaded"));
        }
        for kind in [OperationKind::Read, OperationKind::List, OperationKind::Check] {
            assert_eq!(code(&pressure, kind, &health(10, true)), None);
        }
    }

    #[test]
    fn for_want_of_space_only_what_takes_some_is_turned_away() {
        let pressure = Pressure::default();
        assert_eq!(code(&pressure, OperationKind::Submit, &health(0, true)), Some("store_unavailable"));
        for kind in [OperationKind::Withdraw, OperationKind::Change, OperationKind::Read] {
            assert_eq!(code(&pressure, kind, &health(0, true)), None);
        }
        assert!(pressure.refusal(OperationKind::Submit, false, &health(0, true), &limits()).is_none());
    }

    #[tokio::test]
    async fn who_is_turned_away_is_told_when_to_come_back_and_nothing_of_it_was_read() {
        let limits = Limits { queue_length_max: 0, ..Limits::default() };
        let world = World::start(limits, crate::router).await;
        // Neither the key nor the body is one.
        let json = "content-type: application/json\r\n";
        let answer = world.call("POST", "/contact-request/v1/requests", "no key", json, "{").await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.contains("retry-after: 1\r\n") && answer.contains("\"overloaded\""), "{answer}");
        let answer = world.call("GET", "/receipts/v1/receipts", &world.key, "", "").await;
        assert!(!answer.starts_with("HTTP/1.1 503 "), "{answer}");
    }

    #[test]
    fn being_late_counts_only_where_many_requests_are_under_way() {
        let pressure = Pressure::default();
        pressure.late_micros.store(25_001, Relaxed);
        let two = [pressure.begin(), pressure.begin()];
        assert_eq!(code(&pressure, OperationKind::Submit, &health(0, false)), None);
        let third = pressure.begin();
        for kind in [OperationKind::Submit, OperationKind::Read] {
            assert_eq!(code(&pressure, kind, &health(0, false)), Some("overloaded"));
        }
        pressure.late_micros.store(25_000, Relaxed);
        assert_eq!(code(&pressure, OperationKind::Submit, &health(0, false)), None);
        drop((two, third));
        assert_eq!(pressure.under_way(), 0);
    }
}
