//! What is counted of requests: how each operation ended, and how long it took.
//!
//! Counting is a few additions without a lock; only whoever reads the counts names and sums them. Names are operations of
//! the contracts and codes of the table of errors, so nothing that a client sends becomes one.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;

/// Upper bounds of the classes of times, in microseconds; one class more is for all above.
pub(crate) const BOUNDS_MICROS: [u64; 14] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000, 30_000_000,
];

/// Classes of statuses, by their first digit.
pub(crate) const STATUS_CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// The counts of one operation.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    by_status: [AtomicU64; STATUS_CLASSES.len()],
    by_time: [AtomicU64; BOUNDS_MICROS.len() + 1],
    total_micros: AtomicU64,
    shed: AtomicU64,
}

/// The counts of one operation, at one moment.
#[derive(Debug)]
pub(crate) struct Counts {
    pub(crate) operation: &'static str,
    /// In the order of [`STATUS_CLASSES`].
    pub(crate) by_status: [u64; STATUS_CLASSES.len()],
    /// In the order of [`BOUNDS_MICROS`], the rest last. Each counts its own class only.
    pub(crate) by_time: [u64; BOUNDS_MICROS.len() + 1],
    pub(crate) total_micros: u64,
    /// Requests that were turned away because there was too much to do.
    pub(crate) shed: u64,
}

/// The counts of all operations.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    all: Mutex<Vec<(&'static str, Arc<Meter>)>>,
}

impl Meter {
    /// Counts a request.
    pub(crate) fn count(&self, status: StatusCode, time: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(2, 5) - 2;
        self.by_status[class].fetch_add(1, Relaxed);
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.by_time[BOUNDS_MICROS.partition_point(|bound| *bound < micros)].fetch_add(1, Relaxed);
        self.total_micros.fetch_add(micros, Relaxed);
    }

    /// Counts a request that was turned away; beside [`Meter::count`].
    pub(crate) fn count_shed(&self) {
        self.shed.fetch_add(1, Relaxed);
    }
}

impl Meters {
    /// The meter of an operation. One that is offered at several doors is counted as one.
    pub(crate) fn of(&self, operation: &'static str) -> Arc<Meter> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, meter)) = all.iter().find(|(name, _)| *name == operation) {
            return meter.clone();
        }
        let meter = Arc::<Meter>::default();
        all.push((operation, meter.clone()));
        meter
    }

    /// All counts, by name of the operation.
    pub(crate) fn counts(&self) -> Vec<Counts> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let load = AtomicU64::load;
        let mut counts: Vec<Counts> = all
            .iter()
            .map(|(operation, meter)| Counts {
                operation,
                by_status: meter.by_status.each_ref().map(|count| load(count, Relaxed)),
                by_time: meter.by_time.each_ref().map(|count| load(count, Relaxed)),
                total_micros: meter.total_micros.load(Relaxed),
                shed: meter.shed.load(Relaxed),
            })
            .collect();
        counts.sort_unstable_by_key(|counts| counts.operation);
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_on_a_bound_is_below_it_and_one_past_it_above() {
        let meters = Meters::default();
        let meter = meters.of("submit");
        for micros in [0, 250, 251, 30_000_000, 30_000_001] {
            meter.count(StatusCode::CREATED, Duration::from_micros(micros));
        }
        let counts = meters.counts().remove(0);
        assert_eq!((counts.by_time[0], counts.by_time[1]), (2, 1));
        assert_eq!(counts.by_time[13..], [1, 1]);
        assert_eq!(counts.total_micros, 60_000_502);
    }

    #[test]
    fn every_status_has_its_class() {
        let meters = Meters::default();
        let meter = meters.of("submit");
        for status in [100, 201, 304, 404, 429, 503, 999] {
            meter.count(StatusCode::from_u16(status).unwrap(), Duration::ZERO);
        }
        assert_eq!(meters.counts()[0].by_status, [2, 1, 2, 2]);
    }

    #[test]
    fn an_operation_at_two_doors_is_counted_once() {
        let meters = Meters::default();
        meters.of("b").count(StatusCode::OK, Duration::ZERO);
        meters.of("a").count_shed();
        meters.of("b").count(StatusCode::OK, Duration::ZERO);
        let counts = meters.counts();
        assert_eq!(counts.iter().map(|counts| counts.operation).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((counts[1].by_status[0], counts[0].shed), (2, 1));
    }
}
