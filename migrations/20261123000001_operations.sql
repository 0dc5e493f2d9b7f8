-- What was asked for and what became of it. These tables are large: each is partitioned by day on the Operation's id
-- (a UUIDv7 orders by time), so a row, its children and its Operation share a day, a look-up by id reads one
-- partition, and a day is dropped in constant time. No foreign keys and no triggers: one statement inserts a whole tree.

create type provider as enum ('FCM', 'APN');

-- SCHEDULED is not stored: it is QUEUED whose time has not come.
create type push_notification_status as enum ('QUEUED', 'SENT', 'FAILED', 'CANCELED');

create table operations (
    -- UUIDv7 whose low 24 bits are zero; the notification at position p has this id + p + 1.
    id uuid not null,
    account_id uuid not null,
    -- The message: content, priority, sound and our extensions, as accepted. Once per Operation, never per recipient.
    message jsonb not null,
    -- The sender as the client gave it; null: the default App.
    sender jsonb,
    tags jsonb,
    recipients integer not null check (recipients > 0),
    -- Not before this moment; null: at once.
    send_at timestamptz,
    -- A notification that is unsent by then fails as expired.
    deadline_at timestamptz not null,
    created_at timestamptz not null,
    canceled_at timestamptz,
    primary key (id)
) partition by range (id);
-- Lists by account, newest first.
create index operations_of_account on operations (account_id, id);

create table push_notifications (
    operation_id uuid not null,
    -- 0-based, in the order of the request.
    position integer not null check (position >= 0),
    provider provider not null,
    -- Which Credential it is sent with; not a foreign key, so that a Credential can be deleted at any time.
    credential_id uuid not null,
    -- The device token: a secret, never logged.
    token text not null,
    -- The recipient's template variables; null: none.
    variables jsonb,
    status push_notification_status not null default 'QUEUED',
    -- Delivery attempts on record.
    attempts smallint not null default 0 check (attempts >= 0),
    -- Earliest moment of the next try; null: at once.
    next_attempt_at timestamptz,
    -- The last error: Bellwire's or the provider's code, and its text.
    error_code text,
    error_message text,
    -- null: as the Operation's created_at; saves writing it when the row is born.
    updated_at timestamptz,
    primary key (operation_id, position),
    constraint push_notifications_failed_has_error check (status <> 'FAILED' or error_code is not null),
    constraint push_notifications_settled_has_no_next check (status = 'QUEUED' or next_attempt_at is null)
) partition by range (operation_id);

create table delivery_attempts (
    operation_id uuid not null,
    position integer not null,
    -- 1-based.
    number smallint not null check (number > 0),
    provider provider not null,
    credential_id uuid not null,
    -- What Bellwire made of the answer, by what to do about it: see provider::Outcome.
    outcome text not null,
    -- The provider's HTTP status; null: no answer arrived.
    http_status smallint,
    -- The provider's own error code and text.
    provider_code text,
    provider_message text,
    -- The provider's name for the message: FCM's name, APNs' apns-id.
    provider_message_id text,
    duration_ms integer not null,
    -- When the try began.
    created_at timestamptz not null,
    primary key (operation_id, position, number)
) partition by range (operation_id);

-- The queue. A row stands for up to 500 consecutive positions of one Operation; its tallies change in the transaction
-- that changes the rows they count, so stats are a sum over batches.
create table batches (
    operation_id uuid not null,
    -- 0-based within the Operation.
    number integer not null,
    first_position integer not null,
    size integer not null check (size between 1 and 500),
    -- The order in which due batches are claimed, 0 first: HIGH before LOW, the first batches of every Operation
    -- before the later ones of a large one.
    rank smallint not null,
    -- Schedule, retry time and lease in one: nobody works on the batch before this moment.
    due_at timestamptz not null,
    -- The fence: how often the batch was claimed. An outcome that carries an older value is dropped.
    claims integer not null default 0,
    queued integer not null,
    sent integer not null default 0,
    failed integer not null default 0,
    canceled integer not null default 0,
    updated_at timestamptz not null,
    primary key (operation_id, number),
    constraint batches_tallies_add_up check (queued + sent + failed + canceled = size),
    constraint batches_tallies_positive check (queued >= 0 and sent >= 0 and failed >= 0 and canceled >= 0)
) partition by range (operation_id);
-- The queue's only index: those with work left, by rank and time.
create index batches_due on batches (rank, due_at) where queued > 0;

-- Catches what no day has: a missing partition can never fail a request. Normally empty.
create table operations_default partition of operations default;
create table push_notifications_default partition of push_notifications default with (fillfactor = 50);
create table delivery_attempts_default partition of delivery_attempts default;
create table batches_default partition of batches default with (fillfactor = 50);
