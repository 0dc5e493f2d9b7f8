//! What each device gets of a message, and what is refused because a device would get nothing of it.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::client::{Client, apn, fcm, message};
use crate::support::service::Service;

const FCM_TOKEN: &str = "dqWD7WEC83K41WHyufTS7:APA91bFoqJ2cZ";
const APN_TOKEN: &str = "740f4707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bb78ad";

/// A send with the fields of `options`.
fn send(to: &[Value], options: Value) -> Value {
    let mut body = json!({"to": to, "content": {"title": "T"}});
    if let Value::Object(options) = options {
        for (name, value) in options {
            body[name] = value;
        }
    }
    body
}

/// The requests that a send to one device of each provider would cause: FCM's `message`, then APNs'.
async fn previews(client: &Client, options: Value) -> (Value, Value) {
    let body = send(&[fcm(FCM_TOKEN), apn(APN_TOKEN)], options);
    let (status, answer) = client.post("/Preview", &body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");

    let request = |position: usize| answer["previews"][position]["requests"][0].clone();
    (request(0)["body"]["message"].clone(), request(1))
}

async fn preview_to_fcm(client: &Client, options: Value) -> Value {
    let (status, answer) = client
        .post("/Preview", &send(&[fcm(FCM_TOKEN)], options))
        .await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer["previews"][0]["requests"][0]["body"]["message"].clone()
}

/// The fields that a send is refused for.
async fn refused(client: &Client, body: &Value) -> Vec<String> {
    let (status, answer) = client.post("", body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {answer}");

    let errors = answer["errors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| error["field"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn options_reach_every_platform() {
    let service = Service::start().await;
    let client = &service.client;

    let (at_fcm, at_apns) = previews(client, json!({"collapseKey": "chat-1"})).await;
    assert_eq!(at_fcm["android"]["collapseKey"], "chat-1");
    assert_eq!(at_fcm["android"]["notification"]["tag"], "chat-1");
    assert_eq!(at_fcm["apns"]["headers"]["apns-collapse-id"], "chat-1");
    assert_eq!(at_apns["headers"]["apns-collapse-id"], "chat-1");

    let web = preview_to_fcm(
        client,
        json!({"ttl": 60, "priority": "LOW", "collapseKey": "otp"}),
    )
    .await;
    assert_eq!(
        web["webpush"]["headers"],
        json!({"TTL": "60", "Urgency": "low", "Topic": "otp"})
    );

    // The app is called for data. An `android.notification` would be shown in its place.
    for option in [json!({"badge": 4}), json!({"sound": "default"})] {
        let mut options = option;
        options["content"] = json!({"data": {"sync": "1"}});
        let data = preview_to_fcm(client, options).await;
        assert_eq!(data["android"], json!({"priority": "HIGH"}));
        assert_eq!(data.get("notification"), None);
    }

    let sound = json!({"sound": {"fcm": "ring", "apn": "ring.caf"}, "badge": 0});
    let (at_fcm, at_apns) = previews(client, sound).await;
    assert_eq!(
        at_fcm["android"]["notification"],
        json!({"sound": "ring"}),
        "a count of 0 would count up"
    );
    assert_eq!(
        at_apns["body"]["aps"],
        json!({"alert": {"title": "T"}, "sound": "ring.caf", "badge": 0})
    );

    let woken = json!({"content": {"data": {"k": "v"}}, "fcm": {"apns": {"fcmOptions": {"analyticsLabel": "x"}}}});
    let woken = preview_to_fcm(client, woken).await;
    assert_eq!(woken["apns"]["headers"]["apns-priority"], "5");
    assert_eq!(
        woken["apns"]["payload"]["aps"],
        json!({"content-available": 1})
    );

    let removed = json!({"fcm": {"android": {"notification": {"icon": null, "tag": "t"}}}, "collapseKey": "c",
        "apn": {"payload": {"custom": {"a": null, "b": 1}}}});
    let (at_fcm, at_apns) = previews(client, removed).await;
    assert_eq!(at_fcm["android"]["notification"], json!({"tag": "t"}));
    assert_eq!(at_apns["body"]["custom"], json!({"b": 1}));

    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_that_would_get_nothing_is_refused() {
    let service = Service::start().await;
    let client = &service.client;
    let apns_alone = json!({"content": {}, "apn": {"payload": {"aps": {"alert": "A"}}}});
    let fcm_alone = json!({"content": {}, "fcm": {"notification": {"title": "A"}}});
    let image_alone = json!({"content": {"image": "https://x.example/i.png"}});

    for (to, options, expected) in [
        (
            vec![fcm(FCM_TOKEN), apn(APN_TOKEN)],
            &apns_alone,
            vec!["to[0]"],
        ),
        (
            vec![fcm("a"), apn(APN_TOKEN), apn("ab01")],
            &fcm_alone,
            vec!["to[1]", "to[2]"],
        ),
        (
            vec![fcm(FCM_TOKEN), apn(APN_TOKEN)],
            &image_alone,
            vec!["to[1]"],
        ),
        (
            vec![fcm(FCM_TOKEN)],
            &json!({"content": {"data": {}}}),
            vec!["content"],
        ),
        (
            vec![fcm(FCM_TOKEN)],
            &json!({"content": {}, "fcm": {"android": {"ttl": "60s"}}}),
            vec!["to[0]"],
        ),
        (
            vec![json!({"audience": {}})],
            &json!({"content": {}, "fcm": {"android": {"ttl": "60s"}}}),
            vec!["to[0]"],
        ),
    ] {
        let body = send(&to, options.clone());
        assert_eq!(refused(client, &body).await, expected, "{body}");
    }

    // Of a User's devices, those are reached that there is something for.
    let register = json!({"appName": "demo", "token": FCM_TOKEN, "provider": "FCM"});
    let (_, registered) = client.post("/DeviceRegistrations", &register).await;
    let path = format!(
        "/DeviceRegistrations/{}",
        registered["resourceId"].as_str().unwrap()
    );
    let user = client.read(&path).await["userId"].clone();
    let id = client
        .send(&send(&[json!({"userId": user})], apns_alone))
        .await;
    assert_eq!(client.completed(&id).await["stats"]["failed"], 1);
    let errors = client.read(&format!("/Operations/{id}/Errors")).await;
    assert_eq!(errors["errors"][0]["code"], "INVALID_CONTENT");

    let second = json!({"appName": "demo", "token": APN_TOKEN, "provider": "APN", "userId": user});
    client.post("/DeviceRegistrations", &second).await;
    let id = client
        .send(&send(&[json!({"userId": user})], fcm_alone))
        .await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 1);

    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_is_checked_before_it_is_stored() {
    let service = Service::start().await;
    let client = &service.client;

    for (options, field) in [
        (json!({"fcm": {"android": {"ttl": 60}}}), "fcm.android.ttl"),
        (
            json!({"fcm": {"android": {"data": {"n": 1}}}}),
            "fcm.android.data.n",
        ),
        (
            json!({"fcm": {"android": {"data": {"from": "x"}}}}),
            "fcm.android.data.from",
        ),
        (
            json!({"fcm": {"webpush": {"data": {"n": 1}}}}),
            "fcm.webpush.data.n",
        ),
        (
            json!({"fcm": {"apns": {"headers": {"apns-priority": 10}}}}),
            "fcm.apns.headers.apns-priority",
        ),
        (
            json!({"fcm": {"android": {"notification": {"chanel_id": "c"}}}}),
            "fcm.android.notification.chanel_id",
        ),
        (
            json!({"apn": {"headers": {"apns-priority": "7"}}}),
            "apn.headers.apns-priority",
        ),
        (
            json!({"apn": {"headers": {"apns-topic": "a "}}}),
            "apn.headers.apns-topic",
        ),
        (
            json!({"apn": {"payload": {"aps": {"badge": "3"}}}}),
            "apn.payload.aps.badge",
        ),
        (
            json!({"apn": {"payload": {"aps": {"threadId": "t"}}}}),
            "apn.payload.aps.threadId",
        ),
        (
            json!({"apn": {"headers": {"apns-push-type": "background"}}}),
            "apn.headers.apns-push-type",
        ),
        (json!({"collapseKey": "a "}), "collapseKey"),
        (json!({"collapseKey": " a"}), "collapseKey"),
        (json!({"collapseKey": "a\tb"}), "collapseKey"),
        (json!({"collapseKey": "é"}), "collapseKey"),
        (json!({"fcm": {"data": {"k": "x".repeat(40_000)}}}), "fcm"),
        (json!({"sound": {"ios": "x"}}), "sound.ios"),
    ] {
        let body = send(&[fcm(FCM_TOKEN), apn(APN_TOKEN)], options);
        let fields = refused(client, &body).await;
        assert_eq!(fields.first().map(String::as_str), Some(field), "{body}");
    }

    // A provider that the send does not go to is no excuse.
    let body = send(&[apn(APN_TOKEN)], json!({"fcm": {"android": {"ttl": 60}}}));
    assert_eq!(refused(client, &body).await, ["fcm.android.ttl"]);

    let names =
        json!({"fcm": {"android": {"notification": {"channel_id": "c", "click_action": "A"}}}});
    let id = client.send(&send(&[fcm(FCM_TOKEN)], names)).await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 1);

    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_recipient_has_its_own_values() {
    let service = Service::start().await;
    let client = &service.client;
    let with = |token: &str, values: Value| {
        let mut recipient = apn(token);
        for (name, value) in values.as_object().unwrap() {
            recipient[name] = value.clone();
        }
        recipient
    };
    let tokens = ["aa01", "aa02", "aa03", "aa04"];
    let to = [
        with(
            tokens[0],
            json!({"variables": {"unread": 3, "name": "Ann"}}),
        ),
        with(tokens[1], json!({"variables": {"name": "Bob"}})),
        with(
            tokens[2],
            json!({"variables": {"unread": 1, "name": "{{ x }}"}, "badge": 7}),
        ),
        with(
            tokens[3],
            json!({"variables": {"unread": "many", "name": "Dan"}}),
        ),
    ];
    let options = json!({
        "badge": "{{ unread | default: 0 }}",
        "apn": {"payload": {"aps": {"alert": {"subtitle": "for {{ name }}"}, "thread-id": "{{ name }}",
            "relevance-score": "{{ relevance | default: 1 }}"}}},
    });

    let id = client.send(&send(&to, options)).await;
    let stats = client.completed(&id).await["stats"].clone();
    assert_eq!((&stats["sent"], &stats["failed"]), (&json!(3), &json!(1)));

    let arrived = service.world.messages().await;
    let aps = |index: usize| arrived[tokens[index]]["payload"]["aps"].clone();
    assert_eq!(
        aps(0),
        json!({"alert": {"title": "T", "subtitle": "for Ann"}, "thread-id": "Ann", "badge": 3,
            "relevance-score": 1})
    );
    assert_eq!(aps(1)["badge"], 0);
    assert_eq!(
        (&aps(2)["badge"], &aps(2)["thread-id"]),
        (&json!(7), &json!("{{ x }}"))
    );

    let list = client.read(&format!("?operationId={id}")).await;
    let third = list["pushNotifications"][2]["id"].as_str().unwrap();
    assert_eq!(client.read(&format!("/{third}")).await["badge"], 7);
    let errors = client.read(&format!("/Operations/{id}/Errors")).await;
    assert_eq!(errors["errors"][0]["position"], 3);

    // Without a template, each recipient may have a badge all the same.
    let to = [with("bb01", json!({"badge": 5})), apn("bb02")];
    let id = client.send(&send(&to, json!({"badge": 1}))).await;
    client.completed(&id).await;
    let arrived = service.world.messages().await;
    assert_eq!(arrived["bb01"]["payload"]["aps"]["badge"], 5);
    assert_eq!(arrived["bb02"]["payload"]["aps"]["badge"], 1);

    for (badge, field) in [
        (json!("3"), "badge"),
        (json!(-1), "badge"),
        (json!(true), "badge"),
    ] {
        let body = send(&[apn("aa01")], json!({ "badge": badge }));
        assert_eq!(refused(client, &body).await, [field], "{body}");
    }
    let body = send(&[with("aa01", json!({"badge": "{{ n }}"}))], json!({}));
    assert_eq!(refused(client, &body).await, ["to[0].badge"]);

    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_has_only_the_variables_of_its_users() {
    let service = Service::start().await;
    let client = &service.client;
    let audience = [json!({"audience": {}})];
    service.world.register_many(3).await;

    // Nobody has the variable: an error for each, and no 400, because a User may have it.
    let body = send(&audience, json!({"content": {"title": "Hi {{ name }}"}}));
    let id = client.send(&body).await;
    assert_eq!(client.completed(&id).await["stats"]["failed"], 3);

    for content in [
        json!({"title": "Hi {{ name | default: 'you' }}"}),
        json!({"title": "Hi {{ name }}", "missingVariables": "EMPTY"}),
    ] {
        let id = client
            .send(&send(&audience, json!({"content": content})))
            .await;
        assert_eq!(client.completed(&id).await["stats"]["sent"], 3);
    }

    let topic = send(&[json!({"topic": "news"})], json!({}));
    let (status, answer) = client.post("", &topic).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(answer["errors"][0]["field"], "to[0].topic");
    assert!(
        answer["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("audience"),
        "{answer}"
    );

    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_text_is_text() {
    let service = Service::start().await;
    let client = &service.client;

    for (number, text) in ["write {{name}} here", "{{{", "{% if %}", "100 %} {{"]
        .into_iter()
        .enumerate()
    {
        let token = format!("plain-{number}");
        let mut body = message(&[fcm(&token)]);
        body["content"] = json!({"title": "Ann", "body": text, "data": {"text": text}});
        body["templating"] = json!(false);
        let id = client.send(&body).await;
        assert_eq!(client.completed(&id).await["stats"]["sent"], 1, "{text}");

        let arrived = service.world.messages().await;
        let payload = &arrived[&token]["payload"];
        assert_eq!(payload["notification"]["body"], text);
        assert_eq!(payload["data"]["text"], text);

        let list = client.read(&format!("?operationId={id}")).await;
        let id = list["pushNotifications"][0]["id"].as_str().unwrap();
        let notification = client.read(&format!("/{id}")).await;
        assert_eq!(notification["content"]["body"], text);
        assert_eq!(notification["templating"], false);
    }

    let mut body = message(&[fcm("a")]);
    body["content"]["body"] = json!("{{{");
    let (_, answer) = client.post("", &body).await;
    assert!(
        answer["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("templating"),
        "{answer}"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_variable_is_nil_where_the_template_provides_for_it() {
    let service = Service::start().await;
    let client = &service.client;
    let mut with_field = apn("ab02");
    with_field["variables"] = json!({"user": {}});

    for (token, title, expected) in [
        (apn("ab01"), "Hi {{ name | default: 'you' }}", "Hi you"),
        (with_field, "Hi {{ user.name | default: 'you' }}", "Hi you"),
        (apn("ab03"), "Hi{% if name %} {{ name }}{% endif %}", "Hi"),
        (
            apn("ab04"),
            "{% case tier %}{% when 'gold' %}Gold{% else %}Hello{% endcase %}",
            "Hello",
        ),
    ] {
        let id = client
            .send(&send(
                std::slice::from_ref(&token),
                json!({"content": {"title": title}}),
            ))
            .await;
        assert_eq!(client.completed(&id).await["stats"]["sent"], 1, "{title}");

        let arrived = service.world.messages().await;
        let payload = &arrived[token["token"].as_str().unwrap()]["payload"];
        assert_eq!(payload["aps"]["alert"]["title"], expected);
    }
    service.stop().await;
}
