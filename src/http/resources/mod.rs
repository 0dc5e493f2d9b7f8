//! The resources of the API: a file for each, with the type that is serialized and its handlers.

pub(super) mod account;
pub(super) mod apps;
pub(super) mod audiences;
pub(super) mod cancel;
pub(super) mod credentials;
pub(super) mod delivery_attempts;
pub(super) mod device_export;
pub(super) mod device_imports;
pub(super) mod device_registrations;
pub(super) mod error_totals;
pub(super) mod keys;
pub(super) mod operation_change;
pub(super) mod operation_errors;
pub(super) mod operation_results;
pub(super) mod operation_stream;
pub(super) mod operations;
pub(super) mod pause;
pub(super) mod push_notifications;
pub(super) mod receipts;
pub(super) mod resend;
mod shown_token;
pub(super) mod user_data;
pub(super) mod user_merge;
pub(super) mod users;
mod waiting;
pub(super) mod webhook_deliveries;
pub(super) mod webhooks;
