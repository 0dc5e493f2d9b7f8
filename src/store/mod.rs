//! All SQL. Functions take a pool or a connection and return rows as types; they decide nothing.
//!
//! The queue and what it holds:
//! * `operation_insert`: stores accepted Operations with their notifications and batches
//! * `operation_columns`: their rows, as the statement takes them; `announcement`: which queues have batches due
//! * `rank`: the order in which due batches are claimed
//! * `fan_out`: makes the notifications and batches of an audience, step by step
//! * `resend`: makes an Operation of the failed notifications of another, step by step
//! * `batches`: claims due batches and renews leases
//! * `batch_load`: reads what claimed batches have to send
//! * `device_attempts`: reads what came of earlier attempts with a User's devices
//! * `outcome_record`: writes attempts, statuses and tallies, and releases batches
//! * `cancel`: settles what is unsettled as canceled
//! * `queue_search`: finds the queues that have work
//! * `pause`: marks what rests, and takes the mark away
//! * `paces`: Operations with a pace: a number of notifications that become due in a minute
//! * `operation_guards`: Operations that pause themselves when too much fails
//! * `reschedule`: gives a scheduled Operation another time
//! * `queue_depth`: counts what waits, for metrics; `queue_view`: what waits in the queues of accounts, for people
//!
//! Webhooks:
//! * `events`: the outbox, and the messages that are made of it
//! * `webhook_queue`: claims messages and records attempts; `webhook_notifications`: what a message reports
//! * `webhook_deliveries`: messages as the API lists them
//!
//! What the API reads of them:
//! * `bounded_scan`: how much one request for a page of a list reads
//! * `operation_read`: Operations with their stats; `operation_failure`: why one does not reach its audience
//! * `operation_options`: what Operations say of all their notifications
//! * `notification_scan`: finds an account's notifications by a filter
//! * `push_notifications`, `delivery_attempts`
//! * `failed_notifications`: an Operation's errors; `error_totals`: how many there are of each code
//! * `operation_results`: the outcomes of all recipients of an Operation
//! * `attempt_curve`, `operation_titles`: how an Operation went, and what it says, for the console
//! * `receipts`: what apps report of messages, and its tallies
//! * `recipient_columns`: the columns that say who gets a notification
//!
//! Accounts and what belongs to them:
//! * `accounts`, `api_keys`, `apps`, `credentials`, `users`, `device_registrations`, `devices`,
//!   `webhooks`
//! * `credential_checks`: what the use of Credentials shows
//! * `audit_events`: who changed what
//! * `person_search`: finds a person by what a support team has
//! * `console_sessions`: who is logged in to the console
//! * `console_logins`: logins at an identity provider that have ended
//! * `account_counts`: how much an account has, for its limits
//! * `audience_count`: how many Users and devices an audience has
//! * `user_pushes`: the caps of accounts, and what counts against them
//! * `senders`: the Credentials that a request means, and their content for delivery
//! * `idempotency_keys`: what was accepted under an Idempotency-Key
//! * `provider_tokens`: the tokens of APNs' signing keys, which all processes share
//! * `sealed_secrets`: secrets that key rotation seals anew
//! * `token_forms`: APNs tokens that an older release may have stored in capitals
//!
//! The database itself:
//! * `database_url`: reads the address of the database
//! * `connection`: how a connection is opened, what it is set to, and which errors end it
//! * `pool`: connections that many share, and the limits of their statements
//! * `dedicated_connection`: a connection that one task keeps for itself
//! * `listener`: what other processes announce
//! * `reachable`: the wait until Postgres answers, and why it does not
//! * `database_state`: whether the database can be used
//! * `pooler`: whether a pooler keeps sessions
//! * `schema`: the migrations
//! * `old_snapshots`: what keeps vacuum from removing what is done
//! * `batch_index`: builds the index of the accounts' batches on older partitions
//! * `releases`: which releases are connected
//! * `indexes`: indexes that `migrate` builds beside running sends
//! * `partition_index`: how the index of a partition is built and attached
//! * `advisory_lock`: locks under which one process at a time changes the schema or the partitions
//! * `partitions`: the day partitions of the large tables
//! * `citus`: distributes the large tables
//! * `inventory`: what a database holds, for commands that must not touch one that is in use
//!
//! Replicas of two releases run side by side, so an older release meets columns that only a later
//! one knows: a statement lists the columns that it reads, and qualifies them where it joins tables.

pub(crate) mod account_counts;
pub mod accounts;
mod advisory_lock;
pub(crate) mod announcement;
pub mod api_keys;
pub(crate) mod apps;
pub(crate) mod attempt_curve;
pub(crate) mod audience_count;
pub(crate) mod audit_events;
pub mod batch_index;
pub(crate) mod batch_load;
pub(crate) mod batches;
pub(crate) mod bounded_scan;
pub(crate) mod cancel;
pub mod citus;
mod connection;
#[cfg_attr(
    not(feature = "oidc"),
    expect(dead_code, reason = ".sqlx has its queries in every build")
)]
pub(crate) mod console_logins;
pub(crate) mod console_sessions;
pub(crate) mod credential_checks;
pub mod credentials;
pub(crate) mod database_state;
pub(crate) mod database_url;
pub mod dedicated_connection;
pub(crate) mod delivery_attempts;
pub(crate) mod device_attempts;
pub(crate) mod device_export;
pub(crate) mod device_import;
pub(crate) mod device_imports;
mod device_owners;
pub(crate) mod device_registrations;
pub(crate) mod devices;
pub(crate) mod error_totals;
pub(crate) mod events;
pub(crate) mod external_ids;
pub(crate) mod failed_notifications;
pub mod fan_out;
pub mod idempotency_keys;
mod indexes;
#[cfg(feature = "dev")]
pub(crate) mod inventory;
pub(crate) mod lane_states;
pub(crate) mod listener;
pub(crate) mod notification_reasons;
mod notification_scan;
pub(crate) mod old_snapshots;
pub(crate) mod operation_columns;
pub(crate) mod operation_failure;
pub(crate) mod operation_guards;
pub(crate) mod operation_insert;
pub(crate) mod operation_options;
pub(crate) mod operation_read;
pub(crate) mod operation_results;
pub(crate) mod operation_titles;
pub(crate) mod outcome_record;
pub(crate) mod pace_change;
pub(crate) mod paces;
mod partition_index;
pub mod partitions;
pub(crate) mod pause;
pub(crate) mod person_search;
pub mod pool;
pub(crate) mod pooler;
pub(crate) mod provider_tokens;
pub(crate) mod push_notifications;
pub(crate) mod queue_depth;
pub(crate) mod queue_search;
pub(crate) mod queue_view;
pub mod rank;
pub(crate) mod reachable;
pub(crate) mod receipts;
mod recipient_columns;
pub(crate) mod releases;
pub(crate) mod reschedule;
pub(crate) mod resend;
pub mod schema;
pub(crate) mod sealed_secrets;
pub mod senders;
mod sparse_column;
pub(crate) mod templates;
pub(crate) mod token_forms;
pub(crate) mod user_erasure;
pub(crate) mod user_merge;
pub(crate) mod user_profiles;
pub(crate) mod user_pushes;
pub(crate) mod users;
pub(crate) mod webhook_deliveries;
pub(crate) mod webhook_notifications;
pub(crate) mod webhook_queue;
pub(crate) mod webhooks;
