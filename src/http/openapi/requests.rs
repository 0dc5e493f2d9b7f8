//! The forms of request bodies. They are read field by field (`fields.rs`), so that every problem
//! is named at once; these types only describe them.

#![allow(dead_code, reason = "read by the derive alone")]

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::model::id::{CredentialId, UserId};
use crate::model::message::Priority;
use crate::model::provider::{CredentialType, Provider};

/// A message and who gets it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SendRequest {
    /// 1 to 10,000 recipients, or one audience alone.
    #[schema(min_items = 1, max_items = 10000)]
    to: Vec<RecipientRequest>,
    content: ContentRequest,
    /// Absent: the default App.
    from: Option<SenderRequest>,
    #[schema(default = "HIGH")]
    priority: Option<Priority>,
    /// The name of a sound in the app, or `default`. May be a Liquid template.
    sound: Option<String>,
    schedule: Option<ScheduleRequest>,
    /// Up to 10 pairs; keys up to 128 and values up to 256 letters, digits, `.`, `_`, `~` and `-`.
    tags: Option<BTreeMap<String, String>>,
    /// Ours. The number on the app's icon; 0 removes it.
    #[schema(maximum = 2_147_483_647)]
    badge: Option<u32>,
    /// Ours. How long the provider keeps it for an unreachable device, in seconds.
    #[schema(maximum = 2_419_200)]
    ttl: Option<u32>,
    /// Ours. Messages with the same key replace each other on the device; up to 64 bytes.
    #[schema(min_length = 1, max_length = 64)]
    collapse_key: Option<String>,
    /// Ours. Merged over the `message` object that FCM gets.
    fcm: Option<Map<String, Value>>,
    /// Ours. Merged over what APNs gets: `headers` and `payload`.
    apn: Option<Map<String, Value>>,
    /// Ours. Whether to check only, and send nothing.
    validate_only: Option<bool>,
}

/// Who gets it.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum RecipientRequest {
    Device(DeviceRecipient),
    User(UserRecipient),
    Audience(AudienceRecipient),
}

/// A device.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeviceRecipient {
    #[schema(min_length = 1, max_length = 4096)]
    token: String,
    provider: Provider,
    /// What templates are filled in with.
    variables: Option<Map<String, Value>>,
}

/// A User, on each of its devices in the sender's App.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UserRecipient {
    user_id: UserId,
    /// What templates are filled in with.
    variables: Option<Map<String, Value>>,
}

/// Ours. Every User of the sender's App, or those with tagged devices; it must stand alone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AudienceRecipient {
    audience: AudienceRequest,
}

/// Some or all of an App's Users.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AudienceRequest {
    /// Only devices with all of these.
    tags: Option<BTreeMap<String, String>>,
}

/// What is shown or handed to the app; at least one field. Texts may be Liquid templates.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ContentRequest {
    title: Option<String>,
    body: Option<String>,
    /// Ours in this form. The address of a picture.
    image: Option<String>,
    /// Ours. `HandoffReceiver` to the app.
    data: Option<BTreeMap<String, String>>,
}

/// What it is sent with: Credentials, or an App's defaults.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum SenderRequest {
    Credentials(CredentialsSender),
    App(AppSender),
}

/// One Credential for each provider.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialsSender {
    fcm: Option<CredentialId>,
    apn: Option<CredentialId>,
}

/// The defaults of an App. The field's name is ours.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AppSender {
    #[schema(pattern = "^[a-z0-9_]{1,64}$")]
    app_name: String,
}

/// When it is sent.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ScheduleRequest {
    /// One RFC 3339 date-time, up to 7 days ahead; without a zone it is UTC.
    #[schema(min_items = 1, max_items = 1)]
    send_at: Vec<String>,
}

/// A Credential to be stored.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CredentialRequest {
    credential_type: CredentialType,
    /// FCM: Google's service account file, or `projectId`, `clientEmail`, `privateKey`. APNs:
    /// `privateKey`, `teamId`, `keyId`, `bundleId`, or `certificate`, `privateKey` and, if the
    /// certificate lacks it, `bundleId`.
    content: Map<String, Value>,
    /// Its App, which is made if there is none of that name.
    #[schema(pattern = "^[a-z0-9_]{1,64}$")]
    app_name: String,
    is_default: Option<bool>,
}

/// A change of what is used by default.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DefaultRequest {
    /// `true`: to take the place of a default, make another one the default.
    is_default: bool,
}

/// A device to be registered.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RegisterRequest {
    /// Absent: a new User.
    user_id: Option<UserId>,
    /// An App that there is.
    #[schema(pattern = "^[a-z0-9_]{1,64}$")]
    app_name: String,
    #[schema(min_length = 1, max_length = 4096)]
    token: String,
    provider: Provider,
    /// Ours. What audiences choose devices by.
    tags: Option<BTreeMap<String, String>>,
}
