//! A client for one Credential, whichever its provider.

use std::collections::BTreeMap;

use serde_json::json;
use uuid::Uuid;

use crate::crypto::MasterKeys;
use crate::model::credential_state::CredentialCheck;
use crate::model::message::Message;
use crate::model::outcome::{Answer, NotSent};
use crate::model::provider::{CredentialType, Provider};
use crate::model::sealed::SealedCredential;
use crate::provider::apns::ApnsClient;
use crate::provider::fcm::FcmClient;
use crate::provider::{Credential, Endpoints, Payload, RequestPreview, credential_check};
use crate::transport::TlsError;

/// Characters of a device token of APNs.
const APNS_TOKEN_LENGTH: usize = 64;

/// Sends with one Credential, over connections of its own.
///
/// Its owner is the Credential's lane, or a dry run for as long as that lasts. Requests share it by
/// reference, and it has no task of its own: its pool opens connections and its tokens are renewed
/// when a request needs them. When it is dropped, its connections close as soon as their requests
/// are answered.
pub struct Client(ProviderClient);

enum ProviderClient {
    Fcm(Box<FcmClient>),
    Apns(Box<ApnsClient>),
}

/// Why a client can't be created.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] TlsError),
    #[error("{0} is not an https address that Bellwire may call")]
    Address(String),
    #[error("the bundle id has characters that can't be sent as the apns-topic header")]
    Topic,
}

impl Client {
    /// A client for a stored Credential. The error is a reason that an API user may read; the cause
    /// is logged.
    pub fn for_stored(
        stored: &SealedCredential,
        keys: &MasterKeys,
        endpoints: &Endpoints,
    ) -> Result<Self, &'static str> {
        let credential = Credential::open(stored, keys, endpoints)?;

        Self::new(&credential, stored.credential_type, endpoints).map_err(|error| {
            tracing::error!(credential_id = %stored.id, %error, "a Credential's client can't be set up");
            "no client can be set up with its Credential"
        })
    }

    /// A client that has not connected yet.
    pub fn new(
        credential: &Credential,
        credential_type: CredentialType,
        endpoints: &Endpoints,
    ) -> Result<Self, ClientError> {
        // A signing key may be good for both environments, so only the type of the Credential says
        // where it sends.
        let apns = if credential_type == CredentialType::ApnSandbox {
            &endpoints.apns_sandbox
        } else {
            &endpoints.apns
        };

        let client = match credential {
            Credential::Fcm(credential) => {
                ProviderClient::Fcm(Box::new(FcmClient::new(credential, endpoints)?))
            }
            Credential::ApnKey(credential) => {
                let tokens = endpoints.apns_tokens.clone();
                ProviderClient::Apns(Box::new(ApnsClient::with_key(credential, apns, tokens)?))
            }
            Credential::ApnCertificate(credential) => {
                ProviderClient::Apns(Box::new(ApnsClient::with_certificate(credential, apns)?))
            }
        };

        Ok(Self(client))
    }

    /// How many connections to the provider are open.
    pub fn connections(&self) -> usize {
        match &self.0 {
            ProviderClient::Fcm(client) => client.connections(),
            ProviderClient::Apns(client) => client.connections(),
        }
    }

    /// The request that [`Self::send`] would make, secrets masked; `None` if `payload` is for
    /// another provider.
    pub fn preview(&self, payload: &Payload, token: &str, id: Uuid) -> Option<RequestPreview> {
        match (&self.0, payload) {
            (ProviderClient::Fcm(client), Payload::Fcm(payload)) => {
                Some(client.preview(payload, token))
            }
            (ProviderClient::Apns(client), Payload::Apns(payload)) => {
                Some(client.preview(payload, token, id))
            }
            (ProviderClient::Fcm(_), Payload::Apns(_))
            | (ProviderClient::Apns(_), Payload::Fcm(_)) => None,
        }
    }

    /// Asks the provider whether it would accept `payload` for `token`, without delivering it.
    /// `None`: the provider has no such request; only FCM has one.
    pub async fn validate(
        &self,
        payload: &Payload,
        token: &str,
    ) -> Option<Result<Answer, NotSent>> {
        match (&self.0, payload) {
            (ProviderClient::Fcm(client), Payload::Fcm(payload)) => {
                Some(client.validate(payload, token).await)
            }
            _ => None,
        }
    }

    /// Tries the Credential: with a message that FCM checks and does not deliver, or one to a device
    /// of APNs that does not exist.
    pub async fn test(&self) -> CredentialCheck {
        let (provider, token) = match &self.0 {
            ProviderClient::Fcm(_) => (Provider::Fcm, "bellwire-credential-test".to_owned()),
            ProviderClient::Apns(_) => (Provider::Apn, "0".repeat(APNS_TOKEN_LENGTH)),
        };
        // Data and no text: should a device with this token exist, it shows nothing. With ttl 0,
        // APNs keeps nothing for later.
        let mut message = Message {
            data: Some(BTreeMap::from([("test".to_owned(), "1".to_owned())])),
            ttl: Some(0),
            ..Message::default()
        };
        // The topic of a VoIP certificate ends with .voip, which belongs to this push type.
        if matches!(&self.0, ProviderClient::Apns(client) if client.is_for_calls()) {
            let push_type = json!({"headers": {"apns-push-type": "voip"}});
            message.apn = push_type.as_object().cloned();
        }

        let payload = match Payload::render(provider, &message, None) {
            Ok(payload) => payload,
            Err(problem) => return CredentialCheck::Unreachable(problem.to_string()),
        };
        // APNs has no dry run, so it gets a real request, which it answers with BadDeviceToken if
        // the Credential is good.
        let result = match self.validate(&payload, &token).await {
            Some(result) => result,
            None => self.send(&payload, &token, Uuid::now_v7()).await,
        };
        credential_check(&result)
    }

    /// Makes one attempt to deliver `payload` to the device with `token`. `id` must be the same for
    /// every attempt at one notification: APNs gets it as `apns-id`.
    pub async fn send(&self, payload: &Payload, token: &str, id: Uuid) -> Result<Answer, NotSent> {
        match (&self.0, payload) {
            (ProviderClient::Fcm(client), Payload::Fcm(payload)) => {
                client.send(payload, token).await
            }
            (ProviderClient::Apns(client), Payload::Apns(payload)) => {
                client.send(payload, token, id).await
            }
            (ProviderClient::Fcm(_), Payload::Apns(_))
            | (ProviderClient::Apns(_), Payload::Fcm(_)) => Err(NotSent::CredentialRefused {
                reason: "the Credential is for another provider".to_owned(),
            }),
        }
    }
}
