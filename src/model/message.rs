//! The content of an Operation, free of any provider's words: stored once, rendered for each
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

/// What is shown or handed to the app, as the client asked for it. The form in
/// `operations.message`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Message {
    /// The headline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The URL of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Key and value pairs handed to the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<BTreeMap<String, String>>,
    /// The name of a sound in the app, or `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sound: Option<String>,
    /// The number on the app's icon; 0 removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub badge: Option<u32>,
    /// How urgent it is.
    pub priority: Priority,
    /// How long the provider keeps it for an unreachable device, in seconds; absent: the provider's
    /// longest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    /// Messages with the same key replace each other on the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collapse_key: Option<String>,
    /// Merged over the `message` object that FCM gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fcm: Option<Map<String, Value>>,
    /// Merged over what APNs gets: `headers` (texts by header name) and `payload`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apn: Option<Map<String, Value>>,
}
