//! The schemas of request bodies. Bodies are read field by field (`validation/`), so that one
//! answer names every problem; these types only describe them. Responses are described where they
//! are serialized, in `http/resources`.

#![allow(dead_code, reason = "read by the derive alone")]

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

mod send;

pub(crate) use send::SendRequest;
use send::{AudienceRequest, PaceRequest, ScheduleRequest};
pub(super) use send::{ConditionRequest, LocalizationRequest, RecipientRequest};

use crate::http::openapi::limits::{
    AppName, CapMax, DeviceToken, ExternalId, FailureCodes, KeyName, KeyNote, Language,
    Localizations, OptedOutTags, Overlap, Positions, Receipts, Tags, TemplateName, Timezone,
    WebhookDescription, WebhookEvents, WebhookUrl,
};
use crate::model::apns_device::{Environment, TokenKind};
use crate::model::id::UserId;
use crate::model::message::MissingVariables;
use crate::model::provider::{CredentialType, Provider};
use crate::model::webhook::Envelope;
use crate::store::api_keys::Role;

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
