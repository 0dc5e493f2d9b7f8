//! What the push providers have in common: which there are, what a message is, and what an answer means.

use std::fmt;

use serde::{Deserialize, Serialize};

mod message;
mod outcome;

pub use message::{Message, Priority};
pub use outcome::{Answer, NotSent, Outcome};

/// A push provider. Its names are those of the API and of the database enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "provider", rename_all = "UPPERCASE")]
#[serde(rename_all = "UPPERCASE")]
pub enum Provider {
    /// Firebase Cloud Messaging, by its HTTP v1 API.
    Fcm,
    /// The Apple Push Notification service, production or sandbox.
    Apn,
}

impl Provider {
    /// The name on the wire: `FCM` or `APN`.
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
