//! What a Credential's lane says about itself.

use time::OffsetDateTime;

use crate::model::id::CredentialId;

/// Why a lane sends nothing at present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneError {
    /// For people, free of secrets.
    pub reason: String,
    pub since: OffsetDateTime,
    /// When the provider is tried next; `None`: not known.
    pub next_try_at: Option<OffsetDateTime>,
}

/// What a lane reports of itself.
#[derive(Debug, Clone)]
pub struct LaneReport {
    pub credential_id: CredentialId,
    /// `None`: it sends.
    pub error: Option<LaneError>,
}
