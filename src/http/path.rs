//! Ids and names in addresses.

use std::str::FromStr;

use actix_web::web;

use crate::http::error::ApiError;

/// Reads an id. A malformed one names nothing that could be found.
pub(super) fn id<T: FromStr>(text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_| ApiError::not_found())
}

/// Reads a name. One with a NUL, which Postgres would refuse, names nothing that could be found.
pub(super) fn text(text: web::Path<String>) -> Result<String, ApiError> {
    Some(text.into_inner())
        .filter(|text| !text.contains('\0'))
        .ok_or_else(ApiError::not_found)
}
