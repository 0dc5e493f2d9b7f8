-- What a Credential says about itself, and how it does. Release 0.1 writes none of these columns.

-- Public facts of the content, such as the project or the key's id, as the API shows them. Null: a release that
-- knew none has stored the Credential.
alter table credentials add column details jsonb;
-- When its certificate ends; null: it has none, or `details` is null.
alter table credentials add column expires_at timestamptz;
-- WORKING, REFUSED, UNREACHABLE or UNREADABLE; null: it was never used. It changes without `updated_at`, by which
-- processes see that the content has changed.
alter table credentials add column state text;
alter table credentials add column last_used_at timestamptz;
alter table credentials add column last_error text;
alter table credentials add column last_error_at timestamptz;

-- Few have a certificate: the metric of those that end soon reads no other.
create index credentials_by_end on credentials (expires_at) where expires_at is not null;
