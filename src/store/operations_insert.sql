with operation as (
    insert into operations (id, account_id, message, sender, tags, recipients, send_at, deadline_at, created_at)
    select *
    from unnest(
        $1::uuid[], $2::uuid[], $3::jsonb[], $4::jsonb[], $5::jsonb[], $6::integer[], $7::timestamptz[], $8::timestamptz[],
        $9::timestamptz[]
    )
),
push_notification as (
    insert into push_notifications (operation_id, position, provider, credential_id, token, variables)
    select *
    from unnest($10::uuid[], $11::integer[], $12::provider[], $13::uuid[], $14::text[], $15::jsonb[])
),
batch as (
    -- Due by the database's clock, which is also the one that claims go by.
    insert into batches (operation_id, number, first_position, size, rank, due_at, queued, updated_at)
    select operation_id, number, number * $22::integer, size, rank, coalesce(send_at, now()), size, created_at
    from unnest($16::uuid[], $17::integer[], $18::integer[], $19::smallint[], $20::timestamptz[], $21::timestamptz[])
        as new (operation_id, number, size, rank, send_at, created_at)
)
select pg_notify($23, '')
