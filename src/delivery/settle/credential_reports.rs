//! Reports of what the use of Credentials showed, written to Postgres beside the outcomes.

use std::collections::HashMap;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::mpsc;

use crate::model::credential_state::{CredentialCheck, CredentialReport};
use crate::model::id::CredentialId;
use crate::store::credentials;
use crate::store::pool::Pool;

/// How long reports are collected before they are written.
const COLLECT_FOR: Duration = Duration::from_secs(1);

/// Takes reports of lanes. Each lane sends one when what it knows of its Credential changes, and once a
/// minute while it sends, so the channel stays short.
#[derive(Clone)]
pub(crate) struct CredentialReporter(mpsc::UnboundedSender<CredentialReport>);

impl CredentialReporter {
    /// Starts the task that writes, which ends with the last reporter.
    pub(crate) fn start(pool: Pool) -> Self {
        let (reports, queue) = mpsc::unbounded_channel();
        tokio::spawn(write(pool, queue));

        Self(reports)
    }

    pub(crate) fn report(&self, id: CredentialId, check: CredentialCheck) {
        // The writer ends only after the last reporter.
        let _ = self.0.send(CredentialReport {
            id,
            at: OffsetDateTime::now_utc(),
            check,
        });
    }
}

async fn write(pool: Pool, mut queue: mpsc::UnboundedReceiver<CredentialReport>) {
    let mut latest: HashMap<CredentialId, CredentialReport> = HashMap::new();

    while let Some(report) = queue.recv().await {
        latest.insert(report.id, report);
        if !queue.is_closed() {
            tokio::time::sleep(COLLECT_FOR).await;
        }
        while let Ok(report) = queue.try_recv() {
            latest.insert(report.id, report);
        }

        let reports: Vec<CredentialReport> = latest.drain().map(|(_, report)| report).collect();
        if let Err(error) = credentials::note_checks(&pool, &reports).await {
            // The next report says it again.
            tracing::debug!(%error, "the state of Credentials can't be written");
        }
    }
}
