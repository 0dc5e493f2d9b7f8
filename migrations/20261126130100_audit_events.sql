-- Who changed what: a row for each change of an account's settings and of what it sends, written in the transaction of the
-- change. It outlives its account. A small table: retention deletes its rows.
create table audit_events (
    -- UUIDv7, so that ids sort by time.
    id uuid primary key,
    account_id uuid not null,
    at timestamptz not null default now(),
    -- The user name of an API key, or who else it was.
    actor text not null,
    -- How it was done: API, CONSOLE or CLI.
    via text not null,
    -- What was done, such as credential.create.
    action text not null,
    -- Ids of what was changed, or names.
    targets text[] not null,
    -- Where the request came from; null: from the command line.
    source_address text
);
create index audit_events_of_account on audit_events (account_id, id);
create index audit_events_by_time on audit_events (at);
