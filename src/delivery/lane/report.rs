//! Tells Postgres what lanes say about themselves, so that the API of any process can say what a
//! notification waits for.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::model::credential_state::CredentialReport;
use crate::model::id::CredentialId;
use crate::model::lane_state::LaneReport;
use crate::store::pool::Pool;
use crate::store::{credentials, lane_states};

/// The least time between two writes, so that the changes of many lanes are written together.
const WRITE_INTERVAL: Duration = Duration::from_millis(200);
/// How long a write may take.
const WRITE_LIMIT: Duration = Duration::from_secs(5);
/// Most changes of one write.
const MAX_REPORTS: usize = 1000;

/// Writes the changes of all lanes.
///
/// Delivery owns the task that [`Self::run`] is. The report of a lane wakes it. It ends when delivery
/// stops; what a stopped process has said stays until another one has a good answer.
pub(crate) struct LaneReporter {
    reports: mpsc::UnboundedReceiver<LaneReport>,
    sender: mpsc::UnboundedSender<LaneReport>,
}

/// Where lanes report. Each lane has a clone.
#[derive(Clone)]
pub(crate) struct LaneReports(mpsc::UnboundedSender<LaneReport>);

impl LaneReports {
    pub(crate) fn report(&self, report: LaneReport) {
        // The reporter ends before the lanes, at a shutdown.
        let _ = self.0.send(report);
    }
}

impl LaneReporter {
    pub(crate) fn new() -> Self {
        let (sender, reports) = mpsc::unbounded_channel();

        Self { reports, sender }
    }

    pub(crate) fn reports(&self) -> LaneReports {
        LaneReports(self.sender.clone())
    }

    /// Writes until `stop`.
    pub(crate) async fn run(mut self, pool: Pool, stop: CancellationToken) {
        let pool = pool.limited_to(WRITE_LIMIT);
        let mut received = Vec::with_capacity(MAX_REPORTS);

        while let Some(1..) = stop
            .run_until_cancelled(self.reports.recv_many(&mut received, MAX_REPORTS))
            .await
        {
            let reports = newest(received.drain(..));
            let checks: Vec<CredentialReport> = reports
                .iter()
                .filter_map(|report| report.check.clone())
                .collect();
            let written = match lane_states::note(&pool, &reports).await {
                Ok(()) => credentials::note_checks(&pool, &checks).await,
                Err(error) => Err(error),
            };

            if let Err(error) = written {
                // The next change of the lane is written again.
                tracing::debug!(%error, "the state of lanes can't be stored");
            }
            tokio::time::sleep(WRITE_INTERVAL).await;
        }
    }
}

/// The last report of each lane, with the last check of its Credential.
fn newest(reports: impl Iterator<Item = LaneReport>) -> Vec<LaneReport> {
    let mut by_credential: HashMap<CredentialId, LaneReport> = HashMap::new();

    for mut report in reports {
        let earlier = by_credential.remove(&report.credential_id);
        report.check = report
            .check
            .or_else(|| earlier.and_then(|earlier| earlier.check));
        by_credential.insert(report.credential_id, report);
    }

    by_credential.into_values().collect()
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::model::lane_state::LaneTrouble;

    #[test]
    fn the_last_report_of_a_lane_counts() {
        let [first, second] = [CredentialId::generate(), CredentialId::generate()];
        let trouble = Some(LaneTrouble {
            reason: "a pause".to_owned(),
            since: OffsetDateTime::now_utc(),
            next_try_at: None,
        });
        let report = |credential_id, trouble: &Option<LaneTrouble>| LaneReport {
            credential_id,
            trouble: trouble.clone(),
            check: None,
        };

        let reports = [
            report(first, &trouble),
            report(second, &trouble),
            report(first, &None),
        ];
        let newest = newest(reports.into_iter());
        assert_eq!(newest.len(), 2);
        for report in newest {
            let expected = if report.credential_id == first {
                &None
            } else {
                &trouble
            };
            assert_eq!(&report.trouble, expected);
        }
    }
}
