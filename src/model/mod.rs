//! The types that all other modules share: plain data without I/O. No file here uses another module
//! of this crate.

pub mod apns_device;
pub mod audience;
pub mod command_action;
pub mod credential_state;
pub mod device_import;
pub mod device_token;
pub mod failure;
pub mod field_change;
pub mod id;
pub mod lane_state;
pub mod local_time;
pub mod masked_token;
pub mod message;
pub mod operation;
pub mod outcome;
pub mod pace;
pub mod provider;
pub mod provider_token;
pub mod push_cap;
pub mod queue_key;
pub mod quoted;
pub mod receipt;
pub mod recipient;
pub mod sealed;
pub mod status;
pub mod user_profile;
pub mod webhook;
