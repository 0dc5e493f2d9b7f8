-- Sends at a time of the recipient's clock, and within windows of it. An older release would send too early, so none is accepted
-- while one is connected.

-- What depends on the recipients' clocks, as src/model/local_time.rs describes it; null: nothing does. `send_at` is the time of
-- the first notification then.
alter table operations add column local_schedule jsonb;

-- When the notification goes, if its Operation has a local schedule. `next_attempt_at` is the same until the first attempt. It
-- expires as long afterwards as the Operation's deadline is after its send_at.
alter table push_notifications add column planned_at timestamptz;
-- What becomes of it then instead of being sent: EXPIRED or SKIPPED; null: it is sent.
alter table push_notifications add column planned_end text;

-- What the batch has for later times, when it was made: [[microseconds since 1970, how many notifications], …]; null: nothing.
-- Its due_at is the earliest of them.
alter table batches add column planned jsonb;

-- A fan-out by the recipients' clocks goes from zone to zone, so that its batches are of one zone.
alter table fanouts add column is_local boolean not null default false;
-- The zones of the account's Users, and when each is sent to: [{"timezone", "at", "end"}, …]; null: not planned yet.
alter table fanouts add column zones jsonb;
-- The zone that is at work.
alter table fanouts add column zone_index integer not null default 0;

create index users_of_timezone on users (account_id, timezone, id);
