-- Accounts share the queue: a claim goes round the accounts that have work due, and so does the fan-out of audiences.

-- Whose batch it is. A replica of an older release writes none, and its batches go as those of one account of their own,
-- the nil UUID. A constant default changes no row, so this takes a moment however large the table is.
alter table batches add column account_id uuid not null default '00000000-0000-0000-0000-000000000000';

-- Only the parent's: the index of a day that is there already is built without holding up its statements, after the
-- migrations (src/store/batch_index.rs). Partitions that are made from now on get theirs with the table. Until a day has
-- this index, its batches are found by batches_due, which replicas of an older release go by.
create index batches_of_account on only batches (account_id, rank, due_at) where queued > 0;

-- Normally empty.
create index batches_default_of_account on batches_default (account_id, rank, due_at) where queued > 0;
alter index batches_of_account attach partition batches_default_of_account;

-- A small table: a row for each audience that is not fanned out yet.
create index fanouts_of_account on fanouts (account_id, due_at);

-- How much of the room an account gets while others have work due too, in proportion to theirs.
alter table accounts add column weight integer not null default 1
    constraint accounts_weight_check check (weight between 1 and 1000);
-- Delivery reads the weights again and again, and nearly all accounts have none of their own.
create index accounts_weighted on accounts (id) where weight <> 1;
