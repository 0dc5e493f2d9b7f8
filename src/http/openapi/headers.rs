//! Which headers an answer carries: the same for every operation, so they are described here and
//! not beside each.

use utoipa::Modify;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Object, OpenApi, RefOr, Type};

/// Adds the headers of every answer to the document.
pub(super) struct Headers;

impl Modify for Headers {
    fn modify(&self, document: &mut OpenApi) {
        let paths = document.paths.paths.values_mut();
        let operations = paths.flat_map(|path| {
            [
                &mut path.get,
                &mut path.post,
                &mut path.patch,
                &mut path.delete,
            ]
        });
        operations.flatten().for_each(describe);
    }
}

fn describe(operation: &mut Operation) {
    let mut parameters = operation.parameters.iter().flatten();
    let is_repeatable = parameters
        .any(|it| matches!(it, RefOr::T(parameter) if parameter.name == "Idempotency-Key"));
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else {
            continue;
        };
        let mut add =
            |name: &str, header: Header| response.headers.insert(name.to_owned(), header.into());
        add(
            "X-Request-Id",
            header(
                Type::String,
                "Ours. The request's own, if it had one that is fit for logs, else a new one",
            ),
        );
        match status.as_str() {
            "202" => {
                add(
                    "Location",
                    header(Type::String, "The address of what was made or changed"),
                );
                if is_repeatable {
                    add(
                        "Idempotency-Replayed",
                        header(
                            Type::String,
                            "Ours. `true`: it is the answer of an earlier request",
                        ),
                    );
                }
            }
            "401" => {
                add("WWW-Authenticate", header(Type::String, "HTTP Basic"));
            }
            "429" | "503" if operation.tags.as_deref() != Some(&["Health".to_owned()]) => {
                add(
                    "Retry-After",
                    header(Type::Integer, "How many seconds to wait"),
                );
            }
            _ => {}
        }
    }
}

fn header(form: Type, description: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(Object::with_type(form)))
        .description(Some(description))
        .build()
}
