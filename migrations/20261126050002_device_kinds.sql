-- What an app says about the token of an APNs device. Null: it did not say. A process of an older release writes and reads
-- none of these columns.
alter table devices add column environment text check (environment in ('SANDBOX', 'PRODUCTION'));
alter table devices add column kind text check (kind in ('ALERT', 'VOIP'));

-- The Credential for devices of the sandbox, beside that of all others.
alter table operations add column apn_sandbox_credential_id uuid;
