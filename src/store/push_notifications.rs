//! `PushNotification`s as they are read: by id, or as pages of an account's or an Operation's.

use serde_json::Value;
use sqlx::PgExecutor;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, OperationId, PushNotificationId, UserId};
use crate::model::message::Message;
use crate::model::provider::Provider;
use crate::model::recipient::Recipient;
use crate::model::status::PushNotificationStatus;
use crate::store::outcome_record::Status;
use crate::store::recipients::RecipientColumns;

/// A notification without its content.
pub struct PushNotification {
    /// Whose it is.
    pub operation_id: OperationId,
    /// 0-based within the Operation.
    pub position: i32,
    /// Whom it is for.
    pub recipient: Recipient,
    /// The App whose devices a User is reached on.
    pub app_name: Option<String>,
    /// What has become of it.
    pub status: Status,
    /// Whether its time has not come.
    pub is_scheduled: bool,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
    /// When it last changed.
    pub updated_at: OffsetDateTime,
}

/// A notification with its content.
pub struct FullPushNotification {
    /// What has become of it.
    pub notification: PushNotification,
    /// The Operation's content.
    pub message: Message,
    /// What the content's templates are filled in with.
    pub variables: Option<Value>,
}

impl PushNotification {
    /// Its id, which follows from its Operation's and its position.
    pub fn id(&self) -> PushNotificationId {
        self.operation_id.push_notification(self.position as u32)
    }

    /// Its status as the API shows it.
    pub fn shown_status(&self) -> PushNotificationStatus {
        match self.status {
            Status::Queued if self.is_scheduled => PushNotificationStatus::Scheduled,
            Status::Queued => PushNotificationStatus::Queued,
            Status::Sent => PushNotificationStatus::Sent,
            Status::Failed | Status::Unaddressable => PushNotificationStatus::Failed,
            Status::Canceled => PushNotificationStatus::Canceled,
        }
    }
}

/// Which notifications to list.
pub struct PushNotificationFilter {
    /// Only this Operation's.
    pub operation_id: Option<OperationId>,
    pub status: Option<PushNotificationStatus>,
    /// Only for this provider; a User's, if one of its devices was tried there.
    pub provider: Option<Provider>,
    /// Only for this User.
    pub user_id: Option<UserId>,
    /// Only of Operations with all of these tags.
    pub tags: Option<Value>,
    /// Of Operations no older than this id.
    pub from: Uuid,
    /// Of Operations older than this id.
    pub until: Option<Uuid>,
    /// After this one, in the list's order.
    pub after: Option<PushNotificationId>,
    /// At most this many.
    pub limit: i64,
}

/// Notifications of an account: those of the newest Operation first, and in request order within
/// one.
pub async fn list(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    filter: &PushNotificationFilter,
) -> sqlx::Result<Vec<PushNotification>> {
    let after = filter.after.and_then(PushNotificationId::locate);
    let rows = sqlx::query!(
        r#"
        select
            operation_id, position, user_id, provider as "provider: Provider", credential_id, token, app_name,
            status as "status: Status", coalesce(send_at > now(), false) as "is_scheduled!", created_at,
            coalesce(updated_at, created_at) as "updated_at!"
        from operations
        -- For each Operation no more than the page can hold: a join would read all of each before it sorts.
        cross join lateral (
            select operation_id, position, user_id, provider, credential_id, token, status, updated_at
            from push_notifications
            where operation_id = operations.id
                and position > case when operations.id = $5 then $6 else -1 end
                and (
                    $8::provider is null
                    or provider = $8
                    or user_id is not null and exists (
                        select
                        from delivery_attempts
                        where operation_id = operations.id
                            and position = push_notifications.position
                            and provider = $8
                    )
                )
                and (
                    $9::text is null
                    or $9 = case
                        when status = 'QUEUED' and send_at > now() then 'SCHEDULED'
                        when status = 'UNADDRESSABLE' then 'FAILED'
                        else status::text
                    end
                )
                and ($11::uuid is null or user_id = $11)
            order by position
            limit $10
        ) as notification
        where account_id = $1
            and operations.id >= $2
            and ($3::uuid is null or operations.id < $3)
            and ($4::uuid is null or operations.id = $4)
            and ($5::uuid is null or operations.id <= $5)
            and ($7::jsonb is null or tags @> $7)
        order by operations.id desc, position
        limit $10
        "#,
        account_id.as_uuid(),
        filter.from,
        filter.until,
        filter.operation_id.map(OperationId::as_uuid),
        after.map(|(operation_id, _)| operation_id.as_uuid()),
        after.map_or(-1, |(_, position)| position as i32),
        filter.tags,
        filter.provider as Option<Provider>,
        filter.status.map(PushNotificationStatus::as_str),
        filter.limit,
        filter.user_id.map(UserId::as_uuid),
    )
    .fetch_all(executor)
    .await?;
    let notifications = rows.into_iter().map(|row| {
        Ok(PushNotification {
            operation_id: row.operation_id.into(),
            position: row.position,
            recipient: Recipient::try_from(RecipientColumns {
                user_id: row.user_id,
                provider: row.provider,
                credential_id: row.credential_id,
                token: row.token,
            })?,
            app_name: row.app_name,
            status: row.status,
            is_scheduled: row.is_scheduled,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    });
    notifications.collect()
}

/// A notification with its content, unless it is another account's or older than `oldest`.
pub async fn fetch(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: PushNotificationId,
    oldest: Uuid,
) -> sqlx::Result<Option<FullPushNotification>> {
    let Some((operation_id, position)) = id.locate() else {
        return Ok(None);
    };
    let row = sqlx::query!(
        r#"
        select
            operation_id, position, user_id, provider as "provider: Provider", credential_id, token, app_name,
            status as "status: Status", coalesce(send_at > now(), false) as "is_scheduled!", created_at,
            coalesce(updated_at, created_at) as "updated_at!", variables,
            message as "message: Json<Message>"
        from operations
        join push_notifications on operation_id = operations.id
        where operations.id = $2 and operation_id = $2 and position = $3 and account_id = $1 and operations.id >= $4
        "#,
        account_id.as_uuid(),
        operation_id.as_uuid(),
        position as i32,
        oldest,
    )
    .fetch_optional(executor)
    .await?;
    let notification = row.map(|row| {
        let notification = PushNotification {
            operation_id: row.operation_id.into(),
            position: row.position,
            recipient: Recipient::try_from(RecipientColumns {
                user_id: row.user_id,
                provider: row.provider,
                credential_id: row.credential_id,
                token: row.token,
            })?,
            app_name: row.app_name,
            status: row.status,
            is_scheduled: row.is_scheduled,
            created_at: row.created_at,
            updated_at: row.updated_at,
        };
        Ok(FullPushNotification {
            notification,
            message: row.message.0,
            variables: row.variables,
        })
    });
    notification.transpose()
}
