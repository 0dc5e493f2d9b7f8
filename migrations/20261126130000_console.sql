-- Who is logged in to the console. A browser holds a random token; its hash finds the session. A small table: a login
-- deletes sessions that are over.
create table console_sessions (
    -- SHA-256 of the token.
    token_hash bytea primary key check (length(token_hash) = 32),
    account_id uuid not null references accounts (id) on delete cascade,
    -- The API key that logged in; null: another login, with the role below.
    key text references api_keys (key) on delete cascade,
    -- Who it is, for people and for the audit log.
    actor text not null,
    role api_key_role not null,
    created_at timestamptz not null default now(),
    -- Give or take a minute.
    seen_at timestamptz not null default now(),
    ends_at timestamptz not null
);
create index console_sessions_by_end on console_sessions (ends_at);
