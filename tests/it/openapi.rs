//! The API's description: true to the routes, and browsable without a network.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::support::service::Service;

/// Every method and path of the document.
fn operations(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap();
    let methods = |path: &Value| path.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    paths.iter().flat_map(|(path, it)| methods(it).into_iter().map(move |method| (method, path.clone()))).collect()
}

async fn document(service: &Service) -> Value {
    reqwest::get(format!("{}/openapi.json", service.url)).await.unwrap().json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_documented_operation_is_there_and_asks_for_a_key() {
    let service = Service::start().await;
    let document = document(&service).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let operations = operations(&document);
    assert_eq!(operations.len(), 25);
    for (method, path) in operations {
        let url = format!("{}{}", service.url, path.replace("{id}", "x").replace("{name}", "x"));
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let request = reqwest::Client::new().request(method.clone(), url).header("content-type", "application/json");
        assert_eq!(request.send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readme_and_the_document_know_the_same_operations() {
    let service = Service::start().await;
    let documented = operations(&document(&service).await);
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let mut listed = BTreeSet::new();
    for row in
        readme.lines().filter_map(|line| line.strip_prefix("| `")).filter(|row| row.contains("/PushNotifications"))
    {
        let requests = row.split('|').next().unwrap().replace('`', "");
        let path = requests.split_whitespace().find(|word| word.starts_with('/')).unwrap();
        for method in requests.split([' ', ',']).filter(|word| !word.is_empty() && !word.starts_with('/')) {
            listed.insert((method.to_lowercase(), format!("/v1{path}")));
        }
    }
    assert_eq!(listed, documented);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_needs_no_network() {
    let service = Service::start().await;
    for file in ["", "swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
        let answer = reqwest::get(format!("{}/docs/{file}", service.url)).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{file}");
        let text = answer.text().await.unwrap();
        assert!(!text.contains("src=\"http") && !text.contains("href=\"http"), "{file} loads from elsewhere");
        assert!(file != "swagger-initializer.js" || text.contains("/openapi.json"), "{text}");
    }
    assert_eq!(reqwest::get(format!("{}/docs/none", service.url)).await.unwrap().status(), StatusCode::NOT_FOUND);
    service.stop().await;
}
