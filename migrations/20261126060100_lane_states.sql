-- Credentials whose lane sends nothing at present, and why: what a QUEUED notification waits for. A lane lives in one process,
-- so it writes each change here. A row that a process left behind when it crashed goes with the next good answer.
create table lane_states (
    credential_id uuid primary key references credentials (id) on delete cascade,
    -- For people.
    reason text not null,
    since timestamptz not null,
    -- When the provider is tried next; null: not known.
    next_try_at timestamptz
);
