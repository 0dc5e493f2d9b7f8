-- Logins to the console at an identity provider that have ended, so that none ends twice. A small table: a login deletes rows
-- that are over.
create table console_logins (
    -- SHA-256 of the state, which only the browser and the provider know.
    state_hash bytea primary key check (length(state_hash) = 32),
    -- When the browser's cookie is over, so that it could not end again.
    ends_at timestamptz not null
);
create index console_logins_by_end on console_logins (ends_at);
