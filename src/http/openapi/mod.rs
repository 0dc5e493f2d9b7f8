//! The API's description: `/openapi.json`, made from the handlers' own annotations, and a page to
//! browse it, whose assets are in the binary.

use std::sync::{Arc, LazyLock};

use actix_web::{HttpResponse, web};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::Config;

mod errors;
mod headers;
mod requests;

pub(super) use errors::{ChangeErrors, CreateErrors, ReadErrors};
use headers::Headers;
pub(super) use requests::{CredentialRequest, DefaultRequest, RegisterRequest, SendRequest};

use crate::http::error::{ErrorBody, Problem};
use crate::http::{
    apps, cancel, credentials, delivery_attempts, device_registrations, health, operation_errors,
    operations, push_notifications, send, users,
};

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Bellwire",
        description = "Push notifications through FCM and APNs. The surface is that of Twilio's Push Notifications API; \
            what is marked as ours is an extension."
    ),
    paths(
        send::send,
        send::dry_run::preview,
        push_notifications::list,
        push_notifications::fetch,
        cancel::push_notification,
        delivery_attempts::list,
        operations::list,
        operations::fetch,
        operation_errors::list,
        cancel::operation,
        credentials::list,
        credentials::create,
        credentials::fetch,
        credentials::update,
        credentials::delete,
        apps::list,
        apps::fetch,
        apps::update,
        device_registrations::list,
        device_registrations::register,
        device_registrations::fetch,
        device_registrations::delete,
        users::list,
        users::fetch,
        users::delete,
        health::liveness,
        health::readiness,
    ),
    components(schemas(ErrorBody, Problem)),
    modifiers(&BasicAuthentication, &Headers),
    security(("basic" = [])),
)]
struct Document;

struct BasicAuthentication;

impl Modify for BasicAuthentication {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let basic = Http::builder()
            .scheme(HttpAuthScheme::Basic)
            .description(Some(
                "An API key and its secret; `bellwire keys create` makes them.",
            ))
            .build();
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("basic", SecurityScheme::Http(basic));
    }
}

static JSON: LazyLock<String> = LazyLock::new(|| Document::openapi().to_json().unwrap_or_default());

/// The document as JSON.
pub(super) async fn json() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(JSON.as_str())
}

/// The page, and what it loads.
pub(super) async fn page(path: web::Path<String>) -> HttpResponse {
    let config = Arc::new(Config::from("/openapi.json"));
    match utoipa_swagger_ui::serve(&path, config) {
        Ok(Some(file)) => HttpResponse::Ok()
            .content_type(file.content_type)
            .body(file.bytes.into_owned()),
        _ => HttpResponse::NotFound().finish(),
    }
}
