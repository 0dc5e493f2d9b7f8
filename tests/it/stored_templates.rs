//! Stored templates: content under a name, its versions, and sends that use it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::client::{Client, answer, fcm, message};
use crate::support::service::Service;

async fn create(client: &Client, body: &Value) -> Value {
    let (status, template) = client.post("/Templates", body).await;
    assert_eq!(status, StatusCode::CREATED, "{template}");
    template
}

async fn patch(client: &Client, id: &Value, body: &Value) -> (StatusCode, Value) {
    let path = format!("/Templates/{}", id.as_str().unwrap());
    let request = client.request(Method::PATCH, &path).json(body);
    answer(request.send().await.unwrap()).await
}

fn order() -> Value {
    json!({
        "name": "order shipped",
        "content": {"title": "Order {{ order }}", "body": "Hi {{ name }}", "data": {"kind": "order"}},
        "localizations": {"es": {"title": "Pedido {{ order }}"}},
        "defaults": {"name": "you"},
    })
}

async fn title_and_body(service: &Service, token: &str) -> (Value, Value) {
    let notification = service.world.messages().await[token]["payload"]["notification"].clone();
    (notification["title"].clone(), notification["body"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_is_stored_read_changed_and_deleted() {
    let service = Service::start().await;
    let client = &service.client;
    let template = create(client, &order()).await;
    let id = &template["id"];
    let path = format!("/Templates/{}", id.as_str().unwrap());
    assert_eq!(template["version"], 1);
    for part in ["name", "content", "localizations", "defaults"] {
        assert_eq!(template[part], order()[part], "{part}");
    }
    assert_eq!(client.read(&path).await, template);

    // Names are unique, also after a change.
    let (status, error) = client.post("/Templates", &order()).await;
    assert_eq!(
        (status, &error["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("name"))
    );
    let other = create(client, &json!({"name": "other", "content": {"body": "x"}})).await;
    let (status, error) = patch(client, &other["id"], &json!({"name": "order shipped"})).await;
    assert_eq!(
        (status, &error["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("name"))
    );

    // A new name makes no version; new content does, and leaves the rest.
    let (status, _) = patch(client, id, &json!({"name": "shipped"})).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let (status, _) = patch(
        client,
        id,
        &json!({"content": {"title": "Sent"}, "defaults": null}),
    )
    .await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let changed = client.read(&path).await;
    assert_eq!(
        (&changed["name"], &changed["version"]),
        (&json!("shipped"), &json!(2))
    );
    assert_eq!(changed["content"], json!({"title": "Sent"}));
    assert_eq!(
        (&changed["localizations"], &changed["defaults"]),
        (&order()["localizations"], &json!({}))
    );

    let versions = client.all(&format!("{path}/Versions"), "versions", 1).await;
    let numbers: Vec<&Value> = versions.iter().map(|version| &version["version"]).collect();
    assert_eq!(numbers, [2, 1]);
    assert_eq!(versions[1]["content"], order()["content"]);

    let listed = client.all("/Templates", "templates", 1).await;
    assert_eq!(listed.len(), 2);

    let deleted = client.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    for path in [path.clone(), format!("{path}/Versions")] {
        assert_eq!(client.get(&path).await.0, StatusCode::NOT_FOUND);
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_keeps_the_version_that_it_was_accepted_with() {
    let service = Service::start().await;
    let client = &service.client;
    let template = create(client, &order()).await;
    let device = json!({"appName": "demo", "token": "eva", "provider": "FCM", "language": "es-MX"});
    let (_, registered) = client.post("/DeviceRegistrations", &device).await;

    let mut own = fcm("ann");
    own["variables"] = json!({"name": "Ann"});
    let mut body = message(&[own, json!({"userId": registered["userId"]})]);
    body["content"] = json!({"templateId": template["id"], "variables": {"order": 7}});
    let soon = time::OffsetDateTime::now_utc() + time::Duration::seconds(3);
    let soon = soon
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap();
    body["schedule"] = json!({"sendAt": [soon]});
    let id = client.send(&body).await;

    let (status, _) = patch(
        client,
        &template["id"],
        &json!({"content": {"title": "New"}, "localizations": null}),
    )
    .await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let path = format!("/Templates/{}", template["id"].as_str().unwrap());
    client.request(Method::DELETE, &path).send().await.unwrap();

    assert_eq!(client.completed(&id).await["stats"]["sent"], 2);
    assert_eq!(
        title_and_body(&service, "ann").await,
        (json!("Order 7"), json!("Hi Ann"))
    );
    assert_eq!(
        title_and_body(&service, "eva").await,
        (json!("Pedido 7"), json!("Hi you"))
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_template_or_its_use_is_named() {
    let service = Service::start().await;
    let client = &service.client;
    for (change, field) in [
        (json!({"name": null}), "name"),
        (json!({"name": ""}), "name"),
        (json!({"name": "x".repeat(129)}), "name"),
        (json!({"content": null}), "content"),
        (json!({"content": {}}), "content"),
        (json!({"content": {"title": 7}}), "content.title"),
        (json!({"content": {"title": "{{ x"}}), "content.title"),
        (
            json!({"content": {"title": "x", "templateId": "y"}}),
            "content.templateId",
        ),
        (json!({"content": {"title": "x".repeat(70_000)}}), "content"),
        (
            json!({"localizations": {"es": {"title": "{% if %}"}}}),
            "localizations.es.title",
        ),
        (
            json!({"localizations": {"no tag": {"title": "x"}}}),
            "localizations.no tag",
        ),
        (json!({"localizations": []}), "localizations"),
        (json!({"defaults": {"x": "y".repeat(5_000)}}), "defaults"),
        (json!({"defaults": 7}), "defaults"),
        (json!({"unknown": 7}), "unknown"),
    ] {
        let mut body = order();
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let (status, error) = client.post("/Templates", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{change}");
        assert_eq!(error["errors"][0]["field"], field, "{error}");
    }
    assert_eq!(client.read("/Templates").await["templates"], json!([]));

    let template = create(client, &order()).await;
    let id = &template["id"];
    for (content, field) in [
        (
            json!({"templateId": "bellwire_template_01h9krwprkeee8fzqspvwy6nq8"}),
            "content.templateId",
        ),
        (json!({"templateId": 7}), "content.templateId"),
        (json!({"templateId": id, "title": "x"}), "content.title"),
        (
            json!({"templateId": id, "variables": []}),
            "content.variables",
        ),
    ] {
        let mut body = message(&[fcm("a")]);
        body["content"] = content.clone();
        let (status, error) = client.post("", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{content}");
        assert_eq!(error["errors"][0]["field"], field, "{error}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_and_versions_are_bounded_and_roles_hold() {
    let service = Service::start().await;
    let client = &service.client;
    let first = create(client, &json!({"name": "0", "content": {"body": "x"}})).await;
    for number in 1..60 {
        let (status, _) = patch(
            client,
            &first["id"],
            &json!({"content": {"body": number.to_string()}}),
        )
        .await;
        assert_eq!(status, StatusCode::ACCEPTED);
    }
    let path = format!(
        "/Templates/{}/Versions?pageSize=100",
        first["id"].as_str().unwrap()
    );
    let versions = client.read(&path).await["versions"].clone();
    let versions = versions.as_array().unwrap();
    assert_eq!((versions.len(), &versions[0]["version"]), (50, &json!(60)));

    for number in 1..100 {
        create(
            client,
            &json!({"name": number.to_string(), "content": {"body": "x"}}),
        )
        .await;
    }
    let (status, error) = client
        .post(
            "/Templates",
            &json!({"name": "one more", "content": {"body": "x"}}),
        )
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("at most 100 templates"),
        "{error}"
    );

    for (role, reads, writes) in [("SEND", false, false), ("READ", true, false)] {
        let (_, key) = client
            .post("/Keys", &json!({"name": role, "role": role}))
            .await;
        let limited = Client::new(
            &service.url,
            key["key"].as_str().unwrap(),
            key["secret"].as_str().unwrap(),
        );
        let read = limited.get("/Templates").await.0;
        assert_eq!(read == StatusCode::OK, reads, "{role}: {read}");
        let written = patch(&limited, &first["id"], &json!({"name": "theirs"}))
            .await
            .0;
        assert_eq!(written == StatusCode::ACCEPTED, writes, "{role}: {written}");
    }
    service.stop().await;
}
