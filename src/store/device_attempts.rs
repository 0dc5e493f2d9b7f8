//! How often each device of a User was tried for a notification, and what came of it.

use std::collections::HashMap;

use sqlx::PgExecutor;
use uuid::Uuid;

use crate::model::id::OperationId;
use crate::model::outcome::OutcomeKind;

/// The tries with one device.
#[derive(Default)]
pub struct DeviceAttempts {
    /// First to last. `None`: a later release wrote a kind that this one does not know.
    pub outcomes: Vec<Option<OutcomeKind>>,
}

/// The tries of notifications, each given as the caller's index, its Operation and its position: by
/// that index, then by device.
pub async fn of_devices(
    executor: impl PgExecutor<'_>,
    notifications: &[(usize, OperationId, i32)],
) -> sqlx::Result<HashMap<usize, HashMap<Uuid, DeviceAttempts>>> {
    let operation_ids: Vec<Uuid> = notifications
        .iter()
        .map(|(_, id, _)| id.as_uuid())
        .collect();
    let positions: Vec<i32> = notifications
        .iter()
        .map(|(.., position)| *position)
        .collect();
    let rows = sqlx::query!(
        r#"
        select tried.index as "index!", device_id as "device_id!", outcome
        from unnest($1::uuid[], $2::integer[]) with ordinality as tried (operation_id, position, index)
        join delivery_attempts
            on delivery_attempts.operation_id = tried.operation_id
            and delivery_attempts.position = tried.position
        where device_id is not null
        order by tried.index, number
        "#,
        &operation_ids,
        &positions,
    )
    .fetch_all(executor)
    .await?;
    let mut tries: HashMap<usize, HashMap<Uuid, DeviceAttempts>> = HashMap::new();
    for row in rows {
        let (index, ..) = notifications[(row.index - 1) as usize];
        tries
            .entry(index)
            .or_default()
            .entry(row.device_id)
            .or_default()
            .outcomes
            .push(row.outcome.parse().ok());
    }
    Ok(tries)
}
