//! What a Credential says about itself, and how it does.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::model::id::CredentialId;

/// Public facts of a Credential's content. Fields that do not apply are null.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CredentialDetails {
    /// FCM: the Firebase project.
    pub project_id: Option<String>,
    /// FCM: the service account.
    pub client_email: Option<String>,
    /// FCM: the id of the service account's key.
    pub private_key_id: Option<String>,
    /// APNs: the app.
    pub bundle_id: Option<String>,
    /// APNs, with a signing key: the team.
    pub team_id: Option<String>,
    /// APNs, with a signing key: the id of the key.
    pub key_id: Option<String>,
    /// APNs, with a certificate: its name.
    pub certificate_name: Option<String>,
}

/// How a Credential does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum CredentialStatus {
    /// It was neither used nor tested yet.
    Unused,
    /// Its provider took it when it was used last.
    Working,
    /// Its provider refuses it.
    Refused,
    /// Its provider can't be reached.
    Unreachable,
    /// It can't be decrypted with the configured master keys.
    Unreadable,
    /// Its certificate has ended.
    Expired,
}

impl CredentialStatus {
    /// The status of a Credential whose stored state is `state` and whose certificate ends at
    /// `expires_at`.
    pub fn of(
        state: Option<&str>,
        expires_at: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> Self {
        // Known without a request, so it comes before what the last request showed.
        if expires_at.is_some_and(|end| end <= now) {
            return Self::Expired;
        }

        match state {
            Some("WORKING") => Self::Working,
            Some("REFUSED") => Self::Refused,
            Some("UNREACHABLE") => Self::Unreachable,
            Some("UNREADABLE") => Self::Unreadable,
            // A later release may know more states.
            _ => Self::Unused,
        }
    }
}

/// What the use of a Credential showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialCheck {
    Working,
    /// With the provider's reason, as in the others.
    Refused(String),
    Unreachable(String),
    Unreadable(String),
}

impl CredentialCheck {
    /// The name in rows.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Working => "WORKING",
            Self::Refused(_) => "REFUSED",
            Self::Unreachable(_) => "UNREACHABLE",
            Self::Unreadable(_) => "UNREADABLE",
        }
    }

    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Working => None,
            Self::Refused(error) | Self::Unreachable(error) | Self::Unreadable(error) => {
                Some(error)
            }
        }
    }
}

/// What the use of one Credential showed, and when.
#[derive(Debug, Clone)]
pub struct CredentialReport {
    pub id: CredentialId,
    pub at: OffsetDateTime,
    pub check: CredentialCheck,
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    #[test]
    fn a_certificate_that_has_ended_outweighs_what_was_seen() {
        let now = OffsetDateTime::now_utc();
        let [ended, good] = [-1, 1].map(|days| Some(now + Duration::days(days)));

        for check in [
            CredentialCheck::Working,
            CredentialCheck::Refused(String::new()),
        ] {
            let state = Some(check.as_str());
            assert_eq!(
                CredentialStatus::of(state, ended, now),
                CredentialStatus::Expired
            );
            assert_ne!(
                CredentialStatus::of(state, good, now),
                CredentialStatus::Expired
            );
        }
        assert_eq!(
            CredentialStatus::of(None, None, now),
            CredentialStatus::Unused
        );
        assert_eq!(
            CredentialStatus::of(Some("LATER"), good, now),
            CredentialStatus::Unused
        );
    }
}
