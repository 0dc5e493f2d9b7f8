-- Notifications that Bellwire itself does not send, because of a rule that its client has made: they count as canceled, but no
-- client canceled them. How many of `canceled` these are. A constant default changes no row, and an older release withholds
-- nothing.
alter table batches add column withheld integer not null default 0 check (withheld >= 0);
