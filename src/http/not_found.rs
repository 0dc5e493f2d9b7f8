//! The answer where nothing is: which resource is missing, or what address may have been meant.

use actix_web::dev::ServiceResponse;
use actix_web::{HttpRequest, ResponseError};

use crate::http::error::ApiError;
use crate::model::id::{
    CredentialId, DeviceId, DeviceImportId, DeviceRegistrationId, OperationId, PushNotificationId,
    TemplateId, UserId, WebhookDeliveryId, WebhookId,
};
use crate::model::quoted::quoted_string;

const API: &str = "/v1/PushNotifications";
const COLLECTION: &str = "PushNotifications";
const RECEIPTS: &str = "Receipts";
/// What is directly below the API.
const BELOW: [&str; 13] = [
    "Account",
    "Apps",
    "Audiences",
    "AuditEvents",
    "Credentials",
    "DeviceRegistrations",
    "ErrorTotals",
    "Keys",
    "Operations",
    "Preview",
    "Templates",
    "Users",
    "Webhooks",
];
/// The names that are further down.
const DEEPER: [&str; 21] = [
    "Cancel",
    "Data",
    "Deliveries",
    "DeliveryAttempts",
    "Devices",
    "Errors",
    "Estimate",
    "Export",
    "Import",
    "Imports",
    "Merge",
    "Pause",
    "Remove",
    "Resend",
    "Results",
    "Resume",
    "Rotate",
    "RotateSecret",
    "Stream",
    "Test",
    "Versions",
];
/// Longest path that an answer repeats, in bytes.
const LONGEST_SHOWN: usize = 200;

/// A kind of resource, as addresses name it.
struct Kind {
    /// The segment of the address before the id.
    collection: &'static str,
    noun: &'static str,
    /// The beginning of its ids. `None`: it is found by its name.
    prefix: Option<&'static str>,
}

static KINDS: [Kind; 12] = [
    Kind::by_id("Operations", "Operation", OperationId::PREFIX),
    Kind::by_id("Credentials", "Credential", CredentialId::PREFIX),
    Kind::by_id("Users", "User", UserId::PREFIX),
    Kind::by_id(
        "DeviceRegistrations",
        "device registration",
        DeviceRegistrationId::PREFIX,
    ),
    Kind::by_id("Devices", "device", DeviceId::PREFIX),
    Kind::by_id("Imports", "import", DeviceImportId::PREFIX),
    Kind::by_id("Templates", "template", TemplateId::PREFIX),
    Kind::by_id("Webhooks", "webhook", WebhookId::PREFIX),
    Kind::by_id("Deliveries", "delivery", WebhookDeliveryId::PREFIX),
    Kind::by_id(COLLECTION, "notification", PushNotificationId::PREFIX),
    Kind::by_name("Apps", "App"),
    Kind::by_name("Keys", "API key"),
];

impl Kind {
    const fn by_id(collection: &'static str, noun: &'static str, prefix: &'static str) -> Self {
        Self {
            collection,
            noun,
            prefix: Some(prefix),
        }
    }

    const fn by_name(collection: &'static str, noun: &'static str) -> Self {
        Self {
            collection,
            noun,
            prefix: None,
        }
    }

    fn of(collection: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.collection == collection)
    }
}

/// Completes a 404 that does not say what is missing.
pub(super) fn name_it(response: ServiceResponse) -> ServiceResponse {
    let error = response.response().error();
    let is_bare = error
        .and_then(|error| error.as_error::<ApiError>())
        .is_some_and(ApiError::is_bare_not_found);
    let missing = is_bare.then(|| missing(response.request())).flatten();

    match missing {
        Some(message) => {
            let answer = ApiError::nothing_here(message).error_response();
            response.into_response(answer)
        }
        None => response,
    }
}

/// What a request asks for that does not exist.
fn missing(request: &HttpRequest) -> Option<String> {
    let pattern = request.match_pattern()?;
    let ids = request.match_info();

    let asked: Vec<(&Kind, &str)> = collections(&pattern)
        .filter_map(|(collection, parameter)| Some((Kind::of(collection)?, ids.get(parameter)?)))
        .collect();
    message(&asked)
}

/// Each parameter of a route, with the segment before it: `Webhooks`, `id`.
fn collections(pattern: &str) -> impl Iterator<Item = (&str, &str)> {
    let segments = pattern.split('/');
    let following = pattern.split('/').skip(1);

    segments.zip(following).filter_map(|(segment, following)| {
        let parameter = following.strip_prefix('{')?.strip_suffix('}')?;
        Some((segment, parameter))
    })
}

/// `asked` are the resources of the address, the last one within those before it.
fn message(asked: &[(&Kind, &str)]) -> Option<String> {
    // An id that can't be one is what is wrong, whatever else there is.
    let malformed = asked.iter().find_map(|(kind, id)| {
        let prefix = kind.prefix.filter(|prefix| !has_form(id, prefix))?;
        Some(format!(
            "Not Found. {} is no {} id: these begin with '{prefix}_', and 26 characters follow",
            shown_id(id),
            kind.noun
        ))
    });
    if malformed.is_some() {
        return malformed;
    }

    let (last, outer) = asked.split_last()?;
    // From the inner to the outer resource, in the order of the sentence.
    let within = outer.iter().rfold(String::new(), |within, (kind, id)| {
        format!("{within} of the {} {}", kind.noun, shown_id(id))
    });
    let (kind, id) = last;
    let by = if kind.prefix.is_some() { "id" } else { "name" };

    Some(format!(
        "Not Found. This account has no {} with the {by} {}{within}, or has it no longer",
        kind.noun,
        shown_id(id)
    ))
}

/// Whether it looks like an id with this prefix, as far as its length goes.
fn has_form(id: &str, prefix: &str) -> bool {
    const DIGITS: usize = 26;

    id.strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .is_some_and(|digits| digits.len() == DIGITS)
}

/// An id whole, and the beginning of what is too long for one.
fn shown_id(id: &str) -> String {
    const LONGEST: usize = 64;

    if id.len() <= LONGEST && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        format!("'{id}'")
    } else {
        quoted_string(id)
    }
}

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

    let meant = closest_address(&segments)?;
    // Equal: the address is right but names nothing, so there is nothing to suggest.
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
fn closest_address(segments: &[&str]) -> Option<String> {
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
    fn a_missing_resource_is_named_with_its_id() {
        let id = "comms_operation_01h9krwprkeee8fzqspvwy6nq8";
        let webhook = "bellwire_webhook_01h9krwprkeee8fzqspvwy6nq8";
        let delivery = "bellwire_webhook_delivery_01h9krwprkeee8fzqspvwy6nq8";
        let asked = |pattern: &str, ids: &[&str]| {
            let asked: Vec<(&Kind, &str)> = collections(pattern)
                .zip(ids)
                .filter_map(|((collection, _), id)| Some((Kind::of(collection)?, *id)))
                .collect();
            message(&asked).unwrap()
        };

        assert_eq!(
            asked("/v1/PushNotifications/Operations/{id}/Errors", &[id]),
            format!(
                "Not Found. This account has no Operation with the id '{id}', or has it no longer"
            )
        );
        assert_eq!(
            asked("/v1/PushNotifications/Apps/{name}", &["shop"]),
            "Not Found. This account has no App with the name 'shop', or has it no longer"
        );
        assert_eq!(
            asked(
                "/v1/PushNotifications/Webhooks/{id}/Deliveries/{deliveryId}",
                &[webhook, delivery]
            ),
            format!(
                "Not Found. This account has no delivery with the id '{delivery}' of the webhook \
                 '{webhook}', or has it no longer"
            )
        );
        assert_eq!(
            asked("/v1/PushNotifications/{id}", &[id]),
            format!(
                "Not Found. '{id}' is no notification id: these begin with \
                 'comms_pushnotification_', and 26 characters follow"
            )
        );
    }

    #[test]
    fn a_near_miss_names_the_right_address() {
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
