//! The content of an Operation, independent of any provider: stored once, and rendered for each
//! provider when it is sent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::provider::Provider;
use crate::model::receipt::RECEIPT_DATA_KEY;

/// How urgent a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Priority {
    /// At once, waking the device.
    #[default]
    High,
    /// When it suits the device's battery.
    Low,
}

/// The sound of a message: the name of a file in the app, or `default`. The systems name files
/// differently, so each may have its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Sound {
    /// The same name for all devices.
    Same(String),
    /// A name for each provider; none: no sound.
    Each(SoundOfEach),
}

/// The names of a sound by provider.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct SoundOfEach {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fcm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apn: Option<String>,
}

impl Sound {
    pub fn of(&self, provider: Provider) -> Option<&str> {
        match (self, provider) {
            (Self::Same(name), _) => Some(name),
            (Self::Each(each), Provider::Fcm) => each.fcm.as_deref(),
            (Self::Each(each), Provider::Apn) => each.apn.as_deref(),
        }
    }
}

/// The number on an app's icon; 0 removes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Badge {
    Number(u32),
    /// A template that gives the number for each recipient.
    Template(String),
}

impl Badge {
    /// `None`: it is a template, so each recipient has a number of its own.
    pub fn number(&self) -> Option<u32> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Template(_) => None,
        }
    }
}

/// The largest badge: the providers take a signed integer of 32 bits.
pub const MAX_BADGE: u32 = i32::MAX as u32;

/// What becomes of a recipient for whom a variable has no value that its template writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum MissingVariables {
    /// It fails: the recipient does not get "Hi ,".
    #[default]
    Fail,
    /// Nothing is written in the variable's place.
    Empty,
}

impl MissingVariables {
    /// Whether it is what a message has that says nothing about it.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether `text` has the markup of a Liquid template.
pub fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// What Users of a language get in place of a message's own texts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Localization {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// In place of the pairs with the same keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<BTreeMap<String, String>>,
}

/// The content as the API user asked for it. It is stored in this form, in `operations.message`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Message {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The URL of an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Pairs of key and value for the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sound: Option<Sound>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub badge: Option<Badge>,
    pub priority: Priority,
    /// How long the provider keeps the message for a device that it can't reach, in seconds; `None`:
    /// as long as the provider keeps any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    /// A newer message replaces one with the same key on the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collapse_key: Option<String>,
    /// The API user's override: merged into the `message` object that FCM gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fcm: Option<Map<String, Value>>,
    /// The API user's override for APNs: `headers` (strings by header name) and `payload`, each merged
    /// into the rendered one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apn: Option<Map<String, Value>>,
    /// Whether no string is a template: `{{` stands for itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub plain: bool,
    #[serde(skip_serializing_if = "MissingVariables::is_default")]
    pub missing_variables: MissingVariables,
    /// Values for templates that all recipients of the send have, unless they have their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variables: Option<Map<String, Value>>,
    /// Values for templates that neither the recipient, nor the send, nor the User has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defaults: Option<Map<String, Value>>,
    /// By language tag.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub localizations: BTreeMap<String, Localization>,
    /// Whether each recipient's message carries the token of its receipts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub receipts: bool,
    /// Whether it is sent to Users however many pushes they have got, and does not count.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ignores_cap: bool,
}

impl Message {
    /// The localization for a User of `language`, by the lookup of RFC 4647, section 3.4: the tag itself,
    /// or else the tag without its last part, and so on. `None`: the message as it is.
    pub fn localization_for(&self, language: &str) -> Option<&str> {
        let mut range = language;

        loop {
            let found = self
                .localizations
                .keys()
                // RFC 4647, section 2: tags are compared without regard to case.
                .find(|tag| tag.eq_ignore_ascii_case(range));
            if let Some(tag) = found {
                return Some(tag);
            }

            range = range.rsplit_once('-')?.0;
            // A single letter begins a part that says nothing without what follows.
            if let Some((shorter, last)) = range.rsplit_once('-')
                && last.len() == 1
            {
                range = shorter;
            }
        }
    }

    /// The message in the language of one of its localizations.
    #[must_use]
    pub fn in_language(&self, tag: &str) -> Self {
        let mut message = Self {
            // The message is copied for each recipient from now on, and needs no other language.
            localizations: BTreeMap::new(),
            ..self.clone()
        };
        let Some(localization) = self.localizations.get(tag) else {
            return message;
        };

        let Localization {
            title,
            body,
            image,
            data,
        } = localization.clone();
        // What a localization leaves out stays in the language of the message.
        message.title = title.or(message.title);
        message.body = body.or(message.body);
        message.image = image.or(message.image);
        if let Some(data) = data {
            message.data.get_or_insert_default().extend(data);
        }
        message
    }

    /// The message of the recipient whose receipts have this token.
    #[must_use]
    pub fn with_receipt_token(mut self, token: String) -> Self {
        self.data
            .get_or_insert_default()
            .insert(RECEIPT_DATA_KEY.to_owned(), token);

        self
    }

    /// The name of the sound on devices of `provider`.
    pub fn sound_of(&self, provider: Provider) -> Option<&str> {
        self.sound.as_ref()?.of(provider)
    }

    /// The badge, unless it is a template that has not been filled in.
    pub fn badge_number(&self) -> Option<u32> {
        self.badge.as_ref()?.number()
    }

    /// Whether there is a pair for the app.
    pub fn has_data(&self) -> bool {
        self.data.as_ref().is_some_and(|data| !data.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn localized(tags: &[&str]) -> Message {
        let localization = |tag: &&str| {
            let texts = Localization {
                title: Some((*tag).to_owned()),
                ..Localization::default()
            };
            ((*tag).to_owned(), texts)
        };

        Message {
            title: Some("default".to_owned()),
            body: Some("body".to_owned()),
            localizations: tags.iter().map(localization).collect(),
            ..Message::default()
        }
    }

    #[test]
    fn a_language_is_looked_up_from_the_whole_tag_to_its_first_part() {
        let message = localized(&["es", "pt-BR", "zh-Hant", "de"]);
        for (language, expected) in [
            ("es", Some("es")),
            ("ES-mx", Some("es")),
            ("pt-br", Some("pt-BR")),
            ("pt", None),
            ("pt-PT", None),
            ("zh-Hant-TW", Some("zh-Hant")),
            ("zh-Hans", None),
            ("de-x-private", Some("de")),
            ("de-AT-u-co-phonebk", Some("de")),
            ("fr", None),
            ("", None),
        ] {
            assert_eq!(message.localization_for(language), expected, "{language}");
        }
    }

    #[test]
    fn a_localization_replaces_what_it_has_and_leaves_the_rest() {
        let mut message = localized(&["es"]);
        let pairs = |list: &[(&str, &str)]| {
            let owned = list
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            Some(owned.collect::<BTreeMap<_, _>>())
        };
        message.data = pairs(&[("a", "1"), ("b", "2")]);
        if let Some(localization) = message.localizations.get_mut("es") {
            localization.data = pairs(&[("b", "dos")]);
        }

        let spanish = message.in_language("es");
        assert_eq!(spanish.title.as_deref(), Some("es"));
        assert_eq!(spanish.body.as_deref(), Some("body"));
        assert_eq!(spanish.data, pairs(&[("a", "1"), ("b", "dos")]));
        assert!(spanish.localizations.is_empty());
    }
}
