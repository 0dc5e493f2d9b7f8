//! `/openapi.json` agrees with the routes, and its page needs no network.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::client::{fcm, message};
use crate::support::service::Service;

/// Every method and path of the document.
fn operations(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap();
    let methods = |path: &Value| {
        path.as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    paths
        .iter()
        .flat_map(|(path, it)| {
            methods(it)
                .into_iter()
                .map(move |method| (method, path.clone()))
        })
        .collect()
}

async fn document(service: &Service) -> Value {
    reqwest::get(format!("{}/openapi.json", service.url))
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_documented_operation_is_there_and_asks_for_a_key() {
    let service = Service::start().await;
    let document = document(&service).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));

    let operations = operations(&document);
    assert!(operations.len() >= 50, "{operations:?}");

    for (method, path) in operations
        .into_iter()
        .filter(|(_, path)| path.starts_with("/v1/"))
        // Apps on devices have no key.
        .filter(|(_, path)| path != "/v1/Receipts")
    {
        let url = format!(
            "{}{}",
            service.url,
            path.replace("{id}", "x")
                .replace("{name}", "x")
                .replace("{deviceId}", "x")
                .replace("{key}", "x")
        );
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let request = reqwest::Client::new()
            .request(method.clone(), url)
            .header("content-type", "application/json");
        assert_eq!(
            request.send().await.unwrap().status(),
            StatusCode::UNAUTHORIZED,
            "{method} {path}"
        );
    }

    assert_eq!(
        document["paths"]["/v1/Receipts"]["post"]["security"],
        json!([{}])
    );
    for path in ["/healthz", "/readyz"] {
        assert_eq!(
            document["paths"][path]["get"]["security"],
            json!([{}]),
            "{path}"
        );
        assert_eq!(
            reqwest::get(format!("{}{path}", service.url))
                .await
                .unwrap()
                .status(),
            StatusCode::OK,
            "{path}"
        );
    }
    service.stop().await;
}

/// The query parameters that the document describes for `GET` at this path.
fn described(path: &Value) -> BTreeSet<&str> {
    let parameters = path["get"]["parameters"].as_array().into_iter().flatten();
    parameters
        .filter(|parameter| parameter["in"] == "query")
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect()
}

/// A route refuses an invalid value of a parameter that it reads, and ignores any other parameter.
#[tokio::test(flavor = "multi_thread")]
async fn every_parameter_that_a_route_reads_is_described_and_no_other() {
    let service = Service::start().await;
    let client = &service.client;
    let operation = client.send(&message(&[fcm("a-device")])).await;
    let notification = client.read("").await["pushNotifications"][0]["id"].clone();
    let device = json!({"appName": "demo", "token": "registered", "provider": "FCM"});
    let (_, registered) = client.post("/DeviceRegistrations", &device).await;
    let registration = registered["resourceId"].as_str().unwrap();
    let path = format!("/DeviceRegistrations/{registration}");
    let user = client.read(&path).await["userId"].clone();
    let user = user.as_str().unwrap();
    let credential = client.read("/Credentials").await["credentials"][0]["id"].clone();

    let hook = json!({"url": "https://hooks.example.com/", "events": ["operation.completed"]});
    let webhook = client.post("/Webhooks", &hook).await.1["id"].clone();
    let test = format!("/Webhooks/{}/Test", webhook.as_str().unwrap());
    let delivery = client.post(&test, &json!({})).await.1["resourceId"].clone();

    let file = client
        .request(Method::POST, "/DeviceRegistrations/Import")
        .header("content-type", "text/csv")
        .body("token,provider\n");
    let import = crate::support::client::answer(file.send().await.unwrap()).await;
    let import = import.1["resourceId"].clone();
    let template = json!({"name": "greeting", "content": {"body": "Hi"}});
    let template = client.post("/Templates", &template).await.1["id"].clone();

    let document = document(&service).await;
    let paths = document["paths"].as_object().unwrap();
    let routes: Vec<_> = paths
        .iter()
        .filter_map(|(path, it)| Some((path.strip_prefix("/v1/PushNotifications")?, it)))
        .filter(|(_, it)| it["get"].is_object())
        .collect();
    let known: BTreeSet<&str> = routes.iter().flat_map(|(_, it)| described(it)).collect();
    assert!(known.contains("pageSize"), "{known:?}");

    for (route, it) in routes {
        let id = match route.split('/').nth(1).unwrap_or_default() {
            "Operations" => &operation,
            "DeviceRegistrations" if route.contains("/Imports/") => import.as_str().unwrap(),
            "DeviceRegistrations" => registration,
            "Users" => user,
            "Credentials" => credential.as_str().unwrap(),
            "Templates" => template.as_str().unwrap(),
            "Webhooks" => webhook.as_str().unwrap(),
            _ => notification.as_str().unwrap(),
        };
        let path = route
            .replace("{id}", id)
            .replace("{name}", "demo")
            .replace("{key}", "SKdemo")
            .replace("{deliveryId}", delivery.as_str().unwrap());
        let described = described(it);
        for name in known.iter().copied().chain(["unknown"]) {
            // This list needs a User.
            let user = match (route, name) {
                ("/DeviceRegistrations", "userId") => String::new(),
                ("/DeviceRegistrations", _) => format!("&userId={user}"),
                _ => String::new(),
            };
            let (status, answer) = client.get(&format!("{path}?{name}=%00{user}")).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{route} {name}: {answer}");
            let problem = &answer["errors"][0];
            assert_eq!(problem["field"], *name, "{route}: {answer}");
            let text = problem["message"].as_str().unwrap();
            let is_unknown = text.contains("this query parameter does not exist");
            assert_ne!(
                described.contains(name),
                is_unknown,
                "{route} {name}: {text}"
            );
        }
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_have_the_headers_that_are_described() {
    let service = Service::start().await;
    let document = document(&service).await;
    let path = "/v1/PushNotifications/DeviceRegistrations";
    let described = |status: &str| {
        let headers = &document["paths"][path]["post"]["responses"][status]["headers"];
        headers
            .as_object()
            .unwrap()
            .keys()
            .map(|name| name.to_lowercase())
            // They come where a limit is set, and here is none.
            .filter(|name| !name.starts_with("ratelimit"))
            .collect::<BTreeSet<_>>()
    };
    let register = |app: &str| {
        let body = json!({"appName": app, "token": "t", "provider": "FCM"});
        let request = service
            .client
            .request(Method::POST, "/DeviceRegistrations")
            .header("Idempotency-Key", "k");
        request.json(&body).send()
    };
    register("demo").await.unwrap();
    let repeat = register("demo").await.unwrap();
    let body = repeat.headers().clone();
    let (status, answer) = crate::support::client::answer(repeat).await;
    assert_eq!(
        (status, &answer["resourceLocation"]),
        (
            StatusCode::ACCEPTED,
            &json!(body["location"].to_str().unwrap())
        )
    );
    assert!(
        described("202").iter().all(|name| body.contains_key(name)),
        "{body:?}"
    );
    assert_eq!(described("202").len(), 3);

    let unauthorized = reqwest::Client::new()
        .post(format!("{}{path}", service.url))
        .send()
        .await
        .unwrap();
    assert!(
        described("401")
            .iter()
            .all(|name| unauthorized.headers().contains_key(name)),
        "{unauthorized:?}"
    );
    assert!(described("429").contains("retry-after") && described("503").contains("retry-after"));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn extensions_are_marked_and_ids_have_their_form() {
    let service = Service::start().await;
    let document = document(&service).await;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let is_extension = path.contains("/Webhooks")
            || path.contains("/Templates")
            || path.contains("/Keys")
            || [
                "Account",
                "Estimate",
                "Errors",
                "ErrorTotals",
                "Results",
                "Cancel",
                "DeliveryAttempts",
                "Preview",
                "Stream",
                "Test",
                "Remove",
                "{deviceId}",
                "Receipts",
                "Resend",
                "Pause",
                "Resume",
                "Merge",
                "AuditEvents",
                "Import",
                "Imports",
                "Imports/{id}",
                "Export",
                "Data",
            ]
            .iter()
            .any(|end| path.ends_with(end));
        for (method, operation) in methods.as_object().unwrap() {
            // Twilio's API has no PUT.
            let is_extension = is_extension
                || method == "put"
                || method == "patch" && path.ends_with("/Operations/{id}");
            let summary = operation["summary"].as_str().unwrap();
            assert_eq!(
                summary.contains("(extension)"),
                is_extension,
                "{method} {path}: {summary}"
            );
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            for parameter in parameters.filter(|parameter| parameter["in"] == "path") {
                let schema = &parameter["schema"];
                let name = schema["$ref"]
                    .as_str()
                    .map_or("", |reference| reference.rsplit('/').next().unwrap());
                let schema = if name.is_empty() {
                    schema
                } else {
                    &document["components"]["schemas"][name]
                };
                assert!(schema["pattern"].is_string(), "{method} {path}: {schema}");
            }
        }
    }
    service.stop().await;
}

/// The operations in the tables of a text: method and path.
fn listed(text: &str) -> BTreeSet<(String, String)> {
    let rows = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter(|row| row.contains(" /PushNotifications") || row.contains(" /Receipts"));

    rows.flat_map(|row| {
        let requests = row.split('|').next().unwrap().replace('`', "");
        let words = requests.split([' ', ',']).filter(|word| !word.is_empty());
        let (paths, methods): (Vec<_>, Vec<_>) = words.partition(|word| word.starts_with('/'));
        methods
            .into_iter()
            .map(|method| (method.to_lowercase(), format!("/v1{}", paths[0])))
            .collect::<Vec<_>>()
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_list_the_operations_that_there_are() {
    let service = Service::start().await;
    let mut documented = operations(&document(&service).await);
    documented.retain(|(_, path)| path.starts_with("/v1/"));

    let api = include_str!("../../docs/api.md");
    let requests = api.split("## Requests").nth(1).unwrap();
    let requests = requests.split("\n## ").next().unwrap();
    assert_eq!(listed(requests), documented);

    let tour = listed(include_str!("../../README.md"));
    assert!(!tour.is_empty() && tour.is_subset(&documented), "{tour:?}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_needs_no_network() {
    let service = Service::start().await;
    for file in [
        "",
        "swagger-ui.css",
        "swagger-ui-bundle.js",
        "swagger-initializer.js",
    ] {
        let answer = reqwest::get(format!("{}/docs/{file}", service.url))
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{file}");
        let text = answer.text().await.unwrap();
        assert!(
            !text.contains("src=\"http") && !text.contains("href=\"http"),
            "{file} loads from elsewhere"
        );
        assert!(
            file != "swagger-initializer.js" || text.contains("/openapi.json"),
            "{text}"
        );
    }
    let missing = reqwest::get(format!("{}/docs/none", service.url))
        .await
        .unwrap();
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    assert_eq!(missing.json::<Value>().await.unwrap()["code"], 20404);
    service.stop().await;
}

/// A body that may be absent, and a header that a request may have, are described where they are read.
#[tokio::test(flavor = "multi_thread")]
async fn optional_bodies_and_idempotency_keys_are_described() {
    let service = Service::start().await;
    let document: Value = reqwest::get(format!("{}/openapi.json", service.url))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let operation = |path: &str, method: &str| {
        document["paths"][format!("/v1/PushNotifications{path}")][method].clone()
    };

    for path in ["/Keys", "/Keys/{key}/Rotate", "/Operations/{id}/Resend"] {
        let body = operation(path, "post")["requestBody"].clone();
        assert!(body.is_object(), "{path}");
        assert_ne!(body["required"], json!(true), "{path}");
    }
    let change = operation("/Operations/{id}", "patch");
    let parameters = change["parameters"].as_array().unwrap();
    let has_key = |parameter: &Value| parameter["name"] == "Idempotency-Key";
    assert!(parameters.iter().any(has_key), "{change}");
    service.stop().await;
}
