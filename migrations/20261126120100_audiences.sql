-- Audiences that are chosen by more than tags, that are estimated before they are sent to, and that may not be larger than the
-- client says; and a cap of pushes for each User. An older release reads and writes none of this, so an audience with
-- conditions or a maximum is not accepted while one is connected.

-- When the app on a device last gave a receipt; null: never. A device was seen at `registered_at` as well.
alter table devices add column last_seen_at timestamptz;

-- Users of an App in an order that has nothing to do with them: the first ones are a fair sample. The last bytes of a UUIDv7 are
-- random.
create index device_registrations_sample
    on device_registrations (account_id, app_name, substring(uuid_send(user_id) from 13));

-- Whether a device belongs to an audience, as src/model/audience.rs describes. Null: every device does. A query that calls it
-- has its text in place of the call.
create function audience_admits(
    predicate jsonpath,
    provider provider,
    tags jsonb,
    registered_at timestamptz,
    last_seen_at timestamptz,
    language text,
    timezone text
) returns boolean
language sql
stable
parallel safe
as $$
    select predicate is null or coalesce(
        jsonb_path_match(
            jsonb_build_object(
                'provider', provider,
                'tags', coalesce(tags, '{}'::jsonb),
                'seen', (extract(epoch from greatest(registered_at, last_seen_at)) * 1000000)::bigint,
                'language', coalesce(lower(language), ''),
                'timezone', coalesce(lower(timezone), '')
            ),
            predicate,
            '{}'::jsonb,
            true
        ),
        false
    )
$$;

-- Which devices an Operation to an audience is sent to; null: those that `audience_tags` names.
alter table operations add column audience_predicate jsonpath;
-- Why an Operation to an audience does not reach all of it, when that was found, and its text.
alter table operations add column error_code text;
alter table operations add column error_message text;
alter table operations add column error_at timestamptz;

alter table fanouts add column predicate jsonpath;
-- Most Users that are sent to; null: as many as an Operation takes.
alter table fanouts add column max_users integer;
-- Users are only counted: BEFORE anything is sent, because there is a maximum, or AFTER the Operation is full, to learn how many
-- are left out.
alter table fanouts add column counting text constraint fanouts_counting_check check (counting in ('BEFORE', 'AFTER'));
alter table fanouts add column counted bigint not null default 0;

-- How many pushes each User gets within how long: {"max": 3, "per": "24h"}; null: as many as are sent.
alter table accounts add column push_cap jsonb;

-- The pushes to a User that count against the cap of its account, [{"id": the notification's, "at": in seconds}]. A table of its
-- own, whose rows retention deletes: no sending changes a row of `users`.
create table user_pushes (
    user_id uuid primary key,
    account_id uuid not null,
    pushes jsonb not null,
    -- The day of the last change: it changes once a day, so most changes need no entry in an index.
    changed_on date not null
) with (fillfactor = 70);
create index user_pushes_changed_on on user_pushes (changed_on);
