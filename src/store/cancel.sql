-- Batches are locked first and in key order, as by all who change one.
with batch as materialized (
    select number, first_position, size
    from batches
    where operation_id = $1 and first_position < $3 and first_position + size > $2 and queued > 0
    order by number
    for update
),
canceled as (
    update push_notifications
    set status = 'CANCELED', next_attempt_at = null, canceled_at = now(), updated_at = now()
    from batch
    where operation_id = $1
        and position >= greatest(batch.first_position, $2)
        and position < least(batch.first_position + batch.size, $3)
        and status = 'QUEUED'
    returning batch.number
),
tally as (
    select number, count(*) as canceled
    from canceled
    group by number
),
tallied as (
    update batches
    set queued = queued - tally.canceled, canceled = batches.canceled + tally.canceled, updated_at = now()
    from tally
    where operation_id = $1 and batches.number = tally.number
),
operation as (
    update operations
    set canceled_at = now()
    where id = $1 and ($6 or $4 and exists (select from tally))
)
select coalesce(sum(canceled), 0)::bigint as "canceled!"
from tally
-- Tells the workers, for its effect alone.
cross join lateral pg_notify($5, $1::text)
