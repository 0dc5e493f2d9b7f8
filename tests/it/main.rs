//! Integration tests in one binary: behaviour seen from outside the crate, on a real Postgres and
//! over real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::too_many_lines,
    reason = "a test that cannot go on should panic"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "a wrong statement fails its test"
)]
#![allow(
    unreachable_pub,
    reason = "what tests share is used within this binary"
)]

mod support;

mod architecture;
mod audiences;
mod audit;
mod bad_input;
mod bounded_reads;
mod broadcast;
mod callers;
mod cancel;
mod caps;
mod citus;
mod client;
mod command_line;
mod connections;
mod console;
mod content;
mod contract;
mod crash;
mod credentials;
mod deadline;
mod dedicated_connection;
mod descriptors;
mod dev;
mod devices;
mod disaster;
mod docs;
mod drills;
mod dry_run;
mod erasure;
mod external_ids;
mod fairness;
mod faults;
mod health;
mod id;
mod idempotency;
mod import_conflicts;
mod imports;
mod interleavings;
mod keys;
mod large_tables;
mod later_release;
mod lifecycle;
mod lists;
mod local_time;
mod localizations;
mod many;
mod metrics;
mod migrations;
mod neighbours;
mod openapi;
mod operation_pace;
mod outages;
mod pace;
mod pause;
mod pgbouncer;
mod pool;
mod postgres_faults;
mod postgres_tls;
mod provider_tokens;
mod receipts;
mod resend;
mod restricted_role;
mod results;
mod retention;
mod secrets;
mod send;
mod simulator;
mod start;
mod stored_templates;
mod templates;
mod tenants;
mod tls;
mod traces;
mod transport;
mod user_merge;
mod user_profiles;
mod users;
mod waiting;
mod watch;
mod webhooks;
