-- Stores whole Operations, all or none. The parameters come in blocks, one for each table: an array for each column, in
-- the order in which the columns are listed here.

-- $1 to $13: a row for each Operation.
with operation as (
    insert into operations (
        id, account_id, message, sender, tags, audience_tags, recipients, send_at, deadline_at, created_at, app_name,
        fcm_credential_id, apn_credential_id
    )
    select *
    from unnest(
        $1::uuid[], $2::uuid[], $3::jsonb[], $4::jsonb[], $5::jsonb[], $6::jsonb[], $7::integer[], $8::timestamptz[],
        $9::timestamptz[], $10::timestamptz[], $11::text[], $12::uuid[], $13::uuid[]
    )
),
-- $14 to $20: a row for each recipient of a list.
push_notification as (
    insert into push_notifications (operation_id, position, user_id, provider, credential_id, token, variables)
    select *
    from unnest($14::uuid[], $15::integer[], $16::uuid[], $17::provider[], $18::uuid[], $19::bytea[], $20::jsonb[])
),
-- $21 to $28: a row for each batch of those.
batch as (
    insert into batches (operation_id, number, first_position, size, rank, due_at, claims, queued, updated_at)
    select
        new.operation_id,
        new.number,
        new.first_position,
        new.size,
        new.rank,
        -- Due by the database's clock, which is also the one that claims go by.
        coalesce(new.send_at, now()) + make_interval(secs => coalesce(new.claimed_for, 0)),
        (new.claimed_for is not null)::integer,
        new.size,
        new.created_at
    from unnest(
        $21::uuid[], $22::integer[], $23::integer[], $24::integer[], $25::smallint[], $26::timestamptz[],
        $27::double precision[], $28::timestamptz[]
    ) as new (operation_id, number, first_position, size, rank, send_at, claimed_for, created_at)
),
-- $29 to $33: a row for each Operation that was sent under an Idempotency-Key. One statement stores both, so neither is
-- ever there without the other. Of two requests under one key at the same time, the second breaks the primary key.
request as (
    insert into idempotency_keys (account_id, key, fingerprint, location, answer)
    select *
    from unnest($29::uuid[], $30::text[], $31::bytea[], $32::text[], $33::jsonb[])
),
-- $34 to $39: a row for each Operation to an audience, whose notifications and batches are made by the fan-out.
fanout as (
    insert into fanouts (operation_id, account_id, app_name, tags, priority_rank, due_at)
    select new.operation_id, new.account_id, new.app_name, new.tags, new.rank, coalesce(new.send_at, now())
    from unnest($34::uuid[], $35::uuid[], $36::text[], $37::jsonb[], $38::smallint[], $39::timestamptz[])
        as new (operation_id, account_id, app_name, tags, rank, send_at)
)
-- Wakes the workers of all processes, if $40 says so. A transaction that notifies commits under a lock of the whole
-- database, so such commits can't share a flush.
select pg_notify($41, '') where $40
