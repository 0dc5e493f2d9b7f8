-- The pace of an Operation: so many of its notifications become due in a minute. An older release sends what is due, and
-- makes nothing due before its turn.

-- Whether the batch waits for its turn by the pace. Its due_at is far away then, and it was never claimed. A constant
-- default changes no row.
alter table batches add column awaits_turn boolean not null default false;
-- When the notifications of the batch should go, and when they expire; null: as the Operation says.
alter table batches add column planned_at timestamptz;
alter table batches add column deadline_at timestamptz;

-- The pace of what the fan-out makes; null: none.
alter table fanouts add column pace_per_minute integer;

-- As the request or a later change gave it, to be shown; null: none.
alter table operations add column pace_per_minute integer;

-- Operations that have batches waiting for their turn, or will have. A row is locked by whatever makes a batch due, or
-- changes all of them.
create table paces (
    operation_id uuid primary key,
    account_id uuid not null,
    per_minute integer not null check (per_minute >= 1),
    -- When the next notifications become due.
    next_at timestamptz not null,
    -- From a notification's planned time to its deadline, in seconds.
    deadline_after double precision not null,
    -- The numbers of the last batches that became due.
    recent integer[] not null default '{}',
    paused boolean not null default false
);
create index paces_due on paces (next_at) where not paused;
