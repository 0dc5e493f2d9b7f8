//! Bellwire: a self-hosted push notification service.
//!
//! Read in this order: [`id`], [`store`], [`http`], [`accept`], [`delivery`], [`provider`], [`transport`].

pub mod accept;
pub mod delivery;
pub mod http;
pub mod id;
pub mod provider;
pub mod retention;
pub mod secret;
pub mod store;
pub mod transport;
