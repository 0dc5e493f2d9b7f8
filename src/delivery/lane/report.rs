//! Writes to Postgres what lanes report about themselves and about their Credentials, so that the API of any
//! process can say what a notification waits for, and whether a Credential works.

use std::collections::HashMap;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::model::credential_state::{CredentialCheck, CredentialReport};
use crate::model::id::CredentialId;
use crate::model::lane_state::{LaneError, LaneReport};
use crate::store::pool::Pool;
use crate::store::{credential_checks, lane_states};

/// The least time between two writes, so that the reports of many lanes are written together.
const WRITE_INTERVAL: Duration = Duration::from_millis(200);
/// How long a write may take.
const WRITE_LIMIT: Duration = Duration::from_secs(5);
/// Most reports of one write.
const MAX_REPORTS: usize = 1000;

enum Report {
    Lane(LaneReport),
    Credential(CredentialReport),
}

/// Writes the reports of all lanes.
///
/// Delivery owns the task that [`Self::run`] is. The report of a lane wakes it. It ends with the last
/// lane; what a stopped process has said of its lanes stays until another one has a good answer.
pub(crate) struct LaneReporter {
    reports: mpsc::UnboundedReceiver<Report>,
    sender: mpsc::UnboundedSender<Report>,
}

/// Where lanes report: each has a clone. A lane reports when something changes, and once a minute while
/// it sends, so the channel stays short.
#[derive(Clone)]
pub(crate) struct LaneReports(mpsc::UnboundedSender<Report>);

impl LaneReports {
    /// Reports why the lane of a Credential sends nothing; `None`: it sends.
    pub(crate) fn lane(&self, credential_id: CredentialId, error: Option<LaneError>) {
        self.report(Report::Lane(LaneReport {
            credential_id,
            error,
        }));
    }

    /// Reports what the use of a Credential has just shown.
    pub(crate) fn credential(&self, id: CredentialId, check: CredentialCheck) {
        self.report(Report::Credential(CredentialReport {
            id,
            at: OffsetDateTime::now_utc(),
            check,
        }));
    }

    fn report(&self, report: Report) {
        // The reporter ends after the last lane, unless it has panicked.
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

    /// Writes until the last lane has ended. After `stop`, each report is written at once.
    pub(crate) async fn run(self, pool: Pool, stop: CancellationToken) {
        let Self {
            mut reports,
            sender,
        } = self;
        // With a sender of its own, the channel would never close, and this task would never end.
        drop(sender);

        let pool = pool.limited_to(WRITE_LIMIT);
        let mut received = Vec::with_capacity(MAX_REPORTS);
        while reports.recv_many(&mut received, MAX_REPORTS).await > 0 {
            let newest = Newest::of(received.drain(..));
            if let Err(error) = newest.write(&pool).await {
                // The next report says it again.
                tracing::debug!(%error, "the reports of lanes can't be stored");
            }

            let _ = stop
                .run_until_cancelled(tokio::time::sleep(WRITE_INTERVAL))
                .await;
        }
    }
}

/// The last reports about each Credential.
#[derive(Default)]
struct Newest {
    lanes: HashMap<CredentialId, LaneReport>,
    checks: HashMap<CredentialId, CredentialReport>,
}

impl Newest {
    fn of(reports: impl Iterator<Item = Report>) -> Self {
        let mut newest = Self::default();

        for report in reports {
            match report {
                Report::Lane(report) => {
                    newest.lanes.insert(report.credential_id, report);
                }
                Report::Credential(report) => {
                    newest.checks.insert(report.id, report);
                }
            }
        }
        newest
    }

    async fn write(self, pool: &Pool) -> sqlx::Result<()> {
        let lanes: Vec<LaneReport> = self.lanes.into_values().collect();
        if !lanes.is_empty() {
            lane_states::note(pool, &lanes).await?;
        }

        let checks: Vec<CredentialReport> = self.checks.into_values().collect();
        if !checks.is_empty() {
            credential_checks::note_checks(pool, &checks).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_report_of_a_lane_counts() {
        let [first, second] = [CredentialId::generate(), CredentialId::generate()];
        let error = Some(LaneError {
            reason: "a pause".to_owned(),
            since: OffsetDateTime::now_utc(),
            next_try_at: None,
        });
        let lane = |credential_id, error: &Option<LaneError>| {
            Report::Lane(LaneReport {
                credential_id,
                error: error.clone(),
            })
        };
        let credential = |id, check| {
            Report::Credential(CredentialReport {
                id,
                at: OffsetDateTime::now_utc(),
                check,
            })
        };

        let reports = [
            lane(first, &error),
            credential(first, CredentialCheck::Refused("403".to_owned())),
            lane(second, &error),
            credential(first, CredentialCheck::Working),
            lane(first, &None),
        ];
        let newest = Newest::of(reports.into_iter());

        assert_eq!(newest.lanes.len(), 2);
        assert_eq!(newest.lanes[&first].error, None);
        assert_eq!(newest.lanes[&second].error, error);
        assert_eq!(newest.checks.len(), 1);
        assert_eq!(newest.checks[&first].check, CredentialCheck::Working);
    }
}
