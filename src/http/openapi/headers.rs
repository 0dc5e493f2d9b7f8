//! The headers of answers. They are the same for every operation, so they are described here and
//! not beside each.

use utoipa::Modify;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::Response;
use utoipa::openapi::{Object, OpenApi, RefOr, Type};

use crate::http::openapi::operations_of;

/// Adds the headers of every answer to the document.
pub(super) struct Headers;

impl Modify for Headers {
    fn modify(&self, document: &mut OpenApi) {
        document
            .paths
            .paths
            .values_mut()
            .flat_map(operations_of)
            .for_each(describe);
    }
}

/// What the headers of an operation's answers depend on.
struct Traits {
    takes_idempotency_key: bool,
    /// A health check has no `Retry-After`: its 503 means "do not send requests here".
    is_health_check: bool,
    /// Receipts make no resource.
    is_receipt: bool,
}

impl Traits {
    fn of(operation: &Operation) -> Self {
        let has_tag = |tag: &str| operation.tags.as_deref() == Some(&[tag.to_owned()]);

        Self {
            takes_idempotency_key: operation
                .parameters
                .iter()
                .flatten()
                .any(|it| matches!(it, RefOr::T(parameter) if parameter.name == "Idempotency-Key")),
            is_health_check: has_tag("Health"),
            is_receipt: has_tag("Receipts"),
        }
    }
}

fn describe(operation: &mut Operation) {
    let traits = Traits::of(operation);

    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            add_general(response, &traits);
            add_of_status(response, status, &traits);
        }
    }
}

/// The headers that do not depend on the status.
fn add_general(response: &mut Response, traits: &Traits) {
    add(
        response,
        "X-Request-Id",
        header(
            Type::String,
            "The request's own id if it sent a well-formed one, otherwise a new id (extension)",
        ),
    );
    // Rate limits count by API key or by source of receipts, and a health check has neither.
    if traits.is_health_check {
        return;
    }

    add(
        response,
        "RateLimit-Policy",
        header(
            Type::String,
            "The rate limits that apply to the request, if any are set: for requests, recipients or \
             receipts. As in draft-ietf-httpapi-ratelimit-headers (extension)",
        ),
    );
    add(
        response,
        "RateLimit",
        header(
            Type::String,
            "How much of each rate limit is left (extension)",
        ),
    );
}

fn add_of_status(response: &mut Response, status: &str, traits: &Traits) {
    match status {
        "201" | "202" if !traits.is_receipt => {
            add(
                response,
                "Location",
                header(Type::String, "The URL of the created or changed resource"),
            );

            if traits.takes_idempotency_key {
                add(
                    response,
                    "Idempotency-Replayed",
                    header(
                        Type::String,
                        "`true` if this is the answer to an earlier request with the same \
                         Idempotency-Key (extension)",
                    ),
                );
            }
        }
        "401" => add(
            response,
            "WWW-Authenticate",
            header(Type::String, "HTTP Basic"),
        ),
        "429" | "503" if !traits.is_health_check => add(
            response,
            "Retry-After",
            header(Type::Integer, "How long to wait, in seconds"),
        ),
        _ => {}
    }
}

fn add(response: &mut Response, name: &str, header: Header) {
    response.headers.insert(name.to_owned(), header.into());
}

fn header(schema: Type, description: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(Object::with_type(schema)))
        .description(Some(description))
        .build()
}
