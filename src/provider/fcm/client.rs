//! Requests to FCM, with one service account.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Request, StatusCode};

use crate::model::masked_token::masked;
use crate::model::outcome::{Answer, NotSent, Outcome};
use crate::provider::endpoints::Endpoints;
use crate::provider::fcm::access_tokens::AccessTokens;
use crate::provider::fcm::credential::FcmCredential;
use crate::provider::fcm::outcome;
use crate::provider::fcm::payload::FcmPayload;
use crate::provider::{ClientError, RequestPreview};
use crate::transport::{Pool, SendError};

pub(in crate::provider) struct FcmClient {
    pool: Pool,
    tokens: AccessTokens,
    uri: http::Uri,
}

impl FcmClient {
    pub(in crate::provider) fn new(
        credential: &FcmCredential,
        endpoints: &Endpoints,
    ) -> Result<Self, ClientError> {
        let endpoint = &endpoints.fcm;

        let uri = format!(
            "{}/v1/projects/{}/messages:send",
            endpoint.origin_uri(),
            credential.project_id
        );

        Ok(Self {
            pool: endpoint.pool(false, None)?,
            tokens: AccessTokens::new(credential, endpoints)?,
            uri: uri.parse().map_err(|_| ClientError::Address(uri))?,
        })
    }

    pub(in crate::provider) fn connections(&self) -> usize {
        self.pool.connections()
    }

    /// Makes one attempt to deliver `payload` to the device with `token`.
    pub(in crate::provider) async fn send(
        &self,
        payload: &FcmPayload,
        token: &str,
    ) -> Result<Answer, NotSent> {
        self.send_body(&payload.for_token(token)).await
    }

    /// Asks whether FCM would accept `payload` for the device with `token`, without delivering it.
    pub(in crate::provider) async fn validate(
        &self,
        payload: &FcmPayload,
        token: &str,
    ) -> Result<Answer, NotSent> {
        self.send_body(&payload.validate_only(token)).await
    }

    /// The request that [`Self::send`] would make, secrets masked.
    pub(in crate::provider) fn preview(&self, payload: &FcmPayload, token: &str) -> RequestPreview {
        // No access token is asked for: a preview sends nothing, and works while Google is away.
        let authorization = HeaderValue::from_static("Bearer");
        let request = self.request(&authorization);
        let body = payload.for_token(&masked(token));

        RequestPreview::post(self.uri.to_string(), request.headers(), &body)
    }

    async fn send_body(&self, body: &Bytes) -> Result<Answer, NotSent> {
        let authorization = self.tokens.get().await?;
        let answer = self.send_once(body, &authorization).await?;

        // THIRD_PARTY_AUTH_ERROR is a 401 as well (FCM's page ErrorCode). It is about the key for
        // APNs or web push at Firebase, so another access token would not help.
        let is_unauthorized = answer.http_status == Some(StatusCode::UNAUTHORIZED.as_u16())
            && answer.outcome == Outcome::CredentialRefused;
        if !is_unauthorized {
            return Ok(answer);
        }

        // Google may have revoked the access token before its end. Only if it refuses a new one as
        // well is the Credential at fault.
        self.tokens.forget(&authorization);
        // FCM refused the first request, so the second one can't make a second notification.
        self.send_once(body, &self.tokens.get().await?).await
    }

    async fn send_once(
        &self,
        body: &Bytes,
        authorization: &HeaderValue,
    ) -> Result<Answer, NotSent> {
        match self.pool.send(|| self.request(authorization), body).await {
            Ok(response) => {
                let answer = outcome::answer(response.status, &response.headers, &response.body);

                Ok(match &response.cut_short {
                    // The error code may be in the part of the body that did not arrive. Without
                    // it, a 404 of a dead token can't be told from a 404 of a wrong project.
                    Some(reason) if !tells_enough(response.status) => answer.cut_short(reason),
                    _ => answer,
                })
            }
            Err(SendError::Malformed(reason)) => Ok(Answer::malformed(&reason)),
            Err(SendError::Ambiguous(reason)) => Ok(Answer::ambiguous(reason)),
            // Only a request that FCM certainly did not process is no attempt: FCM has no
            // idempotency key, so a repeat of any other may be a second notification.
            Err(SendError::NotSent(reason)) => Err(NotSent::Unreachable { reason }),
        }
    }

    fn request(&self, authorization: &HeaderValue) -> Request<()> {
        let mut request = Request::post(self.uri.clone()).body(()).unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, authorization.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request
    }
}

/// Whether a status can be judged without the error in the body.
fn tells_enough(status: StatusCode) -> bool {
    status.is_success() || status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}
