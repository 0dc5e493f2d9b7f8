//! The vocabulary that every other module shares: plain data without I/O, and without a `use` of
//! any other module of this crate.

pub mod failure;
pub mod id;
pub mod masked_token;
pub mod message;
pub mod operation;
pub mod outcome;
pub mod provider;
pub mod recipient;
pub mod sealed;
pub mod status;
