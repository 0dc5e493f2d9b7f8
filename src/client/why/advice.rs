//! What to do about a notification, in a plain sentence.

use serde_json::Value;

/// A notification with its attempts, as the API shows them.
pub(super) struct Sent<'a> {
    pub notification: &'a Value,
    /// First to last.
    pub attempts: &'a [Value],
}

impl Sent<'_> {
    /// What became of it, and what to do.
    pub(super) fn advice(&self) -> &'static str {
        match self.notification["status"].as_str() {
            Some("SCHEDULED") => "It is sent at its time. `bellwire cancel` cancels it until then.",
            Some("CANCELED") => {
                "It was canceled before it was sent. Send it again if that was a mistake."
            }
            Some("SENT") => {
                "The provider accepted it. If the person saw nothing: the device was off for longer than the ttl, \
                 notifications are turned off for the app, or the app handles the message itself."
            }
            Some("QUEUED") => self.of_queued(),
            Some("FAILED") => self.of_failed(),
            _ => "Look at its attempts.",
        }
    }

    fn of_queued(&self) -> &'static str {
        if self.notification["waitingFor"].is_object() {
            return self.of_last_outcome();
        }

        "It is about to be sent. Look again in a moment."
    }

    fn of_failed(&self) -> &'static str {
        match self.notification["error"]["code"].as_str() {
            Some("EXPIRED") => {
                "It could not be sent in time. Send it again with `bellwire resend` once the cause is gone, or give \
                 such messages a longer deadline."
            }
            Some("UNADDRESSABLE") => {
                "The User has no device in this App that the Credentials reach. Open the app on the device and \
                 allow notifications, so that it registers."
            }
            Some("DEVICE_GONE") => {
                "The User's devices were removed before it was sent. It reaches the User once a device is registered \
                 again."
            }
            Some("INVALID_TEMPLATE") => {
                "The template needs a variable that the recipient lacks, or the result is too \
                 long. Send the variable, or give it a default in the template."
            }
            Some("INVALID_CONTENT") => {
                "The provider would refuse this message. Correct the field that the message names, and send again."
            }
            Some("CREDENTIAL_GONE") => {
                "Its Credential was deleted. Store a new one for the App, then use `bellwire resend`."
            }
            Some("OPERATION_GONE") => {
                "Its Operation is too old and is no longer stored. Create a new send."
            }
            _ => self.of_last_outcome(),
        }
    }

    fn of_last_outcome(&self) -> &'static str {
        let outcome = self
            .attempts
            .last()
            .and_then(|attempt| attempt["outcome"].as_str());

        match outcome {
            Some("TOKEN_DEAD") => {
                "The app was removed from the device, or its token was replaced. No action is \
                 needed: the app registers its new token when it is opened again."
            }
            Some("TOKEN_REFUSED") => {
                "The token does not belong to this App: check that the app and the Credential \
                 belong to the same project, and for APNs whether it is a sandbox token."
            }
            Some("MESSAGE_REFUSED") => {
                "The provider does not accept this message for any device. Correct the field that \
                 it names, and send again."
            }
            Some("CREDENTIAL_REFUSED") => {
                "The provider does not accept the Credential. Restore it at the provider; the \
                 queued notifications are then sent. A new Credential helps only later sends."
            }
            Some("THROTTLED") => {
                "The provider got too many messages, in all or for this device. Bellwire tries again by itself; send \
                 fewer if it happens often."
            }
            Some("UNAVAILABLE") => {
                "The provider was down. Bellwire tries again by itself until the deadline; `bellwire resend` sends \
                 what failed."
            }
            Some("AMBIGUOUS") => {
                "The request was sent, but no answer arrived, so the message may have been delivered. Check the network between Bellwire \
                 and the provider if it happens often."
            }
            _ => "Look at the message above, which says what is wrong.",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_outcome_decides_where_the_provider_failed_it() {
        let notification = json!({"status": "FAILED", "error": {"code": "SOME_CODE"}});
        let attempts = [
            json!({"outcome": "UNAVAILABLE"}),
            json!({"outcome": "TOKEN_DEAD"}),
        ];
        let sent = Sent {
            notification: &notification,
            attempts: &attempts,
        };

        assert!(sent.advice().contains("removed from the device"));
    }

    #[test]
    fn each_state_has_a_sentence_of_its_own() {
        let advice = |notification: Value| {
            let sent = Sent {
                notification: &notification,
                attempts: &[],
            };
            sent.advice()
        };
        let states = ["SCHEDULED", "CANCELED", "SENT", "QUEUED"];
        let mut said: Vec<&str> = states
            .map(|status| advice(json!({"status": status})))
            .into();
        for code in [
            "EXPIRED",
            "UNADDRESSABLE",
            "DEVICE_GONE",
            "INVALID_TEMPLATE",
            "INVALID_CONTENT",
            "CREDENTIAL_GONE",
            "OPERATION_GONE",
        ] {
            said.push(advice(json!({"status": "FAILED", "error": {"code": code}})));
        }

        let count = said.len();
        said.sort_unstable();
        said.dedup();
        assert_eq!(said.len(), count);
    }
}
