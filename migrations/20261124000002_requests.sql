-- Requests that were accepted under an Idempotency-Key, with their answers: the same request again gets the same answer.
create table idempotency_keys (
    account_id uuid not null references accounts (id) on delete cascade,
    -- As the client gave it.
    key text not null check (length(key) between 1 and 255),
    -- SHA-256 of the method, the path and the body.
    fingerprint bytea not null check (length(fingerprint) = 32),
    -- The answer's Location header and body.
    location text not null,
    answer jsonb not null,
    created_at timestamptz not null default now(),
    primary key (account_id, key)
);
create index idempotency_keys_by_age on idempotency_keys (created_at);

-- FULL: everything; SEND: send and cancel; READ: look.
create type api_key_role as enum ('FULL', 'SEND', 'READ');
alter table api_keys add column role api_key_role not null default 'FULL';
