//! How a request ends: with an answer, or with the reason why there is none.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::transport::connection::ConnectionState;

/// An answer. Its status always counts, also if its body did not arrive.
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The body, as far as it has arrived.
    pub body: Bytes,
    /// Why the body is not whole, for people; `None`: it is.
    pub cut_short: Option<String>,
    pub(super) connection: Arc<ConnectionState>,
}

impl Response {
    /// Has no further request sent over the connection that brought this answer.
    pub fn retire_connection(&self) {
        self.connection.retire();
    }
}

/// Why there is no answer, for people, free of secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The peer certainly did not process the request.
    #[error("{0}")]
    NotSent(String),
    /// The peer did not process the request, because it found it malformed. It would refuse it again.
    #[error("{0}")]
    Malformed(String),
    /// The peer was sent the request. It may have processed it.
    #[error("{0}")]
    Ambiguous(String),
}
