//! What became of a notification and what to do about it, in plain sentences, for `bellwire why` and the
//! console. Both know a notification as the API shows it, so its states are texts here.

use crate::provider::FailureCause;

/// An attempt, by its names in the API.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Attempted<'a> {
    pub outcome: &'a str,
    /// The provider's code and its words, if it gave any.
    pub code: Option<&'a str>,
    pub message: Option<&'a str>,
}

/// What is known of a notification, by its names in the API.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Known<'a> {
    pub status: &'a str,
    /// Why it failed, or was withheld.
    pub code: Option<&'a str>,
    /// The attempt that was made last.
    pub last: Option<Attempted<'a>>,
    /// Whether something keeps it from being sent.
    pub is_waiting: bool,
}

/// What became of a notification.
pub(crate) fn verdict(known: &Known<'_>) -> &'static str {
    match (known.status, known.last) {
        ("SCHEDULED", _) => "Its time has not come yet.",
        ("QUEUED", Some(_)) => "An attempt failed, and it will be tried again.",
        ("QUEUED", None) => "It waits for its turn.",
        ("SENT", _) => "Its provider accepted it.",
        ("FAILED", _) => "It was given up.",
        ("CANCELED", _) if is_withheld(known) => "It was withheld from this recipient.",
        ("CANCELED", _) => "It was canceled before it was sent.",
        // `bellwire why` may ask a server of a later release.
        _ => "This release does not know its state.",
    }
}

/// What to do about a notification.
pub(crate) fn what_to_do(known: &Known<'_>) -> &'static str {
    let of_outcome = known.last.as_ref().map(on_attempt);
    let of_code = known.code.and_then(on_code);

    match known.status {
        "SCHEDULED" => "It is sent at its time. It can be canceled until then.",
        "CANCELED" if is_withheld(known) => of_code.unwrap_or_default(),
        "CANCELED" => "Send it again if that was a mistake.",
        // What one of a User's devices accepted decides.
        "SENT" => ACCEPTED,
        "QUEUED" => of_outcome.unwrap_or(match known.is_waiting {
            true => "It is sent by itself once what it waits for is over.",
            false => "It is about to be sent. Look again in a moment.",
        }),
        // A provider's code is about the last attempt, whose outcome says more.
        "FAILED" => of_code
            .or(of_outcome)
            .unwrap_or("Look at the message, which says what is wrong."),
        _ => "Look at its attempts.",
    }
}

const ACCEPTED: &str = "The provider accepted it. If the person saw nothing: the device was off for longer than the \
     ttl, notifications are turned off for the app, or the app handles the message itself.";

/// What an attempt's outcome means, and what to do about it.
pub(crate) fn on_attempt(attempt: &Attempted<'_>) -> &'static str {
    let cause = FailureCause::of(attempt.code, attempt.message);

    match attempt.outcome {
        "ACCEPTED" => ACCEPTED,
        "TOKEN_DEAD" if cause == Some(FailureCause::MalformedToken) => {
            "The token is not well-formed. If it was registered, Bellwire removes it, unless so many tokens of the \
             Operation were dead that a wrong Credential is likelier. If you keep tokens yourself, delete it."
        }
        "TOKEN_DEAD" => {
            "The app was removed from the device, or its token was replaced. If the token was registered, Bellwire \
             removes it, unless so many tokens of the Operation were dead that a wrong Credential is likelier. If \
             you keep tokens yourself, delete it. The app gets a new one when it is opened again."
        }
        "TOKEN_REFUSED" if cause == Some(FailureCause::KeyAtFirebase) => {
            "Firebase's key for APNs or web push is missing or wrong: correct it in the settings of the Firebase \
             project."
        }
        "TOKEN_REFUSED" => {
            "The token does not belong to this App. Check that the app and the Credential belong to the same \
             project, and for APNs whether it is a sandbox token."
        }
        "MESSAGE_REFUSED" if cause == Some(FailureCause::Topic) => {
            "The provider does not accept the topic, which comes from the Credential. Correct the Credential's bundle \
             id, and send again."
        }
        "MESSAGE_REFUSED" => {
            "The provider does not accept this message for any device. Correct the field that it names, and \
             send again."
        }
        "CREDENTIAL_REFUSED" => {
            "The provider does not accept the Credential. Test it, and restore it at the provider: the queued \
             notifications are then sent. A new Credential helps only later sends."
        }
        "THROTTLED" if cause == Some(FailureCause::BusySigningKey) => {
            "The Credential's key signs in at the provider too often, which happens if other programs use the key \
             too. Bellwire tries again by itself, later. Use a key for Bellwire alone if it happens often."
        }
        "THROTTLED" => {
            "The provider got too many messages, in all or for this device. Bellwire tries again by itself, later. \
             Send fewer if it happens often."
        }
        "UNAVAILABLE" => {
            "The provider could not be reached, or returned an error. Bellwire tries again by itself until the \
             deadline."
        }
        "AMBIGUOUS" => {
            "The request was sent, but no answer arrived, so the message may have been delivered. Bellwire sends it \
             again under the same id. Check the network between Bellwire and the provider if it happens often."
        }
        _ => "Look at the provider's words, which say what is wrong.",
    }
}

/// About a code that Bellwire gives by itself; `None`: it is the provider's.
fn on_code(code: &str) -> Option<&'static str> {
    let advice = match code {
        "EXPIRED" => {
            "It could not be sent before its deadline. The message names the last error. Send the failed \
             notifications again once its cause is gone, or give such messages a longer deadline."
        }
        "UNADDRESSABLE" => {
            "The User has no device in this App that the Credentials reach. Open the app on the device and allow \
             notifications, so that it registers."
        }
        "OPTED_OUT" => {
            "The User wants no such notifications. No action is needed: only the User can change that, in the app."
        }
        "CAPPED" => {
            "The User has got as many notifications as the account's cap allows. Send it later, or raise the cap."
        }
        "SKIPPED" => {
            "A rule of the message leaves this recipient out: its template, or the times at which it may be sent. \
             The message says which. Change the rule if that is a mistake."
        }
        "DEVICE_GONE" => {
            "The User's devices were removed before it was sent. The User is reached again once a device is \
             registered."
        }
        "INVALID_TEMPLATE" => {
            "The template can't be rendered with this recipient's variables. Send the variable that it needs, or \
             give it a default in the template."
        }
        "INVALID_CONTENT" => {
            "The provider would refuse the message. Correct the field that the message names, and send it again."
        }
        "CREDENTIAL_GONE" => {
            "Its Credential was deleted before it could be sent. Store a new one for the App, and send the failed \
             notifications again."
        }
        "OPERATION_GONE" => "Its Operation is too old and is no longer stored. Create a new send.",
        _ => return None,
    };

    Some(advice)
}

/// Whether Bellwire itself withheld it. One that a client canceled may have the code of an attempt that
/// failed before.
fn is_withheld(known: &Known<'_>) -> bool {
    known
        .code
        .is_some_and(|code| ["CAPPED", "SKIPPED"].contains(&code))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::failure;
    use crate::model::outcome::OutcomeKind;
    use crate::model::status::PushNotificationStatus;

    const CODES: [&str; 10] = [
        "EXPIRED",
        "UNADDRESSABLE",
        "OPTED_OUT",
        "CAPPED",
        "SKIPPED",
        "DEVICE_GONE",
        "INVALID_TEMPLATE",
        "INVALID_CONTENT",
        "CREDENTIAL_GONE",
        "OPERATION_GONE",
    ];

    fn on_outcome(outcome: &'static str) -> &'static str {
        on_attempt(&attempted(outcome))
    }

    fn attempted(outcome: &str) -> Attempted<'_> {
        Attempted {
            outcome,
            ..Attempted::default()
        }
    }

    fn failed(code: &'static str, last_outcome: Option<&'static str>) -> Known<'static> {
        Known {
            status: "FAILED",
            code: Some(code),
            last: last_outcome.map(attempted),
            is_waiting: false,
        }
    }

    #[test]
    fn each_outcome_status_and_code_has_a_sentence_of_its_own() {
        let unknown = on_outcome("SOMETHING_NEW");
        let outcomes: BTreeSet<&str> = OutcomeKind::ALL
            .iter()
            .map(|outcome| on_outcome(outcome.as_str()))
            .collect();
        assert_eq!(outcomes.len(), OutcomeKind::ALL.len());
        assert!(!outcomes.contains(unknown));

        let of_status = |status| Known {
            status,
            ..Known::default()
        };
        let unknown = of_status("SOMETHING_NEW");
        for status in PushNotificationStatus::ALL {
            let known = of_status(status.as_str());
            assert_ne!(verdict(&known), verdict(&unknown), "{status:?}");
            assert_ne!(what_to_do(&known), what_to_do(&unknown), "{status:?}");
        }

        let codes: BTreeSet<&str> = CODES
            .iter()
            .map(|code| what_to_do(&failed(code, None)))
            .collect();
        assert_eq!(codes.len(), CODES.len());
    }

    #[test]
    fn the_last_outcome_decides_where_the_provider_failed_it() {
        let known = failed("UNREGISTERED", Some("TOKEN_DEAD"));
        assert_eq!(what_to_do(&known), on_outcome("TOKEN_DEAD"));

        let expired = failed("EXPIRED", Some("UNAVAILABLE"));
        assert!(what_to_do(&expired).contains("deadline"));
    }

    #[test]
    fn the_providers_code_tells_the_causes_of_an_outcome_apart() {
        let said = |outcome, code, message| {
            on_attempt(&Attempted {
                outcome,
                code: Some(code),
                message,
            })
        };

        for (code, message) in [
            ("THIRD_PARTY_AUTH_ERROR", None),
            ("APNS_AUTH_ERROR", None),
            (
                "INVALID_ARGUMENT",
                Some("no; APNs: InvalidProviderToken (403)"),
            ),
            (
                "UNAUTHENTICATED",
                Some("APNs: BadEnvironmentKeyIdInToken (403)"),
            ),
            ("UNAUTHENTICATED", Some("APNs: BadCertificateEnvironment")),
        ] {
            let advice = said("TOKEN_REFUSED", code, message);
            assert!(advice.starts_with("Firebase's key for APNs"), "{code}");
        }
        for (code, message) in [
            ("SENDER_ID_MISMATCH", None),
            ("BadDeviceToken", Some("The device token is invalid")),
            ("INVALID_ARGUMENT", Some("no; APNs: BadDeviceToken (400)")),
        ] {
            let advice = said("TOKEN_REFUSED", code, message);
            assert_eq!(advice, on_outcome("TOKEN_REFUSED"), "{code}");
        }

        let malformed = said("TOKEN_DEAD", "INVALID_ARGUMENT", Some("not a valid token"));
        assert!(malformed.starts_with("The token is not well-formed."));
        for message in ["APNs: Unregistered (410)", "apns device token is disabled"] {
            let dead = said("TOKEN_DEAD", "INVALID_ARGUMENT", Some(message));
            assert_eq!(dead, on_outcome("TOKEN_DEAD"));
        }
        for dead in [malformed, on_outcome("TOKEN_DEAD")] {
            assert!(dead.contains("If you keep tokens yourself, delete it."));
        }

        let topic = said("MESSAGE_REFUSED", "TopicDisallowed", None);
        assert!(topic.contains("bundle id"));
        let updates = said("THROTTLED", "TooManyProviderTokenUpdates", None);
        assert!(updates.contains("other programs use the key"));
    }

    #[test]
    fn what_one_device_accepted_is_sent() {
        let known = Known {
            status: "SENT",
            last: Some(attempted("TOKEN_DEAD")),
            ..Known::default()
        };

        assert_eq!(what_to_do(&known), on_outcome("ACCEPTED"));
    }

    #[test]
    fn what_bellwire_withholds_was_not_canceled_by_anybody() {
        for code in CODES {
            let known = Known {
                status: "CANCELED",
                ..failed(code, None)
            };
            let is_withheld = verdict(&known).contains("withheld");
            assert_eq!(is_withheld, failure::is_withheld(code), "{code}");
            let is_general = what_to_do(&known) == "Send it again if that was a mistake.";
            assert_eq!(is_general, !is_withheld, "{code}");
        }
    }

    #[test]
    fn what_waits_says_whether_something_is_in_its_way() {
        let queued = |last_outcome: Option<&'static str>, is_waiting| {
            let known = Known {
                status: "QUEUED",
                code: None,
                last: last_outcome.map(attempted),
                is_waiting,
            };
            (verdict(&known), what_to_do(&known))
        };

        assert!(queued(None, false).1.contains("about to be sent"));
        assert!(queued(None, true).1.contains("waits for"));
        let retried = queued(Some("THROTTLED"), true);
        assert_eq!(
            retried,
            (
                "An attempt failed, and it will be tried again.",
                on_outcome("THROTTLED")
            )
        );
    }
}
