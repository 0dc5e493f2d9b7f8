//! Watches for certificates that end soon.

use std::time::Duration;

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::store::credential_checks;
use crate::store::pool::Pool;
use crate::telemetry::metrics;

const CHECK_EVERY: Duration = Duration::from_secs(300);
/// How long before its end a certificate is named in the log.
const SOON: time::Duration = time::Duration::days(30);

/// Sets the metric of the certificate that ends first, until `stop`. Logs each one that comes within 30
/// days of its end, once.
pub async fn run(pool: Pool, stop: CancellationToken) {
    let mut checked_until = None;

    loop {
        if let Err(error) = check(&pool, &mut checked_until).await {
            tracing::debug!(%error, "the expiry of certificates can't be read");
        }

        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(CHECK_EVERY) => {}
        }
    }
}

/// `checked_until` is the end up to which certificates were logged.
async fn check(pool: &Pool, checked_until: &mut Option<OffsetDateTime>) -> sqlx::Result<()> {
    let certificates = credential_checks::ending_first(pool).await?;
    metrics::certificate_end(certificates.first().map(|first| first.expires_at));

    let until = OffsetDateTime::now_utc() + SOON;
    let new = certificates.iter().filter(|certificate| {
        certificate.expires_at <= until
            && checked_until.is_none_or(|earlier| certificate.expires_at > earlier)
    });
    for certificate in new {
        tracing::warn!(
            credential_id = %certificate.id,
            app = certificate.app_name,
            ends = %certificate.expires_at,
            "a certificate ends soon: store a new Credential and make it the default"
        );
    }

    *checked_until = Some(until);
    Ok(())
}
