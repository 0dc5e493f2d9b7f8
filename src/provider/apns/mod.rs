//! The Apple Push Notification service over HTTP/2:
//! <https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns>.

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use http::{HeaderMap, Request};
use rustls_pki_types::PrivateKeyDer;
use uuid::Uuid;

mod certificate;
mod credential;
mod outcome;
mod payload;
mod token;

pub(super) use credential::{CertificateCredential, KeyCredential};
pub(super) use payload::ApnsPayload;

use crate::model::masked_token::masked;
use crate::model::outcome::{Answer, NotSent};
use crate::provider::endpoints::Endpoint;
use crate::provider::{ClientError, RequestPreview};
use crate::transport::{Identity, Pool, Response, SendError};
use token::ProviderTokens;

const APNS_ID: HeaderName = HeaderName::from_static("apns-id");
const APNS_TOPIC: HeaderName = HeaderName::from_static("apns-topic");

/// Sends with one signing key or one client certificate.
pub(super) struct ApnsClient {
    pool: Pool,
    origin_uri: String,
    /// `None`: the certificate says who we are.
    tokens: Option<ProviderTokens>,
    /// `None`: the certificate's own.
    topic: Option<HeaderValue>,
}

impl ApnsClient {
    /// With provider tokens that `credential` signs.
    pub(super) fn with_key(
        credential: &KeyCredential,
        endpoint: &Endpoint,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            pool: Pool::new(endpoint.origin(true), endpoint.roots.client_config(None)?),
            origin_uri: endpoint.origin_uri(),
            topic: Some(topic(&credential.bundle_id)?),
            tokens: Some(ProviderTokens::new(credential)),
        })
    }

    /// With a client certificate.
    pub(super) fn with_certificate(
        credential: &CertificateCredential,
        endpoint: &Endpoint,
    ) -> Result<Self, ClientError> {
        let private_key: PrivateKeyDer<'static> = credential.private_key.clone_key();
        let identity = Identity {
            certificates: credential.certificates.clone(),
            private_key,
        };
        Ok(Self {
            pool: Pool::new(
                endpoint.origin(false),
                endpoint.roots.client_config(Some(identity))?,
            ),
            origin_uri: endpoint.origin_uri(),
            topic: credential.bundle_id.as_deref().map(topic).transpose()?,
            tokens: None,
        })
    }

    /// Connections that are open.
    pub(super) fn connections(&self) -> usize {
        self.pool.connections()
    }

    /// What [`Self::send`] would ask, secrets masked.
    pub(super) fn preview(
        &self,
        payload: &ApnsPayload,
        token: &str,
        apns_id: Uuid,
    ) -> RequestPreview {
        let authorization = self
            .tokens
            .as_ref()
            .map(|_| HeaderValue::from_static("bearer"));
        let exchange = Exchange {
            client: self,
            payload,
            uri: http::Uri::default(),
            apns_id,
            authorization,
        };
        let url = format!("{}/3/device/{}", self.origin_uri, masked(token));
        RequestPreview::post(url, &exchange.headers(), payload.body())
    }

    /// `DeviceAttempts` to deliver `payload` to the device with `token`. Every try of one notification has the
    /// same `apns_id`.
    pub(super) async fn send(
        &self,
        payload: &ApnsPayload,
        token: &str,
        apns_id: Uuid,
    ) -> Result<Answer, NotSent> {
        if !is_device_token(token) {
            return Ok(Answer::bad_token("a device token is letters and digits"));
        }
        let Ok(uri) = format!("{}/3/device/{token}", self.origin_uri).parse::<http::Uri>() else {
            return Ok(Answer::bad_token(
                "the device token is too long for an address",
            ));
        };
        let authorization = self.tokens.as_ref().map(ProviderTokens::get).transpose()?;
        let mut exchange = Exchange {
            client: self,
            payload,
            uri,
            apns_id,
            authorization,
        };
        let answer = exchange.run().await?;
        match answer.code.as_deref() {
            Some("ExpiredProviderToken") => {
                let (Some(tokens), Some(old)) = (&self.tokens, &exchange.authorization) else {
                    return Ok(answer);
                };
                let Some(newer) = tokens.renew(old)? else {
                    return Ok(answer);
                };
                exchange.authorization = Some(newer);
                exchange.run().await
            }
            Some(code) if ends_the_connection(code) => exchange.run().await,
            _ => Ok(answer),
        }
    }
}

/// Answers that are about the connection: it is closing, or bound to another key. Another one may
/// well take the request.
fn ends_the_connection(code: &str) -> bool {
    matches!(code, "IdleTimeout" | "Shutdown" | "UnrelatedKeyIdInToken")
}

/// Apple's are hexadecimal and of no fixed length; anything that could change the address is none.
fn is_device_token(token: &str) -> bool {
    !token.is_empty()
        && token
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// One request, as often as it takes.
struct Exchange<'a> {
    client: &'a ApnsClient,
    payload: &'a ApnsPayload,
    uri: http::Uri,
    apns_id: Uuid,
    authorization: Option<HeaderValue>,
}

impl Exchange<'_> {
    async fn run(&self) -> Result<Answer, NotSent> {
        let headers = self.headers();
        let request = || {
            let mut request = Request::post(self.uri.clone()).body(()).unwrap_or_default();
            *request.headers_mut() = headers.clone();
            request
        };
        match self.client.pool.send(request, self.payload.body()).await {
            Ok(response) => Ok(answer(&response)),
            Err(SendError::Ambiguous(reason)) => Ok(Answer::ambiguous(reason)),
            Err(SendError::NotSent(reason)) => Err(NotSent::Unreachable { reason }),
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.extend(
            self.authorization
                .as_ref()
                .map(|authorization| (AUTHORIZATION, authorization.clone())),
        );
        headers.extend(self.topic().map(|topic| (APNS_TOPIC, topic)));
        headers.extend(self.id().map(|id| (APNS_ID, id)));
        for (name, value) in self.payload.headers() {
            headers.insert(name, value.clone());
        }
        headers
    }

    fn topic(&self) -> Option<HeaderValue> {
        let topic = self.client.topic.as_ref()?;
        match self.payload.topic_suffix() {
            "" => Some(topic.clone()),
            suffix => HeaderValue::try_from([topic.as_bytes(), suffix.as_bytes()].concat()).ok(),
        }
    }

    fn id(&self) -> Option<HeaderValue> {
        let mut buffer = Uuid::encode_buffer();
        let mut id =
            HeaderValue::from_str(self.apns_id.as_hyphenated().encode_lower(&mut buffer)).ok()?;
        // Never indexed: each is sent once and would only push the headers that recur out of
        // HPACK's table.
        id.set_sensitive(true);
        Some(id)
    }
}

fn answer(response: &Response) -> Answer {
    let answer = outcome::answer(response.status, &response.headers, &response.body);
    if answer.code.as_deref().is_some_and(ends_the_connection) {
        response.retire_connection();
    }
    answer
}

fn topic(bundle_id: &str) -> Result<HeaderValue, ClientError> {
    HeaderValue::from_str(bundle_id).map_err(|_| ClientError::Topic)
}

#[cfg(test)]
mod tests {
    use super::is_device_token;

    #[test]
    fn a_device_token_cannot_change_the_address() {
        for token in [
            "0a1b",
            "utJXX2Tr9wN_tYOwYd8rFA6mYUMBFqdz9n6k3v5EpFAukXD89hGq",
        ] {
            assert!(is_device_token(token), "{token}");
        }
        for token in ["", "a/b", "a?b", "a#b", "..", "a b", "%2F", "a\nb", "é"] {
            assert!(!is_device_token(token), "{token}");
        }
    }
}
