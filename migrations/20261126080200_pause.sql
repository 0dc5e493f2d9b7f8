-- Pausing an Operation, by a client or by its guard. An older release does not know the mark, so nothing is paused while one
-- is connected.

-- Whether the batch rests: it is not claimed. Its time, its lease and its fencing token stay as they are. Not a part of the
-- queue's index, so that a pause and its end change no index. A constant default changes no row.
alter table batches add column paused boolean not null default false;

-- Whether the batches that the fan-out makes rest.
alter table fanouts add column paused boolean not null default false;

-- Since when the Operation is paused, and why; null: it is not.
alter table operations add column paused_at timestamptz;
alter table operations add column paused_reason text
    constraint operations_paused_reason_check check (paused_reason in ('REQUESTED', 'GUARD'));

-- Operations that pause themselves when too many of their notifications fail. Gone once that has happened, or once nothing of
-- the Operation is left: a guard pauses once.
create table guards (
    operation_id uuid primary key,
    -- Of all that were sent or failed.
    failed_percent smallint not null check (failed_percent between 1 and 100),
    -- Not before so many were.
    after integer not null check (after >= 1)
);

-- An Operation that gets another time begins then, and its webhooks are told then.
create index events_of_starts on events (operation_id) where kind = 'operation.processing';
