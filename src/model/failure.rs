//! Why a notification fails: the codes that Bellwire gives, and those that it passes on.

use std::fmt;

use crate::model::outcome::{Answer, NotSent, OutcomeKind};

/// Why a notification failed or was withheld, as its row and the API show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: FailureCode,
    pub message: String,
}

/// The code of a [`Failure`]. docs/api.md documents the names; they are stored, so they never change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureCode {
    /// It was not sent before its deadline.
    Expired,
    /// The User has no device that the Credentials in use reach.
    Unaddressable,
    /// The User has got as many pushes as the account's cap allows. Withheld rather than failed.
    Capped,
    /// A rule of the client, or the message's template, keeps it from this recipient. Withheld rather than
    /// failed.
    Skipped,
    /// The Operation does not reach all of its audience. Of the Operation, and of no notification.
    AudienceTooLarge,
    /// The User wants nothing, or nothing with a tag of the Operation.
    OptedOut,
    /// The User's devices were removed between two attempts.
    DeviceGone,
    /// The template can't be rendered with the recipient's variables.
    InvalidTemplate,
    /// The provider would refuse the message.
    InvalidContent,
    /// Its Credential was deleted.
    CredentialGone,
    /// Its Operation is no longer stored.
    OperationGone,
    /// Its Credential can't be decrypted, or nothing can be sent with it. Only in dry runs: a
    /// notification waits for its Credential until its deadline.
    CredentialUnusable,
    /// No access token can be obtained now. Only in dry runs.
    CredentialUnavailable,
    /// The provider can't be reached. Only in dry runs.
    Unreachable,
    /// A User's device token can't be decrypted. Only in dry runs.
    TokenUnreadable,
    /// The provider gave no code: the outcome's name stands for one.
    Outcome(OutcomeKind),
    /// The provider's own code, as it spells it.
    Provider(String),
}

const CAPPED: &str = "CAPPED";
const SKIPPED: &str = "SKIPPED";
/// The codes of notifications that Bellwire itself withholds: they count as canceled.
const WITHHELD: [&str; 2] = [CAPPED, SKIPPED];

/// Whether a canceled notification whose last error has this code was withheld by Bellwire itself. One
/// that a client canceled may have the code of an attempt that failed before.
pub fn is_withheld(code: &str) -> bool {
    WITHHELD.contains(&code)
}

impl Failure {
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// `reason`: what the template says, shortened; it may say nothing.
    pub fn skipped(reason: &str) -> Self {
        const LONGEST: usize = 200;

        let mut message = "The message's template skips this recipient".to_owned();
        if !reason.is_empty() {
            message.push_str(": ");
            // A template may make a reason of 16 KiB from a variable, and it is stored for each
            // recipient.
            message.extend(reason.chars().take(LONGEST));
        }

        Self::new(FailureCode::Skipped, message)
    }

    /// `last_error`: why it was not sent earlier, if anything went wrong.
    pub fn expired(last_error: Option<&str>) -> Self {
        let mut message = "It was not sent before its deadline".to_owned();
        if let Some(last_error) = last_error {
            message.push_str("; last error: ");
            message.push_str(last_error);
        }

        Self::new(FailureCode::Expired, message)
    }
}

impl From<&Answer> for Failure {
    /// The provider's words, and Bellwire's where it gave none.
    fn from(answer: &Answer) -> Self {
        let code = match &answer.code {
            Some(code) => FailureCode::Provider(code.clone()),
            // Clients decide by the code, also where the provider gave none.
            None => FailureCode::Outcome(answer.outcome.kind()),
        };
        let message = answer.message.as_deref();

        Self::new(code, message.unwrap_or("The provider gave no reason"))
    }
}

impl From<&NotSent> for Failure {
    fn from(reason: &NotSent) -> Self {
        let code = match reason {
            NotSent::Unreachable { .. } => FailureCode::Unreachable,
            NotSent::CredentialRefused { .. } => {
                FailureCode::Outcome(OutcomeKind::CredentialRefused)
            }
            NotSent::CredentialUnavailable { .. } => FailureCode::CredentialUnavailable,
        };

        Self::new(code, reason.to_string())
    }
}

impl FailureCode {
    /// The name in rows and in the API.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Expired => "EXPIRED",
            Self::Unaddressable => "UNADDRESSABLE",
            Self::Capped => CAPPED,
            Self::AudienceTooLarge => "AUDIENCE_TOO_LARGE",
            Self::OptedOut => "OPTED_OUT",
            Self::Skipped => SKIPPED,
            Self::DeviceGone => "DEVICE_GONE",
            Self::InvalidTemplate => "INVALID_TEMPLATE",
            Self::InvalidContent => "INVALID_CONTENT",
            Self::CredentialGone => "CREDENTIAL_GONE",
            Self::OperationGone => "OPERATION_GONE",
            Self::CredentialUnusable => "CREDENTIAL_UNUSABLE",
            Self::CredentialUnavailable => "CREDENTIAL_UNAVAILABLE",
            Self::Unreachable => "UNREACHABLE",
            Self::TokenUnreadable => "TOKEN_UNREADABLE",
            Self::Outcome(outcome) => outcome.as_str(),
            Self::Provider(code) => code,
        }
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::outcome::Outcome;

    /// The codes of the tables below the heading `## {heading}` of docs/api.md.
    fn documented(heading: &str) -> BTreeSet<String> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api.md");
        let document = std::fs::read_to_string(path).unwrap();

        document
            .lines()
            .skip_while(|line| line.trim_start_matches('#').trim() != heading)
            .skip(1)
            .take_while(|line| !line.starts_with("## "))
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn every_code_is_documented_and_no_other() {
        let own = [
            FailureCode::Expired,
            FailureCode::Unaddressable,
            FailureCode::Capped,
            FailureCode::AudienceTooLarge,
            FailureCode::OptedOut,
            FailureCode::Skipped,
            FailureCode::DeviceGone,
            FailureCode::InvalidTemplate,
            FailureCode::InvalidContent,
            FailureCode::CredentialGone,
            FailureCode::OperationGone,
            FailureCode::CredentialUnusable,
            FailureCode::CredentialUnavailable,
            FailureCode::Unreachable,
            FailureCode::TokenUnreadable,
            // FCM's token endpoint refuses a Credential without an answer to an attempt.
            FailureCode::Outcome(OutcomeKind::CredentialRefused),
        ];

        let names: BTreeSet<String> = own.iter().map(FailureCode::to_string).collect();
        assert_eq!(names.len(), own.len());
        assert_eq!(names, documented("Errors of notifications"));
    }

    #[test]
    fn a_providers_words_come_before_bellwires() {
        let mut answer = Answer {
            outcome: Outcome::TokenDead { since: None },
            http_status: Some(410),
            code: Some("Gone".to_owned()),
            message: Some("no such app".to_owned()),
            message_id: None,
        };
        let failure = Failure::from(&answer);
        assert_eq!(failure.code.as_str(), "Gone");
        assert_eq!(failure.message, "no such app");

        answer.code = None;
        answer.message = None;
        let failure = Failure::from(&answer);
        assert_eq!(failure.code.as_str(), "TOKEN_DEAD");
        assert_eq!(failure.message, "The provider gave no reason");
    }

    #[test]
    fn an_expired_notification_names_the_last_error() {
        let failure = Failure::expired(Some("the provider does not answer"));
        assert_eq!(failure.code.as_str(), "EXPIRED");
        assert_eq!(
            failure.message,
            "It was not sent before its deadline; last error: the provider does not answer"
        );
    }
}
