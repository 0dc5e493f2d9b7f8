-- When a notification was canceled; kept if what was in flight then became something else, so that whoever records that
-- can tell which tally it was in. A nullable column costs nothing where it is null.
alter table push_notifications add column canceled_at timestamptz;
