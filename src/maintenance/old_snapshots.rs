//! Watches for transactions and replication slots that keep vacuum from removing what is done, names
//! the oldest in a metric, and logs one that becomes old.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::store::old_snapshots::{self, SnapshotHolder};
use crate::store::pool::Pool;
use crate::telemetry::metrics::SnapshotMetric;

const EVERY: Duration = Duration::from_secs(15);
/// How long a reading may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// From this age on, a holder is logged. The alert fires at the same age.
const OLD: Duration = Duration::from_secs(300);

/// Reads every 15 s until `stop`. A reading that fails is left out: other tasks log that Postgres can't be reached.
pub(crate) async fn run(pool: Pool, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    let mut watch = Watch::default();
    let mut metric = SnapshotMetric::default();

    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let reading = tokio::time::timeout(TIMEOUT, old_snapshots::holders(&pool));
        let Some(Ok(Ok(holders))) = stop.run_until_cancelled(reading).await else {
            continue;
        };

        let oldest = watch.oldest(holders, Instant::now());
        match &oldest {
            Some(Aged { holder, age }) => {
                metric.set(&holder.kind, &holder.name, *age);
            }
            None => metric.clear(),
        }
        report(watch.note(oldest));
    }
}

fn report(change: Option<Change>) {
    match change {
        Some(Change::BecameOld(Aged { holder, age })) => tracing::warn!(
            kind = holder.kind,
            name = holder.name,
            pid = holder.pid,
            seconds = age.as_secs(),
            transactions = holder.transactions,
            "vacuum can't remove dead rows: end this transaction, or drop this replication slot if nothing uses it"
        ),
        Some(Change::Ended) => tracing::info!("vacuum can remove dead rows again"),
        None => {}
    }
}

/// A holder and how long it has held its snapshot, as far as that is known.
#[derive(Debug, Clone, PartialEq)]
struct Aged {
    holder: SnapshotHolder,
    age: Duration,
}

#[derive(Debug, PartialEq)]
enum Change {
    BecameOld(Aged),
    /// None is old any more.
    Ended,
}

/// Whose snapshot it is, and which.
type Snapshot = (String, String, Option<i32>, String);

/// Remembers since when holders have the same snapshot: Postgres does not report that of a slot, nor of
/// other roles' transactions.
#[derive(Default)]
struct Watch {
    since: HashMap<Snapshot, Instant>,
    /// The old one that was reported last.
    reported: Option<Snapshot>,
}

fn snapshot(holder: &SnapshotHolder) -> Snapshot {
    (
        holder.kind.clone(),
        holder.name.clone(),
        holder.pid,
        holder.oldest_needed.clone(),
    )
}

impl Watch {
    /// The holder of the oldest snapshot of those that were found at `now`.
    fn oldest(&mut self, holders: Vec<SnapshotHolder>, now: Instant) -> Option<Aged> {
        // Taken whole: holders that are not found again are forgotten.
        let before = std::mem::take(&mut self.since);

        let mut oldest: Option<Aged> = None;
        for holder in holders {
            let key = snapshot(&holder);
            let since = before.get(&key).copied().unwrap_or(now);
            self.since.insert(key, since);

            let observed = now.saturating_duration_since(since);
            let age = holder
                .seconds
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                .map_or(observed, |reported| reported.max(observed));
            if oldest.as_ref().is_none_or(|oldest| age > oldest.age) {
                oldest = Some(Aged { holder, age });
            }
        }

        oldest
    }

    /// What there is to log about the oldest: once for each snapshot, and once when none is old.
    fn note(&mut self, oldest: Option<Aged>) -> Option<Change> {
        let Some(old) = oldest.filter(|oldest| oldest.age >= OLD) else {
            return self.reported.take().map(|_| Change::Ended);
        };

        let key = snapshot(&old.holder);
        let is_new = self.reported.as_ref() != Some(&key);
        self.reported = Some(key);

        is_new.then_some(Change::BecameOld(old))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn holder(name: &str, oldest_needed: &str, seconds: Option<f64>) -> SnapshotHolder {
        SnapshotHolder {
            kind: "transaction".to_owned(),
            name: name.to_owned(),
            pid: Some(1),
            oldest_needed: oldest_needed.to_owned(),
            transactions: 0,
            seconds,
        }
    }

    #[test]
    fn an_age_that_postgres_does_not_tell_is_observed() {
        let now = Instant::now();
        let mut watch = Watch::default();
        let hidden = holder("psql", "700", None);

        let first = watch.oldest(vec![hidden.clone()], now).unwrap();
        assert_eq!(first.age, Duration::ZERO);

        let reported = holder("report", "800", Some(60.0));
        let found = vec![hidden.clone(), reported];
        let second = watch.oldest(found, now + 9 * MINUTE).unwrap();
        assert_eq!(second.holder, hidden);
        assert_eq!(second.age, 9 * MINUTE);

        // It moves on, as a slot does whose consumer keeps up.
        let moved = holder("psql", "900", None);
        let third = watch.oldest(vec![moved], now + 10 * MINUTE).unwrap();
        assert_eq!(third.age, Duration::ZERO);
    }

    #[test]
    fn an_old_snapshot_is_logged_once_and_so_is_its_end() {
        let mut watch = Watch::default();
        let aged = |seconds: u64| Aged {
            holder: holder("psql", "700", None),
            age: Duration::from_secs(seconds),
        };

        assert_eq!(watch.note(Some(aged(299))), None);
        assert_eq!(
            watch.note(Some(aged(300))),
            Some(Change::BecameOld(aged(300)))
        );
        assert_eq!(watch.note(Some(aged(315))), None);
        assert_eq!(watch.note(None), Some(Change::Ended));
        assert_eq!(watch.note(None), None);
    }
}
