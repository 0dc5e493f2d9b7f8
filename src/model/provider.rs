//! The push providers, and the types of Credential that they take.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A push provider. The names are those of the API and of the database enum.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    sqlx::Type,
)]
#[sqlx(type_name = "provider", rename_all = "UPPERCASE")]
#[serde(rename_all = "UPPERCASE")]
pub enum Provider {
    /// Firebase Cloud Messaging, by its HTTP v1 API.
    Fcm,
    /// The Apple Push Notification service, production or sandbox.
    Apn,
}

impl Provider {
    /// The name in the API: `FCM` or `APN`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fcm => "FCM",
            Self::Apn => "APN",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A type of Credential. The names are those of the API and of the database enum.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema, sqlx::Type,
)]
#[sqlx(type_name = "credential_type", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CredentialType {
    /// FCM, by a service account.
    Fcm,
    /// APNs, production.
    Apn,
    /// APNs, sandbox.
    ApnSandbox,
}

impl CredentialType {
    pub const fn provider(self) -> Provider {
        match self {
            Self::Fcm => Provider::Fcm,
            Self::Apn | Self::ApnSandbox => Provider::Apn,
        }
    }

    /// The name in the API: `FCM`, `APN` or `APN_SANDBOX`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fcm => "FCM",
            Self::Apn => "APN",
            Self::ApnSandbox => "APN_SANDBOX",
        }
    }
}
