//! Firebase Cloud Messaging (FCM), HTTP v1:
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send>.

mod access_tokens;
mod client;
mod credential;
pub(super) mod outcome;
pub(super) mod payload;
mod schema;

pub(super) use client::FcmClient;
pub(super) use credential::FcmCredential;
pub(super) use payload::FcmPayload;
