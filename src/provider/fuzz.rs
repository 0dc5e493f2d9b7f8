//! The parsers of providers' answers and of Credentials, for the fuzz targets.

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};
use rustls_pki_types::CertificateDer;
use serde_json::Value;

use crate::model::outcome::{Answer, Outcome};
use crate::model::provider::CredentialType;
use crate::provider::apns::certificate::CertificateFacts;
use crate::provider::bounded_text::MAX_CHARACTERS;
use crate::provider::credential::Credential;
use crate::provider::{apns, fcm};
use crate::transport::MAX_RETRY_AFTER;

/// Reads an answer of FCM. `bytes` are the status, `Retry-After`, and the body, a line each.
pub fn fcm_answer(bytes: &[u8]) {
    if let Some((status, headers, body)) = response(bytes) {
        let answer = fcm::outcome::answer(status, &headers, body);

        assert_eq!(answer.outcome == Outcome::Accepted, status.is_success());
        check_answer(&answer, status);
    }
}

/// Reads an answer of APNs. `bytes` are as for [`fcm_answer`].
pub fn apns_answer(bytes: &[u8]) {
    if let Some((status, headers, body)) = response(bytes) {
        let answer = apns::outcome::answer(status, &headers, body);

        assert_eq!(
            answer.outcome == Outcome::Accepted,
            status == StatusCode::OK
        );
        check_answer(&answer, status);
    }
}

/// The headers that a provider answers with, all with the same value.
fn response(bytes: &[u8]) -> Option<(StatusCode, HeaderMap, &[u8])> {
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    let status = StatusCode::from_bytes(lines.next()?).ok()?;
    let value = HeaderValue::from_bytes(lines.next()?).ok()?;

    let mut headers = HeaderMap::new();
    headers.insert(RETRY_AFTER, value.clone());
    headers.insert("apns-id", value);

    Some((status, headers, lines.next()?))
}

fn check_answer(answer: &Answer, status: StatusCode) {
    assert_eq!(answer.http_status, Some(status.as_u16()));

    // What Postgres stores is bounded, and has no NUL.
    let texts = [&answer.code, &answer.message, &answer.message_id];
    for text in texts.into_iter().flatten() {
        assert!(text.chars().count() <= MAX_CHARACTERS);
        assert!(!text.contains('\0'));
    }

    // Postgres' timestamps begin in 4713 BC.
    if let Outcome::TokenDead { since: Some(since) } = answer.outcome {
        assert!(since.year() > -4713);
    }

    if let Outcome::Throttled { retry_after, .. } | Outcome::Unavailable { retry_after } =
        answer.outcome
    {
        assert!(retry_after.is_none_or(|wait| wait <= MAX_RETRY_AFTER));
    }
}

/// Reads a Credential's content of each type.
pub fn credential(content: &str) {
    let Ok(content) = serde_json::from_str::<Value>(content) else {
        return;
    };

    for credential_type in [
        CredentialType::Fcm,
        CredentialType::Apn,
        CredentialType::ApnSandbox,
    ] {
        if let Err(problems) = Credential::parse(credential_type, &content, &[]) {
            assert!(!problems.is_empty());
            assert!(problems.iter().all(|problem| !problem.message.is_empty()));
        }
    }
}

/// Reads an APNs client certificate, given as DER.
pub fn certificate(bytes: &[u8]) {
    if let Some(facts) = CertificateFacts::read(&[CertificateDer::from(bytes)]) {
        let _ = facts.has_expired();
    }
}
