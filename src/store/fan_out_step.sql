with fanout as materialized (
    -- Named one by one: a column that a later release adds must change nothing here.
    select operation_id, account_id, app_name, tags, priority_rank, after_user_id, next_position, next_batch
    from fanouts
    where due_at <= now()
    order by due_at
    limit 1
    for update skip locked
),
scanned as materialized (
    select registration.*
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
chosen as materialized (
    select user_id, (row_number() over (order by user_id))::integer - 1 as index
    from scanned cross join fanout
    where fanout.tags is null
        or exists (select from devices where registration_id = scanned.id and devices.tags @> fanout.tags)
),
notification as (
    insert into push_notifications (operation_id, position, user_id)
    select operation_id, next_position + index, user_id
    from chosen cross join fanout
),
batch as (
    insert into batches (operation_id, number, first_position, size, rank, due_at, queued, updated_at)
    select
        operation_id, next_batch + number, next_position + number * $2::integer, size,
        -- As in `operations::rank`: the rank of the first batch, and the number of bits of this one's number.
        priority_rank + length(ltrim((next_batch + number)::bit(32)::text, '0')), now(), size, now()
    from (select (index / $2)::integer as number, count(*)::integer as size from chosen group by 1) as part
    cross join fanout
),
operation as (
    update operations
    set recipients = recipients + (select count(*) from chosen)
    from fanout
    where id = fanout.operation_id
),
moved as (
    update fanouts
    -- Behind the others: a large audience holds no small one up.
    set due_at = now(),
        after_user_id = (select user_id from scanned order by user_id desc limit 1),
        next_position = fanouts.next_position + (select count(*) from chosen),
        next_batch = fanouts.next_batch + (select ceil(count(*) / $2::numeric) from chosen)
    from fanout
    where fanouts.operation_id = fanout.operation_id and (select count(*) from scanned) = $1
),
done as (
    delete from fanouts
    using fanout
    where fanouts.operation_id = fanout.operation_id and (select count(*) from scanned) < $1
)
select
    operation_id,
    (select count(*) from chosen) as "notifications!",
    next_position + (select count(*) from scanned) >= $3::integer as "is_full!"
from fanout
-- Tells the workers, for its effect alone.
cross join lateral pg_notify($4, '')
