//! Webhooks: how a client manages them, and what they are told.

mod official;
pub mod receiver;
mod resource;
mod told;
