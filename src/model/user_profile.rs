//! What an account says about one of its Users: the account's own id, language, time zone, the values
//! that templates fall back to, and what the User does not want to receive.

use jiff::tz::TimeZoneDatabase;
use oxilangtag::LanguageTag;
use serde_json::Value;

use crate::model::field_change::FieldChange;

/// Longest id of an account's own, in characters.
pub const MAX_EXTERNAL_ID: usize = 128;
/// Longest language tag, in bytes. RFC 5646 (section 4.4.1) asks for at least 35.
pub const MAX_LANGUAGE: usize = 64;
/// Longest name of a time zone, in bytes. Those of the IANA have up to 32.
pub const MAX_TIMEZONE: usize = 64;
/// Most levels of objects and arrays in `variables`, of which the object itself is the first.
pub const MAX_VARIABLE_DEPTH: usize = 8;
/// Most tags that a User opts out of.
pub const MAX_OPTED_OUT_TAGS: usize = 50;

/// Changes of a User's profile; `None`: that field stays as it is.
#[derive(Clone, Default)]
pub struct ProfileChange {
    pub external_id: FieldChange<String>,
    /// A language tag in its canonical letter case.
    pub language: FieldChange<String>,
    /// The name of a time zone in its canonical letter case.
    pub timezone: FieldChange<String>,
    /// An object.
    pub variables: FieldChange<Value>,
    pub opted_out: Option<bool>,
    /// Each is the key of a tag, or `key:value`.
    pub opted_out_tags: Option<Vec<String>>,
}

impl ProfileChange {
    /// The id that the User is to have.
    pub fn new_external_id(&self) -> Option<&str> {
        self.external_id.as_ref().value().map(String::as_str)
    }

    pub fn is_empty(&self) -> bool {
        let changes_one = self.external_id.is_change()
            || self.language.is_change()
            || self.timezone.is_change()
            || self.variables.is_change()
            || self.opted_out.is_some()
            || self.opted_out_tags.is_some();

        !changes_one
    }
}

/// What a User does not want to receive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OptOut {
    /// Nothing at all.
    pub all: bool,
    /// Operations with one of these tags, each a key, for any value, or `key:value`.
    pub tags: Vec<String>,
}

impl OptOut {
    /// Why an Operation with `tags` is not for the User; `None`: it is.
    pub fn reason(&self, tags: Option<&Value>) -> Option<String> {
        // Before the tags: an Operation without tags is not for this User either.
        if self.all {
            return Some("The User has opted out".to_owned());
        }

        let has = |opted_out: &str| {
            // A key cannot hold a colon, so the first one ends it.
            let key = opted_out.split_once(':');
            match (key, tags) {
                (_, None) => false,
                (Some((key, value)), Some(tags)) => tags.get(key).is_some_and(|it| it == value),
                (None, Some(tags)) => tags.get(opted_out).is_some(),
            }
        };
        let tag = self.tags.iter().find(|tag| has(tag))?;
        Some(format!("The User has opted out of the tag {tag}"))
    }
}

/// Whether a string can be an account's own id of a User.
pub fn is_external_id(id: &str) -> bool {
    let is_control = |byte: u8| byte.is_ascii_control();

    (1..=MAX_EXTERNAL_ID).contains(&id.chars().count()) && !id.bytes().any(is_control)
}

/// The rule for an external id, as an error states it.
pub fn external_id_rule() -> String {
    format!("1 to {MAX_EXTERNAL_ID} characters without control characters")
}

/// The rule for an external id, as a regular expression.
pub fn external_id_pattern() -> String {
    format!(r"^[^\x00-\x1F\x7F]{{1,{MAX_EXTERNAL_ID}}}$")
}

/// A well-formed language tag (BCP 47) in its canonical letter case: `pt-br` becomes `pt-BR`.
pub fn canonical_language(tag: &str) -> Option<String> {
    if tag.len() > MAX_LANGUAGE {
        return None;
    }

    LanguageTag::parse_and_normalize(tag)
        .ok()
        .map(LanguageTag::into_inner)
}

/// The name of a time zone of the IANA database in its canonical letter case: `europe/berlin` becomes
/// `Europe/Berlin`. The database is part of the binary.
pub fn canonical_timezone(name: &str) -> Option<String> {
    if name.len() > MAX_TIMEZONE {
        return None;
    }

    let timezone = TimeZoneDatabase::bundled().get(name).ok()?;
    timezone
        .iana_name()
        // It stands for a zone that is not known.
        .filter(|name| *name != "Etc/Unknown")
        .map(str::to_owned)
}

/// How many levels of objects and arrays a value has.
pub fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or_default(),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_external_id_has_1_to_128_characters() {
        for good in ["1", "user@example.com", "Zoë 7", &"é".repeat(128)] {
            assert!(is_external_id(good), "{good}");
        }
        for bad in ["", "a\nb", "a\0", "\u{7f}", &"é".repeat(129)] {
            assert!(!is_external_id(bad), "{bad}");
        }
    }

    #[test]
    fn a_language_gets_its_canonical_case() {
        for (tag, expected) in [
            ("EN", "en"),
            ("pt-br", "pt-BR"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("ZH-HANS", "zh-Hans"),
            ("es-419", "es-419"),
            ("de-CH-1996", "de-CH-1996"),
        ] {
            assert_eq!(canonical_language(tag).as_deref(), Some(expected), "{tag}");
        }

        for bad in [
            "",
            "e",
            "en_US",
            "english-language-tag",
            "de-",
            "-de",
            "12",
            "de DE",
        ] {
            assert_eq!(canonical_language(bad), None, "{bad}");
        }
        assert_eq!(canonical_language(&format!("x-{}", "a-".repeat(40))), None);
    }

    #[test]
    fn a_timezone_is_one_of_the_iana() {
        for (name, expected) in [
            ("Europe/Berlin", "Europe/Berlin"),
            ("europe/berlin", "Europe/Berlin"),
            (
                "America/Argentina/Buenos_Aires",
                "America/Argentina/Buenos_Aires",
            ),
            ("UTC", "UTC"),
            ("Asia/Calcutta", "Asia/Calcutta"),
        ] {
            assert_eq!(
                canonical_timezone(name).as_deref(),
                Some(expected),
                "{name}"
            );
        }

        for bad in [
            "",
            "Berlin",
            "+02:00",
            "Europe/",
            "Etc/Unknown",
            "Mars/Olympus",
            "../UTC",
        ] {
            assert_eq!(canonical_timezone(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_user_opts_out_of_all_or_of_tags() {
        let tags = json!({"kind": "offer", "news": "1"});
        let of = |all, opted_out: &[&str]| {
            let opt_out = OptOut {
                all,
                tags: opted_out.iter().map(|tag| (*tag).to_owned()).collect(),
            };
            opt_out.reason(Some(&tags)).is_some()
        };

        assert!(!of(false, &[]));
        assert!(of(true, &[]));
        assert!(of(false, &["other", "kind:offer"]));
        assert!(of(false, &["news"]));
        assert!(!of(false, &["kind:order", "new", "offer"]));

        let all = OptOut {
            all: true,
            tags: Vec::new(),
        };
        assert!(all.reason(None).is_some());
        let some = OptOut {
            all: false,
            tags: vec!["news".to_owned()],
        };
        assert_eq!(some.reason(None), None);
        let reason = some.reason(Some(&tags)).unwrap();
        assert_eq!(reason, "The User has opted out of the tag news");
    }

    #[test]
    fn the_depth_counts_objects_and_arrays() {
        assert_eq!(depth(&json!(1)), 0);
        assert_eq!(depth(&json!({})), 1);
        assert_eq!(depth(&json!({"a": [1, {"b": 2}], "c": 3})), 3);
    }
}
