//! Logs, metrics and traces, for operators.

pub mod logs;
pub mod metrics;
pub(crate) mod panics;
pub mod traces;
