//! What is being sent at one time, and how fast: two readings give the rates.

#![allow(
    clippy::cast_precision_loss,
    reason = "what is counted stays far below 2^52"
)]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::operation::Operation;
use crate::client::text::{Cell, Table, grouped};
use crate::client::top::metrics::Metrics;

/// What was read at one time.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub at: Instant,
    /// The Operations that are being sent, the newest first.
    pub operations: Vec<Operation>,
    /// Whether there are more of them.
    pub has_more: bool,
    /// `None`: the address of the metrics is not known.
    pub metrics: Option<Metrics>,
    /// Why the last reading failed, if it has.
    pub error: Option<String>,
}

/// A reading with its rates, in notifications a second.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub reading: Reading,
    /// Of each Operation, in the same order; `None`: it is not in the reading before.
    pub rates: Vec<Option<f64>>,
    /// Delivery attempts of the process a second.
    pub attempt_rate: Option<f64>,
}

impl Snapshot {
    pub(super) fn new(reading: Reading, before: Option<&Reading>) -> Self {
        let elapsed = before.map_or(Duration::ZERO, |before| {
            reading.at.duration_since(before.at)
        });
        let rate = |now: u64, then: u64| {
            // The counters of a process begin at 0 again when it restarts.
            let is_known = elapsed > Duration::ZERO && now >= then;
            is_known.then(|| (now - then) as f64 / elapsed.as_secs_f64())
        };

        // By id: the list moves when an Operation begins or ends.
        let settled: HashMap<&str, u64> = before
            .iter()
            .flat_map(|before| &before.operations)
            .map(|operation| (operation.id.as_str(), operation.stats.settled()))
            .collect();
        let rates = reading
            .operations
            .iter()
            .map(|operation| {
                let then = settled.get(operation.id.as_str())?;
                // Of all results, because what has failed needs no time any more.
                rate(operation.stats.settled(), *then)
            })
            .collect();

        let attempts = |reading: &Reading| reading.metrics.as_ref().map(|metrics| metrics.attempts);
        let attempt_rate = attempts(&reading)
            .zip(before.and_then(attempts))
            .and_then(|(now, then)| rate(now, then));
        Self {
            reading,
            rates,
            attempt_rate,
        }
    }

    /// The sums of all Operations, in a line.
    pub(super) fn headline(&self) -> String {
        let left: u64 = self
            .reading
            .operations
            .iter()
            .map(|operation| operation.stats.queued + operation.stats.scheduled)
            .sum();
        let more = if self.reading.has_more { "+" } else { "" };
        let mut line = format!(
            "{}{more} running, {} to send",
            self.reading.operations.len(),
            grouped(left)
        );

        let known: Vec<f64> = self.rates.iter().copied().flatten().collect();
        if !known.is_empty() {
            let _ = write!(line, ", {}/s", grouped(known.iter().sum::<f64>() as u64));
        }
        line
    }

    /// The queue of the whole database, in a line; `None`: it is not known.
    pub(super) fn queue(&self) -> Option<String> {
        let metrics = self.reading.metrics.as_ref()?;
        let mut line = format!(
            "queue: {} due (oldest {:.1} s), {} later, {} claimed here",
            grouped(metrics.due),
            metrics.oldest_due,
            grouped(metrics.later),
            grouped(metrics.claimed)
        );

        if let Some(rate) = self.attempt_rate {
            let _ = write!(line, ", {} attempts/s", grouped(rate as u64));
        }
        Some(line)
    }

    /// The cells of an Operation's row.
    pub(super) fn operation(&self, index: usize) -> Option<[String; 6]> {
        let operation = self.reading.operations.get(index)?;
        let stats = operation.stats;
        let rate = self.rates.get(index).copied().flatten();
        let left = stats.queued + stats.scheduled;
        let time_left = match rate {
            // A rate near 0, such as in a pause, would give an estimate of days.
            Some(rate) if rate >= 1.0 => {
                format!("{} s", grouped((left as f64 / rate).ceil() as u64))
            }
            _ => "-".to_owned(),
        };

        Some([
            operation.id.clone(),
            format!("{}/{}", grouped(stats.settled()), grouped(stats.total)),
            grouped(stats.sent),
            grouped(stats.failed + stats.unaddressable),
            rate.map_or("-".to_owned(), |rate| format!("{}/s", grouped(rate as u64))),
            time_left,
        ])
    }

    /// How much of an Operation is done, from 0 to 1.
    pub(super) fn done(&self, index: usize) -> f64 {
        let stats = self
            .reading
            .operations
            .get(index)
            .map(|operation| operation.stats);
        let stats = stats.unwrap_or_default();

        if stats.total == 0 {
            0.0
        } else {
            (stats.settled() as f64 / stats.total as f64).clamp(0.0, 1.0)
        }
    }

    /// For an output that is no terminal.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.headline()];
        lines.extend(self.queue());

        let mut table = Table::new(&OPERATION_TITLES);
        for index in 0..self.reading.operations.len() {
            let cells = self.operation(index).unwrap_or_default();
            table.row(cells.iter().map(Cell::from).collect());
        }
        if !self.reading.operations.is_empty() {
            lines.push(String::new());
            lines.extend(table.lines());
        }

        let lanes = self
            .reading
            .metrics
            .iter()
            .flat_map(|metrics| &metrics.lanes);
        let mut table = Table::new(&LANE_TITLES);
        let mut has_lane = false;
        for lane in lanes {
            has_lane = true;
            table.row(vec![
                Cell::from(&lane.provider),
                Cell::from(&lane.credential),
                Cell::from(lane.state()),
                Cell::from(format!(
                    "{}/{}",
                    grouped(lane.in_flight),
                    grouped(lane.limit)
                )),
                Cell::number(lane.connections),
                Cell::number(lane.backlog),
            ]);
        }
        if has_lane {
            lines.push(String::new());
            lines.extend(table.lines());
        }
        lines
    }

    pub(super) fn as_json(&self) -> Value {
        let operations: Vec<Value> = self
            .reading
            .operations
            .iter()
            .zip(&self.rates)
            .map(|(operation, rate)| {
                let stats = operation.stats;
                json!({
                    "id": operation.id,
                    "status": operation.status,
                    "total": stats.total,
                    "settled": stats.settled(),
                    "sent": stats.sent,
                    "failed": stats.failed,
                    "perSecond": rate,
                })
            })
            .collect();
        let metrics = self.reading.metrics.as_ref().map(|metrics| {
            let lanes: Vec<Value> = metrics
                .lanes
                .iter()
                .map(|lane| {
                    json!({
                        "provider": lane.provider,
                        "credentialId": lane.credential,
                        "inFlight": lane.in_flight,
                        "concurrencyLimit": lane.limit,
                        "connections": lane.connections,
                        "backlog": lane.backlog,
                        "tripped": lane.is_tripped,
                    })
                })
                .collect();
            json!({
                "due": metrics.due,
                "later": metrics.later,
                "claimed": metrics.claimed,
                "oldestDueSeconds": metrics.oldest_due,
                "attemptsPerSecond": self.attempt_rate,
                "lanes": lanes,
            })
        });

        json!({"operations": operations, "hasMore": self.reading.has_more, "queue": metrics})
    }
}

pub(super) const OPERATION_TITLES: [&str; 6] =
    ["OPERATION", "#DONE", "#SENT", "#FAILED", "#RATE", "#LEFT"];
pub(super) const LANE_TITLES: [&str; 6] = [
    "PROVIDER",
    "CREDENTIAL",
    "STATE",
    "#IN FLIGHT",
    "#CONNECTIONS",
    "#BACKLOG",
];

#[cfg(test)]
pub(super) fn example(at: Instant, settled: u64) -> Reading {
    let stats = json!({"total": 1000, "sent": settled, "queued": 1000 - settled});
    Reading {
        at,
        operations: vec![Operation::of(
            &json!({"id": "op", "status": "PROCESSING", "stats": stats}),
        )],
        has_more: false,
        metrics: None,
        error: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_differences_of_two_readings() {
        let began = Instant::now();
        let before = example(began, 200);
        let snapshot = Snapshot::new(example(began + Duration::from_secs(2), 600), Some(&before));

        assert_eq!(snapshot.headline(), "1 running, 400 to send, 200/s");
        assert_eq!(
            snapshot.operation(0).unwrap(),
            ["op", "600/1,000", "600", "0", "200/s", "2 s"]
        );
        assert!((snapshot.done(0) - 0.6).abs() < f64::EPSILON);
    }

    #[test]
    fn a_first_reading_has_no_rates() {
        let snapshot = Snapshot::new(example(Instant::now(), 0), None);

        assert_eq!(snapshot.headline(), "1 running, 1,000 to send");
        assert_eq!(snapshot.operation(0).unwrap()[4], "-");
        assert_eq!(
            snapshot.as_json()["operations"][0]["perSecond"],
            Value::Null
        );
    }
}
