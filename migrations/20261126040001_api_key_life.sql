-- What people and programs know of a key beside its user name. Release 0.1 writes none of these columns, and takes a
-- key past its end.

-- What it is for, such as the service that uses it.
alter table api_keys add column name text check (length(name) between 1 and 64);
alter table api_keys add column note text check (length(note) between 1 and 256);
-- From then on it is refused; null: it has no end. A rotated key ends when its overlap does.
alter table api_keys add column expires_at timestamptz;
-- Give or take a minute; null: it was never used.
alter table api_keys add column last_used_at timestamptz;
