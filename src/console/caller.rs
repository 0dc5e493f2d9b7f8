//! A caller: a request from a person who is logged in. Every page takes a caller as an argument, so no page
//! can skip the check.

use std::future::Future;
use std::pin::Pin;

use actix_web::http::Method;
use actix_web::{FromRequest, HttpRequest, dev, web};

use crate::console::Settings;
use crate::console::form::{self, Fields};
use crate::console::page::{self, PageError};
use crate::console::same_origin::is_same_origin;
use crate::console::session::Token;
use crate::http::State;
use crate::http::auth::LoggedIn;
use crate::http::in_process_api::{CallerApi, InProcessApi};
use crate::store::accounts;
use crate::store::console_sessions::{self, Session};

/// The name of the field that every form has.
pub(super) const CHANGE_TOKEN: &str = "change_token";

/// A request for a page, by a person who is logged in.
#[derive(Clone)]
pub(super) struct Caller {
    pub state: web::Data<State>,
    pub who: LoggedIn,
    /// The API, called for this person.
    pub api: CallerApi,
    /// What every form on the page carries.
    pub change_token: String,
    token: Token,
    settings: web::Data<Settings>,
}

/// A form of a person who is logged in, sent by a page of their session.
pub(super) struct SubmittedForm {
    pub caller: Caller,
    pub fields: Fields,
}

impl Caller {
    /// The caller of `request`. `None`: the browser is not logged in.
    pub(super) async fn of(request: &HttpRequest) -> Result<Option<Self>, PageError> {
        let missing = || PageError::internal("a page without its data");
        let state = request.app_data::<web::Data<State>>().ok_or_else(missing)?;
        let settings = request
            .app_data::<web::Data<Settings>>()
            .ok_or_else(missing)?;
        let in_process_api = request.app_data::<InProcessApi>().ok_or_else(missing)?;

        let is_encrypted = page::is_encrypted(state, request);
        // The signature is checked before Postgres is asked, so a made-up cookie costs no query.
        let Some(token) = Token::of(request, &state.master_keys, is_encrypted) else {
            return Ok(None);
        };
        // What goes on by itself keeps no session alive.
        let is_use = !request.path().ends_with("/live");
        let Some(who) = find(state, settings, &token, is_use).await? else {
            return Ok(None);
        };

        Ok(Some(Self {
            api: in_process_api.of(who.clone(), request),
            change_token: token.change_token(&state.master_keys),
            state: state.clone(),
            settings: settings.clone(),
            who,
            token,
        }))
    }

    /// Whether the person is still logged in, with the same role.
    pub(super) async fn is_valid(&self) -> bool {
        match find(&self.state, &self.settings, &self.token, false).await {
            // With another role, the page may show more than the person may see now.
            Ok(Some(who)) => who.role == self.who.role,
            Ok(None) => false,
            // Postgres can't be reached. The next check finds out.
            Err(_) => true,
        }
    }

    /// Ends the session.
    pub(super) async fn end(&self) -> Result<(), PageError> {
        console_sessions::delete(&self.state.pool, &self.token.hash()).await?;

        Ok(())
    }

    /// Whether the person may use `method` on the route `pattern` of the API.
    pub(super) fn may(&self, method: &Method, pattern: &str) -> bool {
        self.who.may(method, pattern)
    }
}

/// Who has the session of `token`. A key that was revoked, or that has ended, ends its sessions. So does a
/// configuration by which no group has their role in their account.
async fn find(
    state: &State,
    settings: &Settings,
    token: &Token,
    is_use: bool,
) -> Result<Option<LoggedIn>, PageError> {
    let found =
        console_sessions::find(&state.pool, &token.hash(), settings.idle_timeout, is_use).await?;
    let Some(session) = found else {
        return Ok(None);
    };
    let Session {
        account_id,
        key,
        actor,
        role,
    } = session;

    // A person who logged in at the identity provider has no key that could be revoked. The rules
    // of the configuration may have changed since.
    let Some(key) = key else {
        let names = settings.accounts_of_people(role);
        let is_allowed = accounts::is_one_of(&state.pool, account_id, &names).await?;
        return Ok(is_allowed.then_some(LoggedIn {
            account_id,
            role,
            actor,
        }));
    };
    let known = state.api_keys.find(key).await.map_err(PageError::from)?;
    let usable = known.filter(|known| known.ended.is_none());
    // Account and role come from the key, as for a request to the API. The session's copies may be
    // older.
    Ok(usable.map(|known| LoggedIn {
        account_id: known.account_id,
        role: known.role,
        actor,
    }))
}

impl FromRequest for Caller {
    type Error = PageError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let request = request.clone();

        Box::pin(async move {
            // The handler of a change must take `SubmittedForm`, which also checks the CSRF token.
            if !matches!(*request.method(), Method::GET | Method::HEAD) {
                return Err(PageError::internal(
                    "a change that does not ask for its form",
                ));
            }

            Self::of(&request)
                .await?
                .ok_or_else(|| PageError::logged_out(&request))
        })
    }
}

impl FromRequest for SubmittedForm {
    type Error = PageError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();

        Box::pin(async move {
            // First, so that another site's form neither uses the session nor makes this process
            // read a body.
            if !is_same_origin(&request) {
                return Err(PageError::foreign_form());
            }
            let caller = Caller::of(&request)
                .await?
                .ok_or_else(|| PageError::logged_out(&request))?;

            // After the login, so that strangers can't make this process hold bodies.
            let fields = form::read(&request, payload).await?;
            let given = fields.text(CHANGE_TOKEN);
            if !caller
                .token
                .is_change_token(given, &caller.state.master_keys)
            {
                return Err(PageError::foreign_form());
            }

            Ok(Self { caller, fields })
        })
    }
}
