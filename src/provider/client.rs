//! One Credential's way to its provider.

use uuid::Uuid;

use crate::model::outcome::{Answer, NotSent};
use crate::model::provider::CredentialType;
use crate::provider::apns::ApnsClient;
use crate::provider::fcm::FcmClient;
use crate::provider::{Credential, Endpoints, Payload, RequestPreview};
use crate::transport::TlsError;

/// Sends with one Credential, over connections of its own.
pub struct Client(Kind);

enum Kind {
    Fcm(Box<FcmClient>),
    Apns(Box<ApnsClient>),
}

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// TLS can't be set up.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] TlsError),
    /// An address is not one that can be called.
    #[error("{0} is not an https address that may be called")]
    Address(String),
    /// The bundle id can't be a header.
    #[error("the bundle id is not a topic")]
    Topic,
}

impl Client {
    /// A client that has not connected yet.
    pub fn new(
        credential: &Credential,
        credential_type: CredentialType,
        endpoints: &Endpoints,
    ) -> Result<Self, ClientError> {
        let apns = if credential_type == CredentialType::ApnSandbox {
            &endpoints.apns_sandbox
        } else {
            &endpoints.apns
        };
        let kind = match credential {
            Credential::Fcm(credential) => {
                Kind::Fcm(Box::new(FcmClient::new(credential, endpoints)?))
            }
            Credential::ApnKey(credential) => {
                Kind::Apns(Box::new(ApnsClient::with_key(credential, apns)?))
            }
            Credential::ApnCertificate(credential) => {
                Kind::Apns(Box::new(ApnsClient::with_certificate(credential, apns)?))
            }
        };
        Ok(Self(kind))
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        match &self.0 {
            Kind::Fcm(client) => client.connections(),
            Kind::Apns(client) => client.connections(),
        }
    }

    /// What [`Self::send`] would ask the provider, secrets masked.
    pub fn preview(&self, payload: &Payload, token: &str, id: Uuid) -> Option<RequestPreview> {
        match (&self.0, payload) {
            (Kind::Fcm(client), Payload::Fcm(payload)) => Some(client.preview(payload, token)),
            (Kind::Apns(client), Payload::Apns(payload)) => {
                Some(client.preview(payload, token, id))
            }
            (Kind::Fcm(_), Payload::Apns(_)) | (Kind::Apns(_), Payload::Fcm(_)) => None,
        }
    }

    /// Asks the provider whether it would take `payload` for `token`, without sending it. `None`:
    /// it can't be asked; only FCM can.
    pub async fn validate(
        &self,
        payload: &Payload,
        token: &str,
    ) -> Option<Result<Answer, NotSent>> {
        match (&self.0, payload) {
            (Kind::Fcm(client), Payload::Fcm(payload)) => {
                Some(client.validate(payload, token).await)
            }
            _ => None,
        }
    }

    /// `DeviceAttempts` once to deliver `payload` to the device with `token`. `id` is the notification's, the
    /// same on every try.
    pub async fn send(&self, payload: &Payload, token: &str, id: Uuid) -> Result<Answer, NotSent> {
        match (&self.0, payload) {
            (Kind::Fcm(client), Payload::Fcm(payload)) => client.send(payload, token).await,
            (Kind::Apns(client), Payload::Apns(payload)) => client.send(payload, token, id).await,
            (Kind::Fcm(_), Payload::Apns(_)) | (Kind::Apns(_), Payload::Fcm(_)) => {
                Err(NotSent::CredentialRefused {
                    reason: "the Credential is another provider's".to_owned(),
                })
            }
        }
    }
}
