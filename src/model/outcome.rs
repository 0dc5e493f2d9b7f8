//! The result of a delivery attempt, by what to do about it. Each provider maps its codes to this in
//! one table: `provider/apns/outcome.rs` and `provider/fcm/outcome/mod.rs`.

use std::str::FromStr;
use std::time::Duration;

use time::OffsetDateTime;

/// What to do after a delivery attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The provider accepted the message: SENT.
    Accepted,
    /// The token will never work again: its registration is removed.
    TokenDead {
        /// When the provider found the token to be invalid; `None` if it does not say. A
        /// registration that is newer stays.
        since: Option<OffsetDateTime>,
    },
    /// The provider does not accept this token with this Credential. It may be a good token of
    /// another App or environment, so its registration stays.
    TokenRefused,
    /// The provider will never accept this message, for any device.
    MessageRefused,
    /// The provider does not accept the Credential. No message can be sent with it, and none is at
    /// fault.
    CredentialRefused,
    /// Too many requests.
    Throttled {
        /// The wait that the provider asks for.
        retry_after: Option<Duration>,
        /// Whether only this device had too many. Requests for other devices may go on.
        device_only: bool,
    },
    /// The provider is down or has an internal error.
    Unavailable {
        /// The wait that the provider asks for.
        retry_after: Option<Duration>,
    },
    /// The request was sent, but no answer came. The provider may have accepted the message.
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
    pub(crate) const ALL: [Self; 8] = [
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

/// The result of one delivery attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub outcome: Outcome,
    /// `None`: no answer came, or the provider was not asked.
    pub http_status: Option<u16>,
    /// The provider's error code, as the provider spells it.
    pub code: Option<String>,
    /// The provider's error text, or Bellwire's if no answer came.
    pub message: Option<String>,
    /// The provider's id of the accepted message: FCM's `name`, APNs' `apns-id`.
    pub message_id: Option<String>,
}

impl Answer {
    /// The request was sent, but no answer came.
    pub fn ambiguous(reason: String) -> Self {
        Self {
            outcome: Outcome::Ambiguous,
            http_status: None,
            code: None,
            message: Some(reason),
            message_id: None,
        }
    }

    /// The provider reset the request's stream, because it found the request malformed. That is about
    /// this message: the provider works.
    pub fn malformed(reason: &str) -> Self {
        Self {
            outcome: Outcome::MessageRefused,
            http_status: None,
            code: None,
            message: Some(format!(
                "the provider reset the request as malformed, which a header's value may cause: {reason}"
            )),
            message_id: None,
        }
    }

    /// This answer if its body did not arrive and the status alone does not show what is at fault. The
    /// status is kept, and the message is tried again.
    #[must_use]
    pub fn cut_short(self, reason: &str) -> Self {
        Self {
            outcome: Outcome::Unavailable { retry_after: None },
            message: Some(format!("the provider's answer is not whole: {reason}")),
            ..self
        }
    }

    /// The token can't be one of the provider's, so the provider was not asked.
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

/// Why a message was certainly not processed by its provider. This is no delivery attempt, so none is
/// recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// There was no connection, or the provider returned the request unprocessed.
    #[error("the provider can't be reached: {reason}")]
    Unreachable {
        /// Free of secrets, as those below.
        reason: String,
    },
    /// The Credential was refused before the message was sent, as FCM's token endpoint does.
    #[error("the provider refused the Credential: {reason}")]
    CredentialRefused { reason: String },
    /// The token that requests carry can't be had at present.
    #[error("{reason}")]
    CredentialUnavailable {
        reason: String,
        /// The wait that a token endpoint asks for.
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
