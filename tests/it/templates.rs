//! Templates: every recipient gets a text of its own, and a mistake in one fails no other.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::client::{apn, assert_adds_up, fcm, message};
use crate::support::service::{Service, assert_tallies};

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

/// An integer that no float holds can't be calculated with: each of these recipients fails.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_templates_fail_delays_no_other_batch() {
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

#[tokio::test(flavor = "multi_thread")]
async fn a_template_may_loop_assign_and_format_dates() {
    let service = Service::start().await;
    let client = &service.client;
    let items = json!({"items": [{"title": "hat", "count": 2}, {"title": "coat", "count": 1}], "at": "2026-11-26T08:05:00Z"});
    let mut body = message(&[with(fcm("cart"), items)]);
    body["content"] = json!({
        "title": "{% assign n = items | map: 'count' | sum %}{{ n }} {{ n | pluralize: 'item', 'items' }}",
        "body": "{% for item in items %}{{ item.count }} x {{ item.title | capitalize }}{% unless forloop.last %}, {% endunless %}{% endfor %} by {{ at | date: '%H:%M', 'Europe/Tallinn' }}",
    });
    let id = client.send(&body).await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 1);

    let arrived = service.world.messages().await;
    let notification = &arrived["cart"]["payload"]["notification"];
    assert_eq!(notification["title"], "3 items");
    assert_eq!(notification["body"], "2 x Hat, 1 x Coat by 10:05");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_costs_too_much_fails_its_recipient_alone() {
    let service = Service::start().await;
    let client = &service.client;
    let mut body = message(&[
        with(fcm("few"), json!({"turns": 3})),
        with(fcm("many"), json!({"turns": 1_000})),
    ]);
    body["content"] = json!({"title": "Hi", "body": "{% for a in (1..turns) %}{% for b in (1..turns) %}{% assign c = b %}{% endfor %}{% endfor %}done"});
    let id = client.send(&body).await;
    let stats = client.completed(&id).await["stats"].clone();
    assert_eq!((&stats["sent"], &stats["failed"]), (&json!(1), &json!(1)));

    let errors = client.read(&format!("/Operations/{id}/Errors")).await;
    let error = &errors["errors"][0];
    assert_eq!(error["code"], "INVALID_TEMPLATE");
    let text = error["message"].as_str().unwrap();
    assert!(
        text.contains("content.body") && text.contains("1000 turns"),
        "{text}"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skipped_recipient_gets_nothing_and_counts_as_canceled() {
    let service = Service::start().await;
    let client = &service.client;
    let content = json!({"title": "{% if plan == 'free' %}{% skip 'free plan' %}{% endif %}Hi"});
    let recipient = |token: &str, plan: &str| with(fcm(token), json!({"plan": plan}));

    let mut body = message(&[recipient("gold", "gold"), recipient("free", "free")]);
    body["content"] = content.clone();
    let id = client.send(&body).await;
    let operation = client.completed(&id).await;
    let stats = &operation["stats"];
    assert_eq!(
        (&stats["sent"], &stats["canceled"], &stats["failed"]),
        (&json!(1), &json!(1), &json!(0))
    );
    assert_adds_up(stats);
    assert!(!service.world.messages().await.contains_key("free"));

    let list = client
        .read(&format!("?operationId={id}&status=CANCELED"))
        .await;
    let skipped = &list["pushNotifications"][0];
    assert_eq!(skipped["error"]["code"], "SKIPPED");
    assert!(
        skipped["error"]["message"]
            .as_str()
            .unwrap()
            .ends_with(": free plan"),
        "{skipped}"
    );

    // An Operation whose recipients are all skipped is over, and nobody canceled it.
    let mut body = message(
        &(0..3)
            .map(|index| recipient(&format!("free-{index}"), "free"))
            .collect::<Vec<_>>(),
    );
    body["content"] = content.clone();
    let id = client.send(&body).await;
    let operation = client.completed(&id).await;
    assert_eq!(operation["status"], "COMPLETED");
    assert_eq!(operation["stats"]["canceled"], 3);

    // A check reports it beforehand.
    body["validateOnly"] = json!(true);
    let (_, validation) = client.post("", &body).await;
    assert_eq!(validation["errors"][0]["code"], "SKIPPED", "{validation}");

    assert_tallies(&service.world.database).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_variable_may_be_empty() {
    let service = Service::start().await;
    let client = &service.client;
    let mut body = message(&[fcm("nobody")]);
    body["content"] = json!({"title": "Hi{{ name }}!", "missingVariables": "EMPTY"});
    let id = client.send(&body).await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 1);
    assert_eq!(
        service.world.messages().await["nobody"]["payload"]["notification"]["title"],
        "Hi!"
    );

    body["content"]["missingVariables"] = json!("empty");
    let (status, error) = client.post("", &body).await;
    assert_eq!(
        (status, &error["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("content.missingVariables"))
    );
    service.stop().await;
}
