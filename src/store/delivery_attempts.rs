//! Delivery attempts as they are read.

use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::model::id::{CredentialId, OperationId};
use crate::model::outcome::OutcomeKind;
use crate::model::provider::Provider;

/// One try with a provider.
pub struct DeliveryAttempt {
    /// 1-based.
    pub number: i16,
    /// Which provider.
    pub provider: Provider,
    /// Authenticated with what.
    pub credential_id: CredentialId,
    /// The ends of the token that was tried, for a device of a User; `None`: the notification's
    /// own.
    pub masked_token: Option<String>,
    /// The name of an [`OutcomeKind`], perhaps one of a later release.
    pub outcome: String,
    /// The provider's HTTP status.
    pub http_status: Option<i16>,
    /// The provider's error code.
    pub provider_code: Option<String>,
    /// The provider's error text.
    pub provider_message: Option<String>,
    /// The provider's name for the message.
    pub provider_message_id: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: i32,
    /// When it began.
    pub created_at: OffsetDateTime,
}

impl DeliveryAttempt {
    pub fn is_accepted(&self) -> bool {
        self.outcome.parse() == Ok(OutcomeKind::Accepted)
    }
}

/// The attempts of one notification after the `after`-th, at most `limit`, first to last.
pub async fn list(
    executor: impl PgExecutor<'_>,
    operation_id: OperationId,
    position: i32,
    after: i16,
    limit: i64,
) -> sqlx::Result<Vec<DeliveryAttempt>> {
    sqlx::query_as!(
        DeliveryAttempt,
        r#"
        select
            number, provider as "provider: Provider", credential_id, masked_token, outcome, http_status,
            provider_code, provider_message, provider_message_id, duration_ms, created_at
        from delivery_attempts
        where operation_id = $1 and position = $2 and number > $3
        order by number
        limit $4
        "#,
        operation_id.as_uuid(),
        position,
        after,
        limit,
    )
    .fetch_all(executor)
    .await
}
