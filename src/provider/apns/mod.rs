//! The Apple Push Notification service (APNs) over HTTP/2:
//! <https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns>.

pub(super) mod aps;
pub(super) mod certificate;
mod client;
mod credential;
pub(super) mod headers;
pub(super) mod outcome;
pub(super) mod payload;
mod provider_tokens;
mod shared_tokens;

pub(super) use client::ApnsClient;
pub(super) use credential::{CertificateCredential, KeyCredential};
pub(super) use payload::ApnsPayload;
pub use shared_tokens::SharedTokens;
