//! Counts of what a node did, in Prometheus's text format. No names, no digests.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use eligo_ledger::engine::Status;
use eligo_ledger::height::Height;

/// Upper bounds of the latency histogram, in milliseconds.
const BOUNDS_MS: [u64; 8] = [1, 5, 25, 100, 500, 1_000, 5_000, 30_000];

#[derive(Clone, Copy, Debug, Default)]
struct Latency {
    buckets: [u64; BOUNDS_MS.len()],
    count: u64,
    total_us: u64,
}

#[derive(Debug, Default)]
pub(super) struct Metrics {
    accepted: AtomicU64,
    refused: AtomicU64,
    /// By route and status.
    requests: Mutex<BTreeMap<(String, u16), Latency>>,
}

impl Metrics {
    pub(super) fn submitted(&self, accepted: bool) {
        let counter = if accepted {
            &self.accepted
        } else {
            &self.refused
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn served(&self, route: &str, status: u16, took: Duration) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let latency = requests.entry((route.to_owned(), status)).or_default();
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        for (bucket, bound) in latency.buckets.iter_mut().zip(BOUNDS_MS) {
            *bucket += u64::from(ms <= bound);
        }
        latency.count += 1;
        latency.total_us += u64::try_from(took.as_micros()).unwrap_or(0);
    }

    /// The page.
    pub(super) fn page(&self, height: Height, status: &Status) -> String {
        let mut page = String::new();
        let mut line = |text: String| writeln!(page, "{text}").unwrap_or_default();
        let waiting = status.replicas.iter().map(|r| r.waiting).max().unwrap_or(0);
        let running = status.replicas.iter().filter(|r| !r.halted).count();
        for (name, kind, help, value) in [
            (
                "eligo_height",
                "gauge",
                "Height of the last final block",
                height.get(),
            ),
            (
                "eligo_replicas_running",
                "gauge",
                "Replicas of this process that run",
                running as u64,
            ),
            (
                "eligo_transactions_waiting",
                "gauge",
                "Transactions that wait",
                waiting as u64,
            ),
        ] {
            line(format!(
                "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}"
            ));
        }
        let name = "eligo_transactions_total";
        line(format!(
            "# HELP {name} Transactions answered\n# TYPE {name} counter"
        ));
        for (label, counter) in [("accepted", &self.accepted), ("refused", &self.refused)] {
            let value = counter.load(Ordering::Relaxed);
            line(format!("{name}{{outcome=\"{label}\"}} {value}"));
        }
        let name = "eligo_request_seconds";
        line(format!(
            "# HELP {name} Requests by route and status\n# TYPE {name} histogram"
        ));
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        for ((route, status), latency) in requests.iter() {
            let labels = format!("route=\"{route}\",status=\"{status}\"");
            for (bound, n) in BOUNDS_MS.iter().zip(latency.buckets) {
                let le = format!("{}.{:03}", bound / 1000, bound % 1000);
                line(format!("{name}_bucket{{{labels},le=\"{le}\"}} {n}"));
            }
            let (count, us) = (latency.count, latency.total_us);
            line(format!("{name}_bucket{{{labels},le=\"+Inf\"}} {count}"));
            let sum = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
            line(format!(
                "{name}_sum{{{labels}}} {sum}\n{name}_count{{{labels}}} {count}"
            ));
        }
        page
    }
}
