-- Stores whole Operations, all or none. The parameters come in blocks, one for each table: an array for each column, in
-- the order in which the columns are listed here.

-- $1 to $13, $44, $49, $57 and $60: a row for each Operation.
with operation as (
    insert into operations (
        id, account_id, message, sender, tags, audience_tags, recipients, send_at, deadline_at, created_at, app_name,
        fcm_credential_id, apn_credential_id, apn_sandbox_credential_id, pace_per_minute, audience_predicate,
        local_schedule
    )
    select *
    from unnest(
        $1::uuid[], $2::uuid[], $3::jsonb[], $4::jsonb[], $5::jsonb[], $6::jsonb[], $7::integer[], $8::timestamptz[],
        $9::timestamptz[], $10::timestamptz[], $11::text[], $12::uuid[], $13::uuid[], $44::uuid[],
        $49::integer[], $57::text[]::jsonpath[], $60::jsonb[]
    )
),
-- $14 to $20, $43, $61, $62 and $65: a row for each recipient of a list.
push_notification as (
    insert into push_notifications (
        operation_id, position, user_id, provider, credential_id, token, variables, badge, planned_at, planned_end,
        external_id, next_attempt_at
    )
    select new.*, new.planned_at
    from unnest(
        $14::uuid[], $15::integer[], $16::uuid[], $17::provider[], $18::uuid[], $19::bytea[], $20::jsonb[],
        $43::integer[], $61::timestamptz[], $62::text[], $65::text[]
    ) as new (
        operation_id, position, user_id, provider, credential_id, token, variables, badge, planned_at, planned_end,
        external_id
    )
),
-- $21 to $29, $50 and $63: a row for each batch of those.
batch as (
    insert into batches (
        operation_id, number, account_id, first_position, size, rank, due_at, claims, queued, updated_at,
        awaits_turn, planned
    )
    select
        new.operation_id,
        new.number,
        new.account_id,
        new.first_position,
        new.size,
        new.rank,
        -- Due by the database's clock, which is also the one that claims go by, and never in its past: claims don't look
        -- there again. greatest() leaves null out. One that waits for its turn lies far ahead.
        case
            when new.awaits_turn then now() + interval '100 years'
            else greatest(new.send_at, now()) + make_interval(secs => coalesce(new.claimed_for, 0))
        end,
        (new.claimed_for is not null)::integer,
        new.size,
        new.created_at,
        new.awaits_turn,
        new.planned
    from unnest(
        $21::uuid[], $22::integer[], $23::uuid[], $24::integer[], $25::integer[], $26::smallint[], $27::timestamptz[],
        $28::double precision[], $29::timestamptz[], $50::boolean[], $63::jsonb[]
    ) as new (
        operation_id, number, account_id, first_position, size, rank, send_at, claimed_for, created_at, awaits_turn,
        planned
    )
),
-- $30 to $34: a row for each Operation that was sent under an Idempotency-Key. One statement stores both, so neither is
-- ever there without the other. Of two requests under one key at the same time, the second breaks the primary key.
request as (
    insert into idempotency_keys (account_id, key, fingerprint, location, answer)
    select *
    from unnest($30::uuid[], $31::text[], $32::bytea[], $33::text[], $34::jsonb[])
),
-- $35 to $40, $51, $58, $59 and $64: a row for each Operation to an audience, whose notifications and batches are made by
-- the fan-out.
fanout as (
    insert into fanouts (
        operation_id, account_id, app_name, tags, priority_rank, due_at, pace_per_minute, predicate, max_users, counting,
        is_local
    )
    select
        new.operation_id,
        new.account_id,
        new.app_name,
        new.tags,
        new.rank,
        greatest(new.send_at, now()),
        new.pace_per_minute,
        new.predicate,
        new.max_users,
        -- An audience with a maximum is counted first.
        case when new.max_users is not null then 'BEFORE' end,
        new.is_local
    from unnest(
        $35::uuid[], $36::uuid[], $37::text[], $38::jsonb[], $39::smallint[], $40::timestamptz[], $51::integer[],
        $58::text[]::jsonpath[], $59::integer[], $64::boolean[]
    ) as new (
        operation_id, account_id, app_name, tags, rank, send_at, pace_per_minute, predicate, max_users, is_local
    )
),
-- $45 and $66: a row for each Operation whose request says where its events go.
callback as (
    insert into operation_callbacks (operation_id, url)
    select *
    from unnest($66::uuid[], $45::text[])
),
-- Reports to webhooks that an Operation begins, when its time comes. The accounts that want it are read once, and not for
-- each Operation.
event as (
    insert into events (account_id, kind, operation_id, due_at)
    select new.account_id, 'operation.processing', new.id, coalesce(new.send_at, now())
    from unnest($1::uuid[], $2::uuid[], $8::timestamptz[]) as new (id, account_id, send_at)
    where new.account_id = any (
        array(
            select webhooks.account_id
            from webhooks
            where webhooks.account_id = any ($2::uuid[]) and webhooks.disabled_at is null and webhooks.wants_starts
        )
    )
),
-- $46 to $48: a row for each Operation that pauses by itself.
guard as (
    insert into guards (operation_id, failed_percent, after)
    select *
    from unnest($46::uuid[], $47::smallint[], $48::integer[])
),
-- $52 to $56: a row for each Operation with a pace.
pace as (
    insert into paces (operation_id, account_id, per_minute, next_at, deadline_after)
    select new.operation_id, new.account_id, new.per_minute, greatest(new.send_at, now()), new.deadline_after
    from unnest($52::uuid[], $53::uuid[], $54::integer[], $55::timestamptz[], $56::double precision[])
        as new (operation_id, account_id, per_minute, send_at, deadline_after)
)
-- Wakes the workers of all processes, if there is a payload ($42). A transaction that notifies commits under a lock of
-- the whole database, so such commits can't share a flush.
select pg_notify($41, $42) where $42::text is not null
