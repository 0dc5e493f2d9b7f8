//! The content of an Operation, independent of any provider: stored once, and rendered for each
//! provider when it is sent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How urgent a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Priority {
    /// At once, waking the device.
    #[default]
    High,
    /// When it suits the device's battery.
    Low,
}

/// The content as the API user asked for it. It is stored in this form, in `operations.message`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Message {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The URL of an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Pairs of key and value for the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<BTreeMap<String, String>>,
    /// The name of a sound in the app, or `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sound: Option<String>,
    /// The number on the app's icon; 0 removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub badge: Option<u32>,
    pub priority: Priority,
    /// How long the provider keeps the message for a device that it can't reach, in seconds; `None`:
    /// as long as the provider keeps any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    /// A newer message replaces one with the same key on the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collapse_key: Option<String>,
    /// The API user's override: merged into the `message` object that FCM gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fcm: Option<Map<String, Value>>,
    /// The API user's override for APNs: `headers` (strings by header name) and `payload`, each merged
    /// into the rendered one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apn: Option<Map<String, Value>>,
}
