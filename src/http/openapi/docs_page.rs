//! The page at `/docs/`: Swagger UI, whose files (`assets/swagger-ui`) are in the binary.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError, web};
use bytes::Bytes;

use crate::http::error::ApiError;

/// A file of the page, under its name in `/docs/`.
macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/assets/swagger-ui/",
            $name
        ))
    };
}

/// Answers with the page, or with a file that it loads. The bytes are not copied.
pub(in crate::http) async fn page(path: web::Path<String>) -> HttpResponse {
    let Some((content_type, content)) = find(&path) else {
        return ApiError::not_found().error_response();
    };

    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, HeaderValue::from_static(content_type)))
        .body(Bytes::from_static(content))
}

/// A file's `Content-Type` and its bytes.
fn find(name: &str) -> Option<(&'static str, &'static [u8])> {
    let found: (&'static str, &'static [u8]) = match name {
        "" | "index.html" => ("text/html; charset=utf-8", file!("index.html")),
        "swagger-ui.css" => ("text/css; charset=utf-8", file!("swagger-ui.css")),
        "swagger-ui-bundle.js" => (
            "text/javascript; charset=utf-8",
            file!("swagger-ui-bundle.js"),
        ),
        "swagger-initializer.js" => (
            "text/javascript; charset=utf-8",
            file!("swagger-initializer.js"),
        ),
        _ => return None,
    };

    Some(found)
}
