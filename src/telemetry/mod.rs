//! What the service tells its operators: logs, metrics and traces.

pub mod logs;
pub mod metrics;
pub(crate) mod panics;
pub mod traces;
