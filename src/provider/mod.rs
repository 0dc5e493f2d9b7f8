//! The push providers: their Credentials, payloads and requests, and the meaning of their answers.

mod apns;
mod bounded_text;
mod client;
mod credential;
mod credential_check;
mod credential_fields;
mod endpoints;
mod error_codes;
mod failure_cause;
mod fcm;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz;
mod key_file;
mod payload;
mod request_preview;

pub use apns::SharedTokens;
pub use client::{Client, ClientError};
pub use credential::{Credential, FieldProblem};
pub use credential_check::credential_check;
pub use endpoints::{Endpoint, Endpoints, https_authority};
pub(crate) use error_codes::differs_by_case;
pub(crate) use failure_cause::FailureCause;
pub use payload::{Payload, PayloadProblem};
pub use request_preview::RequestPreview;
