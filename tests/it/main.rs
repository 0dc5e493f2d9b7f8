//! Integration tests, one binary: behaviour seen from outside the crate.

mod id;
