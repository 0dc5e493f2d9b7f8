//! The answer to a change of a resource: 202 with its id and its address.

use std::fmt::Display;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use crate::http::State;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Changed {
    resource_id: String,
    resource_location: String,
}

/// `collection` is the part of the address before the id: `Credentials`.
pub fn changed(request: &HttpRequest, state: &State, collection: &str, id: impl Display) -> HttpResponse {
    let location = format!("{}/PushNotifications/{collection}/{id}", state.base_url(request));
    HttpResponse::Accepted()
        .insert_header((header::LOCATION, location.clone()))
        .json(Changed { resource_id: id.to_string(), resource_location: location })
}
