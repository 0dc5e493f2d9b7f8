//! Bellwire: a self-hosted push notification service.
//!
//! Read in this order: [`id`].

pub mod id;
