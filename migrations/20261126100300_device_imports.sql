-- Files of devices that are read in, and what was wrong with their lines.

create table device_imports (
    -- A UUIDv7.
    id uuid primary key,
    account_id uuid not null references accounts (id) on delete cascade,
    format text not null check (format in ('NDJSON', 'CSV')),
    -- One that is RUNNING and has not changed for long was interrupted with its process.
    status text not null default 'RUNNING' check (status in ('RUNNING', 'COMPLETED', 'INTERRUPTED', 'FAILED')),
    -- Rows that were read; each is in one of the four counts.
    rows integer not null default 0,
    created integer not null default 0,
    updated integer not null default 0,
    unchanged integer not null default 0,
    failed integer not null default 0,
    -- Everything up to this line, 1-based, is stored or has failed.
    last_line integer not null default 0,
    -- Why it ended before its end.
    error text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index device_imports_of_account on device_imports (account_id, id);

create table device_import_errors (
    import_id uuid not null references device_imports (id) on delete cascade,
    -- 1-based.
    line integer not null,
    field text not null,
    message text not null,
    primary key (import_id, line)
);
