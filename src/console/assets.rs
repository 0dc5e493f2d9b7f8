//! Files that the pages load, which are in the binary.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, web};
use bytes::Bytes;

/// A file in `assets/console`.
macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/assets/console/",
            $name
        ))
    };
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Pages name each file with this, so that a browser keeps a file until the release changes.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Answers with a file. The bytes are not copied.
pub(super) async fn file(name: web::Path<String>) -> HttpResponse {
    let Some((content_type, content)) = find(&name) else {
        return HttpResponse::NotFound().finish();
    };

    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, HeaderValue::from_static(content_type)))
        // A development build changes its files without changing its version.
        .insert_header((
            header::CACHE_CONTROL,
            if cfg!(debug_assertions) {
                "no-cache"
            } else {
                "public, max-age=86400"
            },
        ))
        .body(Bytes::from_static(content))
}

/// A file's `Content-Type` and its bytes.
fn find(name: &str) -> Option<(&'static str, &'static [u8])> {
    let found: (&'static str, &'static [u8]) = match name {
        "console.css" => (STYLE, file!("console.css")),
        "console.js" => (SCRIPT, file!("console.js")),
        "icon.svg" => ("image/svg+xml", file!("icon.svg")),
        "htmx.js" => (SCRIPT, file!("htmx/htmx.min.js")),
        "hx-sse.js" => (SCRIPT, file!("htmx/hx-sse.min.js")),
        "uplot.js" => (SCRIPT, file!("uplot/uPlot.iife.min.js")),
        "uplot.css" => (STYLE, file!("uplot/uPlot.min.css")),
        _ => return None,
    };

    Some(found)
}
