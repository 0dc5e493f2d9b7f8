//! The body of a send: who gets it, from whom, when.

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::http::error::ApiError;
use crate::http::fields::{Object, Path, Problems, parse_body};
use crate::http::send::content;
use crate::http::send::schedule;
use crate::id::CredentialId;
use crate::provider::{Message, Provider};

/// Most recipients of one request.
const MAX_RECIPIENTS: usize = 10_000;
/// Longest device token. Apple says not to assume a size; those in use are far shorter.
const MAX_TOKEN: usize = 4096;
const MAX_TAGS: usize = 10;
const MAX_TAG_KEY: usize = 128;
const MAX_TAG_VALUE: usize = 256;
const PROVIDERS: [(&str, Provider); 2] = [("FCM", Provider::Fcm), ("APN", Provider::Apn)];

/// A send, read and checked but for what only the database knows.
pub struct SendBody {
    /// Who gets it; in request order.
    pub recipients: Vec<Recipient>,
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
}

/// A device.
pub struct Recipient {
    /// Which provider reaches it.
    pub provider: Provider,
    /// Its token: a secret.
    pub token: String,
}

/// What a message is sent with.
pub enum From {
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
    /// Reads a body. What is wrong with a field is noted in `problems`, and the value is then of no use.
    pub fn parse(body: &[u8], problems: &mut Problems) -> Result<Self, ApiError> {
        let mut body = parse_body(body)?;
        let recipients = recipients(&mut body, problems);
        let message = content::message(&mut body, problems);
        let sender = body.take("from");
        let from = sender.clone().and_then(|value| from(value, &body.at("from"), problems));
        let tags = tags(&mut body, problems);
        let send_at = schedule::send_at(&mut body, OffsetDateTime::now_utc(), problems);
        body.finish(problems);
        Ok(Self { recipients, message, from, sender, tags, send_at })
    }
}

/// The providers that `recipients` need.
pub fn providers(recipients: &[Recipient]) -> impl Iterator<Item = Provider> {
    let used = PROVIDERS.map(|(_, provider)| recipients.iter().any(|recipient| recipient.provider == provider));
    PROVIDERS.into_iter().zip(used).filter(|(_, used)| *used).map(|((_, provider), _)| provider)
}

fn recipients(body: &mut Object<'_>, problems: &mut Problems) -> Vec<Recipient> {
    let Some(to) = body.take("to") else {
        problems.push(&body.at("to"), "is required: 1 to 10,000 recipients");
        return Vec::new();
    };
    let path = body.at("to");
    let Value::Array(to) = to else {
        problems.push(&path, "must be an array of recipients");
        return Vec::new();
    };
    if to.is_empty() || to.len() > MAX_RECIPIENTS {
        problems.push(&path, format!("must have 1 to {MAX_RECIPIENTS} recipients; it has {}", to.len()));
        return Vec::new();
    }
    let recipients = to.into_iter().enumerate();
    recipients.filter_map(|(index, value)| recipient(value, Path::Index(&path, index), problems)).collect()
}

fn recipient(value: Value, path: Path<'_>, problems: &mut Problems) -> Option<Recipient> {
    let mut recipient = Object::of(value, path, problems)?;
    let token = recipient.required_text("token", problems);
    let provider = match recipient.has("provider") {
        true => recipient.word("provider", &PROVIDERS, problems),
        false => {
            recipient.take("provider");
            problems.push(&recipient.at("provider"), "is required: FCM or APN");
            None
        }
    };
    if let Some((token, provider)) = token.as_ref().zip(provider)
        && let Err(message) = check_token(token, provider)
    {
        problems.push(&recipient.at("token"), message);
    }
    recipient.finish(problems);
    Some(Recipient { provider: provider?, token: token? })
}

/// A token is opaque, but must be fit for where it goes: an address at APNs, a JSON text at FCM.
fn check_token(token: &str, provider: Provider) -> Result<(), String> {
    if token.len() > MAX_TOKEN {
        return Err(format!("must be at most {MAX_TOKEN} characters"));
    }
    let fits = match provider {
        Provider::Fcm => token.bytes().all(|byte| byte.is_ascii_graphic()),
        Provider::Apn => token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')),
    };
    match (fits, provider) {
        (true, _) => Ok(()),
        (false, Provider::Fcm) => Err("must be printable ASCII without spaces".to_owned()),
        (false, Provider::Apn) => Err("must be letters, digits, '_' and '-': APNs tokens are hexadecimal".to_owned()),
    }
}

fn from(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<From> {
    let mut from = Object::of(value, *path, problems)?;
    let app_name = from.text("appName", problems);
    let mut credential = |name| {
        let text = from.text(name, problems)?;
        let id = text.parse();
        if let Err(error) = &id {
            problems.push(&from.at(name), format!("{error}"));
        }
        id.ok()
    };
    let (fcm, apn) = (credential("fcm"), credential("apn"));
    let named = app_name.is_some();
    if named && (fcm.is_some() || apn.is_some()) {
        problems.push(path, "must have either appName or Credentials, not both");
    } else if !named && fcm.is_none() && apn.is_none() && problems.is_empty() {
        problems.push(path, "must have appName, or the id of a Credential as fcm, apn or both");
    }
    from.finish(problems);
    Some(app_name.map_or(From::Credentials { fcm, apn }, From::App))
}

fn tags(body: &mut Object<'_>, problems: &mut Problems) -> Option<Value> {
    let tags = body.raw_object("tags", problems)?;
    let path = body.at("tags");
    if tags.len() > MAX_TAGS {
        problems.push(&path, format!("must be at most {MAX_TAGS}; there are {}", tags.len()));
    }
    for (key, value) in &tags {
        if !is_tag(key, MAX_TAG_KEY) {
            problems.push(&Path::Field(&path, key), format!("the key {}", tag_rule(MAX_TAG_KEY)));
        }
        if !value.as_str().is_some_and(|value| is_tag(value, MAX_TAG_VALUE)) {
            problems.push(&Path::Field(&path, key), tag_rule(MAX_TAG_VALUE));
        }
    }
    Some(json!(tags))
}

fn is_tag(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte))
}

fn tag_rule(longest: usize) -> String {
    format!("must be a text of 1 to {longest} letters, digits, '.', '_', '~' and '-'")
}
