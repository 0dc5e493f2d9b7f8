//! What the fuzz targets in `fuzz/` call. Each function gives untrusted bytes to a parser, and
//! asserts what must hold of the result.

use serde_json::Value;
use time::OffsetDateTime;

pub use crate::http::fuzz::send_body;
use crate::model::message::Message;
pub use crate::provider::fuzz::{apns_answer, certificate, credential, fcm_answer};
use crate::template::{MAX_RENDERED, MessageTemplate, Variables};

/// Parses and renders a template. `bytes` are the template, a NUL, and the variables as JSON.
pub fn template(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (template, variables) = text.split_once('\0').unwrap_or((text, "{}"));
    let variables: Option<Value> = serde_json::from_str(variables).ok();

    let message = Message {
        title: Some(template.to_owned()),
        body: Some(template.to_owned()),
        ..Message::default()
    };
    let Ok(Some(parsed)) = MessageTemplate::parse(&message) else {
        return;
    };

    let variables = Variables {
        own: variables.as_ref(),
        defaults: None,
        now: OffsetDateTime::UNIX_EPOCH,
    };
    if let Ok(rendered) = parsed.render(variables) {
        let texts = [rendered.title, rendered.body];
        let length: usize = texts.iter().flatten().map(String::len).sum();
        assert!(length <= MAX_RENDERED, "{length} bytes were rendered");
    }
}
