-- The account's own id of the User that a send named, if it named the recipient so. `user_id` is the User who had it when the
-- send was accepted; if none had, it is made from the account's id and this one (UserId::of_external_id), so that the recipient
-- is found by the index of Users, and an older release finds no device for it.
alter table push_notifications add column external_id text;
