//! The answer to a change: 202 with the id of what it is about, and where to look.

use std::fmt::Display;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::http::State;
use crate::model::id::OperationId;

/// A 202.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    /// The `Location` header.
    pub location: String,
    /// The body.
    pub body: Value,
}

/// What has been asked for is under way.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "read by the derive alone")]
pub(super) struct AcceptedOperation {
    operation_id: OperationId,
    /// Where to see what becomes of it.
    operation_location: String,
}

/// A resource was made or changed.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "read by the derive alone")]
pub(super) struct AcceptedResource {
    resource_id: String,
    resource_location: String,
}

impl Accepted {
    /// What an Operation has been asked for: where to see what becomes of it.
    pub(super) fn operation(request: &HttpRequest, state: &State, id: OperationId) -> Self {
        let location = format!(
            "{}/PushNotifications/Operations/{id}",
            state.base_url(request)
        );
        Self {
            body: json!({"operationId": id, "operationLocation": location}),
            location,
        }
    }

    /// A resource was made or changed. `collection` is the part of its address before the id:
    /// `Credentials`.
    pub(super) fn resource(
        request: &HttpRequest,
        state: &State,
        collection: &str,
        id: impl Display,
    ) -> Self {
        let location = format!(
            "{}/PushNotifications/{collection}/{id}",
            state.base_url(request)
        );
        Self {
            body: json!({"resourceId": id.to_string(), "resourceLocation": location}),
            location,
        }
    }

    /// As it is sent.
    pub(super) fn respond(self) -> HttpResponse {
        HttpResponse::Accepted()
            .insert_header((header::LOCATION, self.location))
            .json(self.body)
    }
}
