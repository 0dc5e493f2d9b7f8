//! Integration tests, one binary: behaviour seen from outside the crate.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should panic")]

mod id;
mod transport;
