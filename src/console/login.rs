//! Login and logout.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, dev, web};
use askama::Template;

use crate::console::caller::{Caller, SubmittedForm};
use crate::console::form;
use crate::console::page::{self, PageError, redirect};
use crate::console::same_origin::is_same_origin;
use crate::console::session::{self, Token};
use crate::console::{ROOT, Settings, assets};
use crate::http::State;
use crate::http::auth::{self, Given};
use crate::store::console_sessions::{self, NewSession};

#[derive(Template)]
#[template(path = "console/login.html")]
struct LoginPage<'a> {
    version: &'a str,
    /// Why the last try failed.
    problem: &'a str,
    /// The key that was tried.
    key: &'a str,
    /// Where to go after the login.
    next: &'a str,
    /// The name of the identity provider, if people can log in there.
    identity_provider: Option<&'a str>,
}

impl LoginPage<'_> {
    /// `next`, encoded for a URL.
    fn next_in_address(&self) -> String {
        page::path_part(self.next)
    }
}

/// The form, with the reason why the last try failed.
pub(super) fn page(
    request: &HttpRequest,
    status: StatusCode,
    problem: &str,
) -> Result<HttpResponse, PageError> {
    let next = page::query_value(request, "next").unwrap_or_default();
    let settings = request.app_data::<web::Data<Settings>>();
    let page = LoginPage {
        version: assets::VERSION,
        problem,
        key: "",
        next: own_page(&next),
        identity_provider: settings.and_then(|settings| settings.identity_provider.as_deref()),
    };

    page::html(status, &page)
}

pub(super) async fn form(request: HttpRequest) -> Result<HttpResponse, PageError> {
    if Caller::of(&request).await?.is_some() {
        return Ok(redirect(ROOT));
    }

    page(&request, StatusCode::OK, "")
}

/// Logs in with a key and its secret. The session is a new one, whatever the browser had before.
pub(super) async fn log_in(
    request: HttpRequest,
    state: web::Data<State>,
    settings: web::Data<Settings>,
    payload: web::Payload,
) -> Result<HttpResponse, PageError> {
    // There is no session yet, so no CSRF token: without this check, another site could log the
    // browser in with its own key, and see what the person does there.
    if !is_same_origin(&request) {
        return Err(PageError::foreign_form());
    }
    let payload: dev::Payload = payload.into_inner();
    let fields = form::read(&request, payload).await?;
    let given = Given {
        key: fields.text("key"),
        secret: fields.text("secret"),
    };

    let source = auth::source(&state, &request);
    let known = match auth::log_in(&state, source, &given).await {
        Ok(known) => known,
        Err(error) => {
            let status = actix_web::ResponseError::status_code(&error);
            let page = LoginPage {
                version: assets::VERSION,
                // One sentence for an unknown key, a wrong secret and a revoked key, so that a
                // stranger does not learn which keys exist.
                problem: if status == StatusCode::UNAUTHORIZED {
                    "No API key that is in use has this name and this secret."
                } else {
                    "Login is not possible at present. Try again in a moment."
                },
                key: given.key,
                next: own_page(fields.text("next")),
                identity_provider: settings.identity_provider.as_deref(),
            };
            return page::html(status, &page);
        }
    };

    // The new cookie replaces the earlier one, so the person could no longer log out of the earlier
    // session. It ends only now, because a failed login leaves the person logged in.
    if let Some(earlier) = Caller::of(&request).await? {
        earlier.end().await?;
    }
    let token = Token::generate();
    let new = NewSession {
        token_hash: &token.hash(),
        account_id: known.account_id,
        key: Some(given.key),
        actor: given.key,
        role: known.role,
        lifetime: settings.session_lifetime,
    };
    console_sessions::insert(&state.pool, &new).await?;
    // A login is a use of the key, although it is no request to the API.
    state.key_use.note(given.key);

    let next = match own_page(fields.text("next")) {
        "" => ROOT,
        next => next,
    };
    let cookie = token.cookie(&state.master_keys, page::is_encrypted(&state, &request));
    Ok(page::with_cookie(redirect(next), &cookie))
}

pub(super) async fn log_out(
    request: HttpRequest,
    form: SubmittedForm,
) -> Result<HttpResponse, PageError> {
    form.caller.end().await?;

    let is_encrypted = page::is_encrypted(&form.caller.state, &request);
    let cookie = session::no_cookie(is_encrypted);
    Ok(page::with_cookie(redirect(ROOT), &cookie))
}

/// `address`, if it is a page of the console; else nothing. A link could name any other.
pub(super) fn own_page(address: &str) -> &str {
    let is_own = address.starts_with("/console/")
        && address
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        && !address.contains("//")
        // Browsers also treat an escaped `..` (`%2e%2e`) as the parent directory.
        && !address.contains("/.")
        && !address.to_ascii_lowercase().contains("%2e");

    if is_own { address } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_a_page_of_the_console_alone() {
        let own = "/console/operations/comms_operation_1?x=y";
        assert_eq!(own_page(own), own);

        for other in [
            "",
            "//evil.example.com",
            "/console//evil.example.com",
            "https://evil.example.com/console/",
            "/console/\\evil",
            "/console/../v1",
            "/console/%2E%2e/v1",
            "/console/a\r\nSet-Cookie: a=b",
            "/v1",
        ] {
            assert_eq!(own_page(other), "", "{other}");
        }
    }
}
