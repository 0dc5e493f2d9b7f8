-- Operations that send again what failed in another one. An older release writes none of these columns, and copies nothing.

-- The Operation whose failed notifications this one sends again.
alter table operations add column resend_of uuid;

-- A row of `fanouts` with a source is a copy that is under way, rather than an audience. So all that knows of fan-outs knows
-- of copies: an Operation is not complete before, a cancel ends it, and its day is kept. `due_at` is far ahead: a release that
-- knows no copies must not take one for an audience, and copies take turns by `turn_at`. `after_position` is the last position
-- of the source that was looked at.
alter table fanouts add column source_id uuid;
-- Only failures with one of these codes; null: those that are not permanent, unless positions are named.
alter table fanouts add column codes text[];
-- Only these positions of the source; null: all.
alter table fanouts add column positions integer[];
alter table fanouts add column after_position integer not null default -1;
alter table fanouts add column turn_at timestamptz;
create index fanouts_copies on fanouts (turn_at) where source_id is not null;
