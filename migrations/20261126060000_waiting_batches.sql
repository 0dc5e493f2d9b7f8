-- A batch that a lane had no room for waits in the queue until its due_at. These columns say which lane, so that the lane can
-- recall the batch as soon as it has room. `waits_for` counts only while `claims` is still what it was at the release: whoever
-- claims a batch leaves both columns alone.
alter table batches add column waits_for uuid;
alter table batches add column waits_as_of integer;

-- Partitions that are made from now on get the index too. Large ones that exist do without it: to build it would hold sends up.
create index batches_waiting on only batches (waits_for, rank, due_at) where waits_for is not null and queued > 0;

do $$
declare
    partition regclass;
    index_name text;
begin
    for partition in
        select pg_inherits.inhrelid
        from pg_inherits
        join pg_class on pg_class.oid = pg_inherits.inhrelid
        where pg_inherits.inhparent = 'batches'::regclass and pg_class.reltuples < 100000
    loop
        index_name := partition::text || '_waiting';
        execute format(
            'create index %I on %s (waits_for, rank, due_at) where waits_for is not null and queued > 0',
            index_name, partition
        );
        execute format('alter index batches_waiting attach partition %I', index_name);
    end loop;
end
$$;
