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

/// Recipients whose devices are in memory at the same time, and that are rendered in one turn on the work
/// pool. Each may have 50 devices.
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
}

/// Some of the recipients, with what is stored of them.
pub(super) struct Part {
    positions: Range<usize>,
    /// The devices of each recipient, in request order.
    devices: Vec<Vec<Device>>,
    /// Why a recipient gets nothing, by its position.
    opted_out: HashMap<usize, String>,
    /// What the message for each recipient depends on, in request order. Empty: it depends on nothing.
    profiles: Vec<MessageProfile>,
}

/// The Credentials that a send uses, each with the position of the first recipient that needs it; `None`:
/// the audience does.
#[derive(Default)]
pub(super) struct UsedCredentials(Vec<(CredentialId, Option<usize>)>);

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
#[derive(Clone)]
pub(super) struct Device {
    pub provider: Provider,
    pub credential_id: CredentialId,
    /// The id by which the provider knows the message to this device.
    pub message_id: Uuid,
    token: Token,
}

#[derive(Clone)]
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
    /// Loads the Credentials of `send`.
    pub(super) async fn load(
        state: &State,
        caller: Caller,
        send: Box<CheckedSend>,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            account_id: caller.account_id,
            clients: load_clients(state, &send).await?,
            send,
            keys: state.master_keys.clone(),
        })
    }

    /// Loads what is stored of the recipients at `positions`, which [`DryRun::parts`] bounds.
    pub(super) async fn load_part(
        &self,
        state: &State,
        positions: Range<usize>,
    ) -> Result<Part, ApiError> {
        let Loaded { devices, opted_out } = self.load_devices(state, &positions).await?;

        Ok(Part {
            devices,
            opted_out,
            profiles: self.load_profiles(state, &positions).await?,
            positions,
        })
    }

    /// The positions of the recipients in parts, each of which can be loaded and rendered without
    /// holding others up. All devices of a send would be up to 500,000.
    pub(super) fn parts(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let count = self.send.recipients.len();

        (0..count)
            .step_by(PART)
            .map(move |from| from..count.min(from + PART))
    }

    /// The recipients of a part, in request order.
    pub(super) fn recipients<'a>(
        &'a self,
        part: &'a Part,
    ) -> impl Iterator<Item = DryRunRecipient<'a>> {
        let recipients = self.of_positions(&part.positions).zip(&part.devices);

        recipients.enumerate().map(
            |(index, ((position, recipient), devices))| DryRunRecipient {
                position,
                devices,
                message: self.message_for(position, recipient, part.profiles.get(index)),
                is_user: matches!(recipient.to, CheckedTo::User(_)),
                opted_out: part.opted_out.get(&position).map(String::as_str),
            },
        )
    }

    /// The recipients of the request at these positions.
    fn of_positions(
        &self,
        positions: &Range<usize>,
    ) -> impl Iterator<Item = (usize, &CheckedRecipient)> {
        let recipients = self.send.recipients.iter().enumerate();

        recipients.skip(positions.start).take(positions.len())
    }

    fn message_for(
        &self,
        position: usize,
        recipient: &CheckedRecipient,
        profile: Option<&MessageProfile>,
    ) -> Result<Message, Failure> {
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

    /// The token of a device. A part may have 10,000 devices, so many tokens are opened on the work pool.
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

    /// The Credentials of the audience, if the send has one.
    pub(super) fn credentials_of_audience(&self) -> impl Iterator<Item = CredentialId> {
        let senders = &self.send.user_senders;
        let of_audience = [senders.fcm, senders.apn, senders.apn_sandbox];

        let has_audience = self.send.audience.is_some();
        of_audience
            .into_iter()
            .flatten()
            .filter(move |_| has_audience)
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

/// What is known of the recipients.
#[derive(Default)]
struct Loaded {
    /// The devices of each, in request order.
    devices: Vec<Vec<Device>>,
    /// Why a recipient gets nothing, by its position.
    opted_out: HashMap<usize, String>,
}

impl DryRun {
    /// The profiles of the Users among the recipients, if the message depends on them.
    async fn load_profiles(
        &self,
        state: &State,
        positions: &Range<usize>,
    ) -> Result<Vec<MessageProfile>, ApiError> {
        if self.send.template.is_none() && self.send.localized.is_empty() {
            return Ok(Vec::new());
        }

        let mut profiles = vec![MessageProfile::default(); positions.len()];
        let mut indexes = Vec::new();
        let mut wanted = Vec::new();
        for (position, recipient) in self.of_positions(positions) {
            if let CheckedTo::User(user) = &recipient.to {
                indexes.push(position - positions.start);
                wanted.push((self.account_id, user.id));
            }
        }

        // The answer has one entry for each User that was asked for, in that order.
        let found = users::message_profiles(&state.pool, &wanted).await?;
        for (index, profile) in indexes.into_iter().zip(found) {
            profiles[index] = profile;
        }
        Ok(profiles)
    }

    async fn load_devices(
        &self,
        state: &State,
        positions: &Range<usize>,
    ) -> Result<Loaded, ApiError> {
        let send = &self.send;
        let mut loaded = Loaded::default();
        let mut user_ids: Vec<(usize, UserId)> = Vec::new();

        for (position, recipient) in self.of_positions(positions) {
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

        // The devices of all Users of the part come from one query.
        let app_name = send.user_senders.app_name.as_deref().unwrap_or_default();
        let wanted: Vec<DevicesOf<'_>> = user_ids
            .iter()
            .map(|(_, user_id)| DevicesOf {
                account_id: self.account_id,
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
                loaded.devices[position - positions.start].push(Device {
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
}

impl UsedCredentials {
    pub(super) fn add(&mut self, id: CredentialId, position: Option<usize>) {
        // A send has one Credential of each type at most, so this search is over three entries.
        if !self.0.iter().any(|(known, _)| *known == id) {
            self.0.push((id, position));
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (CredentialId, Option<usize>)> {
        self.0.iter().copied()
    }
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
