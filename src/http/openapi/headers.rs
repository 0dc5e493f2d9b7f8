//! The headers of answers. They are the same for every operation, so they are described here and
//! not beside each.

use utoipa::Modify;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::response::Response;
use utoipa::openapi::{Object, OpenApi, RefOr, Type};

/// Adds the headers of every answer to the document.
pub(super) struct Headers;

impl Modify for Headers {
    fn modify(&self, document: &mut OpenApi) {
        document
            .paths
            .paths
            .values_mut()
            .flat_map(operations)
            .for_each(describe);
    }
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut path.get,
        &mut path.post,
        &mut path.patch,
        &mut path.delete,
    ]
    .into_iter()
    .flatten()
}

fn describe(operation: &mut Operation) {
    let takes_idempotency_key = operation
        .parameters
        .iter()
        .flatten()
        .any(|it| matches!(it, RefOr::T(parameter) if parameter.name == "Idempotency-Key"));
    // A health check has no `Retry-After`: its 503 means "do not send requests here".
    let is_health_check = operation.tags.as_deref() == Some(&["Health".to_owned()]);
    // Receipts make no resource.
    let is_receipt = operation.tags.as_deref() == Some(&["Receipts".to_owned()]);

    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else {
            continue;
        };

        add(
            response,
            "X-Request-Id",
            header(
                Type::String,
                "The request's own id if it sent a well-formed one, otherwise a new id (extension)",
            ),
        );

        if !is_health_check {
            add(
                response,
                "RateLimit-Policy",
                header(
                    Type::String,
                    "The rate limits that apply to the request, if any are set: for requests, \
                     recipients or receipts. As in draft-ietf-httpapi-ratelimit-headers \
                     (extension)",
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

        match status.as_str() {
            "201" | "202" if !is_receipt => {
                add(
                    response,
                    "Location",
                    header(Type::String, "The URL of the created or changed resource"),
                );

                if takes_idempotency_key {
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
            "429" | "503" if !is_health_check => add(
                response,
                "Retry-After",
                header(Type::Integer, "How long to wait, in seconds"),
            ),
            _ => {}
        }
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
