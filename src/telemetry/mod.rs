//! Logs, metrics and traces, for operators.

pub mod logs;
pub mod metrics;
#[cfg(feature = "otlp")]
mod otlp;
pub(crate) mod panics;
pub mod traces;
