-- Tenants, their API keys, Apps and Credentials: small tables, read often, written rarely.

create table accounts (
    id uuid primary key,
    -- What an operator calls the tenant; unique, so that `bellwire keys create --account NAME` finds it again.
    name text not null unique check (length(name) between 1 and 64),
    created_at timestamptz not null default now()
);

create table api_keys (
    -- The user name of HTTP Basic: public, so it may be logged.
    key text primary key check (length(key) between 1 and 64),
    account_id uuid not null references accounts (id) on delete cascade,
    -- SHA-256 of the secret. Secrets are random and long, so a slow hash would protect nothing.
    secret_hash bytea not null check (length(secret_hash) = 32),
    created_at timestamptz not null default now(),
    revoked_at timestamptz
);
create index api_keys_of_account on api_keys (account_id);

create table apps (
    account_id uuid not null references accounts (id) on delete cascade,
    name text not null check (name ~ '^[a-z0-9_]{1,64}$'),
    -- Where a send goes that names no sender.
    is_default boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (account_id, name)
);
create unique index apps_one_default on apps (account_id) where is_default;

create type credential_type as enum ('FCM', 'APN', 'APN_SANDBOX');

create table credentials (
    id uuid primary key,
    account_id uuid not null,
    app_name text not null,
    credential_type credential_type not null,
    -- The credential of its provider that the App sends with.
    is_default boolean not null default false,
    -- The id of the master key that `content` is sealed with.
    master_key_id text not null,
    -- AES-256-GCM: nonce, ciphertext, tag; the credential's id is the associated data.
    content bytea not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint credentials_app foreign key (account_id, app_name) references apps (account_id, name) on delete cascade
);
create index credentials_of_app on credentials (account_id, app_name, id);
-- APN and APN_SANDBOX are both the provider APN, but each has a default of its own type, as the API says.
create unique index credentials_one_default on credentials (account_id, app_name, credential_type) where is_default;
