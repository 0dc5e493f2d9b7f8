-- Settles the unsettled notifications of Operation $1 from position $2 up to but without $3.

-- Their batches, locked first and in key order, as by every statement that changes several batches.
with batch as materialized (
    select number, first_position, size
    from batches
    where operation_id = $1 and first_position < $3 and first_position + size > $2 and queued > 0
    order by number
    for update
),
stopped as (
    update push_notifications
    -- A User's notification that one device's provider has accepted is SENT; its other devices are not tried any more.
    set status = case when push_notifications.reached then 'SENT' else 'CANCELED' end::push_notification_status,
        next_attempt_at = null,
        canceled_at = now(),
        updated_at = now()
    from batch
    where push_notifications.operation_id = $1
        and push_notifications.position >= greatest(batch.first_position, $2)
        and push_notifications.position < least(batch.first_position + batch.size, $3)
        and push_notifications.status = 'QUEUED'
    returning batch.number, push_notifications.status
),
-- The tallies of the batches, changed as the rows were that they count.
tally as (
    select
        number,
        count(*) as stopped,
        count(*) filter (where status = 'SENT') as sent,
        count(*) filter (where status = 'CANCELED') as canceled
    from stopped
    group by number
),
tallied as (
    update batches
    set queued = batches.queued - tally.stopped,
        sent = batches.sent + tally.sent,
        canceled = batches.canceled + tally.canceled,
        updated_at = now()
    from tally
    where batches.operation_id = $1 and batches.number = tally.number
    returning
        batches.number,
        batches.account_id,
        batches.queued,
        batches.sent,
        batches.failed + batches.unaddressable as failed,
        batches.canceled
),
-- Reports a batch that has nothing left to do to the account's webhooks, as the recorder does.
event as (
    insert into events (account_id, kind, operation_id, batch_number)
    select tallied.account_id, 'batch', $1, tallied.number
    from tallied
    where tallied.queued = 0
        and exists (
            select
            from webhooks
            where (webhooks.account_id = tallied.account_id or tallied.account_id = '00000000-0000-0000-0000-000000000000')
                and webhooks.disabled_at is null
                and (
                    webhooks.wants_ends
                    or webhooks.wants_failed and tallied.failed > 0
                    or webhooks.wants_canceled and tallied.canceled > 0
                    or webhooks.wants_sent and tallied.sent > 0
                )
        )
),
-- The Operation is canceled as a whole ($4), if anything of it was stopped, or its fan-out was ($5).
operation as (
    update operations
    set canceled_at = now()
    where id = $1 and ($5 or $4 and exists (select from tally))
)
select coalesce(sum(tally.stopped), 0)::bigint as "stopped!"
from tally
-- Tells the workers of all processes, which drop what they hold of the Operation in memory.
cross join lateral pg_notify($6, $1::text)
