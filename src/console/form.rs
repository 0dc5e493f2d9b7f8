//! The fields of a form that a page has sent.

use actix_web::http::header;
use actix_web::{HttpRequest, dev};
use bytes::BytesMut;
use futures_util::StreamExt;

use crate::console::page::PageError;

/// The largest form, in bytes.
const MAX_FORM: usize = 128 * 1024;

/// The fields, in their order: secrets and tokens too, so that they have no `Debug`.
#[derive(Default, Clone)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    fn of(body: &[u8]) -> Self {
        let pairs = url::form_urlencoded::parse(body);

        Self(
            pairs
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }

    /// A field without space around it; empty if it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        self.texts(name).next().unwrap_or_default()
    }

    /// A field, if something was written in it.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// Every field of this name.
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.trim())
    }
}

/// Whether a `Content-Type` is that of a form. Its letter case does not count (RFC 9110, section 8.3.1).
fn is_form(content_type: &str) -> bool {
    // Parameters such as `charset` may follow.
    let media_type = content_type.split(';').next().unwrap_or_default();

    media_type
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Reads the form of `request`.
pub(super) async fn read(
    request: &HttpRequest,
    mut payload: dev::Payload,
) -> Result<Fields, PageError> {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let is_form = content_type
        .and_then(|value| value.to_str().ok())
        .is_some_and(is_form);
    if !is_form {
        return Err(PageError::refused("The body must be a form"));
    }

    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| PageError::refused("The form is incomplete"))?;
        // Counted while it arrives: a chunked body does not say its length.
        if body.len() + chunk.len() > MAX_FORM {
            return Err(PageError::refused(
                "The form must have at most 131,072 bytes",
            ));
        }
        body.extend_from_slice(&chunk);
    }

    Ok(Fields::of(&body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_browsers_write_them() {
        let fields = Fields::of("title=Hi+%26+%C3%B5&tag=a&tag=b&empty=".as_bytes());

        assert_eq!(fields.text("title"), "Hi & õ");
        assert_eq!(fields.texts("tag").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(fields.given("empty"), None);
        assert_eq!(fields.text("missing"), "");
    }

    #[test]
    fn a_form_is_known_by_its_media_type() {
        for (content_type, expected) in [
            ("application/x-www-form-urlencoded", true),
            ("application/x-www-form-urlencoded;charset=UTF-8", true),
            ("Application/X-WWW-Form-Urlencoded ; charset=utf-8", true),
            ("application/x-www-form-urlencoded-2", false),
            ("multipart/form-data; boundary=a", false),
            ("", false),
        ] {
            assert_eq!(is_form(content_type), expected, "{content_type}");
        }
    }
}
