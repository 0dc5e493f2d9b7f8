//! The body of a send: to whom, from which Credentials, when.

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::http::app_name;
use crate::http::audience;
use crate::http::device::{self, Device};
use crate::http::error::ApiError;
use crate::http::send::content::{self, NamedTemplate, SentMessage};
use crate::http::send::deadline;
use crate::http::send::guard;
use crate::http::send::pace;
use crate::http::send::schedule::{self, Schedule, ScheduleBounds};
use crate::http::tags;
use crate::http::user_profile;
use crate::http::validation::{Object, Outline, Path, Problems, must_be, parse_body};
use crate::http::variables;
use crate::model::audience::Audience;
use crate::model::id::{CredentialId, UserId};
use crate::model::message::Message;
use crate::model::operation::Guard;
use crate::model::pace::Pace;

/// Most recipients of one request.
pub(in crate::http) const MAX_RECIPIENTS: usize = 10_000;
/// A larger body is looked over before it is parsed, in bytes. Every problem of a smaller one is
/// named at once.
const LARGE: usize = 64 * 1024;
/// The fields of a send.
const FIELDS: [&str; 21] = [
    "to",
    "templating",
    "priority",
    "sound",
    "badge",
    "ttl",
    "collapseKey",
    "fcm",
    "apn",
    "receipts",
    "cap",
    "content",
    "from",
    "tags",
    "callbackUrl",
    "ignoreWindow",
    "schedule",
    "deadline",
    "guard",
    "pace",
    "validateOnly",
];

/// How FCM addresses many devices, which clients of FCM may try here.
const TOPICS: [&str; 2] = ["topic", "condition"];

/// A send that has been read. It has passed every check that needs no database.
pub(super) struct SendBody {
    pub targets: Targets,
    pub message: Message,
    /// Where the content comes from; `None`: from the request.
    pub template: Option<NamedTemplate>,
    /// `None`: the default Credentials of the default App.
    pub sender: Option<SenderSpec>,
    /// `from` as it was sent, to be stored with the Operation.
    pub from: Option<Value>,
    /// In the form in which they are stored.
    pub tags: Option<Value>,
    /// Where its events go in place of the webhook's URL.
    pub callback_url: Option<String>,
    pub schedule: Schedule,
    /// For how long it is tried; `None`: as the operator configured it.
    pub deadline: Option<Duration>,
    /// When the Operation pauses by itself.
    pub guard: Option<Guard>,
    /// How many notifications are sent in a minute; `None`: as fast as it goes.
    pub pace: Option<Pace>,
    pub validate_only: bool,
}

/// Who a send is for: recipients, or an audience.
#[derive(Default)]
pub(super) struct Targets {
    /// In request order.
    pub recipients: Vec<Recipient>,
    pub audience: Option<Audience>,
}

pub(super) struct Recipient {
    /// The recipient's index in `to`.
    pub index: usize,
    pub to: To,
    /// The values for the message's templates.
    pub variables: Option<Value>,
    /// In place of the message's badge.
    pub badge: Option<u32>,
}

pub(super) enum To {
    Device(Device),
    User(UserId),
    /// The User with this id of the account's own.
    ExternalId(String),
}

/// Which Credentials a request asks for.
pub(super) enum SenderSpec {
    Credentials(NamedCredentials),
    /// The default Credentials of this App.
    App(String),
}

/// A Credential for each provider, at least one.
#[derive(Clone, Copy)]
pub(super) struct NamedCredentials {
    pub fcm: Option<CredentialId>,
    /// APNs, production or sandbox.
    pub apn: Option<CredentialId>,
}

impl Targets {
    pub(super) fn include_users(&self) -> bool {
        self.audience.is_some()
            || self
                .recipients
                .iter()
                .any(|recipient| recipient.to.is_user())
    }
}

impl Recipient {
    pub(super) fn user_id(&self) -> Option<UserId> {
        match self.to {
            To::User(id) => Some(id),
            To::Device(_) | To::ExternalId(_) => None,
        }
    }

    pub(super) fn external_id(&self) -> Option<&str> {
        match &self.to {
            To::ExternalId(id) => Some(id),
            To::Device(_) | To::User(_) => None,
        }
    }
}

impl To {
    pub(super) fn is_user(&self) -> bool {
        match self {
            Self::User(_) | Self::ExternalId(_) => true,
            Self::Device(_) => false,
        }
    }
}

impl SendBody {
    /// Reads a body, which may be scheduled up to `longest_ahead`. An error means that the body is
    /// no JSON object. If a field is wrong, `problems` names it, and the returned value is not to be
    /// used.
    pub(super) fn parse(
        body: &[u8],
        longest_ahead: Duration,
        problems: &mut Problems,
    ) -> Result<Self, ApiError> {
        if body.len() > LARGE {
            look_over(body)?;
        }
        let mut body = parse_body(body)?;

        let targets = targets(&mut body, problems);
        let SentMessage { message, template } = content::message(&mut body, problems);

        // Operations show `from` as it was sent, so its fields are read from a copy.
        let from = body.take("from");
        let sender = from
            .clone()
            .and_then(|from| sender(from, &body.at("from"), problems));

        let tags = tags::read(&mut body, problems);

        let callback_url = body.string("callbackUrl", problems);

        let bounds = ScheduleBounds {
            now: OffsetDateTime::now_utc(),
            longest_ahead,
        };
        let schedule = schedule::read(&mut body, bounds, problems);
        // Records are kept for as long as a send may lie ahead.
        let deadline = deadline::read(&mut body, longest_ahead, problems);
        let guard = guard::read(&mut body, problems);
        let pace = pace::read(&mut body, problems);
        if pace.is_some() && schedule.local.is_some() {
            problems.push(
                &body.at("pace"),
                "can't be combined with a local time or a window, which give each notification a time of its own",
            );
        }
        let validate_only = body.boolean("validateOnly", problems).unwrap_or(false);
        body.refuse_unknown(problems);

        Ok(Self {
            targets,
            message,
            template,
            sender,
            from,
            tags,
            callback_url,
            schedule,
            deadline,
            guard,
            pace,
            validate_only,
        })
    }
}

/// Refuses a body that has unknown fields or too many recipients, before its values are built.
fn look_over(body: &[u8]) -> Result<(), ApiError> {
    let outline = Outline::of(body, &FIELDS, "to")?;

    let mut problems = Problems::default();
    outline.refuse_unknown(&FIELDS, &mut problems);
    if let Some(count) = outline.elements.filter(|count| *count > MAX_RECIPIENTS) {
        problems.push(&Path::Field(&Path::Root, "to"), number_of_recipients(count));
    }

    problems.check()
}

fn number_of_recipients(count: usize) -> String {
    format!("must have 1 to {MAX_RECIPIENTS} recipients; got {count}")
}

fn targets(body: &mut Object<'_>, problems: &mut Problems) -> Targets {
    let rule = format_args!("an array of 1 to {MAX_RECIPIENTS} recipients");
    if !body.require("to", rule, problems) {
        return Targets::default();
    }

    let to = body.take("to").unwrap_or_default();
    let path = body.at("to");
    let Value::Array(to) = to else {
        problems.push(&path, must_be(&rule.to_string(), &to));
        return Targets::default();
    };

    if to.is_empty() || to.len() > MAX_RECIPIENTS {
        problems.push(&path, number_of_recipients(to.len()));
        return Targets::default();
    }

    let mut targets = Targets::default();
    let is_alone = to.len() == 1;

    // A wrong recipient does not end the loop, so that the answer names all of them.
    for (index, value) in to.into_iter().enumerate() {
        let path = Path::Index(&path, index);

        if has_audience(&value) {
            if !is_alone {
                problems.push(
                    &path,
                    "an audience can't be combined with other recipients; send to it in a request \
                     of its own",
                );
            }
            targets.audience = audience_target(value, path, problems);
        } else {
            targets
                .recipients
                .extend(recipient(index, value, path, problems));
        }
    }

    targets
}

fn has_audience(recipient: &Value) -> bool {
    recipient
        .get("audience")
        .is_some_and(|audience| !audience.is_null())
}

fn audience_target(value: Value, path: Path<'_>, problems: &mut Problems) -> Option<Audience> {
    let mut target = Object::of(value, path, problems)?;
    let audience = target.take("audience").unwrap_or_default();
    let audience = audience::read(audience, target.at("audience"), problems);

    target.refuse_unknown(problems);
    audience
}

fn recipient(
    index: usize,
    value: Value,
    path: Path<'_>,
    problems: &mut Problems,
) -> Option<Recipient> {
    let mut recipient = Object::of(value, path, problems)?;
    if let Some(name) = TOPICS.into_iter().find(|name| recipient.has(name)) {
        problems.push(
            &recipient.at(name),
            "Bellwire does not send to FCM's topics; tag devices when they are registered, and send to \
             an audience: {\"audience\": {\"tags\": {\"topic\": \"news\"}}}",
        );
        // The other fields stay unread: each would be refused as unknown beside the advice.
        return None;
    }

    // `userId` and `externalId` decide: beside them, `token` and `provider` are unknown fields.
    let to = if recipient.has("userId") {
        recipient.id("userId", problems).map(To::User)
    } else if recipient.has("externalId") {
        user_profile::external_id(&mut recipient, problems).map(To::ExternalId)
    } else {
        device::read(&mut recipient, problems).map(To::Device)
    };
    let variables = variables::read(&mut recipient, problems);
    let badge = content::recipient_badge(&mut recipient, problems);

    // A recipient of one kind may have the fields of another kind, as long as they are `null`.
    for name in ["userId", "externalId", "audience"] {
        if !recipient.has(name) {
            recipient.take(name);
        }
    }
    recipient.refuse_unknown(problems);

    Some(Recipient {
        index,
        to: to?,
        variables,
        badge,
    })
}

fn sender(from: Value, path: &Path<'_>, problems: &mut Problems) -> Option<SenderSpec> {
    let mut from = Object::of(from, *path, problems)?;

    let app_name = app_name::read(&mut from, problems);
    let credentials = NamedCredentials {
        fcm: from.id("fcm", problems),
        apn: from.id("apn", problems),
    };
    let names_credentials = credentials.fcm.is_some() || credentials.apn.is_some();

    if app_name.is_some() && names_credentials {
        problems.push(
            path,
            "must have either appName or Credential ids in fcm and apn, not both",
        );
    } else if app_name.is_none() && !names_credentials && problems.is_empty() {
        // With problems, a malformed name or id may be what is missing here.
        problems.push(
            path,
            "must have appName, or the id of a Credential in fcm, apn or both",
        );
    }

    from.refuse_unknown(problems);

    Some(app_name.map_or(SenderSpec::Credentials(credentials), SenderSpec::App))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(body: &[u8]) -> String {
        let mut problems = Problems::default();
        let parsed = SendBody::parse(body, Duration::DAY, &mut problems);

        let error = parsed.err().or_else(|| problems.check().err());
        error.map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn the_fields_are_those_that_are_read() {
        let problems = problems(
            br#"{"to": [{"token": "a", "provider": "FCM"}], "content": {"body": "b"}, "x": 1}"#,
        );

        let (_, read) = problems.split_once("the fields here are ").unwrap();
        assert_eq!(read, FIELDS.join(", "));
    }

    /// `null` is the same as absent for every field, on every level.
    #[test]
    fn every_field_may_be_null() {
        let recipient = [
            "userId",
            "externalId",
            "audience",
            "environment",
            "variables",
            "badge",
        ];
        let content = [
            "templateId",
            "variables",
            "missingVariables",
            "localizations",
            "title",
            "image",
            "data",
        ];
        let nested = [
            ("from", "fcm"),
            ("from", "apn"),
            ("schedule", "window"),
            ("schedule", "ifPassed"),
            ("schedule", "ignoreWindow"),
        ];
        let minimal = || {
            serde_json::json!({
                "to": [{"token": "a", "provider": "FCM"}],
                "content": {"body": "b"},
            })
        };

        let mut bodies: Vec<(String, Value)> = Vec::new();
        for field in FIELDS
            .iter()
            .filter(|field| !["to", "content"].contains(field))
        {
            let mut body = minimal();
            body[field] = Value::Null;
            bodies.push(((*field).to_owned(), body));
        }
        for field in recipient {
            let mut body = minimal();
            body["to"][0][field] = Value::Null;
            bodies.push((format!("to[0].{field}"), body));
        }
        for field in content {
            let mut body = minimal();
            body["content"][field] = Value::Null;
            bodies.push((format!("content.{field}"), body));
        }
        let mut body = minimal();
        body["content"]["localizations"] = serde_json::json!({"es": null});
        bodies.push(("content.localizations.es".to_owned(), body));
        let in_an_hour = OffsetDateTime::now_utc() + Duration::HOUR;
        let in_an_hour = in_an_hour
            .format(&time::format_description::well_known::Rfc3339)
            .unwrap();
        for (outer, field) in nested {
            let mut body = minimal();
            body["from"] = serde_json::json!({"appName": "shop"});
            body["schedule"] = serde_json::json!({"sendAt": [in_an_hour]});
            body[outer][field] = Value::Null;
            bodies.push((format!("{outer}.{field}"), body));
        }

        for (field, body) in bodies {
            assert_eq!(problems(body.to_string().as_bytes()), "", "{field}");
        }
    }

    #[test]
    fn a_large_body_is_refused_before_its_values_are_built() {
        let recipients = |count: usize| vec!["7"; count].join(",");
        let padding = " ".repeat(LARGE);

        let unknown = format!(r#"{{"to": [{}], "titel": 7{padding}}}"#, recipients(1));
        let error = problems(unknown.as_bytes());
        assert!(
            error.contains("titel: this field does not exist"),
            "{error}"
        );
        assert!(!error.contains("to[0]"), "{error}");

        let many = format!(r#"{{"to": [{}]{padding}}}"#, recipients(10_001));
        let error = problems(many.as_bytes());
        assert!(
            error.ends_with("to: must have 1 to 10000 recipients; got 10001"),
            "{error}"
        );
    }
}
