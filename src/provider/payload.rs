//! A message as its provider gets it: rendered once for all devices of an Operation that get the
//! same.

use std::time::Duration;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::model::message::{Message, is_template};
use crate::model::provider::Provider;
use crate::provider::apns::{self, ApnsPayload};
use crate::provider::fcm::{self, FcmPayload};

/// Most bytes of a payload, the same at both providers. FCM counts keys and values
/// (<https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode>, `INVALID_ARGUMENT`), APNs the
/// whole body
/// (<https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification>).
pub(super) const MAX_PAYLOAD: usize = 4096;

/// Texts of so many bytes in total fit into a payload, though JSON may take six bytes for one of theirs.
const SMALL_TEXTS: usize = 400;

/// Everything of a request but the device token and the authentication.
pub enum Payload {
    Fcm(FcmPayload),
    Apns(ApnsPayload),
}

/// Why a message can't be sent by a provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct PayloadProblem {
    /// The field that is at fault, as a request names it: `content.data.from`.
    pub field: String,
    /// The rule that the field breaks, `must be an object`, or a sentence of its own.
    pub message: String,
}

impl PayloadProblem {
    pub(super) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

/// What the strings of a message are when it is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// As the request has them: templates stand for values that each recipient will have.
    Request { templates: bool },
    /// As a device gets them: each template has been filled in.
    Send,
}

impl Stage {
    /// Whether `text` stands for a value that is not known yet.
    pub(super) fn is_open(self, text: &str) -> bool {
        self == (Self::Request { templates: true }) && is_template(text)
    }

    /// As [`Self::is_open`], for a value of any type.
    pub(super) fn is_open_value(self, value: &Value) -> bool {
        value.as_str().is_some_and(|text| self.is_open(text))
    }
}

impl Payload {
    /// Renders `message` for `provider`, which is asked to keep it no longer than until
    /// `expires_at`. Each template of the message has been filled in.
    pub fn render(
        provider: Provider,
        message: &Message,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<Self, PayloadProblem> {
        if let Some(reason) = Self::nothing_for(provider, message) {
            return Err(PayloadProblem::new("content", reason));
        }

        let rendered = match provider {
            Provider::Fcm => FcmPayload::render(message, expires_at, Stage::Send).map(Self::Fcm),
            Provider::Apn => ApnsPayload::render(message, expires_at, Stage::Send).map(Self::Apns),
        };
        // A failed notification has one error.
        rendered.map_err(|problems| problems.first)
    }

    /// What `provider` would refuse of `message`, whose templates are not filled in yet. They are
    /// checked for each recipient when the message is rendered.
    pub fn check(
        provider: Provider,
        message: &Message,
        expires_at: Option<OffsetDateTime>,
    ) -> Vec<PayloadProblem> {
        // To render a message takes a tenth of the instructions of a request, and most messages
        // need not be rendered.
        if is_of_small_texts(message) {
            return Vec::new();
        }
        let stage = Stage::Request {
            templates: !message.plain,
        };

        let problems = match provider {
            Provider::Fcm => FcmPayload::render(message, expires_at, stage).err(),
            Provider::Apn => ApnsPayload::render(message, expires_at, stage).err(),
        };
        problems.map(PayloadProblems::into_vec).unwrap_or_default()
    }

    /// As [`Self::check`], for the override of a provider that the message does not go to.
    pub fn check_override(provider: Provider, message: &Message) -> Vec<PayloadProblem> {
        let stage = Stage::Request {
            templates: !message.plain,
        };

        match provider {
            Provider::Fcm => {
                let mut problems = Vec::new();
                fcm::payload::checked_override(message, stage, &mut problems);
                problems
            }
            Provider::Apn => apns::payload::check_override(message, stage),
        }
    }

    /// Whether `message` is a call, which APNs takes only for tokens of their own.
    pub fn is_voip(message: &Message) -> bool {
        apns::payload::is_voip(message)
    }

    /// Why a device of `provider` would get nothing of `message`, if that is so.
    pub fn nothing_for(provider: Provider, message: &Message) -> Option<String> {
        match provider {
            Provider::Fcm => FcmPayload::nothing_in(message),
            Provider::Apn => ApnsPayload::nothing_in(message),
        }
    }
}

/// Whether `message` has nothing that a provider could refuse: no override, data or collapse key, and
/// texts that are small enough.
fn is_of_small_texts(message: &Message) -> bool {
    let sounds = [Provider::Fcm, Provider::Apn].map(|provider| message.sound_of(provider));
    let texts = [&message.title, &message.body, &message.image].map(Option::as_deref);
    let size: usize = texts
        .into_iter()
        .chain(sounds)
        .flatten()
        .map(str::len)
        .sum();

    size <= SMALL_TEXTS
        && message.data.is_none()
        && message.collapse_key.is_none()
        && message.fcm.is_none()
        && message.apn.is_none()
}

/// The problems of a message, at least one.
#[derive(Debug)]
pub(super) struct PayloadProblems {
    pub(super) first: PayloadProblem,
    rest: Vec<PayloadProblem>,
}

impl PayloadProblems {
    /// `Ok` if there is no problem.
    pub(super) fn check(problems: Vec<PayloadProblem>) -> Result<(), Self> {
        let mut problems = problems.into_iter();

        match problems.next() {
            None => Ok(()),
            Some(first) => Err(Self {
                first,
                rest: problems.collect(),
            }),
        }
    }

    fn into_vec(self) -> Vec<PayloadProblem> {
        std::iter::once(self.first).chain(self.rest).collect()
    }
}

impl From<PayloadProblem> for PayloadProblems {
    fn from(first: PayloadProblem) -> Self {
        Self {
            first,
            rest: Vec::new(),
        }
    }
}

impl Message {
    /// Until when a provider may keep the message if sending starts at `starts_at`; `None`: as long
    /// as the provider keeps any.
    pub fn expires_at(&self, starts_at: OffsetDateTime) -> Option<OffsetDateTime> {
        self.ttl
            .map(|ttl| starts_at + Duration::from_secs(ttl.into()))
    }

    /// The value of `apns-expiration`, in Unix seconds. 0 asks APNs for a single attempt,
    /// after which it keeps nothing:
    /// <https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns>.
    pub(super) fn apns_expiration(&self, expires_at: Option<OffsetDateTime>) -> Option<i64> {
        if self.ttl == Some(0) {
            Some(0)
        } else {
            expires_at.map(OffsetDateTime::unix_timestamp)
        }
    }
}

/// Merges `over` into `base` as a JSON Merge Patch (RFC 7396): objects are merged, any other value is
/// replaced, and `null` removes a field, at any depth.
pub(super) fn merge(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (_, Value::Null) => {
                base.remove(key);
            }
            (Some(Value::Object(base)), Value::Object(over)) => merge(base, over),
            // A patch of something that is no object is laid on an empty object, so that its `null`
            // members are left out (RFC 7396, section 2).
            (_, Value::Object(over)) => {
                let mut object = Map::new();
                merge(&mut object, over);
                base.insert(key.clone(), Value::Object(object));
            }
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Whether `value` is there and holds something: `null` and an empty object hold nothing.
pub(super) fn is_filled(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::Object(fields)) => fields.values().any(|value| is_filled(Some(value))),
        Some(_) => true,
    }
}

/// An object of the fields that have a value.
pub(super) fn present<const N: usize>(fields: [(&str, Option<Value>); N]) -> Map<String, Value> {
    fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::model::message::{Badge, MAX_BADGE, Priority, Sound};

    #[test]
    fn overrides_go_deep_and_null_removes() {
        let mut base = json!({"android": {"ttl": "5s", "priority": "HIGH"}, "data": {"a": "1"}});
        let over = json!({"android": {"ttl": "9s", "directBootOk": true}, "data": null});
        merge(base.as_object_mut().unwrap(), over.as_object().unwrap());

        assert_eq!(
            base,
            json!({"android": {"ttl": "9s", "priority": "HIGH", "directBootOk": true}})
        );
    }

    #[test]
    fn null_removes_below_what_the_base_lacks() {
        let mut base = Map::new();
        let over = json!({"android": {"notification": {"icon": null, "tag": "t"}}, "list": [null]});
        merge(&mut base, over.as_object().unwrap());

        assert_eq!(
            Value::Object(base),
            json!({"android": {"notification": {"tag": "t"}}, "list": [null]})
        );
    }

    /// JSON of any form, with few names, so that the objects of two values overlap.
    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-c]{0,2}".prop_map(Value::from),
        ];

        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                object_of(inner).prop_map(Value::from),
            ]
        })
    }

    fn object_of(
        values: impl Strategy<Value = Value>,
    ) -> impl Strategy<Value = Map<String, Value>> {
        prop::collection::btree_map("[a-c]", values, 0..4)
            .prop_map(|fields| fields.into_iter().collect())
    }

    /// Asserts that `merged` is `over` laid on `base`.
    fn assert_merged(
        merged: &Map<String, Value>,
        base: &Map<String, Value>,
        over: &Map<String, Value>,
    ) {
        for key in base.keys().chain(over.keys()).chain(merged.keys()) {
            match (base.get(key), over.get(key), merged.get(key)) {
                (_, Some(Value::Null), merged) => assert_eq!(merged, None, "{key} is not removed"),
                (base, None, merged) => assert_eq!(merged, base, "{key} is changed"),
                (
                    Some(Value::Object(base)),
                    Some(Value::Object(over)),
                    Some(Value::Object(merged)),
                ) => {
                    assert_merged(merged, base, over);
                }
                (_, Some(Value::Object(over)), Some(Value::Object(merged))) => {
                    assert_merged(merged, &Map::new(), over);
                }
                (_, over, merged) => assert_eq!(merged, over, "{key} is not replaced"),
            }
        }
    }

    /// A message without override, data and collapse key, of texts that take the most bytes in JSON.
    fn message_of_texts() -> impl Strategy<Value = Message> {
        let text = || prop::option::of("\u{1}{0,200}");
        let sound = prop::option::of("\u{1}{0,100}".prop_map(Sound::Same));
        let badge = prop::option::of(0..=MAX_BADGE);
        let four_weeks: u32 = 28 * 24 * 60 * 60;
        let ttl = prop::option::of(0..=four_weeks);
        let priority = prop_oneof![Just(Priority::High), Just(Priority::Low)];

        (text(), text(), text(), sound, badge, ttl, priority).prop_map(
            |(title, body, image, sound, badge, ttl, priority)| Message {
                title,
                body,
                image,
                sound,
                badge: badge.map(Badge::Number),
                ttl,
                priority,
                ..Message::default()
            },
        )
    }

    #[test]
    fn what_may_be_refused_is_rendered_to_be_checked() {
        let data = |key: &str| Some([(key.to_owned(), String::new())].into());
        let reserved = Message {
            data: data("aps"),
            ..Message::default()
        };
        assert_eq!(Payload::check(Provider::Apn, &reserved, None).len(), 1);

        let long = Message {
            body: Some("a".repeat(MAX_PAYLOAD)),
            ..Message::default()
        };
        for provider in [Provider::Fcm, Provider::Apn] {
            assert_eq!(Payload::check(provider, &long, None).len(), 1, "{provider}");
        }
    }

    proptest! {
        #[test]
        fn small_texts_are_never_refused(message in message_of_texts()) {
            prop_assume!(is_of_small_texts(&message));
            let expires_at = message.expires_at(OffsetDateTime::now_utc());
            let stage = Stage::Request { templates: true };

            prop_assert!(FcmPayload::render(&message, expires_at, stage).is_ok());
            prop_assert!(ApnsPayload::render(&message, expires_at, stage).is_ok());
        }

        #[test]
        fn an_override_is_laid_on_its_base(base in object_of(json_value()), over in object_of(json_value())) {
            let mut merged = base.clone();
            merge(&mut merged, &over);

            assert_merged(&merged, &base, &over);
        }

        #[test]
        fn an_empty_override_changes_nothing(base in object_of(json_value())) {
            let mut merged = base.clone();
            merge(&mut merged, &Map::new());

            prop_assert_eq!(merged, base);
        }
    }
}
