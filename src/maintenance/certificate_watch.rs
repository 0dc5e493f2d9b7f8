//! Watches for certificates that end soon.

use std::collections::HashSet;
use std::time::Duration;

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::model::id::CredentialId;
use crate::store::credential_checks::{self, EndingCertificate};
use crate::store::pool::Pool;
use crate::telemetry::metrics;

const CHECK_EVERY: Duration = Duration::from_secs(300);
/// How long before its end a certificate is named in the log.
const SOON: time::Duration = time::Duration::days(30);

/// The certificates that were logged: each by its Credential and its end, because a Credential may get
/// another certificate.
#[derive(Default)]
struct Logged(HashSet<(CredentialId, OffsetDateTime)>);

/// Sets the metric of the certificate that ends first, until `stop`. Logs each one that comes within 30
/// days of its end, once.
pub async fn run(pool: Pool, stop: CancellationToken) {
    let mut logged = Logged::default();

    loop {
        if let Err(error) = check(&pool, &mut logged).await {
            tracing::debug!(%error, "the expiry of certificates can't be read");
        }

        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(CHECK_EVERY) => {}
        }
    }
}

async fn check(pool: &Pool, logged: &mut Logged) -> sqlx::Result<()> {
    metrics::certificate_end(credential_checks::first_end(pool).await?);

    let now = OffsetDateTime::now_utc();
    let certificates = credential_checks::ending(pool, now, now + SOON).await?;
    for certificate in logged.take_new(&certificates) {
        tracing::warn!(
            credential_id = %certificate.id,
            app = certificate.app_name,
            ends = %certificate.expires_at,
            "a certificate ends soon: store a new Credential and make it the default"
        );
    }

    Ok(())
}

impl Logged {
    /// Those of `ending`, which end soon, that were not logged before.
    fn take_new<'a>(&mut self, ending: &'a [EndingCertificate]) -> Vec<&'a EndingCertificate> {
        let new = ending
            .iter()
            .filter(|certificate| !self.0.contains(&key(certificate)))
            .collect();

        // Taken anew, so that Credentials that are deleted are forgotten.
        self.0 = ending.iter().map(key).collect();
        new
    }
}

fn key(certificate: &EndingCertificate) -> (CredentialId, OffsetDateTime) {
    (certificate.id, certificate.expires_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(now: OffsetDateTime, days: i64) -> EndingCertificate {
        EndingCertificate {
            id: CredentialId::generate(),
            app_name: "demo".to_owned(),
            expires_at: now + time::Duration::days(days),
        }
    }

    #[test]
    fn each_certificate_is_logged_once_also_one_that_is_stored_later_and_ends_first() {
        let now = OffsetDateTime::now_utc();
        let mut logged = Logged::default();
        let mut logs = |certificates: &[EndingCertificate]| -> Vec<OffsetDateTime> {
            let new = logged.take_new(certificates);
            new.iter().map(|new| new.expires_at).collect()
        };

        let stored = [ending(now, 20)];
        assert_eq!(logs(&stored), [stored[0].expires_at]);
        assert!(logs(&stored).is_empty());

        let [later] = stored;
        let stored = [ending(now, 10), later];
        assert_eq!(logs(&stored), [stored[0].expires_at]);
        assert!(logs(&stored).is_empty());
    }
}
