//! The answer where nothing is, with a hint at what may have been meant.

use crate::http::error::ApiError;

const API: &str = "/v1/PushNotifications";
const COLLECTION: &str = "PushNotifications";
const RECEIPTS: &str = "Receipts";
/// What is directly below the API.
const BELOW: [&str; 9] = [
    "Apps",
    "Credentials",
    "DeviceRegistrations",
    "ErrorTotals",
    "Keys",
    "Operations",
    "Preview",
    "Users",
    "Webhooks",
];
/// The names that are further down.
const DEEPER: [&str; 12] = [
    "Cancel",
    "Deliveries",
    "DeliveryAttempts",
    "Devices",
    "Errors",
    "Remove",
    "Resend",
    "Results",
    "Rotate",
    "RotateSecret",
    "Stream",
    "Test",
];
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
    let segments = segments(path);
    if segments.is_empty() {
        return Some(format!(
            "The API is at {API}; /openapi.json describes it, and /docs/ shows the description"
        ));
    }

    let meant = meant(&segments)?;
    (meant != path && meant.len() <= LONGEST_SHOWN).then(|| {
        format!("Did you mean {meant}? Addresses begin with {API} and end without a slash")
    })
}

/// The parts of a path, without those that stand for the API as a whole.
fn segments(path: &str) -> Vec<&str> {
    let is_root = |segment: &&str| {
        let version = segment.strip_prefix(['v', 'V']);
        let is_version = version.is_some_and(|number| number.parse::<u8>().is_ok());
        is_version || segment.eq_ignore_ascii_case("api")
    };

    path.split('/')
        .filter(|segment| !segment.is_empty())
        .skip_while(is_root)
        .collect()
}

/// The address that these segments resemble, whatever their letter case.
fn meant(segments: &[&str]) -> Option<String> {
    let (first, rest) = segments.split_first()?;
    let first = known(first)?;

    let start = match first {
        COLLECTION => API.to_owned(),
        RECEIPTS => format!("/v1/{RECEIPTS}"),
        first if BELOW.contains(&first) => format!("{API}/{first}"),
        _ => return None,
    };
    let address = rest.iter().fold(start, |address, segment| {
        format!("{address}/{}", known(segment).unwrap_or(segment))
    });
    Some(address)
}

/// The name in addresses that `segment` is in another letter case.
fn known(segment: &str) -> Option<&'static str> {
    [COLLECTION, RECEIPTS]
        .iter()
        .chain(&BELOW)
        .chain(&DEEPER)
        .find(|name| name.eq_ignore_ascii_case(segment))
        .copied()
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
            (
                "/v1/pushnotifications/operations/X/errors",
                "/v1/PushNotifications/Operations/X/Errors?",
            ),
            ("//v1//PushNotifications", "/v1/PushNotifications?"),
            ("/v2/PushNotifications", "/v1/PushNotifications?"),
            ("/api/v1/users", "/v1/PushNotifications/Users?"),
            ("/v1/Operations", "/v1/PushNotifications/Operations?"),
            ("/receipts", "/v1/Receipts?"),
        ] {
            let hint = hint(path).unwrap();
            assert!(
                hint.contains(&format!("Did you mean {meant}")),
                "{path}: {hint}"
            );
        }
        for path in ["/", "", "/v1", "/v1/", "//", "/V2", "/api"] {
            assert!(hint(path).unwrap().contains("/openapi.json"), "{path}");
        }
        let long = format!("/PushNotifications/{}", "x".repeat(500));
        for path in [
            "/x",
            "/errors",
            "/v1/PushNotifications/a/b/c",
            "/PushNotificationsX",
            "/ä",
            long.as_str(),
        ] {
            assert_eq!(hint(path), None, "{path}");
        }
    }
}
