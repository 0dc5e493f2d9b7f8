-- The provider tokens of APNs' signing keys: one for each key, with which all processes send. Apple refuses keys for which
-- several tokens are made in a short time.
create table provider_tokens (
    team_id text not null,
    key_id text not null,
    -- SHA-256 of the private key. Whoever gives a wrong key for a team and id gets a token of their own.
    key_hash bytea not null,
    -- Sealed with a master key, whose id it begins with, and bound to this row's key: see
    -- crypto::MasterKeys::seal_provider_token.
    token bytea not null,
    -- By the clock of Postgres, as the token itself says.
    issued_at timestamptz not null,
    primary key (team_id, key_id, key_hash)
);
