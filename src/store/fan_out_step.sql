-- One step of a fan-out: makes the notifications and batches of the next Users of an audience, and moves the cursor.

-- The cursor of account $6 that has waited longest, unless another replica is at work on it.
with fanout as materialized (
    -- Columns by name: one that a later release adds must change nothing here.
    select
        operation_id, account_id, app_name, tags, priority_rank, due_at, after_user_id, next_position, next_batch, paused,
        pace_per_minute,
        -- $2, or what a turn by the pace takes at this batch ($8, $9). least() leaves null out.
        least(
            $2::integer,
            ceil(pace_per_minute::numeric * ($9::integer[])[1 + width_bucket(next_batch, $8::integer[])] / 60)::integer
        ) as batch_size
    from fanouts
    -- Before $7 the account has none: dead entries would be passed one by one.
    where account_id = $6 and due_at >= $7 and due_at <= now()
    order by due_at
    limit 1
    for update skip locked
),
-- The next $1 Users of the App, or fewer where the Operation would hold more than $3 notifications.
scanned as materialized (
    select registration.id, registration.user_id
    from fanout
    cross join lateral (
        select device_registrations.id, device_registrations.user_id
        from device_registrations
        where device_registrations.account_id = fanout.account_id
            and device_registrations.app_name = fanout.app_name
            and device_registrations.user_id > fanout.after_user_id
        order by device_registrations.user_id
        limit least($1::bigint, $3::integer - fanout.next_position)
    ) as registration
),
-- Those of them who belong to the audience, numbered from 0.
chosen as materialized (
    select scanned.user_id, (row_number() over (order by scanned.user_id))::integer - 1 as index
    from scanned
    cross join fanout
    where fanout.tags is null
        or exists (
            select
            from devices
            where devices.registration_id = scanned.id and devices.tags @> fanout.tags
        )
),
notification as (
    insert into push_notifications (operation_id, position, user_id)
    select fanout.operation_id, fanout.next_position + chosen.index, chosen.user_id
    from chosen
    cross join fanout
),
-- Batches of as many notifications. `priority_rank` is the first batch's rank; each start of a rank ($5) that a batch's
-- number has reached adds one to it.
batch as (
    insert into batches (
        operation_id, number, account_id, first_position, size, rank, due_at, queued, updated_at, paused,
        awaits_turn
    )
    select
        fanout.operation_id,
        fanout.next_batch + part.number,
        fanout.account_id,
        fanout.next_position + part.number * fanout.batch_size,
        part.size,
        -- Each batch of a paced Operation is as small as a first one.
        fanout.priority_rank
            + case
                when fanout.pace_per_minute is null then width_bucket(fanout.next_batch + part.number, $5::integer[])
                else 0
            end,
        case when fanout.pace_per_minute is not null then now() + interval '100 years' else now() end,
        part.size,
        now(),
        fanout.paused,
        fanout.pace_per_minute is not null
    from (
        select chosen.index / fanout.batch_size as number, count(*)::integer as size
        from chosen
        cross join fanout
        group by 1
    ) as part
    cross join fanout
    returning batches.rank
),
-- The Operation counts its recipients as they are found.
operation as (
    update operations
    set recipients = operations.recipients + (select count(*) from chosen)
    from fanout
    where operations.id = fanout.operation_id
),
-- More may follow: the cursor goes behind the last User that was looked at, and behind the account's other cursors, so
-- that a large audience does not hold up a small one.
moved as (
    update fanouts
    set due_at = now(),
        after_user_id = (select user_id from scanned order by user_id desc limit 1),
        next_position = fanouts.next_position + (select count(*) from chosen),
        next_batch = fanouts.next_batch + (select ceil(count(*) / fanout.batch_size::numeric) from chosen)
    from fanout
    where fanouts.operation_id = fanout.operation_id and (select count(*) from scanned) = $1
),
-- No more Users, or no more room: the fan-out is over.
done as (
    delete from fanouts
    using fanout
    where fanouts.operation_id = fanout.operation_id and (select count(*) from scanned) < $1
    returning fanouts.operation_id, fanouts.account_id
),
-- The end of the fan-out may be that of the Operation: it found nobody, or all that it found is settled already.
event as (
    insert into events (account_id, kind, operation_id)
    select done.account_id, 'operation', done.operation_id
    from done
    where exists (
        select
        from webhooks
        where webhooks.account_id = done.account_id and webhooks.disabled_at is null and webhooks.wants_ends
    )
)
select
    fanout.operation_id,
    fanout.due_at as was_due_at,
    (select count(*) from chosen) as "notifications!",
    fanout.next_position + (select count(*) from scanned) >= $3::integer as "is_full!"
from fanout
-- Wakes the workers of all processes, and names the queues: a step makes batches of a few ranks.
cross join lateral (
    select string_agg(distinct fanout.account_id || ':' || batch.rank, ',') as queues
    from batch
) as due
cross join lateral pg_notify($4, coalesce(due.queues, ''))
