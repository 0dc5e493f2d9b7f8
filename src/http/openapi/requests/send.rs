//! The body of a send.

#![allow(dead_code, reason = "read by the derive alone")]

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::http::openapi::limits::{
    AppName, AudienceMax, Badge, BadgeOrTemplate, Choices, CollapseKey, ConditionList, Deadline,
    DeviceToken, ExternalId, FailedPercent, GuardAfter, Localizations, PerMinute, Recipients,
    SendAt, Tags, Ttl, WebhookUrl,
};
use crate::model::apns_device::Environment;
use crate::model::id::{CredentialId, TemplateId, UserId};
use crate::model::local_time::{Day, IfPassed};
use crate::model::message::{MissingVariables, Priority, Sound};
use crate::model::provider::Provider;

/// A message and its recipients.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SendRequest {
    /// Devices and Users, or one audience alone.
    #[schema(value_type = Recipients)]
    to: Vec<RecipientRequest>,
    content: ContentRequest,
    /// If absent, the default Credentials of the default App.
    from: Option<SenderRequest>,
    // It has no `default` in the schema: generators then make it a required field.
    /// `HIGH` if absent.
    priority: Option<Priority>,
    /// The name of a sound in the app, or `default`; or a name for each provider (extension). May be a
    /// Liquid template.
    sound: Option<Sound>,
    schedule: Option<ScheduleRequest>,
    /// The same as `ignoreWindow` of `schedule` (extension).
    ignore_window: Option<bool>,
    /// Key-value pairs by which lists of notifications can be filtered.
    #[schema(value_type = Option<Tags>)]
    tags: Option<BTreeMap<String, String>>,
    /// The number on the app's icon, or a Liquid template for it; 0 removes it (extension).
    #[schema(value_type = Option<BadgeOrTemplate>)]
    badge: Option<u32>,
    /// How long the provider keeps the message for an unreachable device, in seconds (extension).
    #[schema(value_type = Option<Ttl>)]
    ttl: Option<u32>,
    /// How long Bellwire tries to deliver, in seconds, from `sendAt` or, without it, from
    /// acceptance; no longer than `ttl` (extension). If absent, the operator's configuration
    /// applies.
    #[schema(value_type = Option<Deadline>)]
    deadline: Option<u32>,
    /// A message replaces an earlier one with the same key on the device (extension). Printable ASCII
    /// without a space at either end; may be a Liquid template.
    #[schema(value_type = Option<CollapseKey>)]
    collapse_key: Option<String>,
    /// Merged into FCM's `message` object (extension). `null` removes a field; strings may be
    /// Liquid templates.
    fcm: Option<Map<String, Value>>,
    /// Merged into the `headers` and the `payload` for APNs (extension). `null` removes a field;
    /// strings may be Liquid templates.
    apn: Option<Map<String, Value>>,
    /// If `false`, no string is a Liquid template, even if it contains `{{` (extension). `true` if
    /// absent.
    templating: Option<bool>,
    /// Where the Operation's events go, in place of the URL of the account's webhook with the same
    /// scheme, host and port (extension).
    #[schema(value_type = Option<WebhookUrl>)]
    callback_url: Option<String>,
    guard: Option<GuardRequest>,
    pace: Option<PaceRequest>,
    /// Whether each message carries a token, `bw_receipt` in its data, with which the app reports
    /// delivery and opening to `POST /v1/Receipts` (extension).
    receipts: Option<bool>,
    /// `IGNORE` exempts the send from the account's cap, and does not count towards it (extension).
    /// Use it for one-time codes, for example.
    cap: Option<CapRequest>,
    /// Checks the request, and asks FCM about FCM devices, but sends and stores nothing
    /// (extension).
    validate_only: Option<bool>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(in crate::http::openapi) enum CapRequest {
    Ignore,
}

/// A device, a User or an audience.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(in crate::http::openapi) enum RecipientRequest {
    Device(DeviceRecipient),
    User(UserRecipient),
    ExternalId(ExternalIdRecipient),
    Audience(AudienceRecipient),
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::openapi) struct DeviceRecipient {
    #[schema(value_type = DeviceToken)]
    token: String,
    provider: Provider,
    /// Of an APNs token (extension). It chooses between an `APN` and an `APN_SANDBOX`
    /// Credential.
    environment: Option<Environment>,
    /// The values for the message's templates.
    variables: Option<Map<String, Value>>,
    /// In place of the message's badge (extension).
    #[schema(value_type = Option<Badge>)]
    badge: Option<u32>,
}

/// A User. The message goes to each of the User's devices in the sender's App.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http::openapi) struct UserRecipient {
    user_id: UserId,
    /// The values for the message's templates.
    variables: Option<Map<String, Value>>,
    /// In place of the message's badge (extension).
    #[schema(value_type = Option<Badge>)]
    badge: Option<u32>,
}

/// A User, by the account's own id (extension). If no User has this id, the notification is
/// unaddressable.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http::openapi) struct ExternalIdRecipient {
    #[schema(value_type = ExternalId)]
    external_id: String,
    /// The values for the message's templates.
    variables: Option<Map<String, Value>>,
    /// In place of the message's badge (extension).
    #[schema(value_type = Option<Badge>)]
    badge: Option<u32>,
}

/// Every User of the sender's App, or those with certain devices (extension). An audience must be
/// the only recipient.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::openapi) struct AudienceRecipient {
    audience: AudienceRequest,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::openapi) struct AudienceRequest {
    /// If present, only devices with all of these tags.
    #[schema(value_type = Option<Tags>)]
    tags: Option<BTreeMap<String, String>>,
    /// If present, only devices that match all of these conditions.
    #[schema(value_type = Option<ConditionList>)]
    all: Option<Vec<ConditionRequest>>,
    /// If present, only devices that match at least one of these conditions.
    #[schema(value_type = Option<ConditionList>)]
    any: Option<Vec<ConditionRequest>>,
    /// If present, only devices that match none of these conditions.
    #[schema(value_type = Option<ConditionList>)]
    none: Option<Vec<ConditionRequest>>,
    /// If the audience has more Users, nothing is sent.
    #[schema(value_type = Option<AudienceMax>)]
    max: Option<u32>,
}

/// A condition on a device and its User. It has at least one field, and all of its fields must
/// match.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http::openapi) struct ConditionRequest {
    /// The device has all of these tags.
    #[schema(value_type = Option<Tags>)]
    tags: Option<BTreeMap<String, String>>,
    /// The User's language is this one or a regional variant of it: `es` matches `es-MX`. Of
    /// several languages, one must match.
    #[schema(value_type = Option<Choices>)]
    language: Option<Vec<String>>,
    /// `FCM` or `APN`.
    #[schema(value_type = Option<Choices>)]
    provider: Option<Vec<String>>,
    /// The User's time zone, such as `Europe/Madrid`.
    #[schema(value_type = Option<Choices>)]
    timezone: Option<Vec<String>>,
    /// The device was last registered, and last sent a receipt, before this RFC 3339 timestamp.
    last_seen_before: Option<String>,
    /// The device was registered, or sent a receipt, at this RFC 3339 timestamp or later.
    last_seen_after: Option<String>,
}

/// What the device shows or passes to the app; at least one field. Each string may be a Liquid
/// template.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http::openapi) struct ContentRequest {
    title: Option<String>,
    body: Option<String>,
    /// The URL of an image (extension).
    image: Option<String>,
    /// Key-value pairs for the app (extension).
    data: Option<BTreeMap<String, String>>,
    /// What happens if a template outputs a variable that has no value for a recipient (extension).
    /// `FAIL` if absent.
    missing_variables: Option<MissingVariables>,
    /// What Users of other languages get instead, by language tag (BCP 47); at most 50 (extension).
    /// A User gets the language whose tag is the longest prefix of the User's own.
    #[schema(value_type = Option<Localizations>)]
    localizations: Option<BTreeMap<String, LocalizationRequest>>,
    /// The stored template for the content (extension). It can be combined only with `variables`
    /// and `missingVariables`.
    template_id: Option<TemplateId>,
    /// Values of variables for all recipients that have no value of their own (extension).
    variables: Option<Map<String, Value>>,
}

/// The texts of one language; at least one field. A missing field is taken from the content.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::openapi) struct LocalizationRequest {
    title: Option<String>,
    body: Option<String>,
    /// The URL of an image.
    image: Option<String>,
    /// Key-value pairs for the app, in place of those with the same keys.
    data: Option<BTreeMap<String, String>>,
}

/// The Credentials to send with: by their ids, or the defaults of an App.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(in crate::http::openapi) enum SenderRequest {
    Credentials(CredentialsSender),
    App(AppSender),
}

/// A Credential for each provider, at least one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::openapi) struct CredentialsSender {
    fcm: Option<CredentialId>,
    apn: Option<CredentialId>,
}

/// The default Credentials of an App (extension).
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http::openapi) struct AppSender {
    #[schema(value_type = AppName)]
    app_name: String,
}

/// When the message is sent: `sendAt`, a `window`, or both. If absent, at once.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http::openapi) struct ScheduleRequest {
    /// One RFC 3339 timestamp. Without a zone it is the local time of each recipient, and UTC for those
    /// without a time zone.
    #[schema(value_type = Option<SendAt>)]
    send_at: Option<Vec<String>>,
    window: Option<WindowRequest>,
    /// What happens if the local time has already passed for a recipient (extension). `SEND` if
    /// absent.
    if_passed: Option<IfPassed>,
    /// Whether the window is ignored (extension).
    ignore_window: Option<bool>,
}

/// When recipients may get the message, in their local time (extension). Outside the window, the
/// message waits until it opens. A window that ends at or before its beginning ends on the next
/// day.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::openapi) struct WindowRequest {
    /// A time of day, such as `09:00`.
    from: String,
    /// A time of day, up to `24:00`.
    until: String,
    /// On which days the window opens. If absent, on all.
    days: Option<Vec<Day>>,
}

/// When an Operation is paused automatically (extension): once `after` notifications were sent or
/// failed, and this percentage of them failed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http::openapi) struct GuardRequest {
    #[schema(value_type = FailedPercent)]
    failed_percent: u32,
    #[schema(value_type = GuardAfter)]
    after: u32,
}

/// How many notifications of an Operation are sent in a minute (extension).
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http::openapi) struct PaceRequest {
    #[schema(value_type = PerMinute)]
    per_minute: u32,
}
