//! Ids in addresses.

use std::str::FromStr;

use crate::http::error::ApiError;

/// Reads an id. A malformed one names nothing that could be found.
pub fn id<T: FromStr>(text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_| ApiError::not_found())
}
