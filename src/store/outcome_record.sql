-- Locked in key order, before anything else, by whoever changes a batch: so nobody waits in a circle.
with held as materialized (
    -- Locked one level below: Citus can't read a result whose own statement locks and joins.
    select *
    from (
        select batches.operation_id, batches.number, claim.due_in
        from unnest($1::uuid[], $2::integer[], $3::integer[], $4::double precision[])
            as claim (operation_id, number, claims, due_in)
        join batches on batches.operation_id = claim.operation_id and batches.number = claim.number
        where batches.claims = claim.claims
        order by batches.operation_id, batches.number
        for update of batches
    ) as locked
),
outcome as materialized (
    -- Times are computed before they are set, here and in the tally: Citus takes no others.
    select outcome.*, now() + make_interval(secs => retry_in) as next_attempt_at
    from unnest(
        $5::uuid[], $6::integer[], $7::integer[], $8::smallint[], $9::push_notification_status[],
        $10::double precision[], $11::text[], $12::text[], $13::smallint[], $28::boolean[]
    ) as outcome (
        operation_id, batch_number, position, attempts_before, status, retry_in, error_code, error_message,
        attempts_made, reached
    )
    -- "is true" keeps this a look-up in a hash table; as a join it would compare every pair.
    where ((operation_id, batch_number) in (select operation_id, number from held)) is true
),
updated as (
    update push_notifications
    -- What was canceled meanwhile isn't tried again: a User is sent to if one device's provider has accepted it.
    set status = case
            when canceled_at is null or outcome.status <> 'QUEUED' then outcome.status
            when outcome.reached then 'SENT'
            else 'CANCELED'
        end,
        reached = case when canceled_at is null then outcome.reached else push_notifications.reached end,
        attempts = attempts_before + attempts_made,
        next_attempt_at = case when canceled_at is null then outcome.next_attempt_at end,
        error_code = outcome.error_code,
        error_message = outcome.error_message,
        updated_at = now()
    from outcome
    where push_notifications.operation_id = outcome.operation_id
        and push_notifications.position = outcome.position
        -- What was in flight when it was canceled is recorded as what it became.
        and (
            push_notifications.status = 'QUEUED'
            or attempts_made > 0
                and (
                    push_notifications.status = 'CANCELED'
                    or push_notifications.status = 'SENT' and push_notifications.reached
                )
        )
        and push_notifications.attempts = attempts_before
    returning
        outcome.operation_id, batch_number, outcome.position, push_notifications.status,
        -- In which tally the cancel had put it.
        case when canceled_at is null then 'QUEUED' when push_notifications.reached then 'SENT' else 'CANCELED' end as was
),
attempt as (
    insert into delivery_attempts (
        operation_id, position, number, provider, credential_id, device_id, masked_token, outcome, http_status,
        provider_code, provider_message, provider_message_id, duration_ms, created_at
    )
    select *
    from unnest(
        $14::uuid[], $15::integer[], $16::smallint[], $17::provider[], $18::uuid[], $19::uuid[], $20::text[], $21::text[],
        $22::smallint[], $23::text[], $24::text[], $25::text[], $26::integer[], $27::timestamptz[]
    ) as attempt (
        operation_id, position, number, provider, credential_id, device_id, masked_token, outcome, http_status,
        provider_code, provider_message, provider_message_id, duration_ms, created_at
    )
    where ((operation_id, position) in (select operation_id, position from updated)) is true
),
tally as (
    select
        operation_id,
        number,
        now() + make_interval(secs => max(due_in)) as due_at,
        case when count(status) > 0 then now() end as updated_at,
        count(*) filter (where status = 'SENT') - count(*) filter (where was = 'SENT') as sent,
        count(*) filter (where status = 'FAILED') as failed,
        count(*) filter (where status = 'UNADDRESSABLE') as unaddressable,
        count(*) filter (where status <> 'CANCELED' and was = 'CANCELED') as uncanceled
    from (
        select operation_id, number, due_in, null::push_notification_status as status, null as was
        from held
        union all
        select operation_id, batch_number, null, status, was
        from updated
    ) as entry
    group by operation_id, number
),
batch as (
    update batches
    set queued = queued - (tally.sent + tally.failed + tally.unaddressable - uncanceled),
        sent = batches.sent + tally.sent,
        failed = batches.failed + tally.failed,
        unaddressable = batches.unaddressable + tally.unaddressable,
        canceled = canceled - uncanceled,
        due_at = coalesce(tally.due_at, batches.due_at),
        -- A release ends the claim, so that a renewal that was under way changes nothing any more.
        claims = batches.claims + (tally.due_at is not null)::integer,
        updated_at = coalesce(tally.updated_at, batches.updated_at)
    from tally
    where batches.operation_id = tally.operation_id and batches.number = tally.number
)
select count(*) as "recorded!" from updated
