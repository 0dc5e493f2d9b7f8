//! The routes of the console: which handler answers which method of which path.

use std::future::ready;

use actix_web::{HttpRequest, HttpResponse, Resource, Route, guard, web};

use crate::console::caller::Caller;
#[cfg(feature = "oidc")]
use crate::console::oidc;
use crate::console::page::{self, PageError};
use crate::console::{
    ROOT, Settings, assets, audit, credentials, home, keys, login, notification, operation,
    operations, people, queue, send, webhooks,
};

/// The methods of a page, for the header `Allow`.
const READ: &str = "GET, HEAD";
/// The methods of a change.
const CHANGE: &str = "POST";
/// The methods of a page whose form is sent to its own address.
const READ_AND_CHANGE: &str = "GET, HEAD, POST";

/// A route for `GET`, and for `HEAD`, whose answer is the same without its body.
fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// A resource for people who are logged in, which takes the methods in `allow`. Any other gets a 405 that lists
/// them.
fn resource(path: &str, allow: &'static str) -> Resource {
    let refuse = move |request: HttpRequest| refuse_method_of_caller(request, allow);

    web::resource(path.to_owned()).default_service(web::to(refuse))
}

/// As [`resource`], for everyone.
fn open_resource(path: &str, allow: &'static str) -> Resource {
    let refuse = move |request: HttpRequest| {
        let error = PageError::method_not_allowed(request.method(), allow);
        ready(Err::<HttpResponse, PageError>(error))
    };

    web::resource(path.to_owned()).default_service(web::to(refuse))
}

async fn refuse_method_of_caller(
    request: HttpRequest,
    allow: &'static str,
) -> Result<HttpResponse, PageError> {
    // Without a login, the answer is the same as for the methods in `allow`: it leads to the login
    // form.
    match Caller::of(&request).await? {
        Some(_) => Err(PageError::method_not_allowed(request.method(), allow)),
        None => Err(PageError::logged_out_without_page(&request)),
    }
}

/// Every route of the console.
pub(super) fn console(config: &mut web::ServiceConfig, settings: &Settings) {
    let pages = web::scope(ROOT)
        .configure(|config| login_routes(config, settings))
        .configure(operation_routes)
        .configure(people_routes)
        .configure(send_routes)
        .configure(settings_routes)
        .default_service(web::to(page::nothing_here));

    config
        .service(
            open_resource("/console/", READ).route(read().to(async || web::Redirect::to(ROOT))),
        )
        .service(open_resource(ROOT, READ).route(read().to(home::show)))
        .service(pages);
}

/// The way in and out, and what its pages load.
fn login_routes(config: &mut web::ServiceConfig, settings: &Settings) {
    config
        .service(
            open_resource("/login", READ_AND_CHANGE)
                .route(read().to(login::form))
                .route(web::post().to(login::log_in)),
        )
        .service(resource("/logout", CHANGE).route(web::post().to(login::log_out)))
        // The login form loads these files, so they need no login.
        .service(open_resource("/assets/{name:.*}", READ).route(read().to(assets::file)));

    oidc_routes(config, settings);
}

/// The login at an identity provider, if one is configured.
#[cfg(feature = "oidc")]
fn oidc_routes(config: &mut web::ServiceConfig, settings: &Settings) {
    if settings.oidc.is_none() {
        return;
    }

    config
        .service(open_resource("/login/oidc", READ).route(read().to(oidc::begin)))
        .service(open_resource("/login/oidc/callback", READ).route(read().to(oidc::end)));
}

#[cfg(not(feature = "oidc"))]
fn oidc_routes(_: &mut web::ServiceConfig, _: &Settings) {}

/// Operations.
fn operation_routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/operations", READ).route(read().to(operations::list)))
        // Of several resources that match a path, the first one answers: `live` comes before
        // `{id}`.
        .service(resource("/operations/live", READ).route(read().to(operations::live)))
        .service(resource("/operations/{id}", READ).route(read().to(operation::show)))
        .service(resource("/operations/{id}/live", READ).route(read().to(operation::live)))
        .service(resource("/operations/{id}/results", READ).route(read().to(operation::results)))
        .service(
            resource("/operations/{id}/cancel", CHANGE).route(web::post().to(operation::cancel)),
        )
        .service(resource("/operations/{id}/pause", CHANGE).route(web::post().to(operation::pause)))
        .service(
            resource("/operations/{id}/resume", CHANGE).route(web::post().to(operation::resume)),
        )
        .service(resource("/operations/{id}/pace", CHANGE).route(web::post().to(operation::pace)))
        .service(
            resource("/operations/{id}/resend", CHANGE).route(web::post().to(operation::resend)),
        );
}

/// People, and what was sent to them.
fn people_routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/people", READ).route(read().to(people::search)))
        .service(resource("/people/{id}", READ).route(read().to(people::show)))
        .service(resource("/notifications/{id}", READ).route(read().to(notification::show)));
}

/// Sends, and the queue that they wait in.
fn send_routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/send", READ_AND_CHANGE)
                .route(read().to(send::form))
                .route(web::post().to(send::send)),
        )
        .service(resource("/send/preview", CHANGE).route(web::post().to(send::preview)))
        .service(resource("/send/validate", CHANGE).route(web::post().to(send::validate)))
        .service(resource("/queue", READ).route(read().to(queue::show)))
        .service(resource("/queue/live", READ).route(read().to(queue::live)));
}

/// What an account is set up with, and who changed it.
fn settings_routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/credentials", READ).route(read().to(credentials::list)))
        .service(
            resource("/credentials/{id}/test", CHANGE).route(web::post().to(credentials::test)),
        )
        .service(resource("/webhooks", READ).route(read().to(webhooks::list)))
        .service(resource("/webhooks/{id}", READ).route(read().to(webhooks::show)))
        .service(resource("/webhooks/{id}/test", CHANGE).route(web::post().to(webhooks::test)))
        .service(
            resource("/webhooks/{id}/deliveries/{delivery}/resend", CHANGE)
                .route(web::post().to(webhooks::resend)),
        )
        .service(
            resource("/keys", READ_AND_CHANGE)
                .route(read().to(keys::list))
                .route(web::post().to(keys::create)),
        )
        .service(resource("/keys/{key}/rotate", CHANGE).route(web::post().to(keys::rotate)))
        .service(resource("/keys/{key}/revoke", CHANGE).route(web::post().to(keys::revoke)))
        .service(resource("/audit", READ).route(read().to(audit::list)));
}
