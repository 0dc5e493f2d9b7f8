//! The schema of an FCM message, by which overrides are checked:
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#Message>.
//!
//! The types follow proto3's JSON mapping (<https://protobuf.dev/programming-guides/json/>): a name
//! may be in camelCase or in `snake_case`, an integer may be a string, an enum may be a number, and
//! `null` is the same as absent. Checked overrides are in camelCase, so that each field replaces the
//! rendered one and does not stand beside it.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::model::quoted::{either, quoted, type_of};
use crate::provider::apns::headers::{check_header, check_header_value};
use crate::provider::payload::{PayloadProblem, Stage};

/// The longest time that FCM keeps a message, in seconds.
const MAX_TTL: f64 = 2_419_200.0;
/// Longest duration of proto3, in seconds.
const MAX_DURATION: f64 = 315_576_000_000.0;
/// Most characters of an analytics label.
const MAX_LABEL: usize = 50;
/// Most characters of a topic of Web Push: <https://www.rfc-editor.org/rfc/rfc8030#section-5.4>.
const MAX_TOPIC: usize = 32;

/// The fields that an override may not set: the recipient, and the newer form of `android`, which FCM
/// does not take beside `android`.
const NOT_OVERRIDABLE: [&str; 6] = ["token", "fid", "topic", "condition", "name", "androidV2"];

/// The type of a field.
enum Kind {
    String,
    Boolean,
    Integer,
    /// A number from 0 to 1, as the parts of a colour are.
    Fraction,
    /// Seconds: `"3.5s"`.
    Duration {
        most: f64,
    },
    Timestamp,
    /// `#rrggbb`.
    Color,
    Label,
    /// An https address.
    Link,
    Enum(&'static [&'static str]),
    ListOf(&'static Kind),
    /// Pairs for the app.
    Data,
    ApnsHeaders,
    WebHeaders,
    /// An object whose fields are not FCM's.
    AnyObject,
    Object(&'static [Field]),
}

type Field = (&'static str, Kind);

const OPTIONS: &[Field] = &[("analyticsLabel", Kind::Label)];

const NOTIFICATION: &[Field] = &[
    ("title", Kind::String),
    ("body", Kind::String),
    ("image", Kind::String),
];

const COLOR: &[Field] = &[
    ("red", Kind::Fraction),
    ("green", Kind::Fraction),
    ("blue", Kind::Fraction),
    ("alpha", Kind::Fraction),
];

const LIGHT_SETTINGS: &[Field] = &[
    ("color", Kind::Object(COLOR)),
    ("lightOnDuration", DURATION),
    ("lightOffDuration", DURATION),
];

const DURATION: Kind = Kind::Duration { most: MAX_DURATION };

const ANDROID_NOTIFICATION: &[Field] = &[
    ("title", Kind::String),
    ("body", Kind::String),
    ("icon", Kind::String),
    ("color", Kind::Color),
    ("sound", Kind::String),
    ("tag", Kind::String),
    ("clickAction", Kind::String),
    ("bodyLocKey", Kind::String),
    ("bodyLocArgs", Kind::ListOf(&Kind::String)),
    ("titleLocKey", Kind::String),
    ("titleLocArgs", Kind::ListOf(&Kind::String)),
    ("channelId", Kind::String),
    ("ticker", Kind::String),
    ("sticky", Kind::Boolean),
    ("eventTime", Kind::Timestamp),
    ("localOnly", Kind::Boolean),
    (
        "notificationPriority",
        Kind::Enum(&[
            "PRIORITY_UNSPECIFIED",
            "PRIORITY_MIN",
            "PRIORITY_LOW",
            "PRIORITY_DEFAULT",
            "PRIORITY_HIGH",
            "PRIORITY_MAX",
        ]),
    ),
    ("defaultSound", Kind::Boolean),
    ("defaultVibrateTimings", Kind::Boolean),
    ("defaultLightSettings", Kind::Boolean),
    ("vibrateTimings", Kind::ListOf(&DURATION)),
    (
        "visibility",
        Kind::Enum(&["VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET"]),
    ),
    ("notificationCount", Kind::Integer),
    ("lightSettings", Kind::Object(LIGHT_SETTINGS)),
    ("image", Kind::String),
    (
        "proxy",
        Kind::Enum(&["PROXY_UNSPECIFIED", "ALLOW", "DENY", "IF_PRIORITY_LOWERED"]),
    ),
    ("bypassProxyNotification", Kind::Boolean),
];

const ANDROID: &[Field] = &[
    ("collapseKey", Kind::String),
    ("priority", Kind::Enum(&["NORMAL", "HIGH"])),
    ("ttl", Kind::Duration { most: MAX_TTL }),
    ("restrictedPackageName", Kind::String),
    ("data", Kind::Data),
    ("notification", Kind::Object(ANDROID_NOTIFICATION)),
    ("fcmOptions", Kind::Object(OPTIONS)),
    ("directBootOk", Kind::Boolean),
    ("bandwidthConstrainedOk", Kind::Boolean),
    ("restrictedSatelliteOk", Kind::Boolean),
];

const APNS: &[Field] = &[
    ("headers", Kind::ApnsHeaders),
    ("payload", Kind::AnyObject),
    (
        "fcmOptions",
        Kind::Object(&[("analyticsLabel", Kind::Label), ("image", Kind::String)]),
    ),
    ("liveActivityToken", Kind::String),
];

const WEBPUSH: &[Field] = &[
    ("headers", Kind::WebHeaders),
    ("data", Kind::Data),
    ("notification", Kind::AnyObject),
    (
        "fcmOptions",
        Kind::Object(&[("link", Kind::Link), ("analyticsLabel", Kind::Label)]),
    ),
];

const MESSAGE: &[Field] = &[
    ("data", Kind::Data),
    ("notification", Kind::Object(NOTIFICATION)),
    ("android", Kind::Object(ANDROID)),
    ("apns", Kind::Object(APNS)),
    ("webpush", Kind::Object(WEBPUSH)),
    ("fcmOptions", Kind::Object(OPTIONS)),
];

/// Checks an override of a message, and gives it FCM's names in camelCase.
pub(super) fn check(
    over: &Map<String, Value>,
    stage: Stage,
    problems: &mut Vec<PayloadProblem>,
) -> Map<String, Value> {
    let mut over = over.clone();

    // Taken out before the other fields are checked, so that the reason is named and not an unknown
    // field.
    over.retain(|name, _| {
        let is_set = NOT_OVERRIDABLE.contains(&&*camel_case(name));
        if is_set {
            let message =
                "this field can't be set, because Bellwire sets the recipient and android";
            problems.push(PayloadProblem::new(format!("fcm.{name}"), message));
        }
        !is_set
    });

    let mut checker = Checker { stage, problems };
    checker.object(over, "fcm", MESSAGE)
}

struct Checker<'a> {
    stage: Stage,
    problems: &'a mut Vec<PayloadProblem>,
}

impl Checker<'_> {
    fn note(&mut self, path: &str, message: impl Into<String>) {
        self.problems.push(PayloadProblem::new(path, message));
    }

    fn object(
        &mut self,
        fields: Map<String, Value>,
        path: &str,
        known: &[Field],
    ) -> Map<String, Value> {
        let mut checked = Map::new();

        for (name, value) in fields {
            let path = format!("{path}.{name}");
            let camel = camel_case(&name);

            let Some((camel, kind)) = known.iter().find(|(known, _)| *known == camel) else {
                let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                self.note(
                    &path,
                    format!(
                        "FCM does not know this field; the fields here are {}",
                        names.join(", ")
                    ),
                );
                continue;
            };
            // Only one of both is rendered, so the other one would be lost without an error.
            if checked.contains_key(*camel) {
                self.note(
                    &path,
                    format!("is given twice; FCM accepts {camel} under both of its names"),
                );
            }

            let value = self.value(value, &path, kind);
            checked.insert((*camel).to_owned(), value);
        }

        checked
    }

    fn value(&mut self, value: Value, path: &str, kind: &Kind) -> Value {
        // `null` removes the field.
        if value.is_null() || self.stage.is_open_value(&value) {
            return value;
        }

        match (kind, value) {
            (Kind::Object(known), Value::Object(fields)) => {
                Value::Object(self.object(fields, path, known))
            }
            (Kind::Data, Value::Object(pairs)) => {
                self.data(&pairs, path);
                Value::Object(pairs)
            }
            (Kind::ApnsHeaders, Value::Object(headers)) => {
                Value::Object(self.headers(headers, path, apns_header_name, check_header))
            }
            (Kind::WebHeaders, Value::Object(headers)) => {
                Value::Object(self.headers(headers, path, web_header_name, check_web_header))
            }
            (Kind::ListOf(kind), Value::Array(elements)) => {
                for (index, element) in elements.iter().enumerate() {
                    if !self.stage.is_open_value(element) && !kind.takes(element) {
                        let message = format!("must be {}; got {}", kind.rule(), quoted(element));
                        self.note(&format!("{path}[{index}]"), message);
                    }
                }
                Value::Array(elements)
            }
            (kind, value) => {
                if !kind.takes(&value) {
                    let message = format!("must be {}; got {}", kind.rule(), quoted(&value));
                    self.note(path, message);
                }
                value
            }
        }
    }

    fn data(&mut self, pairs: &Map<String, Value>, path: &str) {
        for (key, value) in pairs {
            // `null` removes a key that the message has.
            if value.is_null() {
                continue;
            }
            let path = format!("{path}.{key}");

            if is_reserved(key) {
                self.note(&path, RESERVED);
            } else if !value.is_string() {
                self.note(&path, format!("must be a string; got {}", type_of(value)));
            }
        }
    }

    /// Checks headers, and gives them the names under which they are rendered.
    fn headers(
        &mut self,
        headers: Map<String, Value>,
        path: &str,
        name_of: fn(&str) -> String,
        check: fn(&str, &str) -> Result<(), String>,
    ) -> Map<String, Value> {
        let mut checked = Map::new();

        for (name, value) in headers {
            let path = format!("{path}.{name}");
            let rendered_name = name_of(&name);

            let result = match &value {
                _ if rendered_name.parse::<http::HeaderName>().is_err() => {
                    Err("must be the name of a header".to_owned())
                }
                Value::Null => Ok(()),
                Value::String(text) if self.stage.is_open(text) => Ok(()),
                Value::String(text) => check(&rendered_name, text),
                other => Err(format!("must be a string; got {}", quoted(other))),
            };
            if let Err(message) = result {
                self.note(&path, message);
            }
            checked.insert(rendered_name, value);
        }

        checked
    }
}

fn apns_header_name(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Web Push's headers as they are rendered; others as they are.
fn web_header_name(name: &str) -> String {
    ["TTL", "Urgency", "Topic"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(name))
        .unwrap_or(name)
        .to_owned()
}

/// The rules of <https://www.rfc-editor.org/rfc/rfc8030#section-5>.
fn check_web_header(name: &str, text: &str) -> Result<(), String> {
    check_header_value(text)?;

    let rule = match name {
        "TTL" if text.parse::<u32>().is_err() => "must be an integer of seconds",
        "Urgency" if !matches!(text, "very-low" | "low" | "normal" | "high") => {
            "must be very-low, low, normal or high"
        }
        "Topic" if !is_web_topic(text) => "must be 1 to 32 letters, digits, '-' and '_'",
        _ => return Ok(()),
    };
    Err(rule.to_owned())
}

/// Whether `text` can be a topic of Web Push: <https://www.rfc-editor.org/rfc/rfc8030#section-5.4>.
pub(super) fn is_web_topic(text: &str) -> bool {
    (1..=MAX_TOPIC).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

pub(super) const RESERVED: &str = "FCM reserves this key; use another key";

/// Whether FCM reserves a key of `data`.
pub(super) fn is_reserved(key: &str) -> bool {
    matches!(key, "from" | "message_type")
        || key.starts_with("google.")
        || key.starts_with("gcm.notification.")
}

/// The name in camelCase of a field, which may be in `snake_case`.
fn camel_case(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut is_start = false;

    for character in name.chars() {
        if character == '_' && !camel.is_empty() {
            is_start = true;
        } else if std::mem::take(&mut is_start) {
            camel.push(character.to_ascii_uppercase());
        } else {
            camel.push(character);
        }
    }

    camel
}

impl Kind {
    fn takes(&self, value: &Value) -> bool {
        let text = value.as_str();

        match self {
            Self::String => value.is_string(),
            Self::Boolean => value.is_boolean(),
            Self::Integer => integer(value).is_some_and(|integer| i32::try_from(integer).is_ok()),
            Self::Fraction => fraction(value).is_some_and(|part| (0.0..=1.0).contains(&part)),
            Self::Duration { most } => text
                .and_then(seconds)
                .is_some_and(|seconds| (0.0..=*most).contains(&seconds)),
            Self::Timestamp => {
                text.is_some_and(|text| OffsetDateTime::parse(text, &Rfc3339).is_ok())
            }
            Self::Color => text.is_some_and(is_color),
            Self::Label => text.is_some_and(is_label),
            Self::Link => text.is_some_and(|text| text.starts_with("https://")),
            // proto3's JSON mapping takes the number of a name too. FCM takes `high` for `HIGH`.
            Self::Enum(names) => match integer(value) {
                Some(number) => usize::try_from(number).is_ok_and(|number| number < names.len()),
                None => text
                    .is_some_and(|text| names.iter().any(|name| name.eq_ignore_ascii_case(text))),
            },
            Self::ListOf(_) => value.is_array(),
            Self::Data
            | Self::ApnsHeaders
            | Self::WebHeaders
            | Self::AnyObject
            | Self::Object(_) => value.is_object(),
        }
    }

    fn rule(&self) -> String {
        match self {
            Self::String => "a string".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Integer => "an integer of 32 bits".to_owned(),
            Self::Fraction => "a number from 0 to 1".to_owned(),
            Self::Duration { most } => {
                format!("a string of seconds such as '60s', from '0s' to '{most}s'")
            }
            Self::Timestamp => {
                "an RFC 3339 timestamp in UTC, such as '2026-01-31T09:00:00Z'".to_owned()
            }
            Self::Color => "a colour such as '#ff8800'".to_owned(),
            Self::Label => {
                format!("1 to {MAX_LABEL} letters, digits, '-', '_', '.', '~' and '%'")
            }
            Self::Link => "an https address".to_owned(),
            Self::Enum(names) => either(names),
            Self::ListOf(kind) => format!("an array, each element {}", kind.rule()),
            Self::Data | Self::ApnsHeaders | Self::WebHeaders => "an object of strings".to_owned(),
            Self::AnyObject | Self::Object(_) => "an object".to_owned(),
        }
    }
}

/// An integer, which proto3 takes as a string as well.
fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            // proto3's JSON mapping takes an exponent for integers too, such as 1e2.
            let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
            i32::try_from(float as i64).ok().map(i64::from)
        }),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn fraction(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    }
}

/// The seconds of `"3.5s"`, which may have nine digits behind the point.
fn seconds(text: &str) -> Option<f64> {
    let number = text.strip_suffix('s')?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());

    if is_digits(whole) && is_digits(fraction) && fraction.len() <= 9 {
        number.parse().ok()
    } else {
        None
    }
}

fn is_color(text: &str) -> bool {
    text.len() == 7
        && text
            .strip_prefix('#')
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_label(text: &str) -> bool {
    (1..=MAX_LABEL).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~%".contains(&byte))
}

#[cfg(test)]
mod tests;
