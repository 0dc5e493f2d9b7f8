-- Operations to an audience that are still being turned into notifications, step by step; gone when all are there.
create table fanouts (
    operation_id uuid primary key,
    account_id uuid not null,
    app_name text not null,
    -- Only Users with a device that has all of these; null: every User.
    tags jsonb,
    priority_rank smallint not null,
    -- Nothing is done before this moment.
    due_at timestamptz not null,
    -- The last User that was looked at.
    after_user_id uuid not null default '00000000-0000-0000-0000-000000000000',
    next_position integer not null default 0,
    next_batch integer not null default 0
);
create index fanouts_due on fanouts (due_at);

-- An audience is counted as it is found.
alter table operations drop constraint operations_recipients_check;
alter table operations add constraint operations_recipients_check check (recipients >= 0);
-- Which devices of the audience's Users are sent to; null: all.
alter table operations add column audience_tags jsonb;
