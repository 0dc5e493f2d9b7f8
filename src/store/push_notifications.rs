//! `PushNotification`s as the API shows them: one by id, or pages of an account's.

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
use crate::store::recipient_columns::RecipientColumns;

/// A notification without its content.
pub(crate) struct PushNotification {
    pub operation_id: OperationId,
    /// 0-based within the Operation.
    pub position: i32,
    pub recipient: Recipient,
    /// The App on whose devices a User is reached.
    pub app_name: Option<String>,
    pub status: Status,
    /// Whether it is scheduled for a later time.
    pub is_scheduled: bool,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

pub(crate) struct FullPushNotification {
    pub notification: PushNotification,
    pub message: Message,
    /// The recipient's template variables.
    pub variables: Option<Value>,
    /// In place of the message's badge.
    pub badge: Option<u32>,
}

impl PushNotification {
    /// Its id, which follows from its Operation and its position.
    pub(crate) fn id(&self) -> PushNotificationId {
        self.operation_id.push_notification(self.position as u32)
    }

    /// Its status as the API shows it.
    pub(crate) fn shown_status(&self) -> PushNotificationStatus {
        match self.status {
            Status::Queued if self.is_scheduled => PushNotificationStatus::Scheduled,
            Status::Queued => PushNotificationStatus::Queued,
            Status::Sent => PushNotificationStatus::Sent,
            Status::Failed | Status::Unaddressable => PushNotificationStatus::Failed,
            Status::Canceled => PushNotificationStatus::Canceled,
        }
    }
}

pub(crate) struct PushNotificationFilter {
    pub operation_id: Option<OperationId>,
    pub status: Option<PushNotificationStatus>,
    /// A User's notification matches if one of its devices was tried with this provider.
    pub provider: Option<Provider>,
    pub user_id: Option<UserId>,
    /// Of Operations with all of these tags.
    pub tags: Option<Value>,
    /// Of Operations from this id on.
    pub from: Uuid,
    /// Of Operations with a lower id.
    pub until: Option<Uuid>,
    /// After this one, in the order of the list.
    pub after: Option<PushNotificationId>,
    pub limit: i64,
}

/// A row of an Operation and one of its notifications.
struct NotificationRow {
    operation_id: Uuid,
    position: i32,
    user_id: Option<Uuid>,
    provider: Option<Provider>,
    credential_id: Option<Uuid>,
    token: Option<Vec<u8>>,
    app_name: Option<String>,
    status: Status,
    is_scheduled: bool,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl TryFrom<NotificationRow> for PushNotification {
    type Error = sqlx::Error;

    fn try_from(row: NotificationRow) -> sqlx::Result<Self> {
        let recipient = RecipientColumns {
            user_id: row.user_id,
            provider: row.provider,
            credential_id: row.credential_id,
            token: row.token,
        };

        Ok(Self {
            operation_id: row.operation_id.into(),
            position: row.position,
            recipient: recipient.try_into()?,
            app_name: row.app_name,
            status: row.status,
            is_scheduled: row.is_scheduled,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Notifications of an account: those of the newest Operation first, and in request order within an
/// Operation.
pub(crate) async fn list(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    filter: &PushNotificationFilter,
) -> sqlx::Result<Vec<PushNotification>> {
    let after = filter.after.and_then(PushNotificationId::locate);

    let rows = sqlx::query_file_as!(
        NotificationRow,
        "src/store/push_notification_list.sql",
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

    rows.into_iter().map(PushNotification::try_from).collect()
}

/// A notification with its content, unless it is another account's or its Operation's id is lower
/// than `oldest`.
pub(crate) async fn fetch(
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
            push_notifications.user_id,
            push_notifications.provider as "provider: Provider",
            push_notifications.credential_id,
            push_notifications.token,
            push_notifications.variables,
            push_notifications.badge,
            push_notifications.status as "status: Status",
            coalesce(push_notifications.updated_at, operations.created_at) as "updated_at!",
            operations.app_name,
            operations.message as "message: Json<Message>",
            coalesce(operations.send_at > now(), false) as "is_scheduled!",
            operations.created_at
        from operations
        join push_notifications on push_notifications.operation_id = operations.id
        where operations.id = $2
            and operations.account_id = $1
            and operations.id >= $4
            and push_notifications.operation_id = $2
            and push_notifications.position = $3
        "#,
        account_id.as_uuid(),
        operation_id.as_uuid(),
        position as i32,
        oldest,
    )
    .fetch_optional(executor)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };

    let notification = NotificationRow {
        operation_id: operation_id.as_uuid(),
        position: position as i32,
        user_id: row.user_id,
        provider: row.provider,
        credential_id: row.credential_id,
        token: row.token,
        app_name: row.app_name,
        status: row.status,
        is_scheduled: row.is_scheduled,
        created_at: row.created_at,
        updated_at: row.updated_at,
    };
    Ok(Some(FullPushNotification {
        notification: notification.try_into()?,
        message: row.message.0,
        variables: row.variables,
        badge: row.badge.and_then(|badge| badge.try_into().ok()),
    }))
}
