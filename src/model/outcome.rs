//! What a provider's answer means, by what to do about it. Each provider maps its codes to this in
//! one table.

use std::str::FromStr;
use std::time::Duration;

use time::OffsetDateTime;

/// What became of one delivery attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The provider took it: SENT.
    Accepted,
    /// The token will never work again.
    TokenDead {
        /// The token was last known valid before this moment; `None` where the provider does not
        /// say.
        since: Option<OffsetDateTime>,
    },
    /// The provider does not take this token with this credential; it may be a good token
    /// elsewhere.
    TokenRefused,
    /// The provider does not take this message, whoever it is for.
    MessageRefused,
    /// The provider does not take our credential: nobody's message can go, none is at fault.
    CredentialRefused,
    /// Too fast.
    Throttled {
        /// How long to wait, where the provider says so.
        retry_after: Option<Duration>,
        /// Only this device has had too many; other devices may go on.
        device_only: bool,
    },
    /// The provider is down or in trouble.
    Unavailable {
        /// How long to wait, where the provider says so.
        retry_after: Option<Duration>,
    },
    /// It was handed over but no answer came: it may have been accepted.
    Ambiguous,
}

/// An [`Outcome`] without its details: the name under which it is recorded, shown and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutcomeKind {
    Accepted,
    TokenDead,
    TokenRefused,
    MessageRefused,
    CredentialRefused,
    Throttled,
    Unavailable,
    Ambiguous,
}

/// A stored name that no [`OutcomeKind`] has: a later release wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not an outcome that this version knows")]
pub struct UnknownOutcome(pub String);

impl Outcome {
    pub const fn kind(self) -> OutcomeKind {
        match self {
            Self::Accepted => OutcomeKind::Accepted,
            Self::TokenDead { .. } => OutcomeKind::TokenDead,
            Self::TokenRefused => OutcomeKind::TokenRefused,
            Self::MessageRefused => OutcomeKind::MessageRefused,
            Self::CredentialRefused => OutcomeKind::CredentialRefused,
            Self::Throttled { .. } => OutcomeKind::Throttled,
            Self::Unavailable { .. } => OutcomeKind::Unavailable,
            Self::Ambiguous => OutcomeKind::Ambiguous,
        }
    }
}

impl OutcomeKind {
    const ALL: [Self; 8] = [
        Self::Accepted,
        Self::TokenDead,
        Self::TokenRefused,
        Self::MessageRefused,
        Self::CredentialRefused,
        Self::Throttled,
        Self::Unavailable,
        Self::Ambiguous,
    ];

    /// The name in rows, in the API and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "ACCEPTED",
            Self::TokenDead => "TOKEN_DEAD",
            Self::TokenRefused => "TOKEN_REFUSED",
            Self::MessageRefused => "MESSAGE_REFUSED",
            Self::CredentialRefused => "CREDENTIAL_REFUSED",
            Self::Throttled => "THROTTLED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Ambiguous => "AMBIGUOUS",
        }
    }
}

impl FromStr for OutcomeKind {
    type Err = UnknownOutcome;

    fn from_str(name: &str) -> Result<Self, UnknownOutcome> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or_else(|| UnknownOutcome(name.to_owned()))
    }
}

/// What one delivery attempt brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What to do about it.
    pub outcome: Outcome,
    /// The HTTP status; `None`: no answer arrived.
    pub http_status: Option<u16>,
    /// The provider's own error code, as it spells it.
    pub code: Option<String>,
    /// The provider's error text, or ours where no answer arrived.
    pub message: Option<String>,
    /// The provider's name for the accepted message: FCM's `name`, APNs' `apns-id`.
    pub message_id: Option<String>,
}

impl Answer {
    /// No answer arrived to a request that was handed over.
    pub fn ambiguous(reason: String) -> Self {
        Self {
            outcome: Outcome::Ambiguous,
            http_status: None,
            code: None,
            message: Some(reason),
            message_id: None,
        }
    }

    /// The token is none: there was no need to ask.
    pub fn bad_token(reason: &str) -> Self {
        Self {
            outcome: Outcome::TokenRefused,
            http_status: None,
            code: None,
            message: Some(reason.to_owned()),
            message_id: None,
        }
    }
}

/// Why certainly nothing of a message reached its provider: not an attempt, so nothing is put on
/// record against it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// No connection, or the provider gave the request back unprocessed.
    #[error("the provider can't be reached: {reason}")]
    Unreachable {
        /// What went wrong, free of secrets.
        reason: String,
    },
    /// The credential was refused before anything could be sent, as by FCM's token endpoint.
    #[error("the provider refused the credential: {reason}")]
    CredentialRefused {
        /// What the provider said, free of secrets.
        reason: String,
    },
    /// The token endpoint is down or in trouble.
    #[error("no access token could be obtained: {reason}")]
    CredentialUnavailable {
        /// What went wrong, free of secrets.
        reason: String,
        /// How long to wait, where the endpoint says so.
        retry_after: Option<Duration>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back_from_its_name() {
        for kind in OutcomeKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!(
            "LATER".parse::<OutcomeKind>(),
            Err(UnknownOutcome("LATER".to_owned()))
        );
    }
}
