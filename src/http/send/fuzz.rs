//! The parser of sends, for its fuzz target.

use time::{Duration, OffsetDateTime};

use crate::http::error::ApiError;
use crate::http::send::body::{MAX_RECIPIENTS, SendBody, To};
use crate::http::validation::Problems;
use crate::model::provider::Provider;
use crate::provider::Payload;
use crate::template::MessageTemplate;

/// Reads the body of a send. A body without a problem must render for both providers, or name the
/// field at fault.
pub fn send_body(bytes: &[u8]) {
    let Ok(body) = parse(bytes) else {
        return;
    };

    let targets = body.targets;
    assert_eq!(targets.audience.is_none(), !targets.recipients.is_empty());
    assert!(targets.recipients.len() <= MAX_RECIPIENTS);
    for recipient in &targets.recipients {
        if let To::Device(device) = &recipient.to {
            assert!(!device.token.is_empty());
        }
    }

    let message = body.message;
    // A template that is invalid is refused where its send is accepted.
    let Ok(template) = MessageTemplate::parse(&message) else {
        return;
    };
    for provider in [Provider::Fcm, Provider::Apn] {
        let expires_at = message.expires_at(OffsetDateTime::now_utc());
        let problems = Payload::check(provider, &message, expires_at);
        assert!(problems.iter().all(|problem| !problem.message.is_empty()));

        // What passes the check can be sent, unless a template is still to be filled in.
        let can_be_sent = problems.is_empty()
            && template.is_none()
            && Payload::nothing_for(provider, &message).is_none();
        if can_be_sent {
            assert!(Payload::render(provider, &message, expires_at).is_ok());
        }
    }
}

fn parse(bytes: &[u8]) -> Result<SendBody, ApiError> {
    let mut problems = Problems::default();
    let body = SendBody::parse(bytes, Duration::DAY, &mut problems)?;

    problems.check()?;
    Ok(body)
}
