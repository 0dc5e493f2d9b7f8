//! The content of an Operation, independent of any provider: stored once, and rendered for each
//! provider when it is sent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::provider::Provider;
use crate::model::receipt::RECEIPT_DATA_KEY;

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

/// The sound of a message: the name of a file in the app, or `default`. The systems name files
/// differently, so each may have its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Sound {
    /// The same name for all devices.
    Same(String),
    /// A name for each provider; none: no sound.
    Each(SoundOfEach),
}

/// The names of a sound by provider.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct SoundOfEach {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fcm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apn: Option<String>,
}

impl Sound {
    pub fn of(&self, provider: Provider) -> Option<&str> {
        match (self, provider) {
            (Self::Same(name), _) => Some(name),
            (Self::Each(each), Provider::Fcm) => each.fcm.as_deref(),
            (Self::Each(each), Provider::Apn) => each.apn.as_deref(),
        }
    }
}

/// The number on an app's icon; 0 removes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Badge {
    Number(u32),
    /// A template that gives the number for each recipient.
    Template(String),
}

impl Badge {
    /// `None`: it is a template, so each recipient has a number of its own.
    pub fn number(&self) -> Option<u32> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Template(_) => None,
        }
    }
}

/// The largest badge: the providers take a signed integer of 32 bits.
pub const MAX_BADGE: u32 = i32::MAX as u32;

/// Whether `text` has the markup of a Liquid template.
pub fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sound: Option<Sound>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub badge: Option<Badge>,
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
    /// Whether no string is a template: `{{` stands for itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub plain: bool,
    /// Whether each recipient's message carries the token of its receipts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub receipts: bool,
    /// Whether it is sent to Users however many pushes they have got, and does not count.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ignores_cap: bool,
}

impl Message {
    /// The message of the recipient whose receipts have this token.
    #[must_use]
    pub fn with_receipt_token(mut self, token: String) -> Self {
        self.data
            .get_or_insert_default()
            .insert(RECEIPT_DATA_KEY.to_owned(), token);

        self
    }

    /// The name of the sound on devices of `provider`.
    pub fn sound_of(&self, provider: Provider) -> Option<&str> {
        self.sound.as_ref()?.of(provider)
    }

    /// The badge, unless it is a template that has not been filled in.
    pub fn badge_number(&self) -> Option<u32> {
        self.badge.as_ref()?.number()
    }

    /// Whether there is a pair for the app.
    pub fn has_data(&self) -> bool {
        self.data.as_ref().is_some_and(|data| !data.is_empty())
    }
}
