//! Delivery attempts, as the API lists them.

use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::model::id::{CredentialId, OperationId};
use crate::model::outcome::OutcomeKind;
use crate::model::provider::Provider;

pub(crate) struct DeliveryAttempt {
    /// 1-based.
    pub number: i16,
    pub provider: Provider,
    pub credential_id: CredentialId,
    /// For a device of a User; `None`: the notification's own token was tried.
    pub masked_token: Option<String>,
    /// The name of an [`OutcomeKind`], perhaps one of a later release.
    pub outcome: String,
    /// `None`: no answer arrived.
    pub http_status: Option<i16>,
    pub provider_code: Option<String>,
    pub provider_message: Option<String>,
    /// The provider's name for the message.
    pub provider_message_id: Option<String>,
    pub duration_ms: i32,
    /// When the attempt began.
    pub created_at: OffsetDateTime,
}

impl DeliveryAttempt {
    pub(crate) fn is_accepted(&self) -> bool {
        self.outcome.parse() == Ok(OutcomeKind::Accepted)
    }
}

pub(crate) struct DeliveryAttemptFilter {
    pub operation_id: OperationId,
    pub position: i32,
    /// After the attempt of this number.
    pub after: i16,
    pub limit: i64,
}

/// The attempts of one notification, first to last.
pub(crate) async fn list(
    executor: impl PgExecutor<'_>,
    filter: &DeliveryAttemptFilter,
) -> sqlx::Result<Vec<DeliveryAttempt>> {
    sqlx::query_as!(
        DeliveryAttempt,
        r#"
        select
            number,
            provider as "provider: Provider",
            credential_id,
            masked_token,
            outcome,
            http_status,
            provider_code,
            provider_message,
            provider_message_id,
            duration_ms,
            created_at
        from delivery_attempts
        where operation_id = $1 and position = $2 and number > $3
        order by number
        limit $4
        "#,
        filter.operation_id.as_uuid(),
        filter.position,
        filter.after,
        filter.limit,
    )
    .fetch_all(executor)
    .await
}
