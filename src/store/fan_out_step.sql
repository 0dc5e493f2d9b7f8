-- One step of a fan-out: makes the notifications and batches of the next Users of an audience, and moves the cursor. Before and
-- after that, a fan-out may only count Users: see `counting`.

-- The cursor of account $6 that has waited longest, unless another replica is at work on it.
with fanout as materialized (
    -- Columns by name: one that a later release adds must change nothing here.
    select
        operation_id,
        account_id,
        app_name,
        tags,
        predicate,
        priority_rank,
        due_at,
        after_user_id,
        next_position,
        next_batch,
        -- BEFORE anything is made, Users are counted if the client names a maximum. AFTER the Operation is full, those who are
        -- left out are counted.
        counting,
        counted,
        -- By the recipients' clocks: from zone to zone. The zones are planned once, outside of this statement.
        is_local,
        is_local and zones is null as needs_zones,
        zones -> zone_index ->> 'timezone' as timezone,
        to_timestamp((zones -> zone_index ->> 'at')::bigint / 1000000.0) as planned_at,
        zones -> zone_index ->> 'end' as planned_end,
        is_local and zone_index + 1 < jsonb_array_length(coalesce(zones, '[]')) as has_next_zone,
        -- least() leaves null out.
        least($3::integer, max_users) as most,
        paused,
        pace_per_minute,
        -- $2, or what a turn by the pace takes at this batch ($8, $9).
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
-- The next $1 Users: of the App, or of the account in the zone that is at work.
looked_at as materialized (
    select found.registration_id, found.user_id
    from fanout
    cross join lateral (
        (
            select device_registrations.id as registration_id, device_registrations.user_id
            from device_registrations
            where not fanout.is_local
                and device_registrations.account_id = fanout.account_id
                and device_registrations.app_name = fanout.app_name
                and device_registrations.user_id > fanout.after_user_id
            order by device_registrations.user_id
            limit $1::bigint
        )
        union all
        (
            select null, users.id
            from users
            where fanout.is_local
                and not fanout.needs_zones
                and fanout.timezone is not null
                and users.account_id = fanout.account_id
                and users.timezone = fanout.timezone
                and users.id > fanout.after_user_id
            order by users.id
            limit $1::bigint
        )
        union all
        (
            select null, users.id
            from users
            where fanout.is_local
                and not fanout.needs_zones
                and fanout.timezone is null
                and users.account_id = fanout.account_id
                and users.timezone is null
                and users.id > fanout.after_user_id
            order by users.id
            limit $1::bigint
        )
    ) as found
),
-- Those of them who have devices in the App.
scanned as materialized (
    select
        coalesce(looked_at.registration_id, of_user.id) as id,
        looked_at.user_id,
        case
            when fanout.predicate is not null
                then (select users.language from users where users.id = looked_at.user_id)
        end as language,
        case
            when fanout.predicate is not null
                then (select users.timezone from users where users.id = looked_at.user_id)
        end as timezone
    from fanout
    cross join looked_at
    -- By the User alone, and checked after that: while the table is new, Postgres might choose an index of the App's Users, and
    -- read all of them for each. The offset keeps the two steps apart.
    left join lateral (
        select registration.id
        from (
            select device_registrations.id, device_registrations.account_id, device_registrations.app_name
            from device_registrations
            where looked_at.registration_id is null and device_registrations.user_id = looked_at.user_id
            offset 0
        ) as registration
        where registration.account_id = fanout.account_id and registration.app_name = fanout.app_name
    ) as of_user on true
    where coalesce(looked_at.registration_id, of_user.id) is not null
),
-- Those of them who belong to the audience, numbered from 0.
admitted as materialized (
    select scanned.user_id, (row_number() over (order by scanned.user_id))::integer - 1 as index
    from scanned
    cross join fanout
    where fanout.tags is null and fanout.predicate is null
        or exists (
            select
            from devices
            where devices.registration_id = scanned.id
                and (fanout.tags is null or devices.tags @> fanout.tags)
                and audience_admits(
                    fanout.predicate, devices.provider, devices.tags, devices.registered_at, devices.last_seen_at,
                    scanned.language, scanned.timezone
                )
        )
),
-- Those of them who get a notification.
chosen as materialized (
    select admitted.user_id, admitted.index
    from admitted
    cross join fanout
    where fanout.counting is null and admitted.index < fanout.most - fanout.next_position
),
tally as materialized (
    select
        (select count(*) from looked_at) < $1 as is_last,
        (select count(*) from admitted) as admitted,
        (select count(*) from chosen) as chosen
),
-- What follows. PLAN: the zones are to be planned. ZONE: the next zone. REFUSED: the audience is larger than the client allows. COUNTED: it is not, and the making begins. FULL: the
-- Operation takes no more, and the rest is counted. CUT: the rest is counted. DONE: every User was looked at. MORE: more follow.
verdict as materialized (
    select
        case
            when fanout.needs_zones then 'PLAN'
            when fanout.counting = 'BEFORE' and fanout.counted + tally.admitted > fanout.most then 'REFUSED'
            when fanout.counting is null and tally.chosen < tally.admitted then 'FULL'
            when tally.is_last and fanout.has_next_zone then 'ZONE'
            when fanout.counting = 'BEFORE' and tally.is_last then 'COUNTED'
            when fanout.counting = 'AFTER' and tally.is_last then 'CUT'
            when fanout.counting is null and tally.is_last then 'DONE'
            else 'MORE'
        end as name,
        fanout.counted + tally.admitted as counted,
        now() as at
    from fanout
    cross join tally
),
notification as (
    insert into push_notifications (operation_id, position, user_id, planned_at, planned_end, next_attempt_at)
    select
        fanout.operation_id,
        fanout.next_position + chosen.index,
        chosen.user_id,
        fanout.planned_at,
        fanout.planned_end,
        fanout.planned_at
    from chosen
    cross join fanout
),
-- Batches of as many notifications. `priority_rank` is the first batch's rank; each start of a rank ($5) that a batch's
-- number has reached adds one to it.
batch as (
    insert into batches (
        operation_id, number, account_id, first_position, size, rank, due_at, queued, updated_at, paused,
        awaits_turn, planned
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
        -- greatest() leaves null out.
        case
            when fanout.pace_per_minute is not null then now() + interval '100 years'
            else greatest(fanout.planned_at, now())
        end,
        part.size,
        now(),
        fanout.paused,
        fanout.pace_per_minute is not null,
        case
            when fanout.planned_at > now() then jsonb_build_array(
                jsonb_build_array((extract(epoch from fanout.planned_at) * 1000000)::bigint, part.size)
            )
        end
    from (
        select chosen.index / fanout.batch_size as number, count(*)::integer as size
        from chosen
        cross join fanout
        group by 1
    ) as part
    cross join fanout
    returning batches.rank
),
-- Why the Operation does not reach all of its audience ($10 is the code), in words.
failure as materialized (
    select
        $10::text as code,
        case verdict.name
            when 'REFUSED' then format(
                'The audience has %s%s Users, and its max is %s: nothing was sent. Raise max, or narrow the audience',
                case when tally.is_last then '' else 'at least ' end,
                verdict.counted,
                fanout.most
            )
            else format(
                '%s Users of the audience were left out, because the Operation takes %s', verdict.counted, fanout.most
            )
        end as message,
        verdict.at
    from verdict
    cross join tally
    cross join fanout
    where verdict.name in ('REFUSED', 'CUT')
),
-- The Operation counts its recipients as they are found.
operation as (
    update operations
    set recipients = operations.recipients + change.chosen,
        error_code = coalesce(change.code, operations.error_code),
        error_message = coalesce(change.message, operations.error_message),
        error_at = coalesce(change.at, operations.error_at)
    from (
        select fanout.operation_id, tally.chosen, failure.code, failure.message, failure.at
        from fanout
        cross join tally
        left join failure on true
    ) as change
    where operations.id = change.operation_id
),
-- More may follow: the cursor goes behind the last User that was looked at, and behind the account's other cursors, so
-- that a large audience does not hold up a small one.
moved as (
    update fanouts
    set due_at = now(),
        after_user_id = case verdict.name
            when 'MORE' then (select user_id from looked_at order by user_id desc limit 1)
            when 'FULL' then coalesce(
                (select user_id from chosen order by user_id desc limit 1),
                fanout.after_user_id
            )
            else '00000000-0000-0000-0000-000000000000'
        end,
        next_position = fanouts.next_position + tally.chosen,
        next_batch = fanouts.next_batch + ceil(tally.chosen / fanout.batch_size::numeric),
        counting = case verdict.name when 'COUNTED' then null when 'FULL' then 'AFTER' else fanout.counting end,
        counted = case
            when verdict.name in ('MORE', 'ZONE') and fanout.counting is not null then verdict.counted
            else 0
        end,
        zone_index = case verdict.name
            when 'ZONE' then fanouts.zone_index + 1
            when 'COUNTED' then 0
            else fanouts.zone_index
        end
    from fanout
    cross join tally
    cross join verdict
    where fanouts.operation_id = fanout.operation_id and verdict.name in ('MORE', 'ZONE', 'COUNTED', 'FULL')
),
done as (
    delete from fanouts
    using fanout, verdict
    where fanouts.operation_id = fanout.operation_id and verdict.name in ('DONE', 'CUT', 'REFUSED')
    returning fanouts.operation_id, fanouts.account_id
),
-- The end of the fan-out may be that of the Operation: it found no User, or all its notifications are settled already.
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
    tally.chosen as "notifications!",
    verdict.name = 'FULL' as "is_full!",
    verdict.name = 'PLAN' as "needs_zones!",
    (select failure.message from failure) as failure
from fanout
cross join tally
cross join verdict
-- Wakes the workers of all processes, and names the queues: a step makes batches of a few ranks.
cross join lateral (
    select string_agg(distinct fanout.account_id || ':' || batch.rank, ',') as queues
    from batch
) as due
cross join lateral pg_notify($4, coalesce(due.queues, ''))
