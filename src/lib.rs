//! Bellwire: a self-hosted push notification service.
//!
//! Read in this order: [`model`], [`store`], `http`, `ingest`, `handoff`, `delivery`, [`provider`],
//! [`transport`]; [`app`] puts them together. What is public is used by the binary, the integration
//! tests or the benchmarks.

mod advice;
pub mod app;
pub mod cli;
#[cfg(feature = "client")]
mod client;
pub mod config;
mod console;
pub mod crypto;
mod delivery;
#[cfg(feature = "dev")]
pub mod dev;
mod events;
mod file_descriptors;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzz;
mod handoff;
mod http;
mod ingest;
mod listen_error;
pub mod maintenance;
pub mod model;
mod printable;
pub mod provider;
mod signals;
pub mod store;
pub mod telemetry;
mod template;
pub mod transport;
mod unique_names;
mod work_pool;
