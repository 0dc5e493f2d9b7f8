-- What happened, and who is told: an outbox, the messages that are made of it, and each attempt to deliver one. All of these
-- tables are the coordinator's on Citus, as batches are.

-- The lane of a webhook. Failures in a row, since when, and until when nothing is sent to it.
alter table webhooks add column failures integer not null default 0;
alter table webhooks add column failing_since timestamptz;
alter table webhooks add column blocked_until timestamptz;
-- Which changes of Operations and their batches concern it.
alter table webhooks add column wants_starts boolean not null
    generated always as ('operation.processing' = any(events)) stored;
alter table webhooks add column wants_ends boolean not null
    generated always as (events && array['operation.completed', 'operation.canceled']) stored;
alter table webhooks add column wants_failed boolean not null
    generated always as ('notification.failed' = any(events)) stored;
alter table webhooks add column wants_canceled boolean not null
    generated always as ('notification.canceled' = any(events)) stored;
alter table webhooks add column wants_sent boolean not null
    generated always as ('notification.sent' = any(events)) stored;

-- Whose batch it is; the nil UUID: a replica of an older release has written it. A constant default changes no row.
alter table batches add column if not exists account_id uuid not null default '00000000-0000-0000-0000-000000000000';

-- The outbox: a row is written by the statement that makes a change, and is deleted by the one that makes messages of it.
create table events (
    id bigint generated always as identity primary key,
    -- The nil UUID: a replica of an older release has made the Operation, which knows its account.
    account_id uuid not null,
    -- 'batch': a batch has nothing left to do; 'operation': an Operation may have ended; otherwise the name of an event.
    kind text not null,
    operation_id uuid,
    batch_number integer,
    -- What is told of a device or a Credential.
    data jsonb,
    -- Not told before this moment.
    due_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    constraint events_batch_is_known check (kind <> 'batch' or operation_id is not null and batch_number is not null)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
create index events_due on events (due_at, id);

-- Where the events of an Operation go, in place of the URL of the webhook with the same origin.
create table operation_callbacks (
    operation_id uuid primary key,
    url text not null check (length(url) between 1 and 2048)
);

-- A message to a webhook. Its body is made anew for each attempt, of what `content` names.
create table webhook_deliveries (
    -- A UUIDv7.
    id uuid primary key,
    account_id uuid not null,
    -- Not a foreign key: a webhook with many messages is deleted at once, and they when their time is over.
    webhook_id uuid not null,
    -- The name of an event, or 'webhook.test'.
    event text not null,
    -- For an event that an Operation has once.
    operation_id uuid,
    -- In place of the webhook's URL.
    callback_url text,
    content jsonb not null,
    -- FAILED: given up.
    status text not null default 'PENDING' check (status in ('PENDING', 'DELIVERED', 'FAILED')),
    -- Attempts on record.
    attempts smallint not null default 0,
    -- Next attempt and lease in one, as of a batch.
    due_at timestamptz not null default now(),
    is_claimed boolean not null default false,
    -- The fencing token.
    claims integer not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
create unique index webhook_deliveries_once on webhook_deliveries (webhook_id, operation_id, event)
    where operation_id is not null;
create index webhook_deliveries_due on webhook_deliveries (webhook_id, due_at) where status = 'PENDING';
create index webhook_deliveries_of_webhook on webhook_deliveries (webhook_id, id);

create table webhook_attempts (
    delivery_id uuid not null references webhook_deliveries (id) on delete cascade,
    -- 1-based.
    number smallint not null check (number > 0),
    -- null: no answer arrived.
    http_status smallint,
    -- Why it failed; null: it did not.
    error text,
    -- The beginning of the answer's body.
    answer text,
    duration_ms integer not null,
    -- When the attempt began.
    created_at timestamptz not null,
    primary key (delivery_id, number)
);
