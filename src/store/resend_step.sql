-- One step of a copy: makes notifications and batches of the next failed notifications of another Operation, and moves the
-- cursor.

-- The copy whose turn it is, or that of Operation $1, unless another replica is at work on it.
with copy as materialized (
    select
        operation_id,
        account_id,
        source_id,
        codes,
        positions,
        priority_rank,
        after_position,
        next_position,
        next_batch,
        paused,
        pace_per_minute,
        -- $5, or what a turn by the pace takes at this batch ($8, $9). least() leaves null out.
        least(
            $5::integer,
            ceil(pace_per_minute::numeric * ($9::integer[])[1 + width_bucket(next_batch, $8::integer[])] / 60)::integer
        ) as batch_size
    from fanouts
    where source_id is not null and ($1::uuid is null or operation_id = $1)
    order by turn_at
    limit 1
    for update skip locked
),
-- The next $2 batches of the source in which any notification failed.
part as materialized (
    select batch.first_position, batch.size
    from copy
    cross join lateral (
        select batches.first_position, batches.size
        from batches
        where batches.operation_id = copy.source_id
            and batches.failed + batches.unaddressable > 0
            and batches.first_position > copy.after_position
        order by batches.number
        limit $2
    ) as batch
),
-- Those of them that are sent again, numbered from 0.
chosen as materialized (
    select
        failed.user_id,
        failed.external_id,
        failed.provider,
        failed.credential_id,
        failed.token,
        failed.variables,
        failed.badge,
        (row_number() over (order by failed.position))::integer - 1 as index
    from copy
    cross join part
    join push_notifications as failed
        on failed.operation_id = copy.source_id
        and failed.position >= part.first_position
        and failed.position < part.first_position + part.size
    where failed.status in ('FAILED', 'UNADDRESSABLE')
        and (copy.positions is null or failed.position = any(copy.positions))
        and case
            when copy.codes is not null then failed.error_code = any(copy.codes)
            when copy.positions is not null then true
            -- Permanent: it would fail again. Bellwire's own codes ($3), or a code that came with a permanent outcome ($4).
            else failed.error_code <> all($3::text[])
                and not exists (
                    select
                    from delivery_attempts
                    where delivery_attempts.operation_id = copy.source_id
                        and delivery_attempts.position = failed.position
                        and delivery_attempts.outcome = any($4::text[])
                        and coalesce(delivery_attempts.provider_code, delivery_attempts.outcome) = failed.error_code
                )
        end
),
notification as (
    insert into push_notifications (
        operation_id, position, user_id, external_id, provider, credential_id, token, variables, badge
    )
    select
        copy.operation_id,
        copy.next_position + chosen.index,
        chosen.user_id,
        chosen.external_id,
        chosen.provider,
        chosen.credential_id,
        chosen.token,
        chosen.variables,
        chosen.badge
    from chosen
    cross join copy
),
-- Batches of as many notifications, ranked as those of an audience are: see fan_out_step.sql.
batch as (
    insert into batches (
        operation_id, number, account_id, first_position, size, rank, due_at, queued, updated_at, paused,
        awaits_turn
    )
    select
        copy.operation_id,
        copy.next_batch + slice.number,
        copy.account_id,
        copy.next_position + slice.number * copy.batch_size,
        slice.size,
        copy.priority_rank
            + case
                when copy.pace_per_minute is null then width_bucket(copy.next_batch + slice.number, $6::integer[])
                else 0
            end,
        case when copy.pace_per_minute is not null then now() + interval '100 years' else now() end,
        slice.size,
        now(),
        copy.paused,
        copy.pace_per_minute is not null
    from (
        select chosen.index / copy.batch_size as number, count(*)::integer as size
        from chosen
        cross join copy
        group by 1
    ) as slice
    cross join copy
    returning batches.rank
),
-- The Operation counts its recipients as they are found.
operation as (
    update operations
    set recipients = operations.recipients + (select count(*) from chosen)
    from copy
    where operations.id = copy.operation_id
),
-- More may follow: the cursor goes behind the last batch that was looked at, and the copy behind the others.
moved as (
    update fanouts
    set turn_at = now(),
        after_position = (select max(part.first_position + part.size) - 1 from part),
        next_position = fanouts.next_position + (select count(*) from chosen),
        next_batch = fanouts.next_batch + (select ceil(count(*) / copy.batch_size::numeric) from chosen)
    from copy
    where fanouts.operation_id = copy.operation_id and (select count(*) from part) = $2
),
done as (
    delete from fanouts
    using copy
    where fanouts.operation_id = copy.operation_id and (select count(*) from part) < $2
    returning fanouts.operation_id, fanouts.account_id
),
-- The end of the copy may be that of the Operation: all its notifications may be settled already.
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
    copy.operation_id,
    (select count(*) from chosen) as "notifications!",
    (select count(*) from part) < $2 as "is_done!"
from copy
-- Wakes the workers of all processes, and names the queues.
cross join lateral (
    select string_agg(distinct copy.account_id || ':' || batch.rank, ',') as queues
    from batch
) as due
cross join lateral pg_notify($7, coalesce(due.queues, ''))
