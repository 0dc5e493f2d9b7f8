//! Why an attempt failed, where the outcome alone leaves several causes. For advice to people: delivery
//! decides by the outcome.

/// A cause that a provider's code or words name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureCause {
    /// The token is none of FCM's.
    MalformedToken,
    /// FCM was refused by APNs or a web push service: the key for it is stored at Firebase.
    KeyAtFirebase,
    /// APNs refused the topic, which is the bundle id of the Credential.
    Topic,
    /// APNs got too many provider tokens of one signing key.
    BusySigningKey,
}

impl FailureCause {
    /// `None`: the outcome says all that is known.
    pub(crate) fn of(code: Option<&str>, message: Option<&str>) -> Option<Self> {
        let message = message.unwrap_or_default();
        if names_firebases_key(message) {
            return Some(Self::KeyAtFirebase);
        }

        match code? {
            "THIRD_PARTY_AUTH_ERROR" | "APNS_AUTH_ERROR" => Some(Self::KeyAtFirebase),
            // FCM has the same code for a token that APNs no longer takes, and then names APNs.
            "INVALID_ARGUMENT" if !message.to_ascii_lowercase().contains("apns") => {
                Some(Self::MalformedToken)
            }
            "BadTopic" | "MissingTopic" | "TopicDisallowed" => Some(Self::Topic),
            "TooManyProviderTokenUpdates" => Some(Self::BusySigningKey),
            _ => None,
        }
    }
}

/// Whether FCM passes on that APNs refused the key or the certificate. The outcome table of FCM writes
/// APNs' reason behind this prefix.
fn names_firebases_key(message: &str) -> bool {
    let reason = message.split("APNs: ").nth(1).unwrap_or_default();

    ["ProviderToken", "BadCertificate", "InToken"]
        .iter()
        .any(|part| reason.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_words_name_the_cause() {
        let invalid = Some("INVALID_ARGUMENT");
        for (code, message, cause) in [
            (
                Some("THIRD_PARTY_AUTH_ERROR"),
                "",
                Some(FailureCause::KeyAtFirebase),
            ),
            (
                Some("APNS_AUTH_ERROR"),
                "",
                Some(FailureCause::KeyAtFirebase),
            ),
            (
                invalid,
                "no; APNs: InvalidProviderToken (403)",
                Some(FailureCause::KeyAtFirebase),
            ),
            (
                Some("UNAUTHENTICATED"),
                "APNs: BadEnvironmentKeyIdInToken (403)",
                Some(FailureCause::KeyAtFirebase),
            ),
            (
                Some("UNAUTHENTICATED"),
                "APNs: BadCertificateEnvironment",
                Some(FailureCause::KeyAtFirebase),
            ),
            (
                invalid,
                "not a valid token",
                Some(FailureCause::MalformedToken),
            ),
            (invalid, "APNs: Unregistered (410)", None),
            (invalid, "apns device token is disabled", None),
            (invalid, "no; APNs: BadDeviceToken (400)", None),
            (Some("TopicDisallowed"), "", Some(FailureCause::Topic)),
            (
                Some("TooManyProviderTokenUpdates"),
                "",
                Some(FailureCause::BusySigningKey),
            ),
            (Some("SENDER_ID_MISMATCH"), "", None),
            (None, "", None),
        ] {
            assert_eq!(
                FailureCause::of(code, Some(message)),
                cause,
                "{code:?} {message}"
            );
        }
    }
}
