with operation as (
    insert into operations (
        id, account_id, message, sender, tags, recipients, send_at, deadline_at, created_at, app_name, fcm_credential_id,
        apn_credential_id, audience_tags
    )
    select *
    from unnest(
        $1::uuid[], $2::uuid[], $3::jsonb[], $4::jsonb[], $5::jsonb[], $6::integer[], $7::timestamptz[], $8::timestamptz[],
        $9::timestamptz[], $10::text[], $11::uuid[], $12::uuid[], $33::jsonb[]
    )
),
push_notification as (
    insert into push_notifications (operation_id, position, user_id, provider, credential_id, token, variables)
    select *
    from unnest($13::uuid[], $14::integer[], $15::uuid[], $16::provider[], $17::uuid[], $18::bytea[], $19::jsonb[])
),
batch as (
    -- Due by the database's clock, which is also the one that claims go by.
    insert into batches (operation_id, number, first_position, size, rank, due_at, claims, queued, updated_at)
    select
        operation_id, number, number * $26::integer, size, rank,
        coalesce(send_at, now()) + make_interval(secs => coalesce(claimed_for, 0)),
        (claimed_for is not null)::integer, size, created_at
    from unnest(
        $20::uuid[], $21::integer[], $22::integer[], $23::smallint[], $24::timestamptz[], $25::timestamptz[],
        $41::double precision[]
    ) as new (operation_id, number, size, rank, send_at, created_at, claimed_for)
),
request as (
    insert into idempotency_keys (account_id, key, fingerprint, location, answer)
    select *
    from unnest($28::uuid[], $29::text[], $30::bytea[], $31::text[], $32::jsonb[])
),
fanout as (
    insert into fanouts (operation_id, account_id, app_name, tags, priority_rank, due_at)
    select operation_id, account_id, app_name, tags, rank, coalesce(send_at, now())
    from unnest($34::uuid[], $35::uuid[], $36::text[], $37::jsonb[], $38::smallint[], $39::timestamptz[])
        as new (operation_id, account_id, app_name, tags, rank, send_at)
)
-- Commits that notify go one at a time, so nobody is told who need not be.
select pg_notify($27, '') where $40
