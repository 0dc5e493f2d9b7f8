//! `/openapi.json`, made from the handlers' annotations, and `/docs/`, a page to browse it.
//!
//! The fields of requests are in `requests/`, and those of responses in the types of `http/resources/`.

use std::collections::HashMap;
use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::Method;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

mod docs_page;
mod errors;
mod headers;
mod limits;
mod requests;
mod webhook_events;

pub(super) use docs_page::page;
pub(super) use errors::{ChangeErrors, CreateErrors, ReadErrors, ReceiptErrors};
use headers::Headers;
pub(super) use requests::{
    AccountRequest, CancelRequest, CredentialRequest, DefaultRequest, DeviceTagsRequest,
    EstimateRequest, KeyRequest, MergeRequest, OperationChangeRequest, ReceiptsRequest,
    RegisterRequest, RemoveRequest, ResendRequest, RotateRequest, SendRequest,
    TemplateChangeRequest, TemplateRequest, UserRequest, WebhookChangeRequest, WebhookRequest,
};
use webhook_events::Webhooks;

use crate::http::error::ErrorBody;
use crate::http::problem::Problem;
use crate::http::resources::{
    account, apps, audiences, audit_events, cancel, credentials, delivery_attempts, device_export,
    device_imports, device_registrations, error_totals, keys, operation_change, operation_errors,
    operation_results, operation_stream, operations, pause, push_notifications, receipts, resend,
    templates, user_data, user_merge, users, webhook_deliveries, webhooks,
};
use crate::http::{health, import, send};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Bellwire",
        description = "Push notifications through FCM and APNs. The API follows Twilio's Push Notifications API. \
            Bellwire's own additions to it are marked with \"(extension)\"."
    ),
    paths(
        send::send,
        send::preview::preview,
        audiences::estimate,
        push_notifications::list,
        push_notifications::fetch,
        cancel::push_notification,
        delivery_attempts::list,
        operations::list,
        operations::fetch,
        operation_stream::stream,
        operation_errors::list,
        error_totals::fetch,
        error_totals::fetch_of_operation,
        operation_results::export,
        resend::resend,
        pause::pause,
        pause::resume,
        operation_change::update,
        cancel::with_tags,
        cancel::operation,
        credentials::list,
        credentials::create,
        credentials::fetch,
        credentials::update,
        credentials::delete,
        credentials::test,
        keys::list,
        keys::create,
        keys::fetch,
        keys::revoke,
        keys::rotate,
        apps::list,
        apps::fetch,
        apps::update,
        account::fetch,
        account::update,
        audit_events::list,
        device_registrations::list,
        device_registrations::register,
        device_registrations::fetch,
        device_registrations::delete,
        device_registrations::remove,
        device_registrations::remove_device,
        device_registrations::update_device,
        import::import,
        device_imports::list,
        device_imports::fetch,
        device_imports::errors,
        device_export::export,
        users::list,
        users::fetch,
        users::update,
        user_merge::merge,
        user_data::export,
        users::delete,
        templates::list,
        templates::create,
        templates::fetch,
        templates::versions,
        templates::update,
        templates::delete,
        webhooks::list,
        webhooks::create,
        webhooks::fetch,
        webhooks::update,
        webhooks::delete,
        webhooks::rotate_secret,
        webhook_deliveries::test,
        webhook_deliveries::list,
        webhook_deliveries::fetch,
        webhook_deliveries::resend,
        receipts::receive,
        health::liveness,
        health::readiness,
    ),
    components(schemas(ErrorBody, Problem)),
    modifiers(&BasicAuthentication, &Headers, &OneLineSummaries, &Webhooks),
    servers((url = "/", description = "This server")),
    security(("basic" = [])),
)]
struct Document;

struct BasicAuthentication;

impl Modify for BasicAuthentication {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let basic = Http::builder()
            .scheme(HttpAuthScheme::Basic)
            .description(Some(
                "An API key as user name and its secret as password. `bellwire keys create` creates both.",
            ))
            .build();

        document
            .components
            .get_or_insert_default()
            .add_security_scheme("basic", SecurityScheme::Http(basic));
    }
}

/// A summary is the first paragraph of a doc comment, which may be wrapped.
struct OneLineSummaries;

impl Modify for OneLineSummaries {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for operation in document.paths.paths.values_mut().flat_map(operations_of) {
            operation.summary = operation.summary.take().map(|text| text.replace('\n', " "));
        }
    }
}

/// The operations of a path, by every method that the API has.
fn operations_of(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut path.get,
        &mut path.post,
        &mut path.put,
        &mut path.patch,
        &mut path.delete,
    ]
    .into_iter()
    .flatten()
}

static JSON: LazyLock<String> = LazyLock::new(|| Document::openapi().to_json().unwrap_or_default());

/// The query parameters of every operation, by its path and method.
static QUERY_PARAMETERS: LazyLock<HashMap<(String, &'static str), Vec<String>>> =
    LazyLock::new(query_parameters);

/// The names of the query parameters that an operation has; `None`: there is no such operation.
pub(super) fn query_parameters_of(path: &str, method: &Method) -> Option<&'static [String]> {
    let method = match *method {
        // What is read by `GET` is read by `HEAD`.
        Method::GET | Method::HEAD => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => return None,
    };

    QUERY_PARAMETERS
        .get(&(path.to_owned(), method))
        .map(Vec::as_slice)
}

/// Every operation of the API, by its path and method.
pub(super) fn every_operation() -> impl Iterator<Item = (&'static str, Method)> {
    QUERY_PARAMETERS.keys().filter_map(|(path, method)| {
        let method = Method::from_bytes(method.as_bytes()).ok()?;
        Some((path.as_str(), method))
    })
}

fn query_parameters() -> HashMap<(String, &'static str), Vec<String>> {
    let mut parameters = HashMap::new();

    for (path, item) in Document::openapi().paths.paths {
        let operations = [
            ("GET", item.get),
            ("POST", item.post),
            ("PUT", item.put),
            ("PATCH", item.patch),
            ("DELETE", item.delete),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else {
                continue;
            };

            let of_query = |parameter: RefOr<Parameter>| match parameter {
                RefOr::T(it) if matches!(it.parameter_in, ParameterIn::Query) => Some(it.name),
                _ => None,
            };

            // An operation without parameters gets an entry too: for it, every parameter is
            // refused.
            let names = operation
                .parameters
                .into_iter()
                .flatten()
                .filter_map(of_query);
            parameters.insert((path.clone(), method), names.collect());
        }
    }

    parameters
}

pub(super) async fn json() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(JSON.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::http::resources::{template_fields, webhook_fields};
    use crate::http::{app_name, audience, device, idempotency, pagination, send, tags};
    use crate::model::id::MAX_POSITIONS;
    use crate::model::pace::MAX_PER_MINUTE;
    use crate::model::push_cap::MAX_PUSHES;
    use crate::model::user_profile;
    use crate::model::webhook::EventType;
    use crate::transport;

    #[test]
    fn the_parameters_of_an_operation_are_known() {
        let of = |path: &str, method: Method| {
            query_parameters_of(&format!("/v1/PushNotifications{path}"), &method)
        };

        let users = of("/Users", Method::HEAD).unwrap();
        assert_eq!(users, ["externalId", "pageSize", "pageToken"]);
        assert_eq!(of("/{id}", Method::GET), Some([].as_slice()));
        assert_eq!(of("/{id}", Method::PUT), None);
    }

    const LIMITS: [&str; 7] = [
        "pattern",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "maxProperties",
        "maximum",
    ];

    /// Notes every limit below `value`, with the path to it below the schema or parameter.
    fn collect(value: &Value, path: &str, limits: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    let path = format!("{path}/{key}");
                    if LIMITS.contains(&key.as_str()) {
                        let earlier = limits.insert(path.clone(), value.clone());
                        assert!(earlier.is_none_or(|earlier| earlier == *value), "{path}");
                    } else {
                        collect(value, &path, limits);
                    }
                }
            }
            Value::Array(elements) => {
                for element in elements {
                    collect(element, path, limits);
                }
            }
            _ => {}
        }
    }

    fn limits() -> BTreeMap<String, Value> {
        let document: Value = serde_json::from_str(&JSON).unwrap();
        let mut limits = BTreeMap::new();

        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            collect(schema, name, &mut limits);
        }
        let paths = document["paths"].as_object().unwrap().values();
        for operation in paths.flat_map(|path| path.as_object().unwrap().values()) {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap();
                collect(&parameter["schema"], name, &mut limits);
            }
        }

        // The pattern of an id is made from its prefix, where the id is defined.
        limits.retain(|path, _| !path.ends_with("Id/pattern"));
        limits
    }

    #[test]
    fn every_event_is_a_webhook_whose_schemas_are_described() {
        let document: Value = serde_json::from_str(&JSON).unwrap();
        let names: Vec<&str> = document["webhooks"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mut events = EventType::ALL.map(EventType::as_str);
        events.sort_unstable();
        assert_eq!(names, events);

        let text = document["webhooks"].to_string();
        let references = text.split("#/components/schemas/").skip(1);
        for name in references.filter_map(|rest| rest.split('"').next()) {
            assert!(
                document["components"]["schemas"][name].is_object(),
                "{name} is not described"
            );
        }
    }

    /// Generators of clients make a method of every operation, named after its id.
    #[test]
    fn every_operation_has_an_id_of_its_own_and_describes_its_responses() {
        let document: Value = serde_json::from_str(&JSON).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let mut ids = BTreeMap::new();

        for (path, operations) in paths {
            for (method, operation) in operations.as_object().unwrap() {
                let route = format!("{method} {path}");
                let id = operation["operationId"].as_str().unwrap();
                assert!(
                    id.contains(char::is_uppercase) && id.chars().all(char::is_alphabetic),
                    "{route}: {id} is not a name in camel case"
                );
                assert_eq!(
                    ids.insert(id.to_owned(), route.clone()),
                    None,
                    "{route}: {id}"
                );

                let summary = operation["summary"].as_str().unwrap();
                assert!(!summary.is_empty() && !summary.contains('\n'), "{route}");

                for (status, response) in operation["responses"].as_object().unwrap() {
                    let has_description = response["description"]
                        .as_str()
                        .is_some_and(|text| !text.is_empty());
                    assert!(
                        has_description || response["$ref"].is_string(),
                        "{route}: {status} has no description"
                    );
                }
            }
        }
    }

    /// A default makes openapi-typescript require the field, so the text of a field names it.
    #[test]
    fn no_field_of_a_request_has_a_default() {
        let document: Value = serde_json::from_str(&JSON).unwrap();

        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            if !name.ends_with("Request") {
                continue;
            }
            for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
                assert!(schema.get("default").is_none(), "{name}.{field}");
            }
        }
    }

    /// Two types of one name would be one schema, the wrong one for one of them.
    #[test]
    fn an_object_is_made_of_objects() {
        let document: Value = serde_json::from_str(&JSON).unwrap();
        let schemas = document["components"]["schemas"].as_object().unwrap();

        for (name, schema) in schemas {
            for part in schema["allOf"].as_array().into_iter().flatten() {
                let referred = part["$ref"]
                    .as_str()
                    .map(|path| &schemas[path.trim_start_matches("#/components/schemas/")]);
                let part = referred.unwrap_or(part);
                assert!(part["properties"].is_object(), "{name}: {part}");
            }
        }
    }

    #[test]
    fn every_limit_is_the_one_that_the_validation_uses() {
        let expected = [
            ("AppName/pattern", json!(app_name::pattern())),
            ("AudienceMax/maximum", json!(MAX_POSITIONS)),
            ("CapMax/maximum", json!(MAX_PUSHES)),
            ("Choices/oneOf/maxItems", json!(audience::MAX_CHOICES)),
            ("Choices/oneOf/minItems", json!(1)),
            ("ConditionList/maxItems", json!(audience::MAX_CONDITIONS)),
            ("ConditionList/minItems", json!(1)),
            ("Badge/maximum", json!(send::MAX_BADGE)),
            ("BadgeOrTemplate/oneOf/maximum", json!(send::MAX_BADGE)),
            ("CollapseKey/minLength", json!(1)),
            ("CollapseKey/maxLength", json!(send::MAX_COLLAPSE_KEY)),
            ("Deadline/maximum", json!(send::MAX_DEADLINE)),
            ("DeviceToken/minLength", json!(1)),
            ("DeviceToken/maxLength", json!(device::MAX_TOKEN)),
            ("Idempotency-Key/minLength", json!(1)),
            (
                "Idempotency-Key/maxLength",
                json!(idempotency::MAX_KEY_LENGTH),
            ),
            ("KeyName/minLength", json!(1)),
            ("KeyName/maxLength", json!(keys::MAX_NAME)),
            ("KeyNote/minLength", json!(1)),
            ("KeyNote/maxLength", json!(keys::MAX_NOTE)),
            ("Language/maxLength", json!(user_profile::MAX_LANGUAGE)),
            ("Language/minLength", json!(1)),
            (
                "OptedOutTags/items/pattern",
                json!(tags::key_or_pair_pattern()),
            ),
            (
                "OptedOutTags/maxItems",
                json!(user_profile::MAX_OPTED_OUT_TAGS),
            ),
            (
                "Localizations/maxProperties",
                json!(send::MAX_LOCALIZATIONS),
            ),
            ("Overlap/maximum", json!(keys::MAX_OVERLAP)),
            ("Positions/items/maximum", json!(MAX_POSITIONS - 1)),
            ("Positions/minItems", json!(1)),
            ("Positions/maxItems", json!(resend::MAX_POSITIONS_NAMED)),
            ("FailedPercent/maximum", json!(send::MAX_PERCENT)),
            ("GuardAfter/maximum", json!(send::MAX_AFTER)),
            ("PerMinute/maximum", json!(MAX_PER_MINUTE)),
            ("FailureCodes/minItems", json!(1)),
            ("FailureCodes/maxItems", json!(resend::MAX_CODES)),
            ("Receipts/minItems", json!(1)),
            ("Receipts/maxItems", json!(receipts::MAX_RECEIPTS)),
            ("Recipients/minItems", json!(1)),
            ("Recipients/maxItems", json!(send::MAX_RECIPIENTS)),
            ("SendAt/minItems", json!(1)),
            ("SendAt/maxItems", json!(1)),
            (
                "Tags/additionalProperties/pattern",
                json!(tags::value_pattern()),
            ),
            ("Tags/maxProperties", json!(tags::MAX_TAGS)),
            ("Tags/propertyNames/pattern", json!(tags::key_pattern())),
            ("TemplateName/maxLength", json!(template_fields::MAX_NAME)),
            ("TemplateName/minLength", json!(1)),
            ("Timezone/maxLength", json!(user_profile::MAX_TIMEZONE)),
            ("Timezone/minLength", json!(1)),
            ("Ttl/maximum", json!(send::MAX_TTL)),
            (
                "WebhookDescription/maxLength",
                json!(webhook_fields::MAX_DESCRIPTION),
            ),
            ("WebhookEvents/minItems", json!(1)),
            ("WebhookUrl/maxLength", json!(transport::MAX_URL)),
            ("WebhookUrl/minLength", json!(1)),
            ("appName/pattern", json!(app_name::pattern())),
            ("key/pattern", json!("^.{1,64}$")),
            ("name/pattern", json!(app_name::pattern())),
            ("pageSize/maximum", json!(pagination::MAX_PAGE_SIZE)),
            ("pageToken/maxLength", json!(pagination::MAX_TOKEN_LENGTH)),
        ];
        let expected: BTreeMap<String, Value> = expected
            .into_iter()
            .map(|(path, value)| (path.to_owned(), value))
            .collect();
        assert_eq!(limits(), expected);
    }
}
