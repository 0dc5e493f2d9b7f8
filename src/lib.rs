//! Bellwire: a self-hosted push notification service.
//!
//! Read in this order: [`id`], [`store`], [`http`], [`accept`], [`delivery`], [`provider`],
//! [`transport`]; [`app`] puts them together.

pub mod accept;
pub mod app;
pub mod cli;
pub mod clients;
pub mod config;
pub mod delivery;
pub mod dev;
pub mod health;
pub mod http;
pub mod id;
pub mod lookup;
pub mod postgres;
pub mod provider;
pub mod reseal;
pub mod retention;
pub mod secret;
pub mod signals;
pub mod simulator;
pub mod store;
pub mod telemetry;
pub mod template;
pub mod token;
pub mod transport;
