//! The Apple Push Notification service over HTTP/2:
//! <https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns>.

use http::Request;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use rustls_pki_types::PrivateKeyDer;
use uuid::Uuid;

mod credential;
mod outcome;
mod payload;
mod token;

pub use credential::{CertificateCredential, KeyCredential};
pub use payload::ApnsPayload;

use crate::provider::endpoints::Endpoint;
use crate::provider::{Answer, ClientError, NotSent};
use crate::transport::{Identity, Pool, Response, SendError};
use token::ProviderTokens;

const APNS_ID: HeaderName = HeaderName::from_static("apns-id");
const APNS_TOPIC: HeaderName = HeaderName::from_static("apns-topic");

/// Sends with one signing key or one client certificate.
pub struct ApnsClient {
    pool: Pool,
    origin_uri: String,
    /// `None`: the certificate says who we are.
    tokens: Option<ProviderTokens>,
    /// `None`: the certificate's own.
    topic: Option<HeaderValue>,
}

impl ApnsClient {
    /// With provider tokens that `credential` signs.
    pub fn with_key(credential: &KeyCredential, endpoint: &Endpoint) -> Result<Self, ClientError> {
        Ok(Self {
            pool: Pool::new(endpoint.origin(true), endpoint.roots.client_config(None)?),
            origin_uri: endpoint.origin_uri(),
            topic: Some(topic(&credential.bundle_id)?),
            tokens: Some(ProviderTokens::new(credential)),
        })
    }

    /// With a client certificate.
    pub fn with_certificate(credential: &CertificateCredential, endpoint: &Endpoint) -> Result<Self, ClientError> {
        let private_key: PrivateKeyDer<'static> = credential.private_key.clone_key();
        let identity = Identity { certificates: credential.certificates.clone(), private_key };
        Ok(Self {
            pool: Pool::new(endpoint.origin(false), endpoint.roots.client_config(Some(identity))?),
            origin_uri: endpoint.origin_uri(),
            topic: credential.bundle_id.as_deref().map(topic).transpose()?,
            tokens: None,
        })
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.pool.connections()
    }

    /// Tries to deliver `payload` to the device with `token`. Every try of one notification has the same `apns_id`.
    pub async fn send(&self, payload: &ApnsPayload, token: &str, apns_id: Uuid) -> Result<Answer, NotSent> {
        let Ok(uri) = format!("{}/3/device/{token}", self.origin_uri).parse::<http::Uri>() else {
            return Ok(Answer::bad_token("the device token can't be part of an address"));
        };
        let authorization = self.tokens.as_ref().map(ProviderTokens::get).transpose()?;
        let answer = self.try_send(payload, &uri, apns_id, authorization.as_ref()).await?;
        let renewed = match (&self.tokens, &authorization) {
            (Some(tokens), Some(old)) if answer.code.as_deref() == Some("ExpiredProviderToken") => tokens.renew(old)?,
            _ => return Ok(answer),
        };
        match renewed {
            Some(authorization) => self.try_send(payload, &uri, apns_id, Some(&authorization)).await,
            None => Ok(answer),
        }
    }

    async fn try_send(
        &self,
        payload: &ApnsPayload,
        uri: &http::Uri,
        apns_id: Uuid,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, NotSent> {
        let answer = self.exchange(payload, uri, apns_id, authorization).await?;
        // The server is closing this connection; another one may well take the request.
        if matches!(answer.code.as_deref(), Some("IdleTimeout" | "Shutdown")) {
            return self.exchange(payload, uri, apns_id, authorization).await;
        }
        Ok(answer)
    }

    async fn exchange(
        &self,
        payload: &ApnsPayload,
        uri: &http::Uri,
        apns_id: Uuid,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, NotSent> {
        let mut id_text = Uuid::encode_buffer();
        let id = HeaderValue::from_str(apns_id.as_hyphenated().encode_lower(&mut id_text)).ok();
        let request = || {
            let mut request = Request::post(uri.clone()).body(()).unwrap_or_default();
            let headers = request.headers_mut();
            headers.extend(authorization.map(|authorization| (AUTHORIZATION, authorization.clone())));
            headers.extend(self.topic.as_ref().map(|topic| (APNS_TOPIC, topic.clone())));
            headers.extend(id.as_ref().map(|id| (APNS_ID, id.clone())));
            for (name, value) in payload.headers() {
                headers.insert(name, value.clone());
            }
            request
        };
        match self.pool.send(request, payload.body()).await {
            Ok(response) => Ok(answer(&response)),
            Err(SendError::Ambiguous(reason)) => Ok(Answer::ambiguous(reason)),
            Err(SendError::NotSent(reason)) => Err(NotSent::Unreachable { reason }),
        }
    }
}

fn answer(response: &Response) -> Answer {
    let answer = outcome::answer(response.status, &response.headers, &response.body);
    if matches!(answer.code.as_deref(), Some("IdleTimeout" | "Shutdown")) {
        response.retire_connection();
    }
    answer
}

fn topic(bundle_id: &str) -> Result<HeaderValue, ClientError> {
    HeaderValue::from_str(bundle_id).map_err(|_| ClientError::Topic)
}
