//! The schemas of request bodies. Bodies are read field by field (`validation/`), so that one
//! answer names every problem; these types only describe them. Responses are described where they
//! are serialized, in `http/resources`.

#![allow(dead_code, reason = "read by the derive alone")]

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::http::openapi::limits::{
    AppName, AudienceMax, Badge, BadgeOrTemplate, CapMax, Choices, CollapseKey, ConditionList,
    Deadline, DeviceToken, ExternalId, FailedPercent, FailureCodes, GuardAfter, KeyName, KeyNote,
    Language, Localizations, OptedOutTags, Overlap, PerMinute, Positions, Receipts, Recipients,
    SendAt, Tags, TemplateName, Timezone, Ttl, WebhookDescription, WebhookEvents, WebhookUrl,
};
use crate::model::apns_device::{Environment, TokenKind};
use crate::model::id::{CredentialId, TemplateId, UserId};
use crate::model::local_time::{Day, IfPassed};
use crate::model::message::{MissingVariables, Priority, Sound};
use crate::model::provider::{CredentialType, Provider};
use crate::model::webhook::Envelope;
use crate::store::api_keys::Role;

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
pub(super) enum CapRequest {
    Ignore,
}

/// A device, a User or an audience.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum RecipientRequest {
    Device(DeviceRecipient),
    User(UserRecipient),
    ExternalId(ExternalIdRecipient),
    Audience(AudienceRecipient),
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeviceRecipient {
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
pub(super) struct UserRecipient {
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
pub(super) struct ExternalIdRecipient {
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
pub(super) struct AudienceRecipient {
    audience: AudienceRequest,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AudienceRequest {
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
pub(super) struct ConditionRequest {
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

/// An audience to count (extension).
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EstimateRequest {
    /// If absent, the default App.
    #[schema(value_type = Option<AppName>)]
    app_name: Option<String>,
    audience: AudienceRequest,
}

/// The settings of the account (extension).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountRequest {
    /// `null` removes the cap.
    #[schema(required)]
    cap: Option<CapLimits>,
}

/// At most `max` pushes to each User within any time of the length `per`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CapLimits {
    #[schema(value_type = CapMax)]
    max: u32,
    /// A time from `1s` to `30d`, such as `24h`, or a number of seconds.
    per: Value,
}

/// What the device shows or passes to the app; at least one field. Each string may be a Liquid
/// template.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ContentRequest {
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
pub(super) struct LocalizationRequest {
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
pub(super) enum SenderRequest {
    Credentials(CredentialsSender),
    App(AppSender),
}

/// A Credential for each provider, at least one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialsSender {
    fcm: Option<CredentialId>,
    apn: Option<CredentialId>,
}

/// The default Credentials of an App (extension).
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AppSender {
    #[schema(value_type = AppName)]
    app_name: String,
}

/// When the message is sent: `sendAt`, a `window`, or both. If absent, at once.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ScheduleRequest {
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
pub(super) struct WindowRequest {
    /// A time of day, such as `09:00`.
    from: String,
    /// A time of day, up to `24:00`.
    until: String,
    /// On which days the window opens. If absent, on all.
    days: Option<Vec<Day>>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CredentialRequest {
    credential_type: CredentialType,
    /// FCM: Google's service account file, or `projectId`, `clientEmail` and `privateKey`. APNs:
    /// `privateKey`, `teamId`, `keyId` and `bundleId`; or `certificate`, `privateKey` and, if the
    /// certificate has none, `bundleId`.
    content: Map<String, Value>,
    /// The App of the Credential. It is created with its first Credential.
    #[schema(value_type = AppName)]
    app_name: String,
    is_default: Option<bool>,
    /// Tests the Credential with its provider first, and stores it only if the provider accepts it
    /// (extension).
    verify: Option<bool>,
}

/// When an Operation is paused automatically (extension): once `after` notifications were sent or
/// failed, and this percentage of them failed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GuardRequest {
    #[schema(value_type = FailedPercent)]
    failed_percent: u32,
    #[schema(value_type = GuardAfter)]
    after: u32,
}

/// How many notifications of an Operation are sent in a minute (extension).
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PaceRequest {
    #[schema(value_type = PerMinute)]
    per_minute: u32,
}

/// Changes of an Operation (extension): its time, if it is SCHEDULED, its pace, or both.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1)]
pub(crate) struct OperationChangeRequest {
    schedule: Option<ScheduleRequest>,
    /// `null` takes the pace away: the rest is sent at once.
    pace: Option<PaceRequest>,
}

/// Which Operations are canceled (extension): those with all of these tags. At least one tag.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CancelRequest {
    #[schema(value_type = Tags)]
    tags: BTreeMap<String, String>,
}

/// Which failed notifications are sent again (extension).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResendRequest {
    /// Only failures with one of these codes. If absent, those that are not permanent.
    #[schema(value_type = Option<FailureCodes>)]
    codes: Option<Vec<String>>,
    /// Only these positions in `to` of the original request, from 0. Each must have failed.
    #[schema(value_type = Option<Positions>)]
    recipients: Option<Vec<u32>>,
}

/// What an app reports of messages (extension).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptsRequest {
    #[schema(value_type = Receipts)]
    receipts: Vec<ReceiptRequest>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReceiptRequest {
    /// `bw_receipt` of the message's data. Any other string is ignored.
    receipt: String,
    event: ReceiptEventRequest,
    /// When it happened, an RFC 3339 timestamp. If absent, now.
    at: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum ReceiptEventRequest {
    /// The message arrived on the device.
    Delivered,
    /// The user opened the message. It counts as delivered too.
    Opened,
    /// The user removed the message without opening it. It counts as delivered too.
    Dismissed,
}

/// Makes a resource the default.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DefaultRequest {
    /// Must be `true`. To replace a default, make another resource the default.
    is_default: bool,
}

/// A new API key (extension).
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct KeyRequest {
    /// What the key allows: everything, to send and to cancel, or to read.
    /// `FULL` if absent.
    role: Option<Role>,
    /// What the key is for.
    #[schema(value_type = Option<KeyName>)]
    name: Option<String>,
    /// Anything else to remember.
    #[schema(value_type = Option<KeyNote>)]
    note: Option<String>,
    /// When the key expires, an RFC 3339 timestamp in the future. If absent, it does not expire.
    expires_at: Option<String>,
}

/// How a key is rotated (extension).
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RotateRequest {
    /// How long the old key still works, in seconds; 86400 if absent.
    #[schema(value_type = Option<Overlap>)]
    overlap: Option<u32>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RegisterRequest {
    /// If absent, the device stays with the User who has the token (extension), or is registered for a
    /// new User.
    user_id: Option<UserId>,
    /// The name of an App that exists.
    #[schema(value_type = AppName)]
    app_name: String,
    #[schema(value_type = DeviceToken)]
    token: String,
    provider: Provider,
    /// Tags by which an audience selects devices (extension). If absent, those that the device has.
    #[schema(value_type = Option<Tags>)]
    tags: Option<BTreeMap<String, String>>,
    /// Of an APNs token (extension). It chooses between an `APN` and an `APN_SANDBOX`
    /// Credential.
    environment: Option<Environment>,
    /// What an APNs token is for (extension): `VOIP` tokens get only pushes of the type `voip`,
    /// `ALERT` tokens all others.
    kind: Option<TokenKind>,
    /// An older token of the same device, which this one replaces (extension). The device keeps its id,
    /// its tags and its User.
    #[schema(value_type = Option<DeviceToken>)]
    replaces: Option<String>,
    /// The account's own id of the User (extension). Without `userId`, it identifies the User. If
    /// no User has it, the User who has the token gets it; if that User has another external id, a
    /// new User is created.
    #[schema(value_type = Option<ExternalId>)]
    external_id: Option<String>,
    /// The User's language, a tag as BCP 47 describes (extension).
    #[schema(value_type = Option<Language>)]
    language: Option<String>,
    /// The User's time zone, a name of the IANA database (extension).
    #[schema(value_type = Option<Timezone>)]
    timezone: Option<String>,
    /// The values for templates that a recipient of a send does not give (extension). They replace those
    /// that the User has.
    variables: Option<Map<String, Value>>,
    /// Whether the User gets nothing (extension).
    opted_out: Option<bool>,
    /// The tags of Operations that the User does not get, each a key or `key:value` (extension).
    #[schema(value_type = Option<OptedOutTags>)]
    opted_out_tags: Option<Vec<String>>,
}

/// The profile of a User (extension). A field that is absent stays as it is; `null` clears it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UserRequest {
    /// The account's own id of the User. No other User of the account may have it.
    #[schema(value_type = Option<ExternalId>)]
    external_id: Option<String>,
    /// A language tag, as BCP 47 describes.
    #[schema(value_type = Option<Language>)]
    language: Option<String>,
    /// The name of a time zone in the IANA database.
    #[schema(value_type = Option<Timezone>)]
    timezone: Option<String>,
    /// The values for templates that a recipient of a send does not give. They replace those that the User
    /// has.
    variables: Option<Map<String, Value>>,
    /// Whether the User gets nothing.
    opted_out: Option<bool>,
    /// The tags of Operations that the User does not get, each a key or `key:value`.
    #[schema(value_type = Option<OptedOutTags>)]
    opted_out_tags: Option<Vec<String>>,
}

/// The User who gets the devices of another (extension).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MergeRequest {
    /// A User of the account.
    into: UserId,
}

/// A device that is to be removed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RemoveRequest {
    /// The name of an App that exists.
    #[schema(value_type = AppName)]
    app_name: String,
    #[schema(value_type = DeviceToken)]
    token: String,
    provider: Provider,
}

/// The tags of a device.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeviceTagsRequest {
    /// They replace those that the device has; `null` removes them.
    #[schema(value_type = Option<Tags>, required)]
    tags: Option<BTreeMap<String, String>>,
}

/// A webhook: where to send events, and which.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct WebhookRequest {
    /// An https URL with a public address. `http` and private addresses are for installations with
    /// `webhooks.allow_private`.
    #[schema(value_type = WebhookUrl)]
    url: String,
    #[schema(value_type = WebhookEvents)]
    events: Vec<String>,
    /// Only events of this App. If absent, of every App.
    #[schema(value_type = Option<AppName>)]
    app_name: Option<String>,
    /// Only Operations with all of these tags, and their notifications. If absent, all.
    #[schema(value_type = Option<Tags>)]
    tags: Option<BTreeMap<String, String>>,
    #[schema(value_type = Option<WebhookDescription>)]
    description: Option<String>,
    /// `standard` if absent.
    #[schema(value_type = Option<Envelope>)]
    envelope: Option<String>,
}

/// Content to be stored under a name.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TemplateRequest {
    /// No other template of the account has it.
    #[schema(value_type = TemplateName)]
    name: String,
    content: TemplateContentRequest,
    /// What Users of other languages get, by language tag (BCP 47); at most 50.
    #[schema(value_type = Option<Localizations>)]
    localizations: Option<BTreeMap<String, LocalizationRequest>>,
    /// Values of variables for which neither the recipient, nor the send, nor the User has a value.
    defaults: Option<Map<String, Value>>,
}

/// Changes of a template. `null` removes `localizations` or `defaults`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TemplateChangeRequest {
    #[schema(value_type = Option<TemplateName>)]
    name: Option<String>,
    content: Option<TemplateContentRequest>,
    #[schema(value_type = Option<Localizations>)]
    localizations: Option<BTreeMap<String, LocalizationRequest>>,
    defaults: Option<Map<String, Value>>,
}

/// What the device shows or passes to the app; at least one of the first four fields. Each string
/// may be a Liquid template.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TemplateContentRequest {
    title: Option<String>,
    body: Option<String>,
    /// The URL of an image.
    image: Option<String>,
    /// Key-value pairs for the app.
    data: Option<BTreeMap<String, String>>,
    /// `FAIL` if absent.
    missing_variables: Option<MissingVariables>,
}

/// Changes of a webhook. `null` removes `appName`, `tags` or `description`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct WebhookChangeRequest {
    #[schema(value_type = Option<WebhookUrl>)]
    url: Option<String>,
    #[schema(value_type = Option<WebhookEvents>)]
    events: Option<Vec<String>>,
    #[schema(value_type = Option<AppName>)]
    app_name: Option<String>,
    #[schema(value_type = Option<Tags>)]
    tags: Option<BTreeMap<String, String>>,
    #[schema(value_type = Option<WebhookDescription>)]
    description: Option<String>,
    #[schema(value_type = Option<Envelope>)]
    envelope: Option<String>,
    status: Option<WebhookStatusRequest>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum WebhookStatusRequest {
    Enabled,
    Disabled,
}
