//! Provider tokens that all processes share: which signing key one belongs to, and where they are kept.

use futures_util::future::BoxFuture;
use time::{Duration, OffsetDateTime};

/// A signing key, by what distinguishes it from all others. Each has one provider token at a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenKey {
    pub team_id: String,
    pub key_id: String,
    /// SHA-256 of the private key: a wrong key for the same team and id is another one.
    pub key_hash: Vec<u8>,
}

/// A provider token as it is kept.
#[derive(Debug, Clone)]
pub struct KeptToken {
    /// Sealed (see `crypto::MasterKeys`).
    pub token: Vec<u8>,
    /// By the clock of Postgres.
    pub issued_at: OffsetDateTime,
}

/// What is kept for a key at a time.
#[derive(Debug)]
pub struct TokenReading {
    /// By the clock of Postgres.
    pub now: OffsetDateTime,
    pub kept: Option<KeptToken>,
}

impl TokenReading {
    /// The age of the token, negative if it is from the future; `None`: there is no token.
    pub fn age(&self) -> Option<Duration> {
        self.kept.as_ref().map(|kept| self.now - kept.issued_at)
    }
}

/// A token that is to take the place of another.
#[derive(Debug, Clone)]
pub struct TokenReplacement {
    pub new: KeptToken,
    /// When the token that it replaces was issued; `None`: there was none.
    pub old_issued_at: Option<OffsetDateTime>,
    /// A younger token is not replaced.
    pub min_age: Duration,
}

/// Why tokens can't be read or written: for the log.
pub type TokenStoreError = Box<dyn std::error::Error + Send + Sync>;

/// Where the processes keep the tokens that they share.
pub trait TokenStore: Send + Sync {
    fn read<'a>(
        &'a self,
        key: &'a TokenKey,
    ) -> BoxFuture<'a, Result<TokenReading, TokenStoreError>>;

    /// Keeps a new token. `false`: another process has replaced the old one meanwhile, or it is too
    /// young.
    fn replace<'a>(
        &'a self,
        key: &'a TokenKey,
        replacement: &'a TokenReplacement,
    ) -> BoxFuture<'a, Result<bool, TokenStoreError>>;
}
