//! What came of a User's notification on each of the User's devices so far.

use std::collections::HashMap;

use sqlx::PgExecutor;
use uuid::Uuid;

use crate::model::id::OperationId;
use crate::model::outcome::OutcomeKind;

/// A notification that has been tried before.
pub(crate) struct TriedNotification {
    /// The caller's number for it.
    pub index: usize,
    pub operation_id: OperationId,
    pub position: i32,
}

#[derive(Default)]
pub(crate) struct DeviceAttempts {
    /// First to last. `None`: a later release wrote a kind that this one does not know.
    pub outcomes: Vec<Option<OutcomeKind>>,
}

/// The attempts of notifications, by the caller's index and then by device.
pub(crate) async fn of_devices(
    executor: impl PgExecutor<'_>,
    notifications: &[TriedNotification],
) -> sqlx::Result<HashMap<usize, HashMap<Uuid, DeviceAttempts>>> {
    let operation_ids: Vec<Uuid> = notifications
        .iter()
        .map(|tried| tried.operation_id.as_uuid())
        .collect();
    let positions: Vec<i32> = notifications.iter().map(|tried| tried.position).collect();

    // Attempts without a device are left out: those of a token, and those of a User who was erased.
    let rows = sqlx::query!(
        r#"
        select
            tried.index as "index!",
            delivery_attempts.device_id as "device_id!",
            delivery_attempts.outcome
        from unnest($1::uuid[], $2::integer[]) with ordinality as tried (operation_id, position, index)
        join delivery_attempts
            on delivery_attempts.operation_id = tried.operation_id
            and delivery_attempts.position = tried.position
        where delivery_attempts.device_id is not null
        order by tried.index, delivery_attempts.number
        "#,
        &operation_ids,
        &positions,
    )
    .fetch_all(executor)
    .await?;

    let mut attempts: HashMap<usize, HashMap<Uuid, DeviceAttempts>> = HashMap::new();
    for row in rows {
        let tried = &notifications[(row.index - 1) as usize];
        let of_notification = attempts.entry(tried.index).or_default();
        let of_device = of_notification.entry(row.device_id).or_default();
        // A kind of a later release is kept as `None`, so that the number of attempts stays right.
        of_device.outcomes.push(row.outcome.parse().ok());
    }

    Ok(attempts)
}
