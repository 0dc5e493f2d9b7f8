//! `PushNotification`s as the API shows them: one by id, or pages of an account's.

use serde_json::Value;
use sqlx::PgExecutor;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, OperationId, PushNotificationId, UserId};
use crate::model::message::Message;
use crate::model::provider::Provider;
use crate::model::receipt::ReceiptTimes;
use crate::model::recipient::Recipient;
use crate::model::status::PushNotificationStatus;
use crate::store::bounded_scan::ScanPage;
use crate::store::notification_scan::{
    FoundNotification, IdRange, NotificationFilter, Place, StoredStatus, scan,
};
use crate::store::operation_options::OperationOptions;
use crate::store::outcome_record::Status;
use crate::store::pool::Pool;
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
    pub options: OperationOptions,
    pub message: Message,
    /// The recipient's template variables.
    pub variables: Option<Value>,
    /// When its Operation is due, which is what `now` means in templates.
    pub starts_at: OffsetDateTime,
    /// In place of the message's badge.
    pub badge: Option<u32>,
    pub receipts: ReceiptTimes,
}

impl PushNotification {
    /// Its id, which follows from its Operation and its position.
    pub(crate) fn id(&self) -> PushNotificationId {
        self.operation_id.push_notification(self.position as u32)
    }

    /// Its status as the API shows it.
    pub(crate) fn shown_status(&self) -> PushNotificationStatus {
        self.status.public_status(self.is_scheduled)
    }
}

pub(crate) struct PushNotificationFilter<'a> {
    pub operation_id: Option<OperationId>,
    pub status: Option<PushNotificationStatus>,
    /// A User's notification matches if one of its devices was tried with this provider.
    pub provider: Option<Provider>,
    /// Whether it has arrived on a device, as its app reports; `None`: either.
    pub is_delivered: Option<bool>,
    /// Whether it was opened.
    pub is_opened: Option<bool>,
    /// The ids under which notifications to the User are recorded.
    pub user_ids: Option<&'a [UserId]>,
    /// Of Operations with all of these tags.
    pub tags: Option<&'a Value>,
    /// Of Operations from this id on.
    pub from: Uuid,
    /// Of Operations with a lower id.
    pub until: Option<Uuid>,
    /// After this one, in the order of the list.
    pub after: Option<PushNotificationId>,
    /// Most that are returned.
    pub limit: usize,
}

/// Notifications of an account: those of the newest Operation first, and in request order within an
/// Operation. The next page begins after the notification with the id that is returned, which need
/// not exist.
pub(crate) async fn list(
    pool: &Pool,
    account_id: AccountId,
    filter: &PushNotificationFilter<'_>,
) -> sqlx::Result<ScanPage<PushNotification, PushNotificationId>> {
    let range = IdRange {
        from: filter.from,
        until: filter.until.unwrap_or(Uuid::max()),
    };
    let filter = NotificationFilter {
        account_id,
        range: filter
            .operation_id
            .map_or(range, |id| range.and(IdRange::of(id))),
        after: filter.after.and_then(Place::of),
        status: filter.status.map(StoredStatus::of),
        code: None,
        is_code_exact: false,
        provider: filter.provider,
        is_delivered: filter.is_delivered,
        is_opened: filter.is_opened,
        user_ids: filter.user_ids,
        tags: filter.tags,
        limit: filter.limit,
    };

    let found = scan(pool, &filter).await?;
    let records = found.records.into_iter().map(PushNotification::try_from);
    Ok(ScanPage {
        records: records.collect::<sqlx::Result<_>>()?,
        next: found.next.map(Place::id),
    })
}

impl TryFrom<FoundNotification> for PushNotification {
    type Error = sqlx::Error;

    fn try_from(found: FoundNotification) -> sqlx::Result<Self> {
        Ok(Self {
            operation_id: found.place.operation_id.into(),
            position: found.place.position,
            recipient: found.recipient.try_into()?,
            app_name: found.app_name,
            status: found.status,
            is_scheduled: found.is_scheduled,
            created_at: found.created_at,
            updated_at: found.updated_at.unwrap_or(found.created_at),
        })
    }
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

    // Both tables are given the id, so that Postgres looks into the partitions of one day alone.
    let row = sqlx::query!(
        r#"
        select
            push_notifications.user_id,
            push_notifications.external_id,
            push_notifications.provider as "provider: Provider",
            push_notifications.credential_id,
            push_notifications.token,
            push_notifications.variables,
            push_notifications.badge,
            push_notifications.delivered_at,
            push_notifications.opened_at,
            push_notifications.dismissed_at,
            push_notifications.status as "status: Status",
            coalesce(push_notifications.updated_at, operations.created_at) as "updated_at!",
            operations.app_name,
            operations.message as "message: Json<Message>",
            operations.tags,
            coalesce(push_notifications.planned_at, operations.send_at) as send_at,
            coalesce(coalesce(push_notifications.planned_at, operations.send_at) > now(), false) as "is_scheduled!",
            coalesce(operations.send_at, operations.created_at) as "starts_at!",
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

    let recipient = RecipientColumns {
        user_id: row.user_id,
        external_id: row.external_id,
        provider: row.provider,
        credential_id: row.credential_id,
        token: row.token,
    };
    let notification = PushNotification {
        operation_id,
        position: position as i32,
        recipient: recipient.try_into()?,
        app_name: row.app_name,
        status: row.status,
        is_scheduled: row.is_scheduled,
        created_at: row.created_at,
        updated_at: row.updated_at,
    };
    Ok(Some(FullPushNotification {
        notification,
        options: OperationOptions {
            tags: row.tags,
            send_at: row.send_at,
            priority: row.message.priority,
            ttl: row.message.ttl.map(i64::from),
        },
        message: row.message.0,
        variables: row.variables,
        starts_at: row.starts_at,
        badge: row.badge.and_then(|badge| badge.try_into().ok()),
        receipts: ReceiptTimes {
            delivered_at: row.delivered_at,
            opened_at: row.opened_at,
            dismissed_at: row.dismissed_at,
        },
    }))
}
