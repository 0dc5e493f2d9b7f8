-- Claims due batches: see `claim` in batches.rs. $1 to $5: a row for each account, in the order in which they are served. $6
-- and $7: a row for each of their queues, by the account's first_queue to last_queue.

-- Account by account and rank by rank, so that each look reads a part of the index in its own order and stops at
-- the limit.
with due as materialized (
    select
        account.index,
        account.room,
        account.guaranteed,
        batch.operation_id,
        batch.number,
        batch.rank,
        batch.due_at,
        batch.queued
    from unnest($1::uuid[], $2::integer[], $3::integer[], $4::bigint[], $5::bigint[]) with ordinality
        as account (account_id, first_queue, last_queue, room, guaranteed, index)
    cross join lateral (
        select found.operation_id, found.number, found.rank, found.due_at, found.queued
        from generate_series(account.first_queue, account.last_queue) as queue (index)
        cross join lateral (
            select batches.operation_id, batches.number, batches.rank, batches.due_at, batches.queued
            from batches
            where batches.account_id = account.account_id
                and batches.rank = ($6::smallint[])[queue.index]
                -- Before that, everything is done: dead entries would be passed one by one.
                and batches.due_at >= ($7::timestamptz[])[queue.index]
                and batches.due_at <= now()
                and batches.queued > 0
                and not batches.paused
            order by batches.due_at
            limit $8
            for update skip locked
        ) as found
        limit $8
    ) as batch
),
-- The first of each account, as far as their notifications fit. The others are only locked until the statement
-- ends.
of_account as (
    select
        due.index,
        due.room,
        due.guaranteed,
        due.operation_id,
        due.number,
        due.rank,
        due.due_at,
        due.queued,
        sum(due.queued) over (
            partition by due.index order by due.rank, due.due_at, due.operation_id, due.number
        ) as notifications
    from due
),
fitting as (
    select
        of_account.operation_id,
        of_account.number,
        of_account.due_at,
        of_account.guaranteed,
        of_account.notifications,
        sum(of_account.queued) over (
            order by
                of_account.index,
                of_account.rank,
                of_account.due_at,
                of_account.operation_id,
                of_account.number
        ) as notifications_of_all
    from of_account
    where of_account.notifications <= of_account.room
),
claimed as (
    update batches
    set due_at = now() + make_interval(secs => $11), claims = batches.claims + 1
    from fitting
    where batches.operation_id = fitting.operation_id
        and batches.number = fitting.number
        and (
            fitting.notifications_of_all <= $9
            or fitting.notifications <= fitting.guaranteed and fitting.notifications_of_all <= $10
        )
    returning
        batches.operation_id,
        batches.number,
        batches.claims,
        batches.account_id,
        batches.rank,
        batches.first_position,
        batches.size,
        batches.queued,
        batches.planned_at,
        batches.deadline_at,
        fitting.due_at as was_due_at
)
select
    now() as "at!",
    claimed.operation_id as "operation_id?",
    claimed.number as "number?",
    claimed.claims as "claims?",
    claimed.account_id as "account_id?",
    claimed.rank as "rank?",
    claimed.first_position as "first_position?",
    claimed.size as "size?",
    claimed.queued as "queued?",
    claimed.planned_at as "planned_at?",
    -- Microseconds by the database's clock: this machine's may differ.
    (extract(epoch from claimed.deadline_at - now()) * 1000000)::bigint as "time_left?",
    claimed.was_due_at as "was_due_at?"
from (values (1)) as always (present)
left join claimed on true
