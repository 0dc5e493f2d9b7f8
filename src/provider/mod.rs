//! The push providers: what Bellwire authenticates with, what it sends, and what each answer means.

mod apns;
mod bounded_text;
mod client;
mod credential;
mod credential_fields;
mod endpoints;
mod fcm;
mod payload;
mod request_preview;
mod retry_after;

pub use client::{Client, ClientError};
pub use credential::{Credential, FieldProblem};
pub use endpoints::{Endpoint, Endpoints, https_authority};
pub use payload::{Payload, PayloadProblem};
pub use request_preview::RequestPreview;
