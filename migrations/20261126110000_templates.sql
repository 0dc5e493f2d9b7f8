-- Content that an account stores under a name, and the versions that it had.

create table templates (
    id uuid primary key,
    account_id uuid not null references accounts (id) on delete cascade,
    name text not null,
    -- The newest of its versions.
    version integer not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint templates_name unique (account_id, name)
);
create index templates_of_account on templates (account_id, id);

create table template_versions (
    template_id uuid not null references templates (id) on delete cascade,
    version integer not null,
    -- A message of which only the content is set: see model::message::Message.
    message jsonb not null,
    created_at timestamptz not null default now(),
    primary key (template_id, version)
);
