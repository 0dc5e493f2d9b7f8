//! A request that takes no body. What a body says anyway is refused, because nothing would obey it.

use std::future::Future;
use std::pin::Pin;

use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpRequest, ResponseError, dev, web};
use serde_json::Value;

use crate::http::auth::Caller;
use crate::http::body;
use crate::http::error::ApiError;
use crate::http::validation::{
    BYTE_ORDER_MARK, Object, Outline, Path, Problems, no_fields, parse_value,
};

const FORM: &str = "application/x-www-form-urlencoded";
const RULE: &str = "this request takes no body; leave it out, or send an empty JSON object";

/// The caller of a request that takes no body. It may have an empty one, or one without fields, because
/// some clients always send one.
pub(super) struct NoBody {
    pub caller: Caller,
}

impl FromRequest for NoBody {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();

        Box::pin(async move {
            let caller = Caller::of(&request).await?;
            if matches!(payload, dev::Payload::None) {
                return Ok(Self { caller });
            }

            let body = body::receive(&request, caller, payload)
                .await
                .map_err(without_hint)?;
            let content_type = body::header_text(request.headers(), header::CONTENT_TYPE);
            check(&body.bytes, content_type.is_some_and(is_form))?;

            Ok(Self { caller })
        })
    }
}

/// The advice to send a smaller body, or another encoding, would be wrong here.
fn without_hint(error: ApiError) -> ApiError {
    match error.status_code() {
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            ApiError::invalid_field("", RULE)
        }
        _ => error,
    }
}

fn is_form(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();

    media_type.trim().eq_ignore_ascii_case(FORM)
}

/// Refuses a body that has fields, each with its name, or that is something else than fields.
fn check(body: &[u8], is_form: bool) -> Result<(), ApiError> {
    // A null is the same as no value, as in fields.
    if body::says_nothing(body) {
        return Ok(());
    }
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let body = body.trim_ascii();

    let mut problems = Problems::default();
    match parse_value(body) {
        // Whatever its type: curl declares JSON as a form unless it is told otherwise.
        Ok(Value::Object(fields)) => {
            let fields = Object::of(Value::Object(fields), Path::Root, &mut problems);
            if let Some(fields) = fields {
                fields.refuse_unknown(&mut problems);
            }
        }
        // An error of data is a name that occurs twice.
        Err(error) if error.is_data() => note_names(body, &mut problems),
        Err(_) if is_form && !begins_as_json(body) => note_form_fields(body, &mut problems),
        Ok(_) | Err(_) => problems.push(&Path::Root, RULE),
    }

    problems.check()
}

/// Whether a text that is not JSON was meant to be: a form would escape these.
fn begins_as_json(body: &[u8]) -> bool {
    matches!(body.first(), Some(b'[' | b'{' | b'"'))
}

/// Notes the fields of an object that can't be built.
fn note_names(body: &[u8], problems: &mut Problems) {
    match Outline::of(body, &[], "") {
        Ok(outline) => outline.refuse_unknown(&[], problems),
        Err(_) => problems.push(&Path::Root, RULE),
    }

    // The outline has no field without a name.
    if problems.is_empty() {
        problems.push(&Path::Root, RULE);
    }
}

fn note_form_fields(body: &[u8], problems: &mut Problems) {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let fields = web::Query::<Vec<(String, String)>>::from_query(text);
    let fields = fields.map(web::Query::into_inner).unwrap_or_default();

    for (name, _) in &fields {
        problems.push(&Path::Field(&Path::Root, name), no_fields());
    }
    if fields.is_empty() {
        problems.push(&Path::Root, RULE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str, is_form: bool) -> String {
        check(body.as_bytes(), is_form).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn a_body_without_fields_is_as_good_as_none() {
        for body in ["", " \n", "{}", " { } ", "null", "\u{feff}{}", "\u{feff}"] {
            assert_eq!(message(body, false), "", "{body:?}");
            assert_eq!(message(body, true), "", "{body:?}");
        }
    }

    #[test]
    fn each_field_of_a_body_is_named() {
        let named = "reason: this field does not exist; this request has no fields";

        for is_form in [false, true] {
            let message = message(r#"{"reason": "x"}"#, is_form);
            assert!(message.ends_with(named), "{message}");
        }
        let form = message("reason=x&notify=", true);
        assert!(form.contains(named), "{form}");
        assert!(form.ends_with("(and 1 more problem)"), "{form}");

        assert!(is_form("Application/X-WWW-Form-Urlencoded; charset=UTF-8"));
        assert!(!is_form("application/json"));
    }

    #[test]
    fn what_is_no_object_is_refused_whole() {
        for body in ["[]", "7", "\"x\"", "hello", "{\"a\": ", "--boundary"] {
            assert!(message(body, false).ends_with(RULE), "{body}");
        }
        assert!(message("&", true).ends_with(RULE));

        // curl declares JSON as a form, also JSON that is cut or too deep.
        let deep = "[".repeat(60_000);
        for body in [
            "[]",
            "7",
            "\"x\"",
            "{\"a\": ",
            "{\"\": 1, \"\": 2}",
            "[{\"a\":1,\"a\":2}]",
            &deep,
        ] {
            assert!(message(body, true).ends_with(RULE), "{body}");
        }
    }

    #[test]
    fn a_field_that_is_given_twice_is_named_as_any_other() {
        for body in [r#"{"a": 1, "a": 2}"#, r#"{"a": {"b": 1, "b": 2}}"#] {
            let message = message(body, false);
            assert!(
                message.ends_with(&format!("a: {}", no_fields())),
                "{message}"
            );
        }
    }
}
