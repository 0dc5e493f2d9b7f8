//! What all pages share: the frame around them, and their headers.

use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::console::assets;
use crate::console::caller::Caller;
pub(super) use crate::console::page_error::PageError;
use crate::http::State;

/// What a page may load and run: the console's own files, and nothing within the page.
const OWN_FILES: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; \
                         form-action 'self'; frame-ancestors 'none'";

/// The views that the navigation lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    Operations,
    People,
    Send,
    Queue,
    Credentials,
    Webhooks,
    Keys,
    Audit,
}

impl View {
    pub(super) const ALL: [Self; 8] = [
        Self::Operations,
        Self::People,
        Self::Send,
        Self::Queue,
        Self::Credentials,
        Self::Webhooks,
        Self::Keys,
        Self::Audit,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Operations => "Operations",
            Self::People => "Person",
            Self::Send => "Send",
            Self::Queue => "Queue",
            Self::Credentials => "Credentials",
            Self::Webhooks => "Webhooks",
            Self::Keys => "Keys",
            Self::Audit => "Audit log",
        }
    }

    pub(super) fn address(self) -> &'static str {
        match self {
            Self::Operations => "/console/operations",
            Self::People => "/console/people",
            Self::Send => "/console/send",
            Self::Queue => "/console/queue",
            Self::Credentials => "/console/credentials",
            Self::Webhooks => "/console/webhooks",
            Self::Keys => "/console/keys",
            Self::Audit => "/console/audit",
        }
    }

    /// The path of its picture, on a square of 20 by 20.
    fn glyph(self) -> &'static str {
        match self {
            Self::Operations => "M2.5 5.5h15M2.5 10h15M2.5 14.5h9",
            Self::People => {
                "M10 9.5a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4zM3.5 17c.6-3.4 3.2-5 6.5-5s5.9 1.6 6.5 5"
            }
            Self::Send => "M17.5 2.5L9 11M17.5 2.5l-5.3 15L9 11 2.5 7.800z",
            Self::Queue => "M3 4.5h14v3.500H3zM3 12h9v3.500H3z",
            Self::Credentials => {
                "M10 2.5l6 2.2v4.8c0 3.8-2.5 6.6-6 8-3.5-1.4-6-4.2-6-8V4.7zM7.5 10l2 2 3.5-4"
            }
            Self::Webhooks => "M4.5 10a5.5 5.5 0 0 1 11 0M7.5 10a2.5 2.5 0 0 1 5 0M10 10v7",
            Self::Keys => "M12.5 11a4 4 0 1 0-3.7-2.5L3 14.3V17h3v-2h2v-2h1.5l1.2-1.2",
            Self::Audit => "M5 2.5h7L15.5 6v11.5H5zM7.5 9H13M7.5 12.5H13",
        }
    }

    /// Its first request to the API. A role that may not make it does not see the view.
    fn first_request(self) -> (Method, &'static str) {
        match self {
            // What waits is what Operations wait for.
            Self::Operations | Self::Queue => (Method::GET, "/v1/PushNotifications/Operations"),
            Self::People => (Method::GET, "/v1/PushNotifications/Users/{id}"),
            Self::Send => (Method::POST, "/v1/PushNotifications"),
            Self::Credentials => (Method::GET, "/v1/PushNotifications/Credentials"),
            Self::Webhooks => (Method::GET, "/v1/PushNotifications/Webhooks"),
            Self::Keys => (Method::GET, "/v1/PushNotifications/Keys"),
            Self::Audit => (Method::GET, "/v1/PushNotifications/AuditEvents"),
        }
    }

    pub(super) fn is_open_to(self, caller: &Caller) -> bool {
        let (method, pattern) = self.first_request();

        caller.may(&method, pattern)
    }
}

/// What is around a page.
pub(super) struct Frame {
    pub version: &'static str,
    pub title: String,
    pub views: Vec<Link>,
    /// Who is logged in.
    pub actor: String,
    pub role: &'static str,
    pub change_token: String,
    /// What was just done.
    pub notice: &'static str,
}

/// A view in the navigation.
pub(super) struct Link {
    pub name: &'static str,
    pub address: &'static str,
    /// The path of its picture.
    pub glyph: &'static str,
    pub is_current: bool,
}

impl Frame {
    pub(super) fn new(caller: &Caller, current: View, title: impl Into<String>) -> Self {
        let views = View::ALL.into_iter().filter(|view| view.is_open_to(caller));

        Self {
            version: assets::VERSION,
            title: title.into(),
            views: views
                .map(|view| Link {
                    name: view.name(),
                    address: view.address(),
                    glyph: view.glyph(),
                    is_current: view == current,
                })
                .collect(),
            actor: caller.who.actor.clone(),
            role: caller.who.role.as_str(),
            change_token: caller.change_token.clone(),
            notice: "",
        }
    }

    /// Says what was just done, as the redirect after a change names it.
    pub(super) fn with_notice(mut self, request: &HttpRequest) -> Self {
        self.notice = query_value(request, "done").map_or("", |done| notice(&done));
        self
    }
}

/// Only these texts are shown: a link could name any other.
fn notice(done: &str) -> &'static str {
    match done {
        "cancel" => "What was not sent yet is being canceled.",
        "pause" => "The Operation is paused. Requests in flight end.",
        "resume" => "The Operation continues.",
        "pace" => "The Operation has a new pace.",
        "send" => "The message is accepted.",
        "revoke" => "The key is revoked. Its next request is refused.",
        "hook" => "The webhook is being called.",
        "resend" => "This Operation sends the failed notifications again.",
        _ => "",
    }
}

/// A page, or a part of one.
pub(super) fn html(status: StatusCode, page: &impl Template) -> Result<HttpResponse, PageError> {
    let html = render(page)?;

    Ok(HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, OWN_FILES))
        // Browsers send the `Origin` of a form only with this policy.
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .body(html))
}

/// The text of a page, or of a part of one.
pub(super) fn render(page: &impl Template) -> Result<String, PageError> {
    page.render()
        .map_err(|error| PageError::internal(&error.to_string()))
}

/// Goes to a page after a change.
pub(super) fn redirect(address: &str) -> HttpResponse {
    // With 303, a browser follows a POST with a GET (RFC 9110, section 15.4.4).
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, address))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .finish()
}

pub(super) fn with_cookie(mut response: HttpResponse, cookie: &str) -> HttpResponse {
    // Cookies are base64url and fixed words, so this does not fail.
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }

    response
}

/// Whether the browser's connection is encrypted, as far as this service and its proxy say.
pub(super) fn is_encrypted(state: &State, request: &HttpRequest) -> bool {
    let is_public = state.settings.public_url.as_ref();

    state.settings.is_encrypted
        || is_public.is_some_and(|url| url.starts_with("https://"))
        // A client may forge this header. It then gets a stricter cookie, for itself alone.
        || request.connection_info().scheme() == "https"
}

/// A parameter of the page's address.
pub(super) fn query_value(request: &HttpRequest, name: &str) -> Option<String> {
    url::form_urlencoded::parse(request.query_string().as_bytes())
        // Browsers send the empty fields of a form as well.
        .find(|(known, value)| known == name && !value.is_empty())
        .map(|(_, value)| value.into_owned())
}

/// `path` with those of `names` that the page's address has, as the API's query.
pub(super) fn with_query(request: &HttpRequest, path: &str, names: &[&str]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for name in names {
        if let Some(value) = query_value(request, name) {
            query.append_pair(name, value.trim());
        }
    }

    match query.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// `text` as a part of a path.
pub(super) fn path_part(text: &str) -> String {
    /// All but the unreserved characters (RFC 3986, section 2.3).
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');

    utf8_percent_encode(text, RESERVED).to_string()
}

/// The answer to every other address.
pub(super) async fn nothing_here() -> Result<HttpResponse, PageError> {
    Err(PageError::not_found())
}

/// A form's answer to a browser that asked with htmx is a part of a page.
pub(super) fn is_partial(request: &HttpRequest) -> bool {
    request.headers().contains_key("hx-request")
}

/// Whether the person behind `caller` may change what is at `pattern`.
pub(super) fn may_post(caller: &Caller, pattern: &str) -> bool {
    caller.may(&Method::POST, &format!("/v1/PushNotifications{pattern}"))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_apis_query_has_the_known_parameters_alone() {
        let request =
            TestRequest::with_uri("/console/operations?status=A%26b&x=1&tags=&pageToken=T")
                .to_http_request();

        assert_eq!(
            with_query(&request, "/Operations", &["status", "tags", "pageToken"]),
            "/Operations?status=A%26b&pageToken=T"
        );
        assert_eq!(with_query(&request, "/Users", &["tags"]), "/Users");
    }

    #[test]
    fn a_part_of_a_path_stays_one_part() {
        assert_eq!(path_part("../Keys?x=ö"), "..%2FKeys%3Fx%3D%C3%B6");
        assert_eq!(path_part("comms_operation_01"), "comms_operation_01");
    }

    #[test]
    fn a_notice_is_one_of_ours() {
        assert_eq!(notice("<script>"), "");
        assert!(!notice("cancel").is_empty());
    }
}
