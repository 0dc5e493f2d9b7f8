//! Overwriting secrets that are no longer needed.

use serde_json::Value;
use zeroize::Zeroize;

/// Overwrites the strings of `value`, of which some are secrets.
pub fn erase(value: Value) {
    match value {
        Value::String(mut string) => string.zeroize(),
        Value::Array(values) => values.into_iter().for_each(erase),
        Value::Object(fields) => fields.into_iter().for_each(|(_, value)| erase(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
