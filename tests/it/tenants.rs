//! No route shows an account anything of another account.

use bellwire::model::provider::CredentialType;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::client::{Client, answer, fcm, message};
use crate::support::service::Service;

/// What one account has, by id; its second App is called `theirs`.
struct Theirs {
    operation: String,
    notification: String,
    credential: String,
    registration: String,
    device: String,
    user: String,
    webhook: String,
    import: String,
    template: String,
}

/// What another account must get.
enum Expected {
    NotFound,
    /// A 400 that names this field.
    Refused(&'static str),
    /// A success that shows nothing of the first account.
    Own,
    /// A change of what the second account has, which is nothing.
    Accepted,
}
use Expected::{Accepted, NotFound, Own, Refused};

/// The key of the first account.
const THEIR_KEY: &str = "SKdemo";

impl Theirs {
    async fn make(client: &Client, fcm_credential: &Value) -> Self {
        let id = |answer: &Value| answer["resourceId"].as_str().unwrap().to_owned();
        let operation = client.send(&message(&[fcm("device~UNREGISTERED")])).await;
        client.completed(&operation).await;
        let notifications = client.read("").await;
        let credential =
            json!({"appName": "theirs", "credentialType": "FCM", "content": fcm_credential});
        let (_, credential) = client.post("/Credentials", &credential).await;
        let device = json!({"appName": "demo", "token": "theirs", "provider": "FCM", "externalId": "theirs"});
        let (_, registered) = client.post("/DeviceRegistrations", &device).await;
        let registration = client
            .read(&format!("/DeviceRegistrations/{}", id(&registered)))
            .await;
        let hook = json!({"url": "https://hooks.example.com/", "events": ["operation.completed"]});
        let (_, webhook) = client.post("/Webhooks", &hook).await;
        let import = client
            .request(Method::POST, "/DeviceRegistrations/Import?appName=demo")
            .header("content-type", "text/csv")
            .body("token,provider\nimported,FCM\n,FCM\n");
        let (_, import) = answer(import.send().await.unwrap()).await;
        let template = json!({"name": "theirs", "content": {"body": "x"}});
        let (_, template) = client.post("/Templates", &template).await;
        Self {
            operation,
            template: template["id"].as_str().unwrap().to_owned(),
            webhook: webhook["id"].as_str().unwrap().to_owned(),
            import: id(&import),
            notification: notifications["pushNotifications"][0]["id"]
                .as_str()
                .unwrap()
                .to_owned(),
            credential: id(&credential),
            registration: id(&registered),
            device: registered["deviceId"].as_str().unwrap().to_owned(),
            user: registration["userId"].as_str().unwrap().to_owned(),
        }
    }

    fn ids(&self) -> Vec<&str> {
        vec![
            THEIR_KEY,
            &self.operation,
            &self.notification,
            &self.credential,
            &self.registration,
            &self.device,
            &self.user,
            &self.webhook,
            &self.import,
            &self.template,
        ]
    }

    /// Sends that name something of this account, each with the field that does.
    fn sends(&self) -> Vec<(Value, Expected)> {
        let from = |from: Value| {
            let mut body = message(&[fcm("device")]);
            body["from"] = from;
            body
        };
        let mut with_template = message(&[fcm("device")]);
        with_template["content"] = json!({"templateId": self.template});
        vec![
            (
                message(&[json!({"userId": self.user})]),
                Refused("to[0].userId"),
            ),
            (from(json!({"fcm": self.credential})), Refused("from.fcm")),
            (from(json!({"appName": "theirs"})), Refused("from.appName")),
            (with_template, Refused("content.templateId")),
        ]
    }

    /// Requests to a route that name something of this account: path, body, and the expected
    /// answer.
    fn requests(&self, method: &str, route: &str) -> Vec<(String, Value, Expected)> {
        let Self {
            operation,
            notification,
            credential,
            registration,
            device,
            user,
            webhook,
            import,
            template,
        } = self;
        let plain = |path: String, expected| vec![(path, json!({}), expected)];
        let default = |path: String| vec![(path, json!({"isDefault": true}), NotFound)];
        match (method, route) {
            ("post", "") => {
                let dry = self.sends().into_iter().map(|(mut body, expected)| {
                    body["validateOnly"] = json!(true);
                    (body, expected)
                });
                let all = self.sends().into_iter().chain(dry);
                all.map(|(body, expected)| (String::new(), body, expected))
                    .collect()
            }
            ("post", "/Preview") => self
                .sends()
                .into_iter()
                .map(|(body, expected)| (route.to_owned(), body, expected))
                .collect(),
            ("post", "/DeviceRegistrations") => {
                let body = |app: &str| json!({"userId": user, "appName": app, "token": "mine", "provider": "FCM"});
                let mut without_user = body("theirs");
                without_user["userId"] = Value::Null;
                vec![
                    (route.to_owned(), body("demo"), Refused("userId")),
                    (route.to_owned(), without_user, Refused("appName")),
                ]
            }
            ("post", "/Credentials") => {
                let content = json!({"privateKey": "none"});
                let body = json!({"appName": "theirs", "credentialType": "FCM", "content": content, "isDefault": true});
                vec![(route.to_owned(), body, Refused("content.projectId"))]
            }
            ("get", "") => [
                "",
                &format!("?operationId={operation}"),
                &format!("?user={user}"),
                "?provider=FCM",
            ]
            .map(|query| (query.to_owned(), json!({}), Own))
            .into(),
            ("get", "/Users") => [route.to_owned(), format!("{route}?externalId=theirs")]
                .map(|path| (path, json!({}), Own))
                .into(),
            ("get", "/DeviceRegistrations") => plain(format!("{route}?userId={user}"), Own),
            ("get", "/Credentials") => [route.to_owned(), format!("{route}?appName=theirs")]
                .map(|path| (path, json!({}), Own))
                .into(),
            (
                "get",
                "/Account"
                | "/Keys"
                | "/Operations"
                | "/Apps"
                | "/Templates"
                | "/Webhooks"
                | "/ErrorTotals"
                | "/DeviceRegistrations/Imports"
                | "/DeviceRegistrations/Export",
            ) => plain(route.to_owned(), Own),
            ("get", "/{id}" | "/{id}/DeliveryAttempts") | ("post", "/{id}/Cancel") => {
                plain(route.replace("{id}", notification), NotFound)
            }
            (
                "get",
                "/Operations/{id}"
                | "/Operations/{id}/Errors"
                | "/Operations/{id}/ErrorTotals"
                | "/Operations/{id}/Results"
                | "/Operations/{id}/Stream",
            )
            | (
                "post",
                "/Operations/{id}/Cancel"
                | "/Operations/{id}/Resend"
                | "/Operations/{id}/Pause"
                | "/Operations/{id}/Resume",
            ) => plain(route.replace("{id}", operation), NotFound),
            ("put", "/Account") => vec![(route.to_owned(), json!({"cap": null}), Own)],
            ("post", "/Audiences/Estimate") => vec![(
                route.to_owned(),
                json!({"appName": "theirs", "audience": {}}),
                Refused("appName"),
            )],
            ("get", "/AuditEvents") => vec![
                (route.to_owned(), json!({}), Own),
                (format!("{route}?target={credential}"), json!({}), Own),
            ],
            ("post", "/Keys") => vec![(
                route.to_owned(),
                json!({"account": "demo"}),
                Refused("account"),
            )],
            ("get" | "delete", "/Keys/{key}") | ("post", "/Keys/{key}/Rotate") => {
                plain(route.replace("{key}", THEIR_KEY), NotFound)
            }
            ("get" | "delete", "/Credentials/{id}") | ("post", "/Credentials/{id}/Test") => {
                plain(route.replace("{id}", credential), NotFound)
            }
            ("patch", "/Operations/{id}") => {
                let body = json!({"schedule": {"sendAt": ["2030-01-01T00:00:00Z"]}});
                vec![(route.replace("{id}", operation), body, NotFound)]
            }
            ("post", "/Operations/Cancel") => {
                vec![(route.to_owned(), json!({"tags": {"any": "tag"}}), Accepted)]
            }
            ("patch", "/Credentials/{id}") => default(route.replace("{id}", credential)),
            ("get", "/Apps/{name}") => plain("/Apps/theirs".to_owned(), NotFound),
            ("patch", "/Apps/{name}") => default("/Apps/theirs".to_owned()),
            ("get" | "delete", "/DeviceRegistrations/{id}") => {
                plain(route.replace("{id}", registration), NotFound)
            }
            ("post", "/DeviceRegistrations/Remove") => {
                let body =
                    |app: &str| json!({"appName": app, "token": "theirs", "provider": "FCM"});
                vec![
                    (route.to_owned(), body("demo"), NotFound),
                    (route.to_owned(), body("theirs"), NotFound),
                ]
            }
            (
                "get",
                "/DeviceRegistrations/Imports/{id}" | "/DeviceRegistrations/Imports/{id}/Errors",
            ) => plain(route.replace("{id}", import), NotFound),
            // It takes no JSON. What its rows name is looked up in the account alone: see below.
            ("post", "/DeviceRegistrations/Import") => vec![],
            ("patch" | "delete", "/DeviceRegistrations/{id}/Devices/{deviceId}") => {
                let path = route
                    .replace("{id}", registration)
                    .replace("{deviceId}", device);
                vec![(path, json!({"tags": {}}), NotFound)]
            }
            ("post", "/Users/{id}/Merge") => vec![(
                route.replace("{id}", user),
                json!({"into": "comms_pushnotificationuser_01h9krwprkeee8fzqspvwy6nq8"}),
                NotFound,
            )],
            ("put", "/Users/{id}") => vec![(
                route.replace("{id}", user),
                json!({"externalId": "mine"}),
                NotFound,
            )],
            ("get", "/Users/{id}" | "/Users/{id}/Data") => {
                plain(route.replace("{id}", user), NotFound)
            }
            ("delete", "/Users/{id}") => ["", "?records=true"]
                .map(|query| {
                    let path = format!("{}{query}", route.replace("{id}", user));
                    (path, json!({}), NotFound)
                })
                .into(),
            ("post", "/Templates") => vec![(
                route.to_owned(),
                json!({"name": "theirs", "content": {}}),
                Refused("content"),
            )],
            (_, route) if route.starts_with("/Templates/{id}") => vec![(
                route.replace("{id}", template),
                json!({"name": "mine"}),
                NotFound,
            )],
            ("post", "/Webhooks") => {
                let body = json!({"url": "https://hooks.example.com/", "events": ["operation.completed"],
                    "appName": "theirs"});
                vec![(route.to_owned(), body, Refused("appName"))]
            }
            ("patch", "/Webhooks/{id}") => vec![(
                route.replace("{id}", webhook),
                json!({"status": "DISABLED"}),
                NotFound,
            )],
            (_, route) if route.starts_with("/Webhooks/{id}") => {
                let delivery = "bellwire_webhook_delivery_01h9krwprkeee8fzqspvwy6nq8";
                let path = route.replace("{id}", webhook);
                plain(path.replace("{deliveryId}", delivery), NotFound)
            }
            _ => panic!("{method} {route} has no case: what would it show of another account?"),
        }
    }
}

/// Another account, whose App has the same name.
async fn stranger(service: &Service) -> Client {
    let (account_id, key, secret) = service.world.account("stranger").await;
    let content = service.world.simulator.fcm_credential();
    service
        .world
        .credential(account_id, CredentialType::Fcm, &content)
        .await;
    Client::new(&service.url, &key, &secret)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_keeps_accounts_apart() {
    let service = Service::start().await;
    let theirs = Theirs::make(&service.client, &service.world.simulator.fcm_credential()).await;
    let stranger = stranger(&service).await;
    let document: Value = reqwest::get(format!("{}/openapi.json", service.url))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();

    for (path, methods) in document["paths"].as_object().unwrap() {
        // The other routes need no key.
        let Some(route) = path.strip_prefix("/v1/PushNotifications") else {
            continue;
        };
        for method in methods.as_object().unwrap().keys() {
            for (address, body, expected) in theirs.requests(method, route) {
                let name = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let request = stranger.request(name, &address).json(&body);
                let (status, response) = answer(request.send().await.unwrap()).await;
                let case = format!("{method} {address} {body}: {response}");
                // A 404 repeats the ids that it was asked for, whether they exist or not.
                let repeats_address = matches!(expected, NotFound);
                match expected {
                    NotFound => assert_eq!(status, StatusCode::NOT_FOUND, "{case}"),
                    Own => assert_eq!(status, StatusCode::OK, "{case}"),
                    Accepted => assert_eq!(status, StatusCode::ACCEPTED, "{case}"),
                    Refused(field) => {
                        assert_eq!(
                            (status, &response["errors"][0]["field"]),
                            (400.try_into().unwrap(), &json!(field)),
                            "{case}"
                        );
                    }
                }
                let response = response.to_string();
                assert!(
                    theirs
                        .ids()
                        .iter()
                        .filter(|id| !(repeats_address && address.contains(*id)))
                        .all(|id| !response.contains(id))
                        && !response.contains("devi…"),
                    "{case}"
                );
            }
        }
    }

    for path in [
        format!("/Operations/{}", theirs.operation),
        format!("/{}", theirs.notification),
        format!("/DeviceRegistrations/{}", theirs.registration),
        format!("/Users/{}", theirs.user),
        format!("/Credentials/{}", theirs.credential),
    ] {
        assert_eq!(
            service.client.get(&path).await.0,
            StatusCode::OK,
            "{path} is as it was"
        );
    }

    assert_eq!(
        service.client.read("/Apps/theirs").await["isDefault"],
        false
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_reaches_no_device_or_user_of_another_account() {
    let service = Service::start().await;
    let theirs = Theirs::make(&service.client, &service.world.simulator.fcm_credential()).await;
    let stranger = stranger(&service).await;

    let rows = [
        json!({"token": "theirs", "provider": "FCM", "userId": theirs.user}),
        json!({"token": "theirs", "provider": "FCM", "appName": "theirs"}),
        json!({"token": "theirs", "provider": "FCM", "externalId": "theirs", "language": "de"}),
    ];
    let request = stranger
        .request(Method::POST, "/DeviceRegistrations/Import?appName=demo")
        .header("content-type", "application/x-ndjson")
        .body(rows.map(|row| row.to_string()).join("\n"));
    let (_, response) = answer(request.send().await.unwrap()).await;
    assert_eq!(
        (&response["created"], &response["failed"]),
        (&json!(1), &json!(2))
    );

    let user = service
        .client
        .read(&format!("/Users/{}", theirs.user))
        .await;
    assert_eq!(user["language"], json!(null));
    let path = format!("/DeviceRegistrations/{}", theirs.registration);
    let registration = service.client.read(&path).await;
    assert_eq!(registration["devices"][0]["deviceId"], json!(theirs.device));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_not_merged_into_one_of_another_account() {
    let service = Service::start().await;
    let stranger = stranger(&service).await;
    let mut users = Vec::new();
    for client in [&service.client, &stranger] {
        let device = json!({"appName": "demo", "token": "phone", "provider": "FCM"});
        let (_, registered) = client.post("/DeviceRegistrations", &device).await;
        users.push(registered["userId"].as_str().unwrap().to_owned());
    }

    let path = format!("/Users/{}/Merge", users[1]);
    let (status, error) = stranger.post(&path, &json!({"into": users[0]})).await;
    assert_eq!(
        (status, &error["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("into"))
    );
    service.client.read(&format!("/Users/{}", users[0])).await;
    stranger.read(&format!("/Users/{}", users[1])).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_is_of_the_accounts_own_users_though_apps_have_the_same_name() {
    let service = Service::start().await;
    let stranger = stranger(&service).await;

    for (client, token) in [(&service.client, "of-demo"), (&stranger, "of-stranger")] {
        let device = json!({"appName": "demo", "token": token, "provider": "FCM"});
        assert_eq!(
            client.post("/DeviceRegistrations", &device).await.0,
            StatusCode::ACCEPTED
        );
    }

    let id = stranger.send(&message(&[json!({"audience": {}})])).await;
    let stats = stranger.completed(&id).await["stats"].clone();
    assert_eq!((&stats["total"], &stats["sent"]), (&json!(1), &json!(1)));

    for (token, count) in [("of-demo", 0), ("of-stranger", 1)] {
        let url = format!(
            "{}/messages?token={token}",
            service.world.simulator.control_url
        );
        let arrived: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        assert_eq!(arrived["count"].as_i64().unwrap_or(0), count, "{token}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_token_is_its_accounts_own() {
    let service = Service::start().await;
    let stranger = stranger(&service).await;
    let page = service.client.read("/Operations?pageSize=1").await;
    let token = page["pagination"]["self"].as_str().unwrap();
    let (status, error) = stranger
        .get(&format!("/Operations?pageToken={token}"))
        .await;
    assert_eq!(
        (status, &error["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("pageToken"))
    );
    service.stop().await;
}
