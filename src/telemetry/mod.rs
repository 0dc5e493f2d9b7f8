//! What the service tells its operators: logs and metrics.

pub mod logs;
pub mod metrics;
