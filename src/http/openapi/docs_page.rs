//! The page at `/docs/`: Swagger UI, whose files are in the binary.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use utoipa_swagger_ui::Config;

/// Answers with the page, or with a file that it loads.
pub(in crate::http) async fn page(path: web::Path<String>) -> HttpResponse {
    let config = Arc::new(Config::from("/openapi.json"));

    match utoipa_swagger_ui::serve(&path, config) {
        Ok(Some(file)) => HttpResponse::Ok()
            .content_type(file.content_type)
            .body(file.bytes.into_owned()),
        _ => HttpResponse::NotFound().finish(),
    }
}
