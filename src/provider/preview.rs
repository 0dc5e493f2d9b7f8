//! A request as its provider would get it, for people to look at: secrets are masked.

use std::collections::BTreeMap;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A request that is not sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RequestPreview {
    /// The method.
    pub method: &'static str,
    /// The address; a token in it shows only its ends.
    pub url: String,
    /// The headers.
    pub headers: BTreeMap<String, String>,
    /// The body; a token in it shows only its ends.
    pub body: Value,
}

impl RequestPreview {
    /// A POST.
    pub(super) fn post(url: String, headers: &HeaderMap, body: &[u8]) -> Self {
        let shown = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = headers
            .iter()
            .map(|(name, value)| match *name == AUTHORIZATION {
                // Its scheme tells which kind of credential it is.
                true => (
                    name.to_string(),
                    format!("{} …", shown(value).split(' ').next().unwrap_or_default()),
                ),
                false => (name.to_string(), shown(value)),
            });
        Self {
            method: "POST",
            url,
            headers: headers.collect(),
            body: serde_json::from_slice(body).unwrap_or_default(),
        }
    }
}
