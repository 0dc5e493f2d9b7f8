-- What an account knows of its Users beside their devices: its own id of each, language (BCP 47), time zone (IANA),
-- the variables that templates fall back to, and what the User does not want to receive.
alter table users
    add column external_id text,
    add column language text,
    add column timezone text,
    add column variables jsonb,
    add column opted_out boolean not null default false,
    add column opted_out_tags text[] not null default '{}';

create unique index users_by_external_id on users (account_id, external_id) where external_id is not null;
