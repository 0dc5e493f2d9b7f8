-- Users that were merged into others. Records, apps and requests may still name them.
create table merged_users (
    -- The User that is gone.
    id uuid primary key,
    account_id uuid not null references accounts (id) on delete cascade,
    -- The User who has its devices now; never one that was merged itself.
    into_id uuid not null references users (id) on delete cascade,
    -- The external id that it had, to find what was sent to it.
    external_id text,
    merged_at timestamptz not null default now()
);
create index merged_users_into on merged_users (into_id);
create index merged_users_by_external_id on merged_users (account_id, external_id) where external_id is not null;
