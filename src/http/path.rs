//! Ids and names in addresses.

use std::str::FromStr;

use actix_web::web;

use crate::http::error::ApiError;

/// Reads an id. A malformed id is a 404, as an id that does not exist is.
pub(super) fn id<T: FromStr>(segment: &str) -> Result<T, ApiError> {
    segment.parse().map_err(|_| ApiError::not_found())
}

/// Reads the name of an App. A name with a NUL is a 404, because Postgres would refuse it.
pub(super) fn name(segment: web::Path<String>) -> Result<String, ApiError> {
    Some(segment.into_inner())
        .filter(|name| !name.contains('\0'))
        .ok_or_else(ApiError::not_found)
}
