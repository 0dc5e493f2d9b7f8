-- Whether the token and its hash are in the form in which they are looked up and sent: APNs' in lower case. A process of an
-- older release writes false, and a later pass goes over what it wrote.
alter table devices add column is_normalized boolean not null default false;
create index devices_to_normalize on devices (id) where provider = 'APN' and not is_normalized;
