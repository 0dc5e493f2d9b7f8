//! All SQL, one noun per file. Functions take a pool or a connection, return rows as types, and decide nothing.

pub mod batches;
pub mod due;
pub mod operations;
pub mod outcomes;
pub mod partitions;
