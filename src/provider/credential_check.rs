//! What the result of a request shows about its Credential.

use crate::model::credential_state::CredentialCheck;
use crate::model::outcome::{Answer, NotSent, Outcome};
use crate::provider::apns;

/// What `result` shows about the Credential that the request was made with.
pub fn credential_check(result: &Result<Answer, NotSent>) -> CredentialCheck {
    let answer = match result {
        Ok(answer) => answer,
        Err(error @ NotSent::CredentialRefused { .. }) => {
            return CredentialCheck::Refused(error.to_string());
        }
        // Without an answer, nothing is known about the Credential.
        Err(error) => return CredentialCheck::Unreachable(error.to_string()),
    };

    match answer.outcome {
        Outcome::CredentialRefused => CredentialCheck::Refused(reason(answer)),
        Outcome::MessageRefused if apns::outcome::is_about_the_topic(answer) => {
            CredentialCheck::Refused(reason(answer))
        }
        Outcome::Unavailable { .. } | Outcome::Ambiguous => {
            CredentialCheck::Unreachable(reason(answer))
        }
        // The provider knows the Credential, whatever it says of the device or the message.
        Outcome::Accepted
        | Outcome::TokenDead { .. }
        | Outcome::TokenRefused
        | Outcome::MessageRefused
        | Outcome::Throttled { .. } => CredentialCheck::Working,
    }
}

/// The provider's code and text, or its status.
fn reason(answer: &Answer) -> String {
    let status = answer.http_status.map(|status| status.to_string());
    let code = answer.code.clone().or(status);

    match (code, &answer.message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(one), None) => one,
        (None, Some(one)) => one.clone(),
        (None, None) => "no answer".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(outcome: Outcome, code: &str) -> Answer {
        Answer {
            outcome,
            http_status: Some(400),
            code: Some(code.to_owned()),
            message: Some("a sentence".to_owned()),
            message_id: None,
        }
    }

    #[test]
    fn only_what_concerns_the_credential_counts_against_it() {
        let refused = CredentialCheck::Refused;
        let cases = [
            (answer(Outcome::Accepted, ""), CredentialCheck::Working),
            (
                answer(Outcome::TokenRefused, "BadDeviceToken"),
                CredentialCheck::Working,
            ),
            (
                answer(Outcome::MessageRefused, "PayloadEmpty"),
                CredentialCheck::Working,
            ),
            (
                answer(Outcome::MessageRefused, "TopicDisallowed"),
                refused("TopicDisallowed: a sentence".to_owned()),
            ),
            (
                answer(Outcome::CredentialRefused, "InvalidProviderToken"),
                refused("InvalidProviderToken: a sentence".to_owned()),
            ),
            (
                Answer::ambiguous("no answer came".to_owned()),
                CredentialCheck::Unreachable("no answer came".to_owned()),
            ),
        ];

        for (answer, expected) in cases {
            assert_eq!(credential_check(&Ok(answer)), expected);
        }

        let error = NotSent::CredentialRefused {
            reason: "401 invalid_grant".to_owned(),
        };
        assert!(matches!(
            credential_check(&Err(error)),
            CredentialCheck::Refused(_)
        ));
        let error = NotSent::Unreachable {
            reason: "refused".to_owned(),
        };
        assert!(matches!(
            credential_check(&Err(error)),
            CredentialCheck::Unreachable(_)
        ));
    }
}
