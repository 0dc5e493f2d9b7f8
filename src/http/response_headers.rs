//! Headers of every answer, which keep browsers and caches from doing harm with it.

use http::HeaderMap;
use http::header::{self, HeaderName, HeaderValue};

/// What an answer may load and run: nothing, and it may be in no frame.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";
/// The page at `/docs/` loads its own files, and has styles and images within them.
const OWN_FILES: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
                         img-src 'self' data:; frame-ancestors 'none'";
/// Two years, as browsers' lists ask for.
const ONLY_ENCRYPTED: &str = "max-age=63072000";

/// Which headers the answers of a connection get.
#[derive(Debug, Clone, Copy)]
pub(super) struct ResponseHeaders {
    /// Whether the server speaks TLS itself.
    pub is_encrypted: bool,
    /// Whether the connection ends with its first answer: the acceptor answers no further request.
    pub closes: bool,
}

/// Whether the answer to a request for `path` is a file of the documentation.
pub(super) fn is_docs(path: &str) -> bool {
    path.starts_with("/docs/")
}

impl ResponseHeaders {
    /// Adds the headers to those of an answer. The console's pages and files have policies of their
    /// own, which stay.
    pub(super) fn add(self, is_docs: bool, headers: &mut HeaderMap) {
        let policy = if is_docs { OWN_FILES } else { NOTHING };

        insert(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        insert(headers, header::X_FRAME_OPTIONS, "DENY");
        insert_default(headers, header::REFERRER_POLICY, "no-referrer");
        insert_default(headers, header::CONTENT_SECURITY_POLICY, policy);
        // Answers of the API are an account's own, and change at any time.
        if !is_docs {
            insert_default(headers, header::CACHE_CONTROL, "no-store");
        }

        // Not over plain HTTP (RFC 6797, section 7.2). Behind a proxy that speaks TLS, it is left
        // to the proxy.
        if self.is_encrypted {
            insert(headers, header::STRICT_TRANSPORT_SECURITY, ONLY_ENCRYPTED);
        }
        if self.closes {
            insert(headers, header::CONNECTION, "close");
        }
    }
}

fn insert_default(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers
        .entry(name)
        .or_insert_with(|| HeaderValue::from_static(value));
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: ResponseHeaders = ResponseHeaders {
        is_encrypted: false,
        closes: false,
    };

    #[test]
    fn files_of_the_documentation_may_load_their_own_and_be_cached() {
        let mut headers = HeaderMap::new();
        PLAIN.add(is_docs("/docs/index.html"), &mut headers);

        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], OWN_FILES);
        assert_eq!(headers[header::X_FRAME_OPTIONS], "DENY");
        assert!(!headers.contains_key(header::CACHE_CONTROL));
        assert!(!headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
        assert!(!headers.contains_key(header::CONNECTION));
    }

    #[test]
    fn what_an_answer_says_itself_stays() {
        let mut headers = HeaderMap::new();
        let own = [
            (header::CONTENT_SECURITY_POLICY, "script-src 'self'"),
            (header::CACHE_CONTROL, "max-age=60"),
            (header::REFERRER_POLICY, "same-origin"),
        ];
        for (name, value) in &own {
            insert(&mut headers, name.clone(), value);
        }

        PLAIN.add(is_docs("/console/apps"), &mut headers);

        for (name, value) in own {
            assert_eq!(headers[name], value);
        }
    }

    #[test]
    fn an_encrypted_answer_asks_for_encryption_and_a_last_one_ends_the_connection() {
        let mut headers = HeaderMap::new();
        let last = ResponseHeaders {
            is_encrypted: true,
            closes: true,
        };
        last.add(is_docs("/healthz"), &mut headers);

        assert_eq!(headers[header::STRICT_TRANSPORT_SECURITY], ONLY_ENCRYPTED);
        assert_eq!(headers[header::CONNECTION], "close");
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], NOTHING);
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    }
}
