//! Webhooks: how a client manages them, and the messages that they get.

mod failures;
mod messages;
mod official;
pub mod receiver;
mod resends;
mod resource;
