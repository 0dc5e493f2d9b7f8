//! Templates: every recipient gets a text of its own, and a mistake in one fails no other.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::client::{apn, fcm, message};
use crate::support::service::Service;

fn with(mut recipient: Value, variables: Value) -> Value {
    recipient["variables"] = variables;
    recipient
}

#[tokio::test(flavor = "multi_thread")]
async fn each_recipient_gets_their_own_text() {
    let service = Service::start().await;
    let client = &service.client;
    let mut body = message(&[
        with(fcm("ann"), json!({"name": "Ann", "gate": 7})),
        with(apn("ab0b"), json!({"name": "Bob"})),
        fcm("nobody"),
        with(fcm("long"), json!({"name": "x".repeat(3000)})),
    ]);
    body["content"] = json!({"title": "Hi {{ name }}", "body": "{{ name }}{{ name }}{% if gate %} {{ gate }}{% endif %}"});
    let id = client.send(&body).await;
    let stats = client.completed(&id).await["stats"].clone();
    assert_eq!((&stats["sent"], &stats["failed"]), (&json!(2), &json!(2)));

    let list = client.read(&format!("?operationId={id}")).await;
    let first = list["pushNotifications"][0]["id"].as_str().unwrap();
    let received = client.read(&format!("/{first}")).await;
    assert_eq!(
        received["content"],
        json!({"title": "Hi Ann", "body": "AnnAnn 7"})
    );

    let errors = client.read(&format!("/Operations/{id}/Errors")).await["errors"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(
        errors
            .iter()
            .map(|error| &error["code"])
            .collect::<Vec<_>>(),
        ["INVALID_TEMPLATE"; 2]
    );
    assert!(
        errors[0]["message"].as_str().unwrap().contains("name"),
        "{errors:?}"
    );
    assert!(
        errors[1]["message"]
            .as_str()
            .unwrap()
            .contains("5120 bytes"),
        "{errors:?}"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_template_is_refused_with_its_field() {
    let service = Service::start().await;
    let large = json!({"a": "x".repeat(4096)});
    let control = json!({"a": "\0"});

    for (name, content, variables, field) in [
        (
            "unclosed",
            json!({"title": "{{ name"}),
            json!({}),
            "content.title",
        ),
        (
            "a loop",
            json!({"body": "{% for i in (1..999999999) %}x{% endfor %}"}),
            json!({}),
            "content.body",
        ),
        (
            "data",
            json!({"data": {"gate": "{{ x | nothing }}"}}),
            json!({}),
            "content.data.gate",
        ),
        (
            "variables are no object",
            json!({"title": "x"}),
            json!([1]),
            "to[0].variables",
        ),
        (
            "variables are large",
            json!({"title": "x"}),
            large,
            "to[0].variables",
        ),
        (
            "variables hold NUL",
            json!({"title": "x"}),
            control,
            "to[0].variables",
        ),
    ] {
        let mut body = message(&[with(fcm("a"), variables)]);
        body["content"] = content;
        let (status, error) = service.client.post("", &body).await;
        assert_eq!(
            (status, &error["errors"][0]["field"]),
            (StatusCode::BAD_REQUEST, &json!(field)),
            "{name}: {error}"
        );
    }

    assert_eq!(
        service.client.read("/Operations").await["operations"],
        json!([])
    );
    service.stop().await;
}

/// The smallest integer divided by -1 is more than an integer can be: the template library panics.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_templates_panic_delays_no_other_batch() {
    let service = Service::start().await;
    let client = &service.client;
    let poison = |index| with(fcm(&format!("poison-{index}")), json!({"points": i64::MIN}));
    let sound = |index| with(fcm(&format!("sound-{index}")), json!({"points": 7}));
    let mut body = message(
        &(0..1_000)
            .map(|index| {
                if index < 500 {
                    poison(index)
                } else {
                    sound(index)
                }
            })
            .collect::<Vec<_>>(),
    );
    body["content"] = json!({"title": "Hi", "body": "{{ points | divided_by: -1 }}"});
    let poisoned = client.send(&body).await;
    let others = client
        .send(&message(
            &(0..500)
                .map(|index| fcm(&format!("other-{index}")))
                .collect::<Vec<_>>(),
        ))
        .await;
    assert_eq!(client.completed(&others).await["stats"]["sent"], 500);

    let stats = client.completed(&poisoned).await["stats"].clone();
    assert_eq!(
        (&stats["failed"], &stats["sent"]),
        (&json!(500), &json!(500)),
        "{stats}"
    );
    service.stop().await;
}
