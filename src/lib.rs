//! Bellwire: a self-hosted push notification service.
//!
//! Read in this order: [`id`], [`store`], [`accept`], [`provider`].

pub mod accept;
pub mod id;
pub mod provider;
pub mod retention;
pub mod store;
pub mod transport;
