//! The body of a send: who gets it, from whom, when.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::http::app_name;
use crate::http::device::{self, Device};
use crate::http::error::ApiError;
use crate::http::send::content;
use crate::http::send::schedule;
use crate::http::tags;
use crate::http::validation::{Object, Path, Problems, parse_body};
use crate::model::id::{CredentialId, UserId};
use crate::model::message::Message;
use crate::model::operation::Audience;

/// Most recipients of one request.
const MAX_RECIPIENTS: usize = 10_000;
/// Longest `variables` of a recipient, in bytes of JSON: no provider takes a larger message.
const MAX_VARIABLES: usize = 4096;

/// A send, read and checked but for what only the database knows.
pub(super) struct SendBody {
    /// Who gets it.
    pub targets: Targets,
    /// What they get.
    pub message: Message,
    /// With what it is sent; `None`: the default App's Credentials.
    pub from: Option<From>,
    /// `from` as it was given.
    pub sender: Option<Value>,
    /// Tags, as they are stored.
    pub tags: Option<Value>,
    /// Not before this moment.
    pub send_at: Option<OffsetDateTime>,
    /// Whether nothing but the checks is wanted.
    pub validate_only: bool,
}

/// Who a send is for.
#[derive(Default)]
pub(crate) struct Targets {
    /// In request order.
    pub recipients: Vec<Recipient>,
    /// Whom of the App's Users, instead of recipients.
    pub audience: Option<Audience>,
}

impl Targets {
    /// Whether Users are among them.
    pub(crate) fn include_users(&self) -> bool {
        self.audience.is_some()
            || self
                .recipients
                .iter()
                .any(|recipient| recipient.user_id().is_some())
    }
}

/// A recipient.
pub(crate) struct Recipient {
    /// Its place in the request.
    pub index: usize,
    /// Who it is.
    pub to: To,
    /// What templates are filled in with.
    pub variables: Option<Value>,
}

impl Recipient {
    /// The User.
    pub(crate) fn user_id(&self) -> Option<UserId> {
        match self.to {
            To::User(id) => Some(id),
            To::Device(_) => None,
        }
    }
}

/// Who a recipient is.
pub(crate) enum To {
    /// A device.
    Device(Device),
    /// A User.
    User(UserId),
}

/// What a message is sent with.
pub(crate) enum From {
    /// One Credential for each provider.
    Credentials {
        /// For FCM.
        fcm: Option<CredentialId>,
        /// For APNs, production or sandbox.
        apn: Option<CredentialId>,
    },
    /// The defaults of an App.
    App(String),
}

impl SendBody {
    /// Reads a body, which may be scheduled `longest_ahead`. What is wrong with a field is noted in
    /// `problems`, and the value is then of no use.
    pub(super) fn parse(
        body: &[u8],
        longest_ahead: Duration,
        problems: &mut Problems,
    ) -> Result<Self, ApiError> {
        let mut body = parse_body(body)?;
        let targets = targets(&mut body, problems);
        let message = content::message(&mut body, problems);
        let sender = body.take("from");
        let from = sender
            .clone()
            .and_then(|value| from(value, &body.at("from"), problems));
        let tags = tags::read(&mut body, problems);
        let send_at = schedule::send_at(
            &mut body,
            OffsetDateTime::now_utc(),
            longest_ahead,
            problems,
        );
        let validate_only = body.boolean("validateOnly", problems).unwrap_or(false);
        body.finish(problems);
        Ok(Self {
            targets,
            message,
            from,
            sender,
            tags,
            send_at,
            validate_only,
        })
    }
}

fn targets(body: &mut Object<'_>, problems: &mut Problems) -> Targets {
    let Some(to) = body.take("to") else {
        problems.push(&body.at("to"), "is required: 1 to 10,000 recipients");
        return Targets::default();
    };
    let path = body.at("to");
    let Value::Array(to) = to else {
        problems.push(&path, "must be an array of recipients");
        return Targets::default();
    };
    if to.is_empty() || to.len() > MAX_RECIPIENTS {
        problems.push(
            &path,
            format!(
                "must have 1 to {MAX_RECIPIENTS} recipients; it has {}",
                to.len()
            ),
        );
        return Targets::default();
    }
    let mut targets = Targets::default();
    let only_one = to.len() == 1;
    for (index, value) in to.into_iter().enumerate() {
        let path = Path::Index(&path, index);
        if value
            .get("audience")
            .is_some_and(|audience| !audience.is_null())
        {
            if !only_one {
                problems.push(&path, "is an audience, which must be the only recipient");
            }
            targets.audience = audience(value, path, problems);
        } else {
            targets
                .recipients
                .extend(recipient(index, value, path, problems));
        }
    }
    if targets.audience.is_none() && targets.recipients.is_empty() && problems.is_empty() {
        problems.push(&path, "must have a recipient");
    }
    targets
}

fn audience(value: Value, path: Path<'_>, problems: &mut Problems) -> Option<Audience> {
    let mut target = Object::of(value, path, problems)?;
    let audience = target.take("audience");
    let path = target.at("audience");
    let mut audience = Object::of(audience.unwrap_or_default(), path, problems)?;
    let tags = tags::read(&mut audience, problems).filter(|tags| tags != &json!({}));
    audience.finish(problems);
    target.finish(problems);
    Some(Audience { tags })
}

fn recipient(
    index: usize,
    value: Value,
    path: Path<'_>,
    problems: &mut Problems,
) -> Option<Recipient> {
    let mut recipient = Object::of(value, path, problems)?;
    let to = if recipient.has("userId") {
        recipient.id("userId", problems).map(To::User)
    } else {
        device::read(&mut recipient, problems).map(To::Device)
    };
    let variables = variables(&mut recipient, problems);
    // They are `null` where the recipient is of another kind.
    for name in ["userId", "audience"] {
        recipient.take(name);
    }
    recipient.finish(problems);
    Some(Recipient {
        index,
        to: to?,
        variables,
    })
}

fn variables(recipient: &mut Object<'_>, problems: &mut Problems) -> Option<Value> {
    let variables = Value::Object(recipient.raw_object("variables", problems)?);
    if content::holds_nul(&variables) {
        problems.push(
            &recipient.at("variables"),
            "must not contain the character NUL",
        );
    }
    if variables.to_string().len() > MAX_VARIABLES {
        problems.push(
            &recipient.at("variables"),
            format!("must be at most {MAX_VARIABLES} bytes of JSON"),
        );
    }
    Some(variables)
}

fn from(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<From> {
    let mut from = Object::of(value, *path, problems)?;
    let app_name = app_name::read(&mut from, problems);
    let (fcm, apn) = (from.id("fcm", problems), from.id("apn", problems));
    let named = app_name.is_some();
    if named && (fcm.is_some() || apn.is_some()) {
        problems.push(path, "must have either appName or Credentials, not both");
    } else if !named && fcm.is_none() && apn.is_none() && problems.is_empty() {
        problems.push(
            path,
            "must have appName, or the id of a Credential as fcm, apn or both",
        );
    }
    from.finish(problems);
    Some(app_name.map_or(From::Credentials { fcm, apn }, From::App))
}
