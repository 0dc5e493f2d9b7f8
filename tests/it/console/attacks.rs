//! Attacks on the console: by other accounts, other sites and by what is shown.

use std::fs;
use std::path::Path;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::sessions::start;
use crate::support::browser::{Browser, url_encoded};
use crate::support::client::{fcm, message};
use crate::support::service::{Service, World};

/// A text that would run if a page did not escape it.
const SCRIPT: &str = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'>";

/// A path of the console below its root.
struct Resource {
    route: String,
    /// `get`, `post` or both.
    methods: Vec<&'static str>,
    /// Whether strangers may use it.
    is_open: bool,
}

/// The paths of the console below its root.
fn resources() -> Vec<Resource> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console/routes.rs");
    let text = fs::read_to_string(path).unwrap();
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let parts: Vec<&str> = joined.split("resource(").collect();
    let resources: Vec<_> = parts
        .windows(2)
        .filter_map(|parts| {
            let route = parts[1].trim_start().strip_prefix('"')?.split('"').next()?;
            let methods = [("read()", "get"), ("web::post()", "post")]
                .into_iter()
                .filter(|(text, _)| parts[1].contains(text));

            Some(Resource {
                route: route.to_owned(),
                methods: methods.map(|(_, method)| method).collect(),
                is_open: parts[0].ends_with("open_"),
            })
        })
        .filter(|resource| resource.route != "/console/")
        .collect();
    assert!(resources.len() > 5, "are the routes read at all?");

    resources
}

/// The routes of the console below its root, each with its method.
fn routes() -> Vec<(String, String)> {
    let routes = resources().into_iter().flat_map(|resource| {
        let with = move |method: &str| (method.to_owned(), resource.route.clone());
        resource.methods.into_iter().map(with)
    });

    routes.collect()
}

/// What one account has.
pub struct Theirs {
    pub operation: String,
    pub notification: String,
    pub user: String,
    pub credential: String,
    pub webhook: String,
}

impl Theirs {
    pub async fn make(service: &Service) -> Self {
        let mut body = message(&[fcm("theirs-device~UNREGISTERED")]);
        body["content"]["title"] = json!("Only for them");
        body["tags"] = json!({"secret": "theirs"});
        let client = &service.client;
        let operation = client.send(&body).await;
        client.completed(&operation).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let list = client.read("").await;
        let device = json!({"appName": "demo", "token": "theirs-registered", "provider": "FCM"});
        let (_, registered) = client.post("/DeviceRegistrations", &device).await;
        let credentials = client.read("/Credentials").await;
        let hook = json!({"url": "https://hooks.example.com/", "events": ["operation.completed"]});
        let (_, webhook) = client.post("/Webhooks", &hook).await;

        Self {
            operation,
            notification: text(&list["pushNotifications"][0]["id"]),
            user: text(&registered["userId"]),
            credential: text(&credentials["credentials"][0]["id"]),
            webhook: text(&webhook["id"]),
        }
    }

    /// The address of a route, with what is theirs.
    pub fn address(&self, route: &str) -> String {
        let id = match route.split('/').nth(1).unwrap_or_default() {
            "people" => &self.user,
            "notifications" => &self.notification,
            "credentials" => &self.credential,
            "webhooks" => &self.webhook,
            _ => &self.operation,
        };
        let delivery = "bellwire_webhook_delivery_01h9krwprkeee8fzqspvwy6nq8";

        let path = route.replace("{id}", id).replace("{key}", "SKdemo");
        format!("/console{}", path.replace("{delivery}", delivery))
    }

    /// Requests to a route that name something of this account, and the expected status; `None`: the
    /// route belongs to no account.
    fn expected(method: &str, route: &str) -> Option<StatusCode> {
        Some(match (method, route) {
            // These belong to no account. A stream that ends by itself is one that is not given.
            (
                _,
                "/login"
                | "/login/oidc"
                | "/login/oidc/callback"
                | "/logout"
                | "/assets/{name:.*}"
                | "/operations/live"
                | "/queue/live",
            ) => return None,
            (
                "get",
                "/operations" | "/people" | "/send" | "/queue" | "/credentials" | "/webhooks"
                | "/keys" | "/audit",
            )
            // Without a recipient, which is refused on the page; a key of their own.
            | ("post", "/send" | "/send/preview" | "/send/validate" | "/keys") => StatusCode::OK,
            (_, route) if route.contains("{id}") || route.contains("{key}") => {
                StatusCode::NOT_FOUND
            }
            _ => panic!("{method} {route} has no case: what would it show of another account?"),
        })
    }

    fn is_shown_in(&self, text: &str) -> bool {
        let ids = [
            &self.operation,
            &self.notification,
            &self.user,
            &self.credential,
            &self.webhook,
        ];

        ids.iter().any(|id| text.contains(id.as_str()))
            || ["Only for them", "secret:theirs", "SKdemo"]
                .iter()
                .any(|own| text.contains(own))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_keeps_accounts_apart() {
    let (service, ..) = start().await;
    let theirs = Theirs::make(&service).await;
    let (_, key, secret) = service.world.neighbour("stranger").await;
    let stranger = Browser::log_in(&service.url, &key, &secret).await;

    for (method, route) in routes() {
        let Some(expected) = Theirs::expected(&method, &route) else {
            continue;
        };
        let path = theirs.address(&route);
        let fields = [
            ("code", "UNREGISTERED"),
            ("role", "READ"),
            ("perMinute", "60"),
        ];
        let page = match method.as_str() {
            "post" => stranger.post(&path, &fields).await,
            _ => stranger.get(&path).await,
        };
        assert_eq!(page.status, expected, "{method} {path}: {}", page.text);
        let mut text = page.text.replace(&path, "");
        if page.status == StatusCode::NOT_FOUND {
            // The page names what does not exist by the id that was asked for.
            for part in path.split('/').filter(|part| !part.is_empty()) {
                text = text.replace(part, "");
            }
        }
        assert!(!theirs.is_shown_in(&text), "{method} {path}: {}", page.text);
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_asks_who_it_is_for() {
    let (service, ..) = start().await;
    let theirs = Theirs::make(&service).await;
    let stranger = Browser::new(&service.url);

    for (method, route) in routes() {
        // Whoever logs in is not logged in yet.
        if route.starts_with("/login") || route == "/assets/{name:.*}" {
            continue;
        }
        let path = theirs.address(&route);
        let page = match method.as_str() {
            "post" => stranger.post(&path, &[]).await,
            _ => stranger.get(&path).await,
        };
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{method} {path}");
        assert!(page.location.starts_with("/console/login"), "{path}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_names_the_methods_that_it_supports() {
    let (service, key, secret) = start().await;
    let theirs = Theirs::make(&service).await;
    let browser = Browser::log_in(&service.url, &key, &secret).await;
    let stranger = Browser::new(&service.url);
    let methods = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "X",
    ];

    // Without an identity provider, the paths for one do not exist.
    let resources = resources().into_iter();
    for resource in resources.filter(|resource| !resource.route.starts_with("/login/oidc")) {
        let path = theirs.address(&resource.route);
        let mut allowed = Vec::new();
        for method in &resource.methods {
            match *method {
                "get" => allowed.extend(["GET", "HEAD"]),
                _ => allowed.push("POST"),
            }
        }

        for method in methods.iter().filter(|method| !allowed.contains(method)) {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = browser.request(method.clone(), &path).send().await.unwrap();
            assert_eq!(
                answer.status(),
                StatusCode::METHOD_NOT_ALLOWED,
                "{method} {path}"
            );
            assert_eq!(
                answer.headers()["allow"],
                *allowed.join(", "),
                "{method} {path}"
            );

            let answer = stranger
                .request(method.clone(), &path)
                .send()
                .await
                .unwrap();
            if resource.is_open {
                assert_eq!(
                    answer.status(),
                    StatusCode::METHOD_NOT_ALLOWED,
                    "{method} {path}"
                );
            } else {
                assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{method} {path}");
                assert!(!answer.headers().contains_key("allow"), "{method} {path}");
                assert_eq!(answer.headers()["location"], "/console/login?next=");
            }
        }

        if allowed.contains(&"HEAD") {
            let get = browser.request(Method::GET, &path).send().await.unwrap();
            let head = browser.request(Method::HEAD, &path).send().await.unwrap();
            assert_eq!(head.status(), get.status(), "{path}");
            assert_eq!(
                head.headers().get("content-type"),
                get.headers().get("content-type")
            );
            assert_eq!(head.text().await.unwrap(), "", "{path}");
        }
    }

    for path in ["/console", "/console/"] {
        let answer = stranger.request(Method::POST, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.headers()["allow"], "GET, HEAD", "{path}");
        let head = stranger.request(Method::HEAD, path).send().await.unwrap();
        assert!(
            !head.status().is_client_error(),
            "{path}: {}",
            head.status()
        );
    }
    for (browser, method) in [(&browser, Method::GET), (&stranger, Method::DELETE)] {
        let answer = browser
            .request(method, "/console/nothing")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_needs_the_token_of_its_session_and_its_own_site() {
    let (service, key, secret) = start().await;
    let theirs = Theirs::make(&service).await;
    let browser = Browser::log_in(&service.url, &key, &secret).await;
    let other = Browser::log_in(&service.url, &key, &secret).await;

    for (method, route) in routes() {
        if method != "post" || route == "/login" {
            continue;
        }
        let path = theirs.address(&route);
        let wrong: [&[(&str, &str)]; 4] = [
            &[],
            &[("change_token", "")],
            &[("change_token", &other.change_token)],
            &[("token", &browser.change_token)],
        ];
        for fields in wrong {
            let page = browser.post_as_it_is(&path, fields).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{path} {fields:?}");
        }

        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example.com"),
            ("origin", "null"),
        ] {
            let fields = [("change_token", browser.change_token.as_str())];
            let request = browser
                .request(Method::POST, &path)
                .header("content-type", "application/x-www-form-urlencoded")
                .header(name, value)
                .body(url_encoded(&fields));
            let status = request.send().await.unwrap().status();
            assert_eq!(status, StatusCode::FORBIDDEN, "{path} {name}: {value}");
        }
    }

    let login = browser
        .request(Method::POST, "/console/login")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", "https://evil.example.com")
        .body(url_encoded(&[("key", &key), ("secret", &secret)]));
    let status = login.send().await.unwrap().status();
    assert_eq!(
        status,
        StatusCode::FORBIDDEN,
        "nobody is logged in by another site"
    );
    assert_eq!(
        browser.get("/console/operations").await.status,
        StatusCode::OK
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_wrote_is_shown_as_text() {
    let world = World::new().await;
    let (key, secret) = world.demo().await;
    let service = world.start_for(&key, &secret).await;
    let browser = Browser::log_in(&service.url, &key, &secret).await;

    let mut body = message(&[fcm("a-device~UNREGISTERED")]);
    body["content"] = json!({"title": format!("T{SCRIPT}"), "body": format!("B{SCRIPT}")});
    body["templating"] = json!(false);
    let id = service.client.send(&body).await;
    service.client.completed(&id).await;
    // What a provider or an older release may have left behind.
    sqlx::query("update push_notifications set error_message = $1, error_code = $1")
        .bind(SCRIPT)
        .execute(&service.world.database.pool)
        .await
        .unwrap();

    let (_, hook) = service
        .client
        .post(
            "/Webhooks",
            &json!({"url": "https://hooks.example.com/", "events": ["operation.completed"], "description": SCRIPT}),
        )
        .await;
    let named = json!({"role": "READ", "name": SCRIPT, "note": SCRIPT});
    service.client.post("/Keys", &named).await;
    let list = service.client.read("").await;
    let notification = list["pushNotifications"][0]["id"].as_str().unwrap();
    sqlx::query("update delivery_attempts set provider_message = $1, provider_code = $1")
        .bind(SCRIPT)
        .execute(&service.world.database.pool)
        .await
        .unwrap();

    let pages = [
        format!("/console/notifications/{notification}"),
        "/console/people?find=%3Cscript%3E".to_owned(),
        "/console/webhooks".to_owned(),
        format!("/console/webhooks/{}", hook["id"].as_str().unwrap()),
        "/console/keys".to_owned(),
        "/console/audit?action=%22%3E%3Cscript%3E".to_owned(),
        "/console/operations".to_owned(),
        format!("/console/operations/{id}"),
        format!("/console/operations/{id}?code=%3Cscript%3E"),
        "/console/operations?tags=%3Cscript%3E&status=%22%3E%3Cscript%3E".to_owned(),
        "/console/login?next=%22%3E%3Cscript%3E".to_owned(),
        "/console/%3Cscript%3E".to_owned(),
    ];
    for path in pages {
        let page = browser.get(&path).await;
        assert!(!page.text.contains("<script>"), "{path}: {}", page.text);
        assert!(!page.text.contains("<img src=x"), "{path}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_runs_and_loads_the_consoles_own_files_alone() {
    let (service, key, secret) = start().await;
    let theirs = Theirs::make(&service).await;
    let browser = Browser::log_in(&service.url, &key, &secret).await;

    for (browser, path) in [
        (Browser::new(&service.url), "/console".to_owned()),
        (browser.clone(), "/console/operations".to_owned()),
        (
            browser.clone(),
            format!("/console/operations/{}", theirs.operation),
        ),
        (browser.clone(), "/console/nothing".to_owned()),
    ] {
        let page = browser.get(&path).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.headers["cache-control"], "no-store", "{path}");

        for forbidden in [
            "<style",
            " style=",
            " onclick=",
            " hx-on",
            "javascript:",
            "//cdn",
        ] {
            assert!(!page.text.contains(forbidden), "{path} has {forbidden}");
        }
        for script in page.text.split("<script").skip(1) {
            assert!(
                script.starts_with(" src=\"/console/assets/"),
                "{path}: {script:.80}"
            );
        }
        for address in page.text.split("/console/assets/").skip(1) {
            let name = address.split(['"', '?']).next().unwrap();
            let file = browser.get(&format!("/console/assets/{name}")).await;
            assert_eq!(file.status, StatusCode::OK, "{name}");
        }
    }

    for (path, own) in [
        ("/console/operations", "Only for them"),
        ("/console/people?find=theirs-registered", &theirs.user),
        ("/console/credentials", &theirs.credential),
        ("/console/webhooks", &theirs.webhook),
        ("/console/keys", "SKdemo"),
        ("/console/audit", "webhook.create"),
    ] {
        let page = browser.get(path).await;
        let shown = page.text + &page.location;
        assert!(shown.contains(own), "{path}: {shown}");
    }

    let missing = browser.get("/console/assets/../mod.rs").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    service.stop().await;
}
