//! The answer where nothing is, with a hint at what may have been meant.

use crate::http::error::ApiError;

const API: &str = "/v1/PushNotifications";
/// Longest path that an answer repeats, in bytes.
const LONGEST_SHOWN: usize = 200;

/// A 404 for `path`, which no route has.
pub(super) fn answer(path: &str) -> ApiError {
    match hint(path) {
        Some(hint) => ApiError::nothing_here(format!("Not Found. {hint}")),
        None => ApiError::not_found(),
    }
}

fn hint(path: &str) -> Option<String> {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() || trimmed.eq_ignore_ascii_case("/v1") {
        return Some(format!(
            "The API is at {API}; /openapi.json describes it, and /docs/ shows the description"
        ));
    }

    let meant = meant(trimmed)?;
    (meant != path && meant.len() <= LONGEST_SHOWN).then(|| {
        format!("Did you mean {meant}? Addresses begin with {API} and end without a slash")
    })
}

/// The address that a path without a slash at its end resembles.
fn meant(path: &str) -> Option<String> {
    let collection = &API["/v1".len()..];

    for prefix in [API, collection, "/v1/v1/PushNotifications"] {
        let Some(start) = path.get(..prefix.len()) else {
            continue;
        };
        let rest = &path[prefix.len()..];
        if start.eq_ignore_ascii_case(prefix) && (rest.is_empty() || rest.starts_with('/')) {
            return Some(format!("{API}{rest}"));
        }
    }

    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_is_told_where_to_go() {
        for (path, meant) in [
            ("/v1/PushNotifications/", "/v1/PushNotifications?"),
            (
                "/v1/PushNotifications/Operations/",
                "/v1/PushNotifications/Operations?",
            ),
            ("/PushNotifications", "/v1/PushNotifications?"),
            ("/PushNotifications/Apps/", "/v1/PushNotifications/Apps?"),
            ("/v1/pushnotifications/Apps", "/v1/PushNotifications/Apps?"),
            (
                "/v1/v1/PushNotifications/Apps",
                "/v1/PushNotifications/Apps?",
            ),
        ] {
            let hint = hint(path).unwrap();
            assert!(
                hint.contains(&format!("Did you mean {meant}")),
                "{path}: {hint}"
            );
        }
        for path in ["/", "", "/v1", "/v1/", "//"] {
            assert!(hint(path).unwrap().contains("/openapi.json"), "{path}");
        }
        let long = format!("/PushNotifications/{}", "x".repeat(500));
        for path in [
            "/x",
            "/v1/PushNotifications/a/b/c",
            "/PushNotificationsX",
            "/ä",
            long.as_str(),
        ] {
            assert_eq!(hint(path), None, "{path}");
        }
    }
}
