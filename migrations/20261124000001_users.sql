-- Users and their devices. A recipient that is a User is resolved to devices when it is processed.

create table users (
    id uuid primary key,
    account_id uuid not null references accounts (id) on delete cascade,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index users_of_account on users (account_id, id);

-- The devices of one User under one App.
create table device_registrations (
    id uuid primary key,
    account_id uuid not null,
    app_name text not null,
    user_id uuid not null references users (id) on delete cascade,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint device_registrations_of_user unique (account_id, app_name, user_id),
    constraint device_registrations_app foreign key (account_id, app_name) references apps (account_id, name)
        on delete cascade
);
create index device_registrations_by_user on device_registrations (user_id);

create table devices (
    id uuid primary key,
    registration_id uuid not null references device_registrations (id) on delete cascade,
    account_id uuid not null,
    app_name text not null,
    provider provider not null,
    -- Sealed: see secret::MasterKeys::seal_token.
    token bytea not null,
    -- SHA-256 of the token, by which it is found. Tokens are long and random, so it tells nobody anything.
    token_hash bytea not null check (length(token_hash) = 32),
    tags jsonb,
    -- What APNs' word on a dead token is compared with.
    registered_at timestamptz not null default now(),
    -- A token is one installation of an App, and belongs to whoever used it last.
    constraint devices_one_owner unique (account_id, app_name, provider, token_hash)
);
create index devices_of_registration on devices (registration_id, id);

-- What User recipients are resolved with, as it was when the Operation was accepted.
alter table operations add column app_name text;
alter table operations add column fcm_credential_id uuid;
alter table operations add column apn_credential_id uuid;

-- A recipient is either a device or a User. Tokens are sealed.
alter table push_notifications add column user_id uuid;
alter table push_notifications alter column provider drop not null;
alter table push_notifications alter column credential_id drop not null;
alter table push_notifications alter column token drop not null;
alter table push_notifications alter column token type bytea using convert_to(token, 'UTF8');
alter table push_notifications add constraint push_notifications_device_or_user check (
    (user_id is null) = (token is not null)
    and (token is null) = (provider is null)
    and (token is null) = (credential_id is null)
);

-- Which of a User's devices was tried: its id, and the ends of its token, for people.
alter table delivery_attempts add column device_id uuid;
alter table delivery_attempts add column masked_token text;

-- A User without a usable token: FAILED for whoever asks, but counted apart.
alter type push_notification_status add value 'UNADDRESSABLE';
alter table batches add column unaddressable integer not null default 0 check (unaddressable >= 0);
alter table batches drop constraint batches_tallies_add_up;
alter table batches add constraint batches_tallies_add_up
    check (queued + sent + failed + canceled + unaddressable = size);
