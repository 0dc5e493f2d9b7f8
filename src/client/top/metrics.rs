//! The queue and the lanes of a process, from its `/metrics`:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>.

use std::collections::BTreeMap;

/// What a process says of itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Metrics {
    /// Notifications of the whole database that may be claimed.
    pub due: u64,
    /// Those that are scheduled, or wait for a retry or for room.
    pub later: u64,
    /// Those that this process has claimed.
    pub claimed: u64,
    /// For how many seconds the oldest due batch has been waiting.
    pub oldest_due: f64,
    /// Delivery attempts since the start of the process.
    pub attempts: u64,
    /// Sorted by provider and Credential.
    pub lanes: Vec<Lane>,
}

/// Requests to a provider with one Credential.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Lane {
    pub provider: String,
    pub credential: String,
    pub in_flight: u64,
    pub limit: u64,
    pub connections: u64,
    pub backlog: u64,
    pub is_tripped: bool,
}

/// A line of the format.
#[derive(Debug, PartialEq)]
struct Sample<'a> {
    name: &'a str,
    labels: Vec<(&'a str, &'a str)>,
    value: f64,
}

impl Metrics {
    pub(super) fn parse(text: &str) -> Self {
        let mut metrics = Self::default();
        let mut lanes: BTreeMap<(String, String), Lane> = BTreeMap::new();

        for sample in text.lines().filter_map(Sample::parse) {
            let count = sample.value.max(0.0) as u64;
            match sample.name {
                "bellwire_queue_push_notifications" if sample.label("state") == "due" => {
                    metrics.due = count;
                }
                // Its other state is `later`.
                "bellwire_queue_push_notifications" => metrics.later = count,
                "bellwire_queue_oldest_due_seconds" => metrics.oldest_due = sample.value,
                "bellwire_delivery_claimed" => metrics.claimed = count,
                // A counter for each provider and outcome.
                "bellwire_delivery_attempts_total" => metrics.attempts += count,
                name => {
                    let Some(gauge) = name.strip_prefix("bellwire_lane_") else {
                        continue;
                    };
                    let provider = sample.label("provider").to_owned();
                    let credential = sample.label("credential_id").to_owned();
                    let lane = lanes.entry((provider, credential)).or_default();
                    lane.set(gauge, count);
                }
            }
        }

        metrics.lanes = lanes
            .into_iter()
            .map(|((provider, credential), lane)| Lane {
                provider,
                credential,
                ..lane
            })
            .collect();
        metrics
    }
}

impl Lane {
    fn set(&mut self, gauge: &str, count: u64) {
        match gauge {
            "in_flight" => self.in_flight = count,
            "concurrency_limit" => self.limit = count,
            "connections" => self.connections = count,
            "backlog" => self.backlog = count,
            "tripped" => self.is_tripped = count > 0,
            // Gauges that are not shown, among them those of a newer release.
            _ => {}
        }
    }

    pub(super) fn state(&self) -> &'static str {
        if self.is_tripped {
            "stopped"
        } else if self.in_flight + self.backlog > 0 {
            "sending"
        } else {
            "idle"
        }
    }
}

impl<'a> Sample<'a> {
    /// `None`: a comment, or no sample. Values of Bellwire's labels have no quotes inside.
    fn parse(line: &'a str) -> Option<Self> {
        if line.starts_with('#') {
            return None;
        }

        // From the end, because values of labels may have spaces. Bellwire writes no time after the
        // value.
        let (head, value) = line.trim().rsplit_once(' ')?;
        let (name, labels) = match head.split_once('{') {
            Some((name, rest)) => (name, rest.strip_suffix('}')?),
            None => (head, ""),
        };
        let labels = labels
            .split(',')
            .filter_map(|label| label.trim().split_once('='))
            .map(|(name, value)| (name, value.trim_matches('"')))
            .collect();

        Some(Self {
            name,
            labels,
            value: value.parse().ok()?,
        })
    }

    fn label(&self, name: &str) -> &'a str {
        let found = self.labels.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# TYPE bellwire_queue_push_notifications gauge
bellwire_queue_push_notifications{state="due"} 1200
bellwire_queue_push_notifications{state="later"} 7
bellwire_queue_oldest_due_seconds 1.5
bellwire_delivery_attempts_total{provider="FCM",outcome="ACCEPTED"} 10
bellwire_delivery_attempts_total{provider="APN",outcome="TOKEN_DEAD"} 2
bellwire_lane_in_flight{provider="FCM",credential_id="c1"} 50
bellwire_lane_concurrency_limit{provider="FCM",credential_id="c1"} 100
bellwire_lane_tripped{provider="APN",credential_id="c2"} 1
nonsense
"#;

    #[test]
    fn the_queue_and_the_lanes_are_read() {
        let metrics = Metrics::parse(TEXT);

        assert_eq!(
            (metrics.due, metrics.later, metrics.attempts),
            (1200, 7, 12)
        );
        assert!((metrics.oldest_due - 1.5).abs() < f64::EPSILON);
        let [apn, fcm] = &metrics.lanes[..] else {
            panic!("{metrics:?}");
        };
        assert_eq!((apn.credential.as_str(), apn.state()), ("c2", "stopped"));
        assert_eq!(
            (fcm.in_flight, fcm.limit, fcm.state()),
            (50, 100, "sending")
        );
    }

    #[test]
    fn anything_else_is_left_out() {
        assert_eq!(Metrics::parse("<html>\nhello 1 2\n"), Metrics::default());
    }
}
