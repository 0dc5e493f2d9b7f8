//! What became of a notification, and what to do about it, in plain sentences.

/// About the outcome of an attempt, by its name in the API.
pub(super) fn on_outcome(outcome: &str) -> &'static str {
    match outcome {
        "ACCEPTED" => {
            "The provider accepted the message. If nothing was shown, look at the device: are \
             notifications allowed for the app, and was it online before the time to live ended?"
        }
        "TOKEN_DEAD" => {
            "The app was removed from this device, or its token was replaced. Bellwire has removed \
             the token. The app registers again when it is opened."
        }
        "TOKEN_REFUSED" => {
            "The token does not belong to this Credential. Check that the device is registered in the \
             right App, and for APNs in the right environment (sandbox or production)."
        }
        "MESSAGE_REFUSED" => {
            "The provider refuses this message. Change the field that its error names, and send \
             again."
        }
        "CREDENTIAL_REFUSED" => {
            "The provider refuses the Credential. Test it under Credentials, and restore it at the provider; a new Credential helps only later sends. \
             Bellwire tries again until the deadline."
        }
        "THROTTLED" => {
            "The provider asks for fewer messages. Bellwire tries again by itself, later."
        }
        "UNAVAILABLE" => {
            "The provider could not be reached, or returned an error. Bellwire tries again by \
             itself."
        }
        "AMBIGUOUS" => {
            "The message was sent and no answer arrived. Bellwire sends it again under the same id, so \
             that the device shows it once."
        }
        _ => "",
    }
}

/// About a failure, by its code in the API. Providers' codes are about the last attempt, whose outcome
/// says more.
pub(super) fn on_code(code: &str) -> &'static str {
    match code {
        "EXPIRED" => {
            "It was not sent before its deadline. The message names the last error. If it is still \
             worth sending, send the failed notifications again, or give the next one a longer deadline."
        }
        "UNADDRESSABLE" => {
            "The User has no device in this App. It gets notifications once the app has registered one."
        }
        "DEVICE_GONE" => {
            "The User's devices were removed while Bellwire tried. It gets notifications once the app \
             has registered a device again."
        }
        "INVALID_TEMPLATE" => {
            "A template could not be rendered with this recipient's variables. Send the missing \
             variable, or give it a default in the template."
        }
        "INVALID_CONTENT" => {
            "The provider would refuse the message. Change the field that the message names."
        }
        "CREDENTIAL_GONE" => {
            "Its Credential was deleted before it could be sent. Send it again with another one."
        }
        "OPERATION_GONE" => "Its Operation was past its retention before it could be sent.",
        _ => "",
    }
}

/// About a notification as a whole.
pub(super) fn on_status(status: &str, has_attempts: bool) -> &'static str {
    match status {
        "SCHEDULED" => "Its time has not come yet.",
        "QUEUED" if has_attempts => "An attempt failed, and it will be tried again.",
        "QUEUED" => "It waits for its turn.",
        "SENT" => "Its provider accepted it.",
        "FAILED" => "It was given up.",
        "CANCELED" => "It was canceled before it was sent.",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::outcome::OutcomeKind;
    use crate::model::status::PushNotificationStatus;

    #[test]
    fn every_outcome_and_status_has_a_sentence() {
        for outcome in OutcomeKind::ALL {
            assert!(!on_outcome(outcome.as_str()).is_empty(), "{outcome:?}");
        }
        for status in PushNotificationStatus::ALL {
            assert!(!on_status(status.as_str(), false).is_empty(), "{status:?}");
        }
    }
}
