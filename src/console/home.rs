//! `/console`: the first page after a login, or the login form.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};

use crate::console::caller::Caller;
use crate::console::login;
use crate::console::page::{PageError, View, redirect};

pub(super) async fn show(request: HttpRequest) -> Result<HttpResponse, PageError> {
    let Some(caller) = Caller::of(&request).await? else {
        return login::page(&request, StatusCode::OK, "");
    };

    // A role that only sends may not open the first view of the navigation.
    let first = View::ALL.into_iter().find(|view| view.is_open_to(&caller));
    let address = first.map_or(super::ROOT, View::address);
    Ok(redirect(address))
}
