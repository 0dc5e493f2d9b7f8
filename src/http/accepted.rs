//! The answer to a change: 202, with the id of the changed resource and its address.

use std::fmt::Display;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::http::State;
use crate::model::id::OperationId;

/// A 202, or a 204 for what was removed. Under an `Idempotency-Key` it is stored, and answered again to a repeated request.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    /// The `Location` header.
    pub location: String,
    pub body: Value,
}

/// An Operation was accepted, or what is left of it was canceled.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AcceptedOperation {
    operation_id: OperationId,
    /// The address of the Operation, which shows its progress.
    operation_location: String,
}

/// A resource was created or changed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AcceptedResource {
    /// The id of the resource; the name of an App.
    resource_id: String,
    /// The address of the resource.
    resource_location: String,
}

impl Accepted {
    pub(super) fn operation(request: &HttpRequest, state: &State, id: OperationId) -> Self {
        let location = address(request, state, "Operations", id);

        Self {
            body: json!(AcceptedOperation {
                operation_id: id,
                operation_location: location.clone(),
            }),
            location,
        }
    }

    /// `collection` is the part of the address before the id: `Credentials`.
    pub(super) fn resource(
        request: &HttpRequest,
        state: &State,
        collection: &str,
        id: impl Display,
    ) -> Self {
        let location = address(request, state, collection, &id);

        Self {
            body: json!(AcceptedResource {
                resource_id: id.to_string(),
                resource_location: location.clone(),
            }),
            location,
        }
    }

    /// A resource was removed: a 204, which has neither an address nor a body.
    pub(super) fn removed() -> Self {
        Self {
            location: String::new(),
            body: Value::Null,
        }
    }

    pub(super) fn respond(self) -> HttpResponse {
        // A repeat under an Idempotency-Key is answered from the stored body and location. Only the
        // null body tells it that the first answer was a 204.
        if self.body.is_null() {
            return HttpResponse::NoContent().finish();
        }

        HttpResponse::Accepted()
            .insert_header((header::LOCATION, self.location))
            .json(self.body)
    }
}

fn address(request: &HttpRequest, state: &State, collection: &str, id: impl Display) -> String {
    format!(
        "{}/PushNotifications/{collection}/{id}",
        state.base_url(request)
    )
}
