-- Records what became of notifications: their attempts, their statuses, the tallies of their batches, and the ends of
-- claims. An outcome or a release under a claim that has been lost changes nothing. The parameters come in blocks: an
-- array for each column.

-- $1 to $4 and $29: batches, each with its fencing token; a released one also with the seconds until it is due again, and
-- with the Credential whose lane recalls it. Only those that still have this token are held. Every statement that changes several batches locks them first, in key
-- order, so no two of them wait for each other.
with held as materialized (
    -- Locked one level below: Citus can't read a result whose own statement locks and joins.
    select locked.operation_id, locked.number, locked.due_in, locked.waits_for
    from (
        select batches.operation_id, batches.number, claim.due_in, claim.waits_for
        from unnest($1::uuid[], $2::integer[], $3::integer[], $4::double precision[], $29::uuid[])
            as claim (operation_id, number, claims, due_in, waits_for)
        join batches on batches.operation_id = claim.operation_id and batches.number = claim.number
        where batches.claims = claim.claims
        order by batches.operation_id, batches.number
        for update of batches
    ) as locked
),
-- $5 to $14: the notifications, of which those in held batches are left.
outcome as materialized (
    select
        new.operation_id,
        new.batch_number,
        new.position,
        new.attempts_before,
        new.attempts_made,
        new.status,
        new.reached,
        -- Times are computed before they are set, here and in the tally: Citus takes no others.
        now() + make_interval(secs => new.retry_in) as next_attempt_at,
        -- Withheld by Bellwire itself.
        case when new.status = 'CANCELED' then now() end as canceled_at,
        new.error_code,
        new.error_message
    from unnest(
        $5::uuid[], $6::integer[], $7::integer[], $8::smallint[], $9::smallint[], $10::push_notification_status[],
        $11::boolean[], $12::double precision[], $13::text[], $14::text[]
    ) as new (
        operation_id, batch_number, position, attempts_before, attempts_made, status, reached, retry_in, error_code,
        error_message
    )
    -- "is true" keeps this a look-up in a hash table; as a join it would compare every pair.
    where ((new.operation_id, new.batch_number) in (select operation_id, number from held)) is true
),
-- The notifications get their statuses, unless they have changed since they were loaded; a cancel is allowed for.
updated as (
    update push_notifications
    set
        -- A canceled one isn't tried again. A User's is SENT if one device's provider has accepted it.
        status = case
            when push_notifications.canceled_at is null or outcome.status <> 'QUEUED' then outcome.status
            when outcome.reached then 'SENT'
            else 'CANCELED'
        end,
        -- Left alone after a cancel: it says below to which tally the cancel moved the notification.
        reached = case
            when push_notifications.canceled_at is null then outcome.reached
            else push_notifications.reached
        end,
        attempts = outcome.attempts_before + outcome.attempts_made,
        next_attempt_at = case when push_notifications.canceled_at is null then outcome.next_attempt_at end,
        canceled_at = coalesce(push_notifications.canceled_at, outcome.canceled_at),
        error_code = outcome.error_code,
        error_message = outcome.error_message,
        updated_at = now()
    from outcome
    where push_notifications.operation_id = outcome.operation_id
        and push_notifications.position = outcome.position
        and (
            push_notifications.status = 'QUEUED'
            -- Canceled while a request was in flight: recorded as what it became.
            or outcome.attempts_made > 0
                and (
                    push_notifications.status = 'CANCELED'
                    or push_notifications.status = 'SENT' and push_notifications.reached
                )
        )
        and push_notifications.attempts = outcome.attempts_before
    returning
        outcome.operation_id,
        outcome.batch_number,
        outcome.position,
        push_notifications.status,
        -- The tally that the notification was in until now. One that is withheld was not canceled before.
        case
            when push_notifications.canceled_at is null then 'QUEUED'
            when push_notifications.canceled_at = outcome.canceled_at then 'QUEUED'
            when push_notifications.reached then 'SENT'
            else 'CANCELED'
        end as was
),
-- $15 to $28: the attempts, of which those of updated notifications are stored.
attempt as (
    insert into delivery_attempts (
        operation_id, position, number, provider, credential_id, device_id, masked_token, outcome, http_status,
        provider_code, provider_message, provider_message_id, duration_ms, created_at
    )
    select new.*
    from unnest(
        $15::uuid[], $16::integer[], $17::smallint[], $18::provider[], $19::uuid[], $20::uuid[], $21::text[],
        $22::text[], $23::smallint[], $24::text[], $25::text[], $26::text[], $27::integer[], $28::timestamptz[]
    ) as new (
        operation_id, position, number, provider, credential_id, device_id, masked_token, outcome, http_status,
        provider_code, provider_message, provider_message_id, duration_ms, created_at
    )
    where ((new.operation_id, new.position) in (select operation_id, position from updated)) is true
),
-- What changes in each batch, counted from the rows that were really updated. A held batch has an entry of its own, so
-- that a release without outcomes takes effect too.
tally as (
    select
        entry.operation_id,
        entry.number,
        now() + make_interval(secs => max(entry.due_in)) as due_at,
        -- A batch has at most one.
        min(entry.waits_for) as waits_for,
        case when count(entry.status) > 0 then now() end as updated_at,
        count(*) filter (where entry.status = 'SENT') - count(*) filter (where entry.was = 'SENT') as sent,
        count(*) filter (where entry.status = 'FAILED') as failed,
        count(*) filter (where entry.status = 'UNADDRESSABLE') as unaddressable,
        count(*) filter (where entry.status = 'CANCELED' and entry.was = 'QUEUED') as withheld,
        count(*) filter (where entry.status <> 'CANCELED' and entry.was = 'CANCELED') as uncanceled
    from (
        select operation_id, number, due_in, waits_for::text, null::push_notification_status as status, null as was
        from held
        union all
        select operation_id, batch_number, null, null, status, was
        from updated
    ) as entry
    group by entry.operation_id, entry.number
),
-- The tallies move by as much, and a released batch becomes due.
batch as (
    update batches
    set queued = batches.queued
            - (tally.sent + tally.failed + tally.unaddressable + tally.withheld - tally.uncanceled),
        sent = batches.sent + tally.sent,
        failed = batches.failed + tally.failed,
        unaddressable = batches.unaddressable + tally.unaddressable,
        canceled = batches.canceled + tally.withheld - tally.uncanceled,
        withheld = batches.withheld + tally.withheld,
        due_at = coalesce(tally.due_at, batches.due_at),
        -- A release ends the claim, so that a renewal that was under way changes nothing any more.
        claims = batches.claims + (tally.due_at is not null)::integer,
        waits_for = tally.waits_for::uuid,
        waits_as_of = case when tally.waits_for is not null then batches.claims + 1 end,
        updated_at = coalesce(tally.updated_at, batches.updated_at)
    from tally
    where batches.operation_id = tally.operation_id and batches.number = tally.number
    returning
        batches.operation_id,
        batches.number,
        batches.account_id,
        batches.queued,
        batches.sent,
        batches.failed + batches.unaddressable as failed,
        batches.canceled,
        tally.sent <> 0 or tally.failed + tally.unaddressable + tally.withheld + tally.uncanceled > 0 as has_changed
),
-- Reports a batch that has nothing left to do to the account's webhooks, if one of them wants such events. A batch that had nothing
-- left before is reported again: a canceled notification has another outcome now.
event as (
    insert into events (account_id, kind, operation_id, batch_number)
    select batch.account_id, 'batch', batch.operation_id, batch.number
    from batch
    where batch.queued = 0
        and batch.has_changed
        and (
            -- The accounts that have a webhook are read once, and not for each batch.
            batch.account_id = any (
                array(
                    select webhooks.account_id
                    from webhooks
                    where webhooks.account_id = any (array(select batch.account_id from batch))
                        and webhooks.disabled_at is null
                )
            )
            and exists (
                select
                from webhooks
                where webhooks.account_id = batch.account_id
                    and webhooks.disabled_at is null
                    and (
                        webhooks.wants_ends
                        or webhooks.wants_failed and batch.failed > 0
                        or webhooks.wants_canceled and batch.canceled > 0
                        or webhooks.wants_sent and batch.sent > 0
                    )
            )
            -- Nil: a replica of an older release has written the batch, and the account is not known here.
            or batch.account_id = '00000000-0000-0000-0000-000000000000'
            and exists (select from webhooks where webhooks.disabled_at is null)
        )
)
select count(*) as "recorded!" from updated
