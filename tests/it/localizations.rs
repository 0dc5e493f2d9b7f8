//! Localizations: Users get the message in their language, with their own variables.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::client::{Client, fcm, message};
use crate::support::service::Service;

/// Registers the device `token` of a new User with this profile. Returns the User's id.
async fn user(client: &Client, token: &str, profile: &Value) -> Value {
    let device = json!({"appName": "demo", "token": token, "provider": "FCM"});
    let (status, registered) = client.post("/DeviceRegistrations", &device).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{registered}");
    let path = format!(
        "/DeviceRegistrations/{}",
        registered["resourceId"].as_str().unwrap()
    );
    let id = client.read(&path).await["userId"].clone();

    let path = format!("/Users/{}", id.as_str().unwrap());
    let response = client
        .request(reqwest::Method::PUT, &path)
        .json(profile)
        .send()
        .await
        .unwrap();
    assert!(
        response.status().is_success(),
        "{}",
        response.text().await.unwrap()
    );
    id
}

async fn title(service: &Service, token: &str) -> Value {
    service.world.messages().await[token]["payload"]["notification"]["title"].clone()
}

fn greeting() -> Value {
    json!({
        "title": "Hello",
        "body": "{{ name | default: 'you' }}",
        "localizations": {
            "es": {"title": "Hola"},
            "pt-br": {"title": "Olá {{ name }}"},
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn users_get_their_language_and_their_variables() {
    let service = Service::start().await;
    let client = &service.client;
    let ann = user(client, "ann", &json!({"language": "en-GB"})).await;
    let eva = user(
        client,
        "eva",
        &json!({"language": "es-MX", "variables": {"name": "Eva"}}),
    )
    .await;
    let rui = user(
        client,
        "rui",
        &json!({"language": "pt-BR", "variables": {"name": "Rui"}}),
    )
    .await;
    let ze = user(client, "ze", &json!({"language": "pt-BR"})).await;

    let users = [&ann, &eva, &rui].map(|id| json!({"userId": id}));
    let mut to = users.to_vec();
    to.push(fcm("stranger"));
    to.push(json!({"userId": ze, "variables": {"name": "Zé"}}));
    let mut body = message(&to);
    body["content"] = greeting();
    let id = client.send(&body).await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 5);

    for (token, expected) in [
        ("ann", "Hello"),
        ("eva", "Hola"),
        ("rui", "Olá Rui"),
        ("stranger", "Hello"),
        ("ze", "Olá Zé"),
    ] {
        assert_eq!(title(&service, token).await, expected, "{token}");
    }
    let arrived = service.world.messages().await;
    assert_eq!(arrived["eva"]["payload"]["notification"]["body"], "Eva");

    // Reads show what the recipient got.
    let list = client
        .read(&format!(
            "?operationId={id}&userId={}",
            eva.as_str().unwrap()
        ))
        .await;
    let notification = list["pushNotifications"][0]["id"].as_str().unwrap();
    let content = client.read(&format!("/{notification}")).await["content"].clone();
    assert_eq!(content, json!({"title": "Hola", "body": "Eva"}));

    // A preview too.
    body["to"] = json!([{"userId": rui}]);
    let (status, preview) = client.post("/Preview", &body).await;
    assert_eq!(status, StatusCode::OK);
    assert!(preview.to_string().contains("Olá Rui"), "{preview}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_an_audience_is_personal() {
    let service = Service::start().await;
    let client = &service.client;
    user(
        client,
        "eva",
        &json!({"language": "es", "variables": {"name": "Eva"}}),
    )
    .await;
    user(client, "bob", &json!({"variables": {"name": "Bob"}})).await;
    user(client, "nobody", &json!({"language": "de"})).await;

    let mut body = message(&[json!({"audience": {}})]);
    body["content"] =
        json!({"title": "Hi {{ name }}", "localizations": {"es": {"title": "Hola {{ name }}"}}});
    let id = client.send(&body).await;
    let stats = client.completed(&id).await["stats"].clone();
    assert_eq!(
        (&stats["sent"], &stats["failed"]),
        (&json!(2), &json!(1)),
        "{stats}"
    );
    assert_eq!(title(&service, "eva").await, "Hola Eva");
    assert_eq!(title(&service, "bob").await, "Hi Bob");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_localization_is_refused_with_its_field() {
    let service = Service::start().await;
    let many: serde_json::Map<String, Value> = (0..51)
        .map(|number| (format!("en-x-a{number}"), json!({"title": "x"})))
        .collect();

    for (localizations, field) in [
        (
            json!({"not a tag": {"title": "x"}}),
            "content.localizations.not a tag",
        ),
        (json!({"es": {}}), "content.localizations.es"),
        (json!({"es": 7}), "content.localizations.es"),
        (
            json!({"es": {"title": 7}}),
            "content.localizations.es.title",
        ),
        (
            json!({"es": {"sound": "x"}}),
            "content.localizations.es.sound",
        ),
        (
            json!({"es": {"body": "{{ x"}}),
            "content.localizations.es.body",
        ),
        (
            json!({"es": {"data": {"a": "{{ x"}}}),
            "content.localizations.es.data.a",
        ),
        (
            json!({"es": {"image": "nowhere"}}),
            "content.localizations.es.image",
        ),
        (
            json!({"pt-br": {"title": "x"}, "pt-BR": {"title": "y"}}),
            "content.localizations.pt-br",
        ),
        (json!(["es"]), "content.localizations"),
        (Value::Object(many), "content.localizations"),
    ] {
        let mut body = message(&[fcm("a")]);
        body["content"]["localizations"] = localizations.clone();
        let (status, error) = service.client.post("", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{localizations}");
        assert_eq!(error["errors"][0]["field"], field, "{error}");
    }

    // One that is too long for the provider is found in any language.
    let mut body = message(&[fcm("a")]);
    body["content"]["localizations"] = json!({"es": {"body": "x".repeat(5_000)}});
    let (status, error) = service.client.post("", &body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
    assert!(
        error["errors"][0]["field"]
            .as_str()
            .unwrap()
            .starts_with("content.localizations.es"),
        "{error}"
    );
    service.stop().await;
}
