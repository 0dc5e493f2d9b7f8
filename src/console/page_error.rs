//! Why a page can't be shown, and the answer that says so.

use std::fmt;
use std::sync::Arc;

use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use askama::Template;

use crate::console::page::{html, is_partial, redirect};
use crate::console::{ROOT, assets};
use crate::http::error::ApiError;
use crate::http::failure_log;
use crate::http::in_process_api::CallError;
use crate::model::quoted::quoted_string;
use crate::work_pool::WorkFailed;

/// Why there is no page.
#[derive(Debug)]
pub(super) struct PageError {
    status: StatusCode,
    message: String,
    /// Where to go instead.
    location: Option<Location>,
    /// The methods that the address supports, if it does not support the request's.
    allow: Option<&'static str>,
}

#[derive(Debug)]
struct Location {
    address: String,
    /// A script asked: it would take the page at the address for its answer.
    is_for_script: bool,
}

impl PageError {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            location: None,
            allow: None,
        }
    }

    /// A defect. `reason` is logged and not shown.
    pub(super) fn internal(reason: &str) -> Self {
        if failure_log::is_to_be_logged() {
            tracing::error!(reason, "a page of the console failed");
        }
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "This page has a defect. The log has the reason.",
        )
    }

    pub(super) fn refused(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Nothing is here.")
    }

    /// The address supports the methods in `allow`, and not `method`.
    pub(super) fn method_not_allowed(method: &Method, allow: &'static str) -> Self {
        let method = quoted_string(method.as_str());
        let message =
            format!("This address does not support the method {method}. It supports {allow}.");

        Self {
            allow: Some(allow),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, message)
        }
    }

    /// The role does not allow it.
    pub(super) fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Your role does not allow this page.")
    }

    /// The form was sent by another site, or it is of an earlier session.
    pub(super) fn foreign_form() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "This form is not one of your session. Nothing was changed. Open the page again, and \
             repeat what you wanted to do.",
        )
    }

    /// The browser is not logged in: leads to the form, and after the login back to the page of `request`.
    pub(super) fn logged_out(request: &HttpRequest) -> Self {
        // After the login, the browser opens `next` with a GET: a stream or a change is no page to
        // come back to.
        let is_page = request.method() == Method::GET && !request.path().ends_with("/live");
        let next: String = match request.uri().path_and_query() {
            Some(page) if is_page => {
                let page = page.as_str().as_bytes();
                url::form_urlencoded::byte_serialize(page).collect()
            }
            _ => String::new(),
        };

        Self::to_login(request, &next)
    }

    /// As [`Self::logged_out`], for an address that is no page to come back to.
    pub(super) fn logged_out_without_page(request: &HttpRequest) -> Self {
        Self::to_login(request, "")
    }

    /// `next` is encoded for a URL.
    fn to_login(request: &HttpRequest, next: &str) -> Self {
        Self {
            location: Some(Location {
                address: format!("{ROOT}/login?next={next}"),
                is_for_script: is_partial(request),
            }),
            ..Self::new(StatusCode::UNAUTHORIZED, "You are logged out.")
        }
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl From<CallError> for PageError {
    fn from(error: CallError) -> Self {
        Self::new(error.status, error.message)
    }
}

impl From<ApiError> for PageError {
    fn from(error: ApiError) -> Self {
        Self::new(error.status_code(), error.to_string())
    }
}

impl From<WorkFailed> for PageError {
    /// The work panicked, or the process is stopping.
    fn from(error: WorkFailed) -> Self {
        Self::internal(&error.to_string())
    }
}

impl From<sqlx::Error> for PageError {
    fn from(error: sqlx::Error) -> Self {
        Self::from(&error)
    }
}

impl From<Arc<sqlx::Error>> for PageError {
    fn from(error: Arc<sqlx::Error>) -> Self {
        Self::from(error.as_ref())
    }
}

impl From<&sqlx::Error> for PageError {
    fn from(error: &sqlx::Error) -> Self {
        if failure_log::is_to_be_logged() {
            tracing::error!(%error, "the database can't serve a page of the console");
        }
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "The database can't be reached at present. Try again in a moment.",
        )
    }
}

#[derive(Template)]
#[template(path = "console/error.html")]
struct ErrorPage<'a> {
    version: &'a str,
    status: u16,
    reason: &'a str,
    message: &'a str,
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        match &self.location {
            Some(location) if location.is_for_script => {
                return HttpResponse::build(self.status)
                    .insert_header(("HX-Redirect", location.address.as_str()))
                    .finish();
            }
            Some(location) => return redirect(&location.address),
            None => {}
        }

        let page = ErrorPage {
            version: assets::VERSION,
            status: self.status.as_u16(),
            reason: self.status.canonical_reason().unwrap_or("Error"),
            message: &self.message,
        };
        // An error page that can't be rendered is not followed by another one.
        let mut response = html(self.status, &page)
            .unwrap_or_else(|_| HttpResponse::InternalServerError().finish());
        if let Some(allow) = self.allow {
            // A 405 must have it (RFC 9110, section 15.5.6).
            let headers = response.headers_mut();
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}
