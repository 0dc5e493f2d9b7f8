-- Batches are locked first and in key order, as by all who change one.
with batch as materialized (
    select number, first_position, size
    from batches
    where operation_id = $1 and first_position < $3 and first_position + size > $2 and queued > 0
    order by number
    for update
),
stopped as (
    update push_notifications
    -- What one of a User's devices has got is sent: only the others are let go of.
    set status = case when reached then 'SENT' else 'CANCELED' end::push_notification_status,
        next_attempt_at = null, canceled_at = now(), updated_at = now()
    from batch
    where operation_id = $1
        and position >= greatest(batch.first_position, $2)
        and position < least(batch.first_position + batch.size, $3)
        and status = 'QUEUED'
    returning batch.number, status
),
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
    set queued = queued - stopped,
        sent = batches.sent + tally.sent,
        canceled = batches.canceled + tally.canceled,
        updated_at = now()
    from tally
    where operation_id = $1 and batches.number = tally.number
),
operation as (
    update operations
    set canceled_at = now()
    where id = $1 and ($6 or $4 and exists (select from tally))
)
select coalesce(sum(stopped), 0)::bigint as "stopped!"
from tally
-- Tells the workers, for its effect alone.
cross join lateral pg_notify($5, $1::text)
