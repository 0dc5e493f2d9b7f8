//! Whether a form was sent by a page of the console. Browsers say where a request comes from; a
//! program that is no browser says nothing, and has no session that another site could misuse.

use actix_web::HttpRequest;
use actix_web::http::header;

/// What a browser says of a request.
struct Said<'a> {
    /// `Sec-Fetch-Site`, which browsers send to encrypted and local addresses.
    site: Option<&'a str>,
    origin: Option<&'a str>,
    host: &'a str,
}

/// Whether `request` comes from a page of this host, or from no page.
pub(super) fn is_same_origin(request: &HttpRequest) -> bool {
    let text = |name: &str| request.headers().get(name)?.to_str().ok();
    let connection = request.connection_info();

    is_same(&Said {
        site: text("sec-fetch-site"),
        origin: text(header::ORIGIN.as_str()),
        host: connection.host(),
    })
}

fn is_same(said: &Said<'_>) -> bool {
    // No script can set or change this header, because its name begins with `Sec-` (Fetch standard,
    // forbidden request-headers). `none` is a person's own doing, such as a bookmark.
    if let Some(site) = said.site {
        return matches!(site, "same-origin" | "none");
    }

    match said.origin {
        None => true,
        // The scheme is not compared: behind a proxy that ends TLS, this service sees http. `null`,
        // which a sandboxed frame sends, has no host and is refused.
        Some(origin) => origin
            .split_once("://")
            .is_some_and(|(_, host)| host.eq_ignore_ascii_case(said.host)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_sites_form_is_recognised() {
        for (site, origin, expected) in [
            (Some("same-origin"), Some("https://push.example.com"), true),
            (Some("none"), None, true),
            (Some("cross-site"), None, false),
            (Some("same-site"), Some("https://push.example.com"), false),
            (None, Some("https://push.example.com"), true),
            (None, Some("http://PUSH.example.com"), true),
            (None, Some("https://evil.example.com"), false),
            (None, Some("null"), false),
            (None, None, true),
        ] {
            let said = Said {
                site,
                origin,
                host: "push.example.com",
            };
            assert_eq!(is_same(&said), expected, "{site:?} {origin:?}");
        }
    }
}
