-- Receipts: what the apps on devices report of their messages. An older release writes and reads none of this.

-- When the first receipt of each kind says that it happened; null: there was none. The rows have room for the update, and
-- a column that is null takes none.
alter table push_notifications add column delivered_at timestamptz;
alter table push_notifications add column opened_at timestamptz;
alter table push_notifications add column dismissed_at timestamptz;

-- How many notifications of an Operation have a receipt: a row for each 1,000 positions, changed in the statement that
-- changes the rows that it counts. Beside the batches, so that receipts and delivery do not wait for each other. A small
-- table: retention deletes its rows.
create table receipt_tallies (
    operation_id uuid not null,
    slot integer not null check (slot >= 0),
    delivered integer not null default 0 check (delivered >= 0),
    opened integer not null default 0 check (opened >= 0),
    primary key (operation_id, slot)
) with (fillfactor = 50);
