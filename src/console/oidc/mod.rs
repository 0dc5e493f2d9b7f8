//! Login with OpenID Connect, by the authorization code flow with PKCE. The identity provider authenticates a
//! person. The configuration maps the person's groups to an account of Bellwire and a role.
//!
//! Between the two steps of a login, the browser keeps its state in a signed cookie ([`pending`]).

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

mod access;
mod description;
mod pending;
mod person;
mod provider;

use crate::console::caller::Caller;
use crate::console::page::{self, PageError, query_value};
use crate::console::session::Token;
use crate::console::{ROOT, Settings, assets, login};
use crate::http::State;
use crate::http::auth;
use crate::store::console_sessions::{self, NewSession};
use crate::store::{accounts, console_logins};
pub(crate) use access::AccessRule;
use access::access_of;
pub(super) use access::accounts_with;
use pending::Pending;
use person::Person;
use provider::Failure;
pub(crate) use provider::{Provider, ProviderParams};

/// How people log in with OpenID Connect.
#[derive(Debug, Clone)]
pub(crate) struct OidcSettings {
    pub provider: Provider,
    pub access: Vec<AccessRule>,
}

/// Where the provider sends the browser back to.
const CALLBACK: &str = "/console/login/oidc/callback";
/// Most groups that the page lists for a person without a role.
const MOST_SHOWN: usize = 20;
/// Most characters of a text of the provider that the page or the log shows.
const LONGEST_SHOWN: usize = 64;

/// Leads to the console once the browser is logged in.
#[derive(Template)]
#[template(path = "console/logged_in.html")]
struct LoggedInPage<'a> {
    version: &'a str,
    next: &'a str,
}

/// Why a login was refused, for the person who tried.
struct Refusal {
    status: StatusCode,
    message: String,
    /// For the log. `None`: the log has the reason already, or needs none.
    reason: Option<String>,
}

impl Refusal {
    /// The person can resolve it.
    fn of_login(message: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            message: message.into(),
            reason: Some(reason.into()),
        }
    }

    /// The operator of Bellwire or of the provider must resolve it.
    fn of_provider() -> Self {
        Self {
            status: StatusCode::BAD_GATEWAY,
            message: "The login at your identity provider does not work at present. The log of Bellwire has \
                      the reason. You can log in with an API key."
                .to_owned(),
            reason: None,
        }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Provider(_) => Self::of_provider(),
            Failure::Login(reason) => Self::of_login(
                "Bellwire does not accept the answer of your identity provider. Log in again. The log of Bellwire \
                 has the reason.",
                reason,
            ),
        }
    }
}

/// Sends the browser to the provider.
pub(in crate::console) async fn begin(
    request: HttpRequest,
    state: web::Data<State>,
    settings: web::Data<Settings>,
) -> Result<HttpResponse, PageError> {
    let Some(oidc) = &settings.oidc else {
        return Err(PageError::not_found());
    };

    let next = query_value(&request, "next").unwrap_or_default();
    let redirect_uri = redirect_uri(&state, &request);
    let step = match oidc.provider.begin(&redirect_uri).await {
        Ok(step) => step,
        Err(failure) => return refuse(&request, &state, &Refusal::from(failure)).await,
    };

    let pending = Pending::new(&step, login::own_page(&next));
    let is_encrypted = page::is_encrypted(&state, &request);
    let cookie = pending.cookie(&state.master_keys, is_encrypted);
    Ok(page::with_cookie(page::redirect(&step.address), &cookie))
}

/// Logs in the person whom the provider has sent back.
pub(in crate::console) async fn end(
    request: HttpRequest,
    state: web::Data<State>,
    settings: web::Data<Settings>,
) -> Result<HttpResponse, PageError> {
    let Some(oidc) = &settings.oidc else {
        return Err(PageError::not_found());
    };
    let callback = Callback {
        request: &request,
        state: &state,
        settings: &settings,
        oidc,
    };
    // A refusal here leaves the cookie: another site can send the browser to this address, and must
    // not end the login that the person is in.
    let pending = match callback.pending() {
        Ok(pending) => pending,
        Err(refusal) => return refuse(&request, &state, &refusal).await,
    };

    // The login ends here, even if it is refused, so its cookie is removed.
    let is_encrypted = page::is_encrypted(&state, &request);
    let no_login = Pending::no_cookie(is_encrypted);
    match callback.log_in(&pending).await {
        Ok(token) => {
            let session = token.cookie(&state.master_keys, is_encrypted);
            logged_in(pending.next(), &[session, no_login])
        }
        Err(NotLoggedIn::Refused(refusal)) => {
            let response = refuse(&request, &state, &refusal).await?;
            Ok(page::with_cookie(response, &no_login))
        }
        Err(NotLoggedIn::Failed(error)) => Err(error),
    }
}

/// Why a person is not logged in: a refusal, or a failure of Bellwire.
enum NotLoggedIn {
    Refused(Refusal),
    Failed(PageError),
}

impl From<Refusal> for NotLoggedIn {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<PageError> for NotLoggedIn {
    fn from(error: PageError) -> Self {
        Self::Failed(error)
    }
}

impl From<sqlx::Error> for NotLoggedIn {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// A browser that comes back from the provider.
struct Callback<'a> {
    request: &'a HttpRequest,
    state: &'a State,
    settings: &'a Settings,
    oidc: &'a OidcSettings,
}

impl Callback<'_> {
    /// The login that this browser began and that this request completes.
    fn pending(&self) -> Result<Pending, Refusal> {
        let is_encrypted = page::is_encrypted(self.state, self.request);
        let pending = Pending::of(self.request, &self.state.master_keys, is_encrypted);
        let Some(pending) = pending else {
            return Err(Refusal::of_login(
                "This login has taken too long, or it was begun in another browser. Log in again.",
                "no login was begun in this browser, or it has taken too long",
            ));
        };

        let given = query_value(self.request, "state").unwrap_or_default();
        if !pending.is_answered_by(&given) {
            return Err(Refusal::of_login(
                "This answer does not belong to the login that this browser began last. Log in again.",
                "the state belongs to another login",
            ));
        }
        Ok(pending)
    }

    async fn log_in(&self, pending: &Pending) -> Result<Token, NotLoggedIn> {
        let code = self.code()?;
        let redirect_uri = redirect_uri(self.state, self.request);
        let answer = pending.answer(code, redirect_uri);
        let person = self
            .oidc
            .provider
            .end(answer)
            .await
            .map_err(Refusal::from)?;

        let groups = person.groups.as_deref().unwrap_or_default();
        // The role is settled before anything is written, so strangers can't fill the tables of
        // logins and sessions.
        let Some(rule) = access_of(&self.oidc.access, groups) else {
            return Err(no_access(&person, &self.oidc.provider).into());
        };
        let Some(account_id) = accounts::find(&self.state.pool, &rule.account).await? else {
            return Err(no_account(&person, &rule.account).into());
        };

        // A login is used once, even if the provider would accept its code again.
        let is_first =
            console_logins::end(&self.state.pool, &pending.hash(), pending::LIFETIME).await?;
        if !is_first {
            return Err(Refusal::of_login(
                "This login was used already. Log in again.",
                "the login was used already",
            )
            .into());
        }
        // A browser that comes from another site may not send the earlier session's cookie, which
        // is `SameSite=Strict`. Then that session ends by its idleness.
        if let Some(earlier) = Caller::of(self.request).await? {
            earlier.end().await?;
        }
        let token = Token::generate();
        let new = NewSession {
            token_hash: &token.hash(),
            account_id,
            key: None,
            actor: &person.name,
            role: rule.role,
            lifetime: self.settings.session_lifetime,
        };
        console_sessions::insert(&self.state.pool, &new).await?;

        Ok(token)
    }

    /// The code that the provider has given the browser.
    fn code(&self) -> Result<String, Refusal> {
        if let Some(code) = query_value(self.request, "code") {
            return Ok(code);
        }

        let error = query_value(self.request, "error").unwrap_or_default();
        // Cut, and escaped by `Debug`: the text is in the address, so anyone may have written it.
        let reason = format!("the provider answers {:?}", beginning(&error));
        let message = if error == "access_denied" {
            "The login was canceled, or your identity provider does not let you log in to Bellwire."
        } else {
            "Your identity provider has refused the login. Log in again. The log of Bellwire has the reason."
        };
        Err(Refusal::of_login(message, reason))
    }
}

fn redirect_uri(state: &State, request: &HttpRequest) -> String {
    format!("{}{CALLBACK}", state.public_base(request))
}

/// For a person to whom no rule gives a role.
fn no_access(person: &Person, provider: &Provider) -> Refusal {
    let name = &person.name;

    let message = match &person.groups {
        None => format!(
            "Your identity provider knows you as {name}, but does not send your groups to Bellwire: its \
             answer has no claim \"{}\". The operator of the identity provider can add it.",
            provider.groups_claim()
        ),
        Some(groups) if groups.is_empty() => format!(
            "Your identity provider knows you as {name}, and says that you are in no group. Ask the operator \
             of the identity provider for a group that may use Bellwire."
        ),
        Some(groups) => format!(
            "Your identity provider knows you as {name}, in these groups: {}. None of them may use Bellwire. Ask \
             the operator of Bellwire to give one of them a role (oidc.access).",
            listed(groups)
        ),
    };
    Refusal::of_login(message, format!("no group of {name} has a role"))
}

/// For a person whose account does not exist.
fn no_account(person: &Person, account: &str) -> Refusal {
    Refusal::of_login(
        format!(
            "Your groups may use the account {account}, but this account does not exist. Ask the operator of \
             Bellwire to create it, or to correct oidc.access."
        ),
        format!(
            "{} may use the account {account} (oidc.access), which does not exist",
            person.name
        ),
    )
}

/// The first groups of a list, for people.
fn listed(groups: &[String]) -> String {
    let shown: Vec<String> = groups
        .iter()
        .take(MOST_SHOWN)
        .map(|group| beginning(group))
        .collect();

    match groups.len().saturating_sub(MOST_SHOWN) {
        0 => shown.join(", "),
        more => format!("{}, and {more} more", shown.join(", ")),
    }
}

/// The part of a text of the provider that is shown.
fn beginning(text: &str) -> String {
    text.chars().take(LONGEST_SHOWN).collect()
}

/// The login form with the reason. A refused login counts as a failed login.
async fn refuse(
    request: &HttpRequest,
    state: &State,
    refusal: &Refusal,
) -> Result<HttpResponse, PageError> {
    if let Some(reason) = &refusal.reason {
        let source = auth::source(state, request);
        auth::hold_back(state, source, "OpenID Connect", reason).await;
    }

    login::page(request, refusal.status, &refusal.message)
}

/// A page that opens the console. After a redirect, browsers would not send the session's cookie, which is
/// `SameSite=Strict`, because the provider's site began the navigation.
fn logged_in(next: &str, cookies: &[String]) -> Result<HttpResponse, PageError> {
    let page = LoggedInPage {
        version: assets::VERSION,
        next: match login::own_page(next) {
            "" => ROOT,
            next => next,
        },
    };

    let mut response = page::html(StatusCode::OK, &page)?;
    for cookie in cookies {
        let value = header::HeaderValue::from_str(cookie)
            .map_err(|_| PageError::internal("a cookie that is no header"))?;
        // `insert` would keep only the last cookie.
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_of_groups_is_cut() {
        let groups: Vec<String> = (1..=22).map(|number| format!("g{number}")).collect();

        assert_eq!(listed(&groups[..2]), "g1, g2");
        assert!(listed(&groups).ends_with("g20, and 2 more"));
        assert_eq!(listed(&["x".repeat(1_000)]).len(), LONGEST_SHOWN);
    }
}
