-- Users whose records are being erased. A row goes when nothing is left to erase.
create table user_erasures (
    -- A UUIDv7.
    id uuid primary key,
    account_id uuid not null references accounts (id) on delete cascade,
    -- The ids under which notifications to the User are recorded.
    user_ids uuid[] not null,
    -- Not before this moment: a process is at it, or requests may be in flight.
    due_at timestamptz not null default now()
);
create index user_erasures_due on user_erasures (due_at);
