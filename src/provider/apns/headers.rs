//! The headers of a request to APNs, and Apple's rules for their values:
//! <https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns>.
//! FCM takes the same headers in `apns.headers`, for tokens of iOS apps.

use serde_json::Value;

use crate::model::quoted::{either, quoted_string};

/// Most bytes of `apns-collapse-id`.
const MAX_COLLAPSE_ID: usize = 64;

/// The push type of a push that only wakes the app.
pub(in crate::provider) const BACKGROUND: &str = "background";
pub(super) const ALERT: &str = "alert";
pub(super) const VOIP: &str = "voip";

/// A value of `apns-push-type`.
#[derive(Clone, Copy)]
pub(super) struct PushType {
    pub name: &'static str,
    /// The ending that is added to the bundle id to make the topic.
    pub topic_suffix: &'static str,
}

impl PushType {
    pub(super) const ALERT: Self = Self::new(ALERT, "");

    const fn new(name: &'static str, topic_suffix: &'static str) -> Self {
        Self { name, topic_suffix }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        PUSH_TYPES
            .into_iter()
            .find(|push_type| push_type.name == name)
    }
}

const PUSH_TYPES: [PushType; 11] = [
    PushType::ALERT,
    PushType::new(BACKGROUND, ""),
    PushType::new("mdm", ""),
    PushType::new(VOIP, ".voip"),
    PushType::new("complication", ".complication"),
    PushType::new("fileprovider", ".pushkit.fileprovider"),
    PushType::new("location", ".location-query"),
    PushType::new("liveactivity", ".push-type.liveactivity"),
    PushType::new("pushtotalk", ".voip-ptt"),
    PushType::new("widgets", ".push-type.widgets"),
    PushType::new("controls", ".push-type.controls"),
];

/// Checks a value against HTTP's rule for all headers and Apple's for this one. The error is the rule
/// that it breaks.
pub(in crate::provider) fn check_header(name: &str, text: &str) -> Result<(), String> {
    check_header_value(text)?;

    match name {
        "apns-push-type" if PushType::named(text).is_none() => {
            let names = PUSH_TYPES.map(|push_type| push_type.name);
            Err(format!(
                "must be {}; got {}",
                either(&names),
                quoted_string(text)
            ))
        }
        "apns-priority" if !matches!(text, "10" | "5" | "1") => {
            Err(format!("must be 10, 5 or 1; got {}", quoted_string(text)))
        }
        // A u32 also refuses a timestamp in milliseconds.
        "apns-expiration" if text.parse::<u32>().is_err() => Err(format!(
            "must be a timestamp in Unix seconds, or 0 for a single attempt; got {}",
            quoted_string(text)
        )),
        "apns-collapse-id" if text.len() > MAX_COLLAPSE_ID => Err(format!(
            "must be at most {MAX_COLLAPSE_ID} bytes for APNs; got {}",
            text.len()
        )),
        _ => Ok(()),
    }
}

/// Checks what HTTP/2 allows in any header (<https://www.rfc-editor.org/rfc/rfc9113#section-8.2.1>): a
/// server resets the stream of a request that breaks it. Characters beyond ASCII are left out as well,
/// because their meaning in a header is not defined.
pub(in crate::provider) fn check_header_value(text: &str) -> Result<(), String> {
    let is_printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));

    if text.is_empty() {
        Err("must not be empty, because it is sent as a header".to_owned())
    } else if !is_printable {
        Err("must be printable ASCII characters, because it is sent as a header".to_owned())
    } else if text.starts_with(' ') || text.ends_with(' ') {
        Err(
            "must not begin or end with a space, because it is sent as a header: remove the space"
                .to_owned(),
        )
    } else {
        Ok(())
    }
}

/// Whether a device that gets `aps` shows, plays or counts something.
pub(in crate::provider) fn is_noticeable(aps: Option<&Value>) -> bool {
    ["alert", "sound", "badge"]
        .iter()
        .any(|name| aps.is_some_and(|aps| aps.get(name).is_some()))
}

/// The problem of a push whose type says that it only wakes the app, and whose payload says more.
pub(in crate::provider) const NOTICEABLE_BACKGROUND: &str = "must not be background for a push with an alert, a sound or a badge; use alert, or remove those";
/// The problem of another priority than 5 for a push that only wakes the app.
pub(in crate::provider) const URGENT_BACKGROUND: &str = "must be 5 for the push type background";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_no_space_at_its_ends_and_no_control_characters() {
        for bad in ["", " ", "a ", " a", "a\t", "a\nb", "a\0", "é", "\u{7f}"] {
            assert!(check_header("apns-collapse-id", bad).is_err(), "{bad:?}");
        }
        for good in ["a", "a b", "chat-1", "~!\"#"] {
            assert_eq!(check_header("apns-collapse-id", good), Ok(()), "{good:?}");
        }
    }

    #[test]
    fn each_header_has_its_rule() {
        for (name, bad, good) in [
            ("apns-push-type", "loud", "voip"),
            ("apns-priority", "9", "1"),
            ("apns-expiration", "soon", "0"),
            ("apns-collapse-id", &*"x".repeat(65), &*"x".repeat(64)),
        ] {
            assert!(check_header(name, bad).is_err(), "{name}: {bad}");
            assert_eq!(check_header(name, good), Ok(()), "{name}: {good}");
        }
    }
}
