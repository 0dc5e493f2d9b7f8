//! What a send would do, without doing it: shared by `validateOnly` and `Preview`, which are
//! extensions.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::crypto::MasterKeys;
use crate::http::State;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::send::checked::{CheckedRecipient, CheckedSend, CheckedTo};
use crate::model::apns_device::TokenKind;
use crate::model::failure::{Failure, FailureCode};
use crate::model::id::{AccountId, CredentialId, UserId};
use crate::model::message::{Badge, Message};
use crate::model::provider::Provider;
use crate::provider::{Client, Payload};
use crate::store::devices::{self, DevicesOf, UserDevice};
use crate::store::senders;
use crate::store::users::{self, MessageProfile};
use crate::template::{NotRendered, Variables};

/// Recipients that are rendered in one turn on the work pool.
const PART: usize = 200;

/// Why a recipient, or one of its devices, would get nothing.
#[derive(Serialize, ToSchema)]
pub(super) struct RecipientError {
    /// The recipient's index in `to`; absent: an audience.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<usize>,
    /// The provider's code, or one of Bellwire's.
    code: String,
    message: String,
}

/// A send with everything that its requests to the providers are made of.
pub(super) struct DryRun {
    account_id: AccountId,
    send: Box<CheckedSend>,
    keys: MasterKeys,
    /// The clients of the Credentials, or why one can't be used.
    clients: HashMap<CredentialId, Result<Client, &'static str>>,
    /// The devices of each recipient, in request order.
    devices: Vec<Vec<Device>>,
    /// Why a recipient gets nothing, by its position.
    opted_out: HashMap<usize, String>,
    /// What the message for each recipient depends on, in request order. Empty: it depends on nothing.
    profiles: Vec<MessageProfile>,
}

/// A recipient of a dry run.
pub(super) struct DryRunRecipient<'a> {
    pub position: usize,
    pub devices: &'a [Device],
    /// The message with the recipient's variables.
    pub message: Result<Message, Failure>,
    is_user: bool,
    /// Why the User gets nothing.
    opted_out: Option<&'a str>,
}

/// A device that a recipient would be reached on.
pub(super) struct Device {
    pub provider: Provider,
    pub credential_id: CredentialId,
    /// The id by which the provider knows the message to this device.
    pub message_id: Uuid,
    token: Token,
}

enum Token {
    /// Of a device that the request names.
    Given(String),
    /// Of a User's device, as it is stored. It is opened where it is needed.
    Sealed { device_id: Uuid, sealed: Vec<u8> },
}

impl RecipientError {
    pub(super) fn new(position: usize, failure: Failure) -> Self {
        Self {
            position: Some(position),
            ..Self::of_audience(failure)
        }
    }

    pub(super) fn of_audience(failure: Failure) -> Self {
        Self {
            position: None,
            code: failure.code.to_string(),
            message: failure.message,
        }
    }
}

impl DryRun {
    /// Loads the Credentials of `send` and the devices of its Users.
    pub(super) async fn load(
        state: &State,
        caller: Caller,
        send: Box<CheckedSend>,
    ) -> Result<Self, ApiError> {
        let Loaded { devices, opted_out } = load_devices(state, caller, &send).await?;

        Ok(Self {
            account_id: caller.account_id,
            clients: load_clients(state, &send).await?,
            devices,
            opted_out,
            profiles: load_profiles(state, caller, &send).await?,
            send,
            keys: state.master_keys.clone(),
        })
    }

    /// The positions of the recipients in parts, each of which can be rendered without holding
    /// others up.
    pub(super) fn parts(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let count = self.send.recipients.len();

        (0..count)
            .step_by(PART)
            .map(move |from| from..count.min(from + PART))
    }

    /// The recipients at these positions, in request order.
    pub(super) fn recipients(
        &self,
        positions: Range<usize>,
    ) -> impl Iterator<Item = DryRunRecipient<'_>> {
        let recipients = self.send.recipients.iter().zip(&self.devices);

        recipients
            .enumerate()
            .skip(positions.start)
            .take(positions.len())
            .map(|(position, (recipient, devices))| DryRunRecipient {
                position,
                devices,
                message: self.message_for(position, recipient),
                is_user: matches!(recipient.to, CheckedTo::User(_)),
                opted_out: self.opted_out.get(&position).map(String::as_str),
            })
    }

    fn message_for(
        &self,
        position: usize,
        recipient: &CheckedRecipient,
    ) -> Result<Message, Failure> {
        let profile = self.profiles.get(position);
        let language = profile.and_then(|profile| profile.language.as_deref());
        let localized = language
            .and_then(|language| self.send.message.localization_for(language))
            .and_then(|tag| self.send.localized.get(tag));
        let (message, template) = match localized {
            Some(localized) => (&localized.message, &localized.template),
            None => (&self.send.message, &self.send.template),
        };

        let mut message = match template {
            None => message.clone(),
            Some(template) => template
                .render(Variables {
                    own: recipient.variables.as_ref(),
                    defaults: profile.and_then(|profile| profile.variables.as_ref()),
                    // A template's `now` is the time of sending, which may lie days ahead.
                    now: self.send.starts_at,
                })
                .map_err(|reason| match reason {
                    NotRendered::Invalid(problem) => {
                        Failure::new(FailureCode::InvalidTemplate, problem.to_string())
                    }
                    NotRendered::Skipped(reason) => Failure::skipped(&reason),
                })?,
        };

        if let Some(badge) = recipient.badge {
            message.badge = Some(Badge::Number(badge));
        }
        if message.receipts {
            // No notification has this id, so the token is of no use.
            let id = self.send.id.push_notification(position as u32);
            message = message.with_receipt_token(self.keys.receipt_token(id.as_uuid()));
        }
        Ok(message)
    }

    /// What `provider` would be sent for a recipient with this message.
    pub(super) fn payload(
        &self,
        message: &Result<Message, Failure>,
        provider: Provider,
    ) -> Result<Payload, Failure> {
        let message = message.as_ref().map_err(Clone::clone)?;

        Payload::render(provider, message, message.expires_at(self.send.starts_at))
            .map_err(|problem| Failure::new(FailureCode::InvalidContent, problem.to_string()))
    }

    /// The token of a device. A send to 10,000 Users may reach 500,000 devices, so many tokens are opened on
    /// the work pool.
    pub(super) fn token<'a>(&self, device: &'a Device) -> Result<Cow<'a, str>, Failure> {
        match &device.token {
            Token::Given(token) => Ok(Cow::Borrowed(token)),
            // A token under a lost master key concerns its device alone.
            Token::Sealed { device_id, sealed } => self
                .keys
                .open_device_token(self.account_id.as_uuid(), *device_id, sealed)
                .map(Cow::Owned)
                .map_err(|_| {
                    Failure::new(
                        FailureCode::TokenUnreadable,
                        "The device's token can't be decrypted with the configured master keys",
                    )
                }),
        }
    }

    /// A device of the recipient at a position.
    pub(super) fn device(&self, position: usize, index: usize) -> Option<&Device> {
        self.devices.get(position)?.get(index)
    }

    /// The Credentials that the send uses, each with the position of the first recipient that needs it;
    /// `None`: the audience does.
    pub(super) fn used_credentials(&self) -> Vec<(CredentialId, Option<usize>)> {
        let of_recipients = self
            .devices
            .iter()
            .enumerate()
            .flat_map(|(position, devices)| {
                devices
                    .iter()
                    .map(move |device| (device.credential_id, Some(position)))
            });
        let senders = &self.send.user_senders;
        let of_audience = self.send.audience.iter().flat_map(|_| {
            [senders.fcm, senders.apn, senders.apn_sandbox]
                .into_iter()
                .flatten()
                .map(|id| (id, None))
        });

        // A send has one Credential of each type at most, so this search is over three entries.
        let mut used: Vec<(CredentialId, Option<usize>)> = Vec::new();
        for (id, position) in of_recipients.chain(of_audience) {
            if !used.iter().any(|(known, _)| *known == id) {
                used.push((id, position));
            }
        }
        used
    }

    pub(super) fn client(&self, credential_id: CredentialId) -> Result<&Client, Failure> {
        match self.clients.get(&credential_id) {
            Some(Ok(client)) => Ok(client),
            Some(Err(reason)) => Err(Failure::new(FailureCode::CredentialUnusable, *reason)),
            // It was deleted after the send had been checked.
            None => Err(Failure::new(
                FailureCode::CredentialGone,
                "The Credential has been deleted",
            )),
        }
    }
}

impl DryRunRecipient<'_> {
    /// Why the recipient can't be reached at all.
    pub(super) fn unaddressable(&self) -> Option<Failure> {
        if let Some(reason) = self.opted_out {
            return Some(Failure::new(FailureCode::OptedOut, reason));
        }

        (self.is_user && self.devices.is_empty()).then(|| {
            Failure::new(
                FailureCode::Unaddressable,
                "The User has no device in the App that its Credentials can reach",
            )
        })
    }
}

async fn load_clients(
    state: &State,
    send: &CheckedSend,
) -> Result<HashMap<CredentialId, Result<Client, &'static str>>, ApiError> {
    let stored = senders::by_ids(&state.pool, &send.senders.credential_ids()).await?;

    let clients = stored.iter().map(|credential| {
        let client = Client::for_stored(credential, &state.master_keys, &state.endpoints);
        (credential.id, client)
    });

    Ok(clients.collect())
}

/// The profiles of the Users among the recipients, if the message depends on them.
async fn load_profiles(
    state: &State,
    caller: Caller,
    send: &CheckedSend,
) -> Result<Vec<MessageProfile>, ApiError> {
    if send.template.is_none() && send.localized.is_empty() {
        return Ok(Vec::new());
    }

    let mut profiles = vec![MessageProfile::default(); send.recipients.len()];
    let mut positions = Vec::new();
    let mut wanted = Vec::new();
    for (position, recipient) in send.recipients.iter().enumerate() {
        if let CheckedTo::User(user) = &recipient.to {
            positions.push(position);
            wanted.push((caller.account_id, user.id));
        }
    }

    // The answer has one entry for each User that was asked for, in that order.
    let found = users::message_profiles(&state.pool, &wanted).await?;
    for (position, profile) in positions.into_iter().zip(found) {
        profiles[position] = profile;
    }
    Ok(profiles)
}

/// What is known of the recipients.
#[derive(Default)]
struct Loaded {
    /// The devices of each, in request order.
    devices: Vec<Vec<Device>>,
    /// Why a recipient gets nothing, by its position.
    opted_out: HashMap<usize, String>,
}

async fn load_devices(
    state: &State,
    caller: Caller,
    send: &CheckedSend,
) -> Result<Loaded, ApiError> {
    let mut loaded = Loaded::default();
    let mut user_ids: Vec<(usize, UserId)> = Vec::new();

    for (position, recipient) in send.recipients.iter().enumerate() {
        match &recipient.to {
            CheckedTo::User(user) => {
                user_ids.push((position, user.id));
                loaded.devices.push(Vec::new());
            }
            CheckedTo::Device {
                device,
                credential_id,
            } => loaded.devices.push(vec![Device {
                provider: device.provider,
                credential_id: *credential_id,
                message_id: notification_id(send, position),
                token: Token::Given(device.token.clone()),
            }]),
        }
    }

    // The devices of all Users come from one query.
    let app_name = send.user_senders.app_name.as_deref().unwrap_or_default();
    let wanted: Vec<DevicesOf<'_>> = user_ids
        .iter()
        .map(|(_, user_id)| DevicesOf {
            account_id: caller.account_id,
            app_name,
            user_id: *user_id,
            tags: None,
            predicate: None,
        })
        .collect();

    for device in devices::of_users(&state.pool, &wanted).await? {
        let (position, _) = user_ids[device.index];

        // An opt-out is the User's: each of the devices says the same, and none of them is reached.
        if let Some(reason) = device.opt_out.reason(send.tags.as_ref()) {
            loaded.opted_out.insert(position, reason);
        } else if let Some(credential_id) = credential_for(send, &device) {
            loaded.devices[position].push(Device {
                provider: device.provider,
                credential_id,
                message_id: device.message_id(notification_id(send, position)),
                token: Token::Sealed {
                    device_id: device.id,
                    sealed: device.token,
                },
            });
        }
    }

    Ok(loaded)
}

/// The id that a send would give, so that a preview shows the real `apns-id`.
fn notification_id(send: &CheckedSend, position: usize) -> Uuid {
    send.id.push_notification(position as u32).as_uuid()
}

/// The Credential by which a User's device gets the message; `None`: it does not get it.
fn credential_for(send: &CheckedSend, device: &UserDevice) -> Option<CredentialId> {
    // A device of a provider without a Credential is not reached.
    let credential_id = send.user_senders.of(device.provider, device.environment)?;
    let is_voip = Payload::is_voip(&send.message);

    TokenKind::takes(device.kind, is_voip).then_some(credential_id)
}
