-- True: a device's provider has accepted a User's notification that is QUEUED for other devices still. A cancel stops those,
-- and makes it SENT; the column is left alone from then on, so that whoever records what was in flight can tell which tally
-- the notification was in. Null: not so, or settled by itself.
alter table push_notifications add column reached boolean;
