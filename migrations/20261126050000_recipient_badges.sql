-- The badge of one recipient, in place of the message's. A process of an older release writes none, and sends none.
alter table push_notifications add column badge integer;
