//! The checks of a send. A send that has passed them can only fail for reasons that are not the
//! client's mistake.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::crypto::RECEIPT_TOKEN_LENGTH;
use crate::http::State;
use crate::http::auth::Caller;
use crate::http::body::JsonBody;
use crate::http::device::Device;
use crate::http::error::ApiError;
use crate::http::send::body::{Recipient, SendBody, Targets, To};
use crate::http::send::content::{NamedTemplate, check_receipt_key};
use crate::http::send::localized::{LocalizedMessage, Parsed, localized_field};
use crate::http::send::pace;
use crate::http::send::schedule::longest_ahead;
use crate::http::send::sender::Senders;
use crate::http::validation::{Path, Problems};
use crate::model::audience::Audience;
use crate::model::id::{AccountId, CredentialId, OperationId, UserId};
use crate::model::local_time::LocalSchedule;
use crate::model::message::Message;
use crate::model::operation::{Guard, UserSenders};
use crate::model::pace::Pace;
use crate::model::provider::Provider;
use crate::model::recipient::UserRecipient;
use crate::provider::{Payload, PayloadProblem};
use crate::store::{external_ids, templates, users, webhooks};
use crate::template::{MessageTemplate, TemplateProblem};
use crate::transport::origin_of;

const PROVIDERS: [Provider; 2] = [Provider::Fcm, Provider::Apn];

/// A send that has passed every check.
pub(super) struct CheckedSend {
    /// The id that its Operation gets.
    pub id: OperationId,
    /// In request order; empty if there is an audience.
    pub recipients: Vec<CheckedRecipient>,
    pub audience: Option<Audience>,
    pub message: Message,
    /// The message's templates, if it has any.
    pub template: Option<MessageTemplate>,
    /// The message for Users of other languages, by language tag.
    pub localized: BTreeMap<String, LocalizedMessage>,
    pub senders: Senders,
    /// The Credentials that Users among the recipients are reached by.
    pub user_senders: UserSenders,
    /// `from` as it was sent, to be stored with the Operation.
    pub from: Option<Value>,
    /// In the form in which they are stored.
    pub tags: Option<Value>,
    /// Where its events go in place of the webhook's URL.
    pub callback_url: Option<String>,
    /// `None`: at once, or at a local time.
    pub send_at: Option<OffsetDateTime>,
    /// What depends on the recipients' clocks; `None`: nothing does.
    pub local: Option<LocalSchedule>,
    /// `send_at`, or when the send was checked.
    pub starts_at: OffsetDateTime,
    /// For how long it is tried; `None`: as the operator configured it.
    pub deadline: Option<Duration>,
    pub guard: Option<Guard>,
    pub pace: Option<Pace>,
    pub validate_only: bool,
}

pub(super) struct CheckedRecipient {
    pub to: CheckedTo,
    /// The values for the message's templates.
    pub variables: Option<Value>,
    /// In place of the message's badge.
    pub badge: Option<u32>,
}

pub(super) enum CheckedTo {
    Device {
        device: Device,
        /// The Credential that the device is reached by.
        credential_id: CredentialId,
    },
    User(UserRecipient),
}

impl CheckedSend {
    /// Reads and checks the body of a request. The error names every problem of it. What takes the
    /// processor for long is done on the work pool.
    ///
    /// It is boxed, as are the parts of the check that few sends need: each request has room for its
    /// futures, and what is large is slow to move.
    pub(super) async fn check(state: &State, body: &JsonBody) -> Result<Box<Self>, ApiError> {
        let caller = body.caller;
        let longest_ahead = longest_ahead(state.settings.retention);
        let bytes = body.bytes.clone();
        let held = Arc::clone(&body.held);
        let read = move || {
            let mut problems = Problems::default();
            let send = SendBody::parse(&bytes, longest_ahead, &mut problems)?;
            // The room is kept until this is done, even if the client leaves.
            drop(held);
            Ok::<_, ApiError>(Box::new(Read { send, problems }))
        };
        let mut read = state
            .work
            .run_on(caller.account_id, &body.bytes, read)
            .await??;
        let Read { send, problems } = &mut *read;

        if let Some(named) = &send.template {
            let found = templates::fetch(&state.pool, caller.account_id, named.id);
            let stored = Box::pin(found).await?.map(|stored| stored.message);
            apply_template(named, stored, &mut send.message, problems);
        }
        let sender = send.sender.as_ref();

        // Also after a problem, so that one answer names a wrong `from` as well.
        let senders = Senders::find(state, caller.account_id, sender, problems).await?;
        // If something else is wrong, that may be why a Credential is missing.
        if problems.is_empty() {
            senders.check(sender, &send.targets, problems);
        }
        let recipients = &send.targets.recipients;
        let known = if recipients.iter().any(|recipient| recipient.to.is_user()) {
            Box::pin(check_users(state, caller, recipients, problems)).await?;
            Box::pin(with_external_ids(state, caller, recipients)).await?
        } else {
            HashMap::new()
        };
        if let Some(url) = &send.callback_url {
            Box::pin(check_callback(state, caller, url, problems)).await?;
        }

        let held = Arc::clone(&body.held);
        let users = KnownUsers {
            account_id: caller.account_id,
            by_external_id: known,
        };
        let finish = move || {
            let checked = read.finish(senders, &users, longest_ahead);
            drop(held);
            checked
        };
        state
            .work
            .run_on(caller.account_id, &body.bytes, finish)
            .await?
    }
}

/// A send that has been read, and what is wrong with it so far.
struct Read {
    send: SendBody,
    problems: Problems,
}

impl Read {
    /// Checks the message in all its languages. Returns its templates.
    fn check_message(
        &mut self,
        senders: &Senders,
        starts_at: OffsetDateTime,
    ) -> (Option<MessageTemplate>, BTreeMap<String, LocalizedMessage>) {
        let Self { send, problems } = self;

        let Parsed {
            template,
            localized,
            problems: found,
        } = Parsed::of(&send.message);
        for TemplateProblem { field, message } in found {
            problems.push_at(field, message);
        }

        // What a template makes is checked for each recipient when it is sent.
        let sample = with_receipt_sample(&send.message);
        let expires_at = send.message.expires_at(starts_at);
        let providers = senders.providers(&send.targets);
        check_payloads(&sample, expires_at, &providers, problems);
        drop(sample);

        // What is wrong with the message in every language has been named.
        if problems.is_empty() {
            check_localized(&localized, starts_at, &providers, problems);
        }
        check_emptiness(&send.message, &send.targets, senders, problems);

        (template, localized)
    }

    /// Checks the message, and gives each recipient its Credential.
    fn finish(
        self: Box<Self>,
        senders: Senders,
        users: &KnownUsers,
        longest_ahead: Duration,
    ) -> Result<Box<CheckedSend>, ApiError> {
        let mut read = *self;
        // The id carries the time at which it is generated.
        let id = OperationId::generate();
        let schedule = &read.send.schedule;
        let starts_at = schedule.send_at.unwrap_or_else(|| id.created_at());

        let (template, localized) = read.check_message(&senders, starts_at);
        let Self { send, mut problems } = read;
        if let Some(pace) = send.pace {
            let plan = pace::Plan {
                pace,
                // The size of an audience is not known yet.
                notifications: send.targets.recipients.len() as u32,
                starts_at,
                kept_until: id.created_at() + longest_ahead,
            };
            plan.check(&mut problems);
        }

        let user_senders = senders.of_users(&send.targets);
        let Targets {
            recipients,
            audience,
        } = send.targets;

        // If there is no problem, no provider lacks its Credential.
        let recipients = recipients
            .into_iter()
            .map(|recipient| with_credential(recipient, &senders, users))
            .collect();

        Ok(Box::new(CheckedSend {
            id,
            recipients: problems.check_some(recipients)?,
            audience,
            message: send.message,
            template,
            localized,
            senders,
            user_senders,
            from: send.from,
            tags: send.tags,
            send_at: send.schedule.send_at,
            local: send.schedule.local,
            callback_url: send.callback_url,
            starts_at,
            deadline: send.deadline,
            guard: send.guard,
            pace: send.pace,
            validate_only: send.validate_only,
        }))
    }
}

/// Gives the message of a send the content of the stored template that it names; `None`: there is no
/// such template. The send keeps the content, whatever becomes of the template.
fn apply_template(
    named: &NamedTemplate,
    stored: Option<Message>,
    message: &mut Message,
    problems: &mut Problems,
) {
    const FIELD: &str = "content.templateId";

    match stored {
        Some(stored) => {
            named.apply(stored, message);
            // A template is stored without `receipts`, so its keys are checked only now.
            check_receipt_key(message, &Path::Field(&Path::Root, FIELD), problems);
        }
        None => problems.push_at(FIELD, "no template has this id"),
    }
}

/// A callback must be at a place that the account has registered, so that a leaked key that may only
/// send can't have events delivered to a stranger.
async fn check_callback(
    state: &State,
    caller: Caller,
    url: &str,
    problems: &mut Problems,
) -> Result<(), ApiError> {
    let url = match state.address_guard.parse(url) {
        Ok(url) => url,
        Err(error) => {
            problems.push_at("callbackUrl", error.to_string());
            return Ok(());
        }
    };

    let origin = origin_of(&url);
    if !webhooks::has_origin(&state.pool, caller.account_id, &origin).await? {
        problems.push_at(
            "callbackUrl",
            format!("must have the host and port of an enabled webhook of the account; none is at {origin}"),
        );
    }

    Ok(())
}

/// Every User among the recipients must be the account's.
async fn check_users(
    state: &State,
    caller: Caller,
    recipients: &[Recipient],
    problems: &mut Problems,
) -> Result<(), ApiError> {
    let ids: Vec<UserId> = recipients.iter().filter_map(Recipient::user_id).collect();
    if ids.is_empty() {
        return Ok(());
    }

    // One query for all recipients.
    let missing: HashSet<UserId> = users::missing(&state.pool, caller.account_id, &ids)
        .await?
        .into_iter()
        .collect();

    for recipient in recipients {
        if recipient.user_id().is_some_and(|id| missing.contains(&id)) {
            problems.push_at(
                format!("to[{}].userId", recipient.index),
                "no User has this id",
            );
        }
    }

    Ok(())
}

/// The Users whom recipients name by external ids.
struct KnownUsers {
    account_id: AccountId,
    by_external_id: HashMap<String, UserId>,
}

impl KnownUsers {
    /// A recipient that is named by an external id. If no User has it, no device is reached.
    fn recipient(&self, external_id: String) -> UserRecipient {
        let known = self.by_external_id.get(&external_id).copied();

        UserRecipient {
            // Delivery looks for the external id again when the time comes: a User may have
            // registered by then.
            id: known.unwrap_or_else(|| UserId::of_external_id(self.account_id, &external_id)),
            external_id: Some(external_id),
        }
    }
}

/// The Users with the external ids among the recipients.
async fn with_external_ids(
    state: &State,
    caller: Caller,
    recipients: &[Recipient],
) -> Result<HashMap<String, UserId>, ApiError> {
    let wanted: Vec<(AccountId, &str)> = recipients
        .iter()
        .filter_map(Recipient::external_id)
        .map(|external_id| (caller.account_id, external_id))
        .collect();
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }

    let known = external_ids::users_with(&state.pool, &wanted).await?;
    Ok(known
        .into_iter()
        .map(|known| (known.external_id, known.user_id))
        .collect())
}

/// The message must fit every provider that it goes to, as far as it is the same for every
/// recipient. The override of another provider must be well-formed all the same.
fn check_payloads(
    message: &Message,
    expires_at: Option<OffsetDateTime>,
    providers: &[Provider],
    problems: &mut Problems,
) {
    for provider in PROVIDERS {
        let found = if providers.contains(&provider) {
            Payload::check(provider, message, expires_at)
        } else {
            Payload::check_override(provider, message)
        };

        for PayloadProblem { field, message } in found {
            problems.push_at(field, message);
        }
    }
}

/// The message must fit every provider in each of its languages.
fn check_localized(
    localized: &BTreeMap<String, LocalizedMessage>,
    starts_at: OffsetDateTime,
    providers: &[Provider],
    problems: &mut Problems,
) {
    for (tag, version) in localized {
        let sample = with_receipt_sample(&version.message);
        let expires_at = version.message.expires_at(starts_at);

        for provider in providers {
            for PayloadProblem { field, message } in Payload::check(*provider, &sample, expires_at)
            {
                problems.push_at(localized_field(tag, &field), message);
            }
        }
    }
}

/// The message as a recipient gets it whose receipts have a token.
fn with_receipt_sample(message: &Message) -> Cow<'_, Message> {
    if !message.receipts {
        return Cow::Borrowed(message);
    }

    // The token is made for each notification, but its length is known, and counts in the size that
    // providers limit.
    let token = "x".repeat(RECEIPT_TOKEN_LENGTH);
    Cow::Owned(message.clone().with_receipt_token(token))
}

/// Each recipient must get something. A device of a User that would get nothing is left out when the
/// message is sent, as long as another provider of the User's App has something to send.
fn check_emptiness(
    message: &Message,
    targets: &Targets,
    senders: &Senders,
    problems: &mut Problems,
) {
    // With problems, a field that was refused may be what is missing.
    if !problems.is_empty() {
        return;
    }

    let nothing = PROVIDERS.map(|provider| Payload::nothing_for(provider, message));
    if nothing.iter().all(Option::is_none) {
        return;
    }

    // A User may have devices of each provider that has a Credential here, so `and` keeps a reason
    // only if none of them has anything to send.
    let nothing_for_users = PROVIDERS
        .iter()
        .zip(&nothing)
        .filter(|(provider, _)| senders.credential(**provider).is_some())
        .map(|(_, reason)| reason.as_deref())
        .reduce(Option::and)
        .flatten();

    for recipient in &targets.recipients {
        let reason = match &recipient.to {
            To::User(_) | To::ExternalId(_) => nothing_for_users,
            To::Device(device) => PROVIDERS
                .iter()
                .position(|provider| *provider == device.provider)
                .and_then(|index| nothing[index].as_deref()),
        };
        if let Some(reason) = reason {
            problems.push_at(format!("to[{}]", recipient.index), reason);
        }
    }

    if targets.audience.is_some()
        && let Some(reason) = nothing_for_users
    {
        problems.push_at("to[0]", reason);
    }
}

/// A recipient with the Credential that reaches it; `None` if there is none for its provider.
fn with_credential(
    recipient: Recipient,
    senders: &Senders,
    users: &KnownUsers,
) -> Option<CheckedRecipient> {
    let to = match recipient.to {
        To::User(id) => CheckedTo::User(id.into()),
        To::ExternalId(id) => CheckedTo::User(users.recipient(id)),
        To::Device(device) => CheckedTo::Device {
            credential_id: senders.credential_for(&device)?,
            device,
        },
    };

    Some(CheckedRecipient {
        to,
        variables: recipient.variables,
        badge: recipient.badge,
    })
}
