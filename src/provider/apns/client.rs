//! Requests to APNs, with one signing key or one client certificate.

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use http::{HeaderMap, Request, StatusCode};
use uuid::Uuid;

use crate::model::device_token;
use crate::model::masked_token::masked;
use crate::model::outcome::{Answer, NotSent};
use crate::model::provider::Provider;
use crate::provider::apns::credential::{CertificateCredential, KeyCredential};
use crate::provider::apns::outcome;
use crate::provider::apns::payload::ApnsPayload;
use crate::provider::apns::provider_tokens::ProviderTokens;
use crate::provider::apns::shared_tokens::SharedTokens;
use crate::provider::endpoints::Endpoint;
use crate::provider::{ClientError, RequestPreview};
use crate::transport::{Identity, Pool, Response, SendError};

const APNS_ID: HeaderName = HeaderName::from_static("apns-id");
const APNS_TOPIC: HeaderName = HeaderName::from_static("apns-topic");

pub(in crate::provider) struct ApnsClient {
    pool: Pool,
    origin_uri: String,
    /// `None`: the client certificate authenticates the connection.
    tokens: Option<ProviderTokens>,
    /// The bundle id as a header; `None`: APNs takes the certificate's own.
    topic: Option<HeaderValue>,
}

impl ApnsClient {
    /// A client that authenticates each request with a token that `credential` signs.
    pub(in crate::provider) fn with_key(
        credential: &KeyCredential,
        endpoint: &Endpoint,
        shared_tokens: Option<SharedTokens>,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            // With tokens, APNs allows one stream until it has answered a request with a valid one.
            pool: endpoint.pool(true, None)?,
            origin_uri: endpoint.origin_uri(),
            topic: Some(topic(&credential.bundle_id)?),
            tokens: Some(ProviderTokens::new(credential, shared_tokens)),
        })
    }

    /// A client that authenticates each connection with the client certificate of `credential`.
    pub(in crate::provider) fn with_certificate(
        credential: &CertificateCredential,
        endpoint: &Endpoint,
    ) -> Result<Self, ClientError> {
        let identity = Identity {
            certificates: credential.certificates.clone(),
            private_key: credential.private_key.clone_key(),
        };

        Ok(Self {
            // The TLS handshake authenticates the connection, so no first request has to do it.
            pool: endpoint.pool(false, Some(identity))?,
            origin_uri: endpoint.origin_uri(),
            topic: credential.bundle_id.as_deref().map(topic).transpose()?,
            tokens: None,
        })
    }

    /// Whether it sends with a certificate that is for calls alone.
    pub(in crate::provider) fn is_for_calls(&self) -> bool {
        self.topic
            .as_ref()
            .is_some_and(|topic| topic.as_bytes().ends_with(b".voip"))
    }

    pub(in crate::provider) fn connections(&self) -> usize {
        self.pool.connections()
    }

    /// The request that [`Self::send`] would make, secrets masked.
    pub(in crate::provider) fn preview(
        &self,
        payload: &ApnsPayload,
        token: &str,
        apns_id: Uuid,
    ) -> RequestPreview {
        let authorization = self
            .tokens
            .as_ref()
            .map(|_| HeaderValue::from_static("bearer"));

        let request = DeviceRequest {
            client: self,
            payload,
            // Only the headers of this request are read. Its real URI holds the whole token.
            uri: http::Uri::default(),
            apns_id,
            authorization,
        };

        // Normalized as in `send`, so that the preview shows the path that APNs would get.
        let token = device_token::normalized(Provider::Apn, token).unwrap_or_default();
        let url = format!("{}/3/device/{}", self.origin_uri, masked(&token));
        RequestPreview::post(url, &request.headers(), payload.body())
    }

    /// Makes one attempt to deliver `payload` to the device with `token`. `apns_id` must be the same
    /// for every attempt at one notification.
    ///
    /// A second request is made where the first answer is about the provider token or the
    /// connection, and another one may fare better.
    pub(in crate::provider) async fn send(
        &self,
        payload: &ApnsPayload,
        token: &str,
        apns_id: Uuid,
    ) -> Result<Answer, NotSent> {
        // It may have been stored by a release that kept it as it was given.
        let Ok(token) = device_token::normalized(Provider::Apn, token) else {
            return Ok(Answer::bad_token("the device token is not hexadecimal"));
        };
        let Ok(uri) = format!("{}/3/device/{token}", self.origin_uri).parse::<http::Uri>() else {
            return Ok(Answer::bad_token("the device token is too long for a URL"));
        };

        let authorization = match &self.tokens {
            Some(tokens) => Some(tokens.get().await?),
            None => None,
        };
        let mut request = DeviceRequest {
            client: self,
            payload,
            uri,
            apns_id,
            authorization,
        };

        let answer = request.send().await?;

        match answer.code.as_deref() {
            Some("ExpiredProviderToken") => {
                // A connection with a client certificate has no provider token to renew.
                let (Some(tokens), Some(expired)) = (&self.tokens, &request.authorization) else {
                    return Ok(answer);
                };
                // If `expired` is so young that APNs would refuse a newer one as well
                // (TooManyProviderTokenUpdates), the answer stands.
                let Some(newer) = tokens.renew(expired).await? else {
                    return Ok(answer);
                };

                request.authorization = Some(newer);
                request.send().await
            }
            // The first answer has retired its connection (see `answer`), so this request takes
            // another one. APNs refused the first request, so no device gets two notifications.
            Some(code) if is_about_the_connection(code) => request.send().await,
            _ => Ok(answer),
        }
    }
}

/// Whether APNs refused a request because its connection is closing, or is bound to another signing
/// key. Another connection may well take the request.
fn is_about_the_connection(code: &str) -> bool {
    matches!(code, "IdleTimeout" | "Shutdown" | "UnrelatedKeyIdInToken")
}

/// A request for one device, which may be sent more than once.
struct DeviceRequest<'a> {
    client: &'a ApnsClient,
    payload: &'a ApnsPayload,
    uri: http::Uri,
    apns_id: Uuid,
    authorization: Option<HeaderValue>,
}

impl DeviceRequest<'_> {
    async fn send(&self) -> Result<Answer, NotSent> {
        let headers = self.headers();
        // The pool calls this again if a connection returns the request unprocessed.
        let request = || {
            let mut request = Request::post(self.uri.clone()).body(()).unwrap_or_default();
            *request.headers_mut() = headers.clone();
            request
        };

        match self.client.pool.send(request, self.payload.body()).await {
            Ok(response) => Ok(answer(&response)),
            Err(SendError::Malformed(reason)) => Ok(Answer::malformed(&reason)),
            Err(SendError::Ambiguous(reason)) => Ok(Answer::ambiguous(reason)),
            // Only a request that APNs certainly did not process is no attempt.
            Err(SendError::NotSent(reason)) => Err(NotSent::Unreachable { reason }),
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();

        let authorization = self.authorization.as_ref();
        headers.extend(authorization.map(|value| (AUTHORIZATION, value.clone())));
        headers.extend(self.topic().map(|topic| (APNS_TOPIC, topic)));
        headers.extend(self.id().map(|id| (APNS_ID, id)));

        // Last, because an API user's override may replace the topic.
        for (name, value) in self.payload.headers() {
            headers.insert(name, value.clone());
        }

        headers
    }

    fn topic(&self) -> Option<HeaderValue> {
        let topic = self.client.topic.as_ref()?;
        match self.payload.topic_suffix() {
            "" => Some(topic.clone()),
            // A VoIP certificate names its app with the ending.
            suffix if topic.as_bytes().ends_with(suffix.as_bytes()) => Some(topic.clone()),
            suffix => HeaderValue::try_from([topic.as_bytes(), suffix.as_bytes()].concat()).ok(),
        }
    }

    fn id(&self) -> Option<HeaderValue> {
        let mut buffer = Uuid::encode_buffer();
        let text = self.apns_id.as_hyphenated().encode_lower(&mut buffer);
        let mut id = HeaderValue::from_str(text).ok()?;

        // HPACK never indexes a sensitive header. Each id is sent once, so an indexed one would only
        // push headers that recur out of the table.
        id.set_sensitive(true);
        Some(id)
    }
}

fn answer(response: &Response) -> Answer {
    let answer = outcome::answer(response.status, &response.headers, &response.body);
    let answer = match &response.cut_short {
        // The reason may be in the part of the body that did not arrive. Without it, a 400 of a
        // wrong token can't be told from a 400 of a wrong message.
        Some(reason) if !tells_enough(response.status) => answer.cut_short(reason),
        _ => answer,
    };

    // Before the answer is returned, so that neither a repeat nor another request takes the same
    // connection.
    if answer.code.as_deref().is_some_and(is_about_the_connection) {
        response.retire_connection();
    }
    answer
}

/// Whether a status can be judged without the reason in the body.
fn tells_enough(status: StatusCode) -> bool {
    status.is_success()
        || status.is_server_error()
        || matches!(
            status,
            StatusCode::GONE | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS
        )
}

fn topic(bundle_id: &str) -> Result<HeaderValue, ClientError> {
    HeaderValue::from_str(bundle_id).map_err(|_| ClientError::Topic)
}
