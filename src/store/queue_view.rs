//! What waits in the queues of accounts, for people. Each account's batches are read up to a limit, so a
//! reading takes no longer the more there are.

use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, CredentialId};

/// Accounts that the operator sees at a time.
const MAX_ACCOUNTS: i64 = 100;
/// Batches of an account that are added up, of up to 500 notifications each.
const MAX_BATCHES: i64 = 2_000;
/// Credentials of the account, or of all, that send nothing at present.
const MAX_LANES: i64 = 100;

/// What waits in an account's queues.
#[derive(Debug, Clone)]
pub(crate) struct AccountQueue {
    pub account_id: AccountId,
    pub name: String,
    pub weight: i32,
    /// Notifications that could be sent now.
    pub due: i64,
    /// Notifications of batches that a process works on, or that are going to be tried again.
    pub claimed: i64,
    /// Notifications whose time has not come, or that are paused.
    pub later: i64,
    /// When the oldest batch that is due became due.
    pub oldest_due: Option<OffsetDateTime>,
    /// Whether there is more than was added up.
    pub is_more: bool,
}

/// A Credential that sends nothing at present.
#[derive(Debug, Clone)]
pub(crate) struct StoppedLane {
    pub credential_id: CredentialId,
    pub account: String,
    pub app_name: String,
    pub reason: String,
    pub since: OffsetDateTime,
    pub next_try_at: Option<OffsetDateTime>,
}

/// The queues of one account, or of all that have any work.
pub(crate) async fn queues(
    executor: impl PgExecutor<'_>,
    account_id: Option<AccountId>,
) -> sqlx::Result<Vec<AccountQueue>> {
    // From account to account by the index: to group all batches would read all of the queue.
    // Batches of an older release name no account, and are left out.
    let rows = sqlx::query!(
        r#"
        with recursive busy as (
            (
                select batches.account_id
                from batches
                where batches.queued > 0 and batches.account_id >= coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')
                order by batches.account_id
                limit 1
            )
            union all
            select next.account_id
            from busy
            cross join lateral (
                select batches.account_id
                from batches
                where batches.queued > 0 and batches.account_id > busy.account_id
                order by batches.account_id
                limit 1
            ) as next
            where $1::uuid is null
        ),
        chosen as (
            select busy.account_id
            from busy
            where busy.account_id is not null and ($1::uuid is null or busy.account_id = $1)
            limit $2
        )
        select
            accounts.id as account_id,
            accounts.name,
            accounts.weight,
            coalesce(waiting.due, 0)::bigint as "due!",
            coalesce(waiting.claimed, 0)::bigint as "claimed!",
            coalesce(waiting.later, 0)::bigint as "later!",
            waiting.oldest_due as "oldest_due?",
            waiting.batches >= $3 as "is_more!"
        from chosen
        join accounts on accounts.id = chosen.account_id
        cross join lateral (
            select
                sum(batch.queued) filter (where batch.due_at <= now() and not batch.paused) as due,
                sum(batch.queued) filter (where batch.due_at > now() and batch.claims > 0) as claimed,
                sum(batch.queued) filter (
                    where batch.due_at > now() and batch.claims = 0 or batch.due_at <= now() and batch.paused
                ) as later,
                min(batch.due_at) filter (where batch.due_at <= now() and not batch.paused) as oldest_due,
                count(*) as batches
            from (
                select batches.queued, batches.due_at, batches.claims, batches.paused
                from batches
                where batches.account_id = chosen.account_id and batches.queued > 0
                order by batches.account_id, batches.rank, batches.due_at
                limit $3
            ) as batch
        ) as waiting
        order by 4 desc, accounts.name
        "#,
        account_id.map(AccountId::as_uuid) as Option<Uuid>,
        MAX_ACCOUNTS,
        MAX_BATCHES,
    )
    .fetch_all(executor)
    .await?;

    let queues = rows.into_iter().map(|row| AccountQueue {
        account_id: row.account_id.into(),
        name: row.name,
        weight: row.weight,
        due: row.due,
        claimed: row.claimed,
        later: row.later,
        oldest_due: row.oldest_due,
        is_more: row.is_more,
    });
    Ok(queues.collect())
}

/// Credentials of one account, or of all, that send nothing at present.
pub(crate) async fn stopped_lanes(
    executor: impl PgExecutor<'_>,
    account_id: Option<AccountId>,
) -> sqlx::Result<Vec<StoppedLane>> {
    let rows = sqlx::query!(
        r#"
        select
            lane_states.credential_id,
            accounts.name as account,
            credentials.app_name,
            lane_states.reason,
            lane_states.since,
            lane_states.next_try_at
        from lane_states
        join credentials on credentials.id = lane_states.credential_id
        join accounts on accounts.id = credentials.account_id
        where $1::uuid is null or credentials.account_id = $1
        order by lane_states.since
        limit $2
        "#,
        account_id.map(AccountId::as_uuid) as Option<Uuid>,
        MAX_LANES,
    )
    .fetch_all(executor)
    .await?;

    let lanes = rows.into_iter().map(|row| StoppedLane {
        credential_id: row.credential_id.into(),
        account: row.account,
        app_name: row.app_name,
        reason: row.reason,
        since: row.since,
        next_try_at: row.next_try_at,
    });
    Ok(lanes.collect())
}
