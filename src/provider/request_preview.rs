//! A request as its provider would get it, for an API user to look at.

use std::collections::BTreeMap;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A request that is not sent. Its secrets are masked.
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
    /// The preview of a POST. `url` and `body` must have their token masked already.
    pub(super) fn post(url: String, headers: &HeaderMap, body: &[u8]) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                let text = if *name == AUTHORIZATION {
                    scheme_only(value)
                } else {
                    text(value)
                };

                (name.to_string(), text)
            })
            .collect();

        Self {
            method: "POST",
            url,
            headers,
            body: serde_json::from_slice(body).unwrap_or_default(),
        }
    }
}

/// The scheme of an `authorization` header, which shows the kind of Credential; the rest is secret.
fn scheme_only(value: &HeaderValue) -> String {
    let text = text(value);
    let scheme = text.split(' ').next().unwrap_or_default();
    format!("{scheme} …")
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
