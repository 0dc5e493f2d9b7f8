-- The rows that a single-recipient request makes, as one statement and one transaction.
with operation as (
    insert into operations (id, account_id, message, sender, recipients, deadline_at, created_at)
    values (
        -- Of this moment, as the service's own are: neighbours in the index.
        (lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
            || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid,
        '00000000-0000-7000-8000-000000000001',
        '{"body": "You have 1 hour until boarding time", "sound": "ring", "title": "Boarding time @ TLL", "priority": "HIGH"}',
        null, 1, now() + interval '1 hour', now()
    )
    returning id
),
push_notification as (
    insert into push_notifications (operation_id, position, provider, credential_id, token)
    select id, 0, 'APN', '00000000-0000-7000-8000-000000000002', decode(repeat('5e', 94), 'hex') from operation
),
batch as (
    insert into batches (operation_id, number, first_position, size, rank, due_at, queued, updated_at)
    select id, 0, 0, 1, 0, now() + interval '6 days', 1, now() from operation
)
select 1;
