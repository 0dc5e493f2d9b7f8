//! A file of devices that is read in.

use serde::Serialize;
use serde_json::Value;

use crate::model::apns_device::{Environment, TokenKind};
use crate::model::id::UserId;
use crate::model::provider::Provider;
use crate::model::user_profile::ProfileChange;

/// Most rows of a file.
pub const MAX_ROWS: u32 = 1_000_000;
/// Most errors that are kept of an import; all are counted.
pub const MAX_ERRORS: i32 = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ImportStatus {
    /// It is being read.
    Running,
    /// Every row was read.
    Completed,
    /// The client left, or Bellwire was stopped, before the end. What was stored by then stays.
    Interrupted,
    /// It was given up before its end. What was stored by then stays.
    Failed,
}

impl ImportStatus {
    const ALL: [Self; 4] = [
        Self::Running,
        Self::Completed,
        Self::Interrupted,
        Self::Failed,
    ];

    /// The name in rows and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Interrupted => "INTERRUPTED",
            Self::Failed => "FAILED",
        }
    }

    /// The status of this name; FAILED for a name of a later release.
    pub fn of_name(name: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == name)
            // Any name but RUNNING: a client that waits for the end must not wait for ever.
            .unwrap_or(Self::Failed)
    }
}

/// A row that has passed every check that needs no database.
pub struct ImportRow {
    /// 1-based.
    pub line: i32,
    pub app_name: String,
    pub provider: Provider,
    /// SHA-256 of the token.
    pub token_hash: Vec<u8>,
    /// The id of the device, if it is new.
    pub new_id: uuid::Uuid,
    /// The token, sealed for the device `new_id`.
    pub sealed_token: Vec<u8>,
    pub user_id: Option<UserId>,
    pub profile: ProfileChange,
    /// `None`: what the device has; the same for those below.
    pub tags: Option<Value>,
    pub environment: Option<Environment>,
    pub kind: Option<TokenKind>,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// 1-based.
    pub line: i32,
    /// Empty for the row as a whole.
    pub field: String,
    pub message: String,
}

/// What became of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowCounts {
    pub created: i32,
    pub updated: i32,
    pub unchanged: i32,
    pub failed: i32,
}

impl RowCounts {
    pub fn rows(self) -> i32 {
        self.created + self.updated + self.unchanged + self.failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for status in ImportStatus::ALL {
            assert_eq!(ImportStatus::of_name(status.as_str()), status);
        }
        assert_eq!(ImportStatus::of_name("LATER"), ImportStatus::Failed);
    }
}
