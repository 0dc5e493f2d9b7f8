-- Webhooks: where an account wants to be told what happened.

create table webhooks (
    id uuid primary key,
    account_id uuid not null references accounts (id) on delete cascade,
    url text not null check (length(url) between 1 and 2048),
    -- Scheme, host and port of the URL, which the callbackUrl of a send must share: https://hooks.example.com:443.
    origin text not null,
    -- The names of the events that it is told.
    events text[] not null check (cardinality(events) > 0),
    -- Only of this App; null: of every App.
    app_name text,
    -- Only of Operations with all of these tags; null: of all.
    tags jsonb,
    description text,
    -- 'standard' or 'cloudevents'.
    envelope text not null default 'standard',
    -- The secret that its requests are signed with, sealed with a master key, whose id it begins with, and bound to the
    -- webhook: see crypto::MasterKeys::seal_webhook_secret.
    secret bytea not null,
    -- The secret before the last rotation, which signs too until then.
    old_secret bytea,
    old_secret_until timestamptz,
    -- Not told anything since then, and why.
    disabled_at timestamptz,
    disabled_reason text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint webhooks_disabled_has_reason check ((disabled_at is null) = (disabled_reason is null)),
    constraint webhooks_old_secret_has_end check ((old_secret is null) = (old_secret_until is null))
);
create index webhooks_of_account on webhooks (account_id, id);
