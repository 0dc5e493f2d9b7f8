//! Firebase Cloud Messaging, HTTP v1:
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send>.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Request, StatusCode};

mod credential;
mod oauth;
mod outcome;
mod payload;

pub(super) use credential::FcmCredential;
pub(super) use payload::FcmPayload;

use crate::model::masked_token::masked;
use crate::model::outcome::{Answer, NotSent, Outcome};
use crate::provider::endpoints::Endpoints;
use crate::provider::{ClientError, RequestPreview};
use crate::transport::{Pool, SendError};
use oauth::AccessTokens;

/// Sends with one service account.
pub(super) struct FcmClient {
    pool: Pool,
    tokens: AccessTokens,
    uri: http::Uri,
}

impl FcmClient {
    /// For the project of `credential`.
    pub(super) fn new(
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
            pool: Pool::new(endpoint.origin(false), endpoint.roots.client_config(None)?),
            tokens: AccessTokens::new(credential, endpoints)?,
            uri: uri.parse().map_err(|_| ClientError::Address(uri))?,
        })
    }

    /// Connections that are open.
    pub(super) fn connections(&self) -> usize {
        self.pool.connections()
    }

    /// `DeviceAttempts` to deliver `payload` to the device with `token`.
    pub(super) async fn send(&self, payload: &FcmPayload, token: &str) -> Result<Answer, NotSent> {
        self.exchange(&payload.for_token(token)).await
    }

    /// Asks whether FCM would take `payload` for the device with `token`, which gets nothing.
    pub(super) async fn validate(
        &self,
        payload: &FcmPayload,
        token: &str,
    ) -> Result<Answer, NotSent> {
        self.exchange(&payload.to_validate(token)).await
    }

    /// What [`Self::send`] would ask, secrets masked.
    pub(super) fn preview(&self, payload: &FcmPayload, token: &str) -> RequestPreview {
        let access_token = HeaderValue::from_static("Bearer");
        let body = payload.for_token(&masked(token));
        RequestPreview::post(
            self.uri.to_string(),
            self.request(&access_token).headers(),
            &body,
        )
    }

    async fn exchange(&self, body: &Bytes) -> Result<Answer, NotSent> {
        let access_token = self.tokens.get().await?;
        let answer = self.try_send(body, &access_token).await?;
        if answer.http_status != Some(StatusCode::UNAUTHORIZED.as_u16())
            || answer.outcome != Outcome::CredentialRefused
        {
            return Ok(answer);
        }
        // It may have been revoked before its time: one more try with a new one tells.
        self.tokens.forget(&access_token);
        self.try_send(body, &self.tokens.get().await?).await
    }

    async fn try_send(&self, body: &Bytes, access_token: &HeaderValue) -> Result<Answer, NotSent> {
        match self.pool.send(|| self.request(access_token), body).await {
            Ok(response) => Ok(outcome::answer(
                response.status,
                &response.headers,
                &response.body,
            )),
            Err(SendError::Ambiguous(reason)) => Ok(Answer::ambiguous(reason)),
            Err(SendError::NotSent(reason)) => Err(NotSent::Unreachable { reason }),
        }
    }

    fn request(&self, access_token: &HeaderValue) -> Request<()> {
        let mut request = Request::post(self.uri.clone()).body(()).unwrap_or_default();
        request
            .headers_mut()
            .insert(AUTHORIZATION, access_token.clone());
        request
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request
    }
}
