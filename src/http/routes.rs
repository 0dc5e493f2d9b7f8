//! The routes of the API: which handler answers which method of which path.

use actix_web::http::{Method, header};
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, ResponseError, Route, guard, web};

use crate::http::body::LargeBody;
use crate::http::error::ApiError;
use crate::http::import;
use crate::http::openapi;
use crate::http::resources::{
    account, apps, audiences, audit_events, cancel, credentials, delivery_attempts, device_export,
    device_imports, device_registrations, error_totals, keys, operation_change, operation_errors,
    operation_results, operation_stream, operations, pause, push_notifications, receipts, resend,
    templates, user_data, user_merge, users, webhook_deliveries, webhooks,
};
use crate::http::send;

/// A route for `GET`, and for `HEAD`, whose answer is the same without its body.
pub(super) fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// A resource that takes the methods in `allow`; any other gets a 405 that lists them.
pub(super) fn resource(path: &str, allow: &'static str) -> actix_web::Resource {
    web::resource(path.to_owned()).default_service(web::to(
        move |request: HttpRequest| async move {
            let method = request.method().as_str();
            let mut response: HttpResponse =
                ApiError::method_not_allowed(method, allow).error_response();

            // RFC 9110, section 15.5.6, requires this header in every 405.
            response
                .headers_mut()
                .insert(header::ALLOW, header::HeaderValue::from_static(allow));

            response
        },
    ))
}

/// Every route below `/v1`.
pub(super) fn api(config: &mut web::ServiceConfig) {
    // Of several resources that match a path, the first one answers: names come before ids.
    let push_notifications = web::scope("/v1/PushNotifications")
        .configure(send_routes)
        .configure(operation_routes)
        .configure(credential_routes)
        .configure(account_routes)
        .configure(device_file_routes)
        .configure(device_routes)
        .configure(user_routes)
        .configure(template_routes)
        .configure(webhook_routes)
        .configure(notification_routes);

    let receipts = resource("/v1/Receipts", "OPTIONS, POST")
        // The handler reads the body as `Bytes`, which actix bounds by 256 KiB otherwise.
        .app_data(web::PayloadConfig::new(receipts::MAX_BODY))
        .route(web::post().to(receipts::receive))
        .route(web::method(Method::OPTIONS).to(receipts::preflight))
        // Around all methods and errors: without the header, a page can't read why it was refused.
        .wrap(from_fn(receipts::allow_any_origin));

    config.service(push_notifications).service(receipts);
}

/// Sends, and what helps to write one.
fn send_routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("", "GET, HEAD, POST")
                .app_data(LargeBody)
                .route(read().to(push_notifications::list))
                .route(web::post().to(send::send)),
        )
        .service(
            resource("/Preview", "POST")
                .app_data(LargeBody)
                .route(web::post().to(send::preview::preview)),
        )
        .service(resource("/Audiences/Estimate", "POST").route(web::post().to(audiences::estimate)))
        .service(resource("/ErrorTotals", "GET, HEAD").route(read().to(error_totals::fetch)));
}

fn operation_routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/Operations", "GET, HEAD").route(read().to(operations::list)))
        .service(resource("/Operations/Cancel", "POST").route(web::post().to(cancel::with_tags)))
        .service(
            resource("/Operations/{id}", "GET, HEAD, PATCH")
                .route(read().to(operations::fetch))
                .route(web::patch().to(operation_change::update)),
        )
        .service(resource("/Operations/{id}/Pause", "POST").route(web::post().to(pause::pause)))
        .service(resource("/Operations/{id}/Resume", "POST").route(web::post().to(pause::resume)))
        .service(
            resource("/Operations/{id}/Stream", "GET, HEAD")
                .route(web::get().to(operation_stream::stream))
                // `stream` would count a HEAD among those who watch, and read the Operation for it.
                .route(web::head().to(operation_stream::head)),
        )
        .service(
            resource("/Operations/{id}/Errors", "GET, HEAD")
                .route(read().to(operation_errors::list)),
        )
        .service(
            resource("/Operations/{id}/ErrorTotals", "GET, HEAD")
                .route(read().to(error_totals::fetch_of_operation)),
        )
        .service(
            resource("/Operations/{id}/Results", "GET, HEAD")
                .route(read().to(operation_results::export)),
        )
        .service(resource("/Operations/{id}/Resend", "POST").route(web::post().to(resend::resend)))
        .service(
            resource("/Operations/{id}/Cancel", "POST").route(web::post().to(cancel::operation)),
        );
}

fn credential_routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/Credentials", "GET, HEAD, POST")
                .route(read().to(credentials::list))
                .route(web::post().to(credentials::create)),
        )
        .service(
            resource("/Credentials/{id}", "GET, HEAD, PATCH, DELETE")
                .route(read().to(credentials::fetch))
                .route(web::patch().to(credentials::update))
                .route(web::delete().to(credentials::delete)),
        )
        .service(
            resource("/Credentials/{id}/Test", "POST").route(web::post().to(credentials::test)),
        )
        .service(resource("/Apps", "GET, HEAD").route(read().to(apps::list)))
        .service(
            resource("/Apps/{name}", "GET, HEAD, PATCH")
                .route(read().to(apps::fetch))
                .route(web::patch().to(apps::update)),
        );
}

/// An account's settings, its API keys, and what was done with them.
fn account_routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/Account", "GET, HEAD, PUT")
                .route(read().to(account::fetch))
                .route(web::put().to(account::update)),
        )
        .service(resource("/AuditEvents", "GET, HEAD").route(read().to(audit_events::list)))
        .service(
            resource("/Keys", "GET, HEAD, POST")
                .route(read().to(keys::list))
                .route(web::post().to(keys::create)),
        )
        .service(
            resource("/Keys/{key}", "GET, HEAD, DELETE")
                .route(read().to(keys::fetch))
                .route(web::delete().to(keys::revoke)),
        )
        .service(resource("/Keys/{key}/Rotate", "POST").route(web::post().to(keys::rotate)));
}

/// Files of devices.
fn device_file_routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/DeviceRegistrations/Import", "POST").route(web::post().to(import::import)),
        )
        .service(
            resource("/DeviceRegistrations/Imports", "GET, HEAD")
                .route(read().to(device_imports::list)),
        )
        .service(
            resource("/DeviceRegistrations/Imports/{id}", "GET, HEAD")
                .route(read().to(device_imports::fetch)),
        )
        .service(
            resource("/DeviceRegistrations/Imports/{id}/Errors", "GET, HEAD")
                .route(read().to(device_imports::errors)),
        )
        .service(
            resource("/DeviceRegistrations/Export", "GET, HEAD")
                .route(read().to(device_export::export)),
        );
}

fn device_routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/DeviceRegistrations", "GET, HEAD, POST")
                .route(read().to(device_registrations::list))
                .route(web::post().to(device_registrations::register)),
        )
        .service(
            resource("/DeviceRegistrations/Remove", "POST")
                .route(web::post().to(device_registrations::remove)),
        )
        .service(
            resource(
                "/DeviceRegistrations/{id}/Devices/{deviceId}",
                "PATCH, DELETE",
            )
            .route(web::patch().to(device_registrations::update_device))
            .route(web::delete().to(device_registrations::remove_device)),
        )
        .service(
            resource("/DeviceRegistrations/{id}", "GET, HEAD, DELETE")
                .route(read().to(device_registrations::fetch))
                .route(web::delete().to(device_registrations::delete)),
        );
}

fn user_routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/Users", "GET, HEAD").route(read().to(users::list)))
        .service(
            resource("/Users/{id}", "GET, HEAD, PUT, DELETE")
                .route(read().to(users::fetch))
                .route(web::put().to(users::update))
                .route(web::delete().to(users::delete)),
        )
        .service(resource("/Users/{id}/Data", "GET, HEAD").route(read().to(user_data::export)))
        .service(resource("/Users/{id}/Merge", "POST").route(web::post().to(user_merge::merge)));
}

fn template_routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/Templates", "GET, HEAD, POST")
                .route(read().to(templates::list))
                .route(web::post().to(templates::create)),
        )
        .service(
            resource("/Templates/{id}", "GET, HEAD, PATCH, DELETE")
                .route(read().to(templates::fetch))
                .route(web::patch().to(templates::update))
                .route(web::delete().to(templates::delete)),
        )
        .service(
            resource("/Templates/{id}/Versions", "GET, HEAD").route(read().to(templates::versions)),
        );
}

fn webhook_routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/Webhooks", "GET, HEAD, POST")
                .route(read().to(webhooks::list))
                .route(web::post().to(webhooks::create)),
        )
        .service(
            resource("/Webhooks/{id}", "GET, HEAD, PATCH, DELETE")
                .route(read().to(webhooks::fetch))
                .route(web::patch().to(webhooks::update))
                .route(web::delete().to(webhooks::delete)),
        )
        .service(
            resource("/Webhooks/{id}/RotateSecret", "POST")
                .route(web::post().to(webhooks::rotate_secret)),
        )
        .service(
            resource("/Webhooks/{id}/Test", "POST").route(web::post().to(webhook_deliveries::test)),
        )
        .service(
            resource("/Webhooks/{id}/Deliveries", "GET, HEAD")
                .route(read().to(webhook_deliveries::list)),
        )
        .service(
            resource("/Webhooks/{id}/Deliveries/{deliveryId}", "GET, HEAD")
                .route(read().to(webhook_deliveries::fetch)),
        )
        .service(
            resource("/Webhooks/{id}/Deliveries/{deliveryId}/Resend", "POST")
                .route(web::post().to(webhook_deliveries::resend)),
        );
}

/// Notifications by their ids, which any other name would be taken for.
fn notification_routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/{id}", "GET, HEAD").route(read().to(push_notifications::fetch)))
        .service(resource("/{id}/Cancel", "POST").route(web::post().to(cancel::push_notification)))
        .service(
            resource("/{id}/DeliveryAttempts", "GET, HEAD")
                .route(read().to(delivery_attempts::list)),
        );
}

/// The description of the API, and the page that shows it.
pub(super) fn docs(config: &mut web::ServiceConfig) {
    config
        .service(resource("/openapi.json", "GET, HEAD").route(read().to(openapi::json)))
        .service(web::redirect("/docs", "/docs/"))
        .service(resource("/docs/{path:.*}", "GET, HEAD").route(read().to(openapi::page)));
}
