//! The numbers as text in the OpenMetrics form. Labels are names of operations, listeners and checks and classes of
//! statuses: closed sets, of which no caller can add to one.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use usher_storage::Backlog;

use super::{Standing, ready};
use crate::meter::{BOUNDS_MICROS, Counts, STATUS_CLASSES};

pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All numbers of a moment.
pub(super) fn text(standing: Standing) -> String {
    let mut registry = Registry::with_prefix("usher");
    registry.register_collector(Box::new(standing));
    let mut text = String::new();
    // Writing to a string fails only where a collector does, and ours has no reason to.
    encode(&mut text, &registry).expect("the numbers can be written");
    text
}

impl Collector for Standing {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.about_program(&mut page)?;
        self.about_requests(&mut page)?;
        self.about_store(&mut page)?;
        self.about_backlog(&mut page)?;
        self.about_listeners(&mut page)
    }
}

impl Standing {
    fn about_program(&self, page: &mut Page<'_>) -> fmt::Result {
        let mut build = page.begin("build", "The version that runs", None, MetricType::Info)?;
        build.encode_info(&[("version", self.version)])?;
        let started = self.started_at.as_second();
        page.gauge("start_time", "When the gateway was started, Unix time", Some(Unit::Seconds), Some(started))?;
        let mut ready = page.begin("ready", "Whether a check of /readyz holds, 1 or 0", None, MetricType::Gauge)?;
        for check in ready::checks(self) {
            ready.encode_family(&[("check", check.name)])?.encode_gauge(&i64::from(check.is_ok))?;
        }
        let version = Some(i64::from(self.products_version));
        page.gauge("products_version", "The version of the products in force; 0 is built in", None, version)?;
        let generation = self.documents_generation;
        page.gauge("documents_generation", "Grows with every document that is stored", None, generation)
    }

    fn about_requests(&self, page: &mut Page<'_>) -> fmt::Result {
        let help = "Requests that were answered, by operation and class of the status";
        let mut requests = page.begin("requests", help, None, MetricType::Counter)?;
        for counts in &self.operations {
            for (class, count) in STATUS_CLASSES.iter().zip(counts.by_status) {
                count_of(&mut requests, &[("operation", counts.operation), ("status", class)], count)?;
            }
        }
        let help = "Requests that were turned away because there was too much to do";
        let mut shed = page.begin("requests_shed", help, None, MetricType::Counter)?;
        for counts in &self.operations {
            count_of(&mut shed, &[("operation", counts.operation)], counts.shed)?;
        }
        let under_way = i64::try_from(self.under_way).unwrap_or(i64::MAX);
        page.gauge("requests_under_way", "Requests that are worked on", None, Some(under_way))?;
        let help = "How late the process got to run when it was last measured";
        page.begin("late", help, Some(&Unit::Seconds), MetricType::Gauge)?.encode_gauge(&self.late.as_secs_f64())?;
        let help = "Time from the head of a request to its answer, the body included";
        let mut times = page.begin("request_duration", help, Some(&Unit::Seconds), MetricType::Histogram)?;
        for counts in self.operations.iter().filter(|counts| counts.by_time.iter().any(|count| *count > 0)) {
            let labels = [("operation", counts.operation)];
            let (sum, count, classes) = histogram(counts);
            times.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &classes, None)?;
        }
        Ok(())
    }

    fn about_store(&self, page: &mut Page<'_>) -> fmt::Result {
        let health = &self.health;
        page.counter("commits", "Requests and changes that were stored", health.commits)?;
        page.counter(
            "transactions",
            "Transactions that stored them; each is one sync of the disk",
            health.transactions,
        )?;
        page.counter("erased", "Requests whose content was erased because its time was over", health.erased)?;
        let length = i64::try_from(health.queue_length).unwrap_or(i64::MAX);
        page.gauge("queue_length", "Work that waits for the writer", None, Some(length))?;
        let mut wait = page.begin("queue_wait", "How long it waits", Some(&Unit::Seconds), MetricType::Gauge)?;
        wait.encode_gauge(&health.queue_wait.as_secs_f64())?;

        let bytes = |count: Option<u64>| count.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        let extent = self.extent.as_ref();
        let of = Some(Unit::Bytes);
        page.gauge("database", "Size of the database", of.clone(), bytes(extent.map(|it| it.database_bytes)))?;
        let reusable = bytes(extent.map(|it| it.reusable_bytes));
        page.gauge("database_reusable", "What of the database is empty and used again", of.clone(), reusable)?;
        let log = bytes(extent.and_then(|it| it.log_bytes));
        page.gauge("log", "Size of the write-ahead log", of.clone(), log)?;
        let free = bytes(extent.and_then(|it| it.volume_free_bytes));
        page.gauge("volume_free", "What is free on the volume of the data folder", of, free)?;
        match extent.and_then(|it| it.checkpoints) {
            Some(count) => page.counter("checkpoints", "Times the log was copied into the database", count),
            None => Ok(()),
        }
    }

    fn about_backlog(&self, page: &mut Page<'_>) -> fmt::Result {
        let mut of_each = |name, help, unit: Option<Unit>, value: &dyn Fn(&Backlog) -> i64| -> fmt::Result {
            let mut metric = page.begin(name, help, unit.as_ref(), MetricType::Gauge)?;
            for it in &self.backlog {
                let labels = [("environment", it.environment.as_str()), ("destination", it.destination.as_str())];
                metric.encode_family(&labels)?.encode_gauge(&value(it))?;
            }
            Ok(())
        };
        of_each("backlog_pending", "Messages that wait to be sent or pulled", None, &|it| it.pending)?;
        let help = "Messages that could not be delivered and need a person";
        of_each("backlog_parked", help, None, &|it| it.parked)?;
        let help = "How long the oldest message that waits has been due";
        let age = |it: &Backlog| it.oldest_due_at.map_or(0, |at| (self.now - at).max(0) / 1000);
        of_each("backlog_oldest_due", help, Some(Unit::Seconds), &age)
    }

    fn about_listeners(&self, page: &mut Page<'_>) -> fmt::Result {
        let mut open = page.begin("connections", "Connections that are open", None, MetricType::Gauge)?;
        for (listener, counts) in &self.listeners {
            let count = i64::try_from(counts.open).unwrap_or(i64::MAX);
            open.encode_family(&[("listener", *listener)])?.encode_gauge(&count)?;
        }
        let mut accepted = page.begin("connections_accepted", "Connections taken", None, MetricType::Counter)?;
        for (listener, counts) in &self.listeners {
            count_of(&mut accepted, &[("listener", *listener)], counts.accepted)?;
        }
        let help = "Connections turned away for want of a place";
        let mut refused = page.begin("connections_refused", help, None, MetricType::Counter)?;
        for (listener, counts) in &self.listeners {
            count_of(&mut refused, &[("listener", *listener)], counts.refused)?;
        }
        Ok(())
    }
}

/// What is being written.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn begin<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        unit: Option<&'s Unit>,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0.encode_descriptor(name, help, unit, kind)
    }

    fn counter(&mut self, name: &str, help: &str, count: u64) -> fmt::Result {
        let mut metric = self.begin(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, f64>(&count, None)
    }

    /// A value that is not known is left out.
    fn gauge(&mut self, name: &str, help: &str, unit: Option<Unit>, value: Option<i64>) -> fmt::Result {
        let Some(value) = value else { return Ok(()) };
        self.begin(name, help, unit.as_ref(), MetricType::Gauge)?.encode_gauge(&value)
    }
}

fn count_of(metric: &mut MetricEncoder<'_>, labels: &impl EncodeLabelSet, count: u64) -> fmt::Result {
    metric.encode_family(labels)?.encode_counter::<NoLabelSet, _, f64>(&count, None)
}

/// Sum in seconds, number, and the number in each class with its upper bound in seconds.
fn histogram(counts: &Counts) -> (f64, u64, Vec<(f64, u64)>) {
    let bounds = BOUNDS_MICROS.iter().map(|micros| seconds(*micros)).chain([f64::INFINITY]);
    let classes: Vec<(f64, u64)> = bounds.zip(counts.by_time).collect();
    (seconds(counts.total_micros), counts.by_time.iter().sum(), classes)
}

#[expect(clippy::cast_precision_loss, reason = "a sum of times needs no more than 52 bits of it")]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1_000_000.0
}
