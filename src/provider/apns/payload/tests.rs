use super::*;
use crate::model::message::{Badge, Sound};

fn problem(message: &Message) -> PayloadProblem {
    ApnsPayload::render(message, None, Stage::Send)
        .err()
        .unwrap()
        .first
}

fn rendered(message: &Message, expires_at: Option<OffsetDateTime>) -> (Value, Map<String, Value>) {
    let payload = ApnsPayload::render(message, expires_at, Stage::Send).unwrap();
    let headers = payload
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap())));
    (
        serde_json::from_slice(&payload.body).unwrap(),
        headers.collect(),
    )
}

#[test]
fn everything_has_its_place() {
    let message = Message {
        title: Some("T".into()),
        body: Some("B".into()),
        image: Some("https://x.example/i.png".into()),
        data: Some([("k".to_owned(), "v".to_owned())].into()),
        sound: Some(Sound::Same("default".into())),
        badge: Some(Badge::Number(0)),
        collapse_key: Some("c".into()),
        ttl: Some(60),
        ..Message::default()
    };
    let (body, headers) = rendered(
        &message,
        OffsetDateTime::from_unix_timestamp(1_700_000_060).ok(),
    );
    let aps = json!({"alert": {"title": "T", "body": "B"}, "sound": "default", "badge": 0, "mutable-content": 1});

    assert_eq!(
        body,
        json!({"aps": aps, "k": "v", "image": "https://x.example/i.png"})
    );
    let expected = json!({"apns-push-type": "alert", "apns-priority": "10", "apns-expiration": "1700000060",
        "apns-collapse-id": "c"});
    assert_eq!(Value::Object(headers), expected);
}

#[test]
fn data_alone_is_a_background_push_and_never_urgent() {
    let message = Message {
        data: Some([("k".to_owned(), "v".to_owned())].into()),
        ..Message::default()
    };
    let (body, headers) = rendered(&message, None);

    assert_eq!(body["aps"], json!({"content-available": 1}));
    assert_eq!(
        Value::Object(headers),
        json!({"apns-push-type": "background", "apns-priority": "5"})
    );
}

#[test]
fn a_lifetime_of_nothing_is_one_try() {
    let message = Message {
        body: Some("B".into()),
        ttl: Some(0),
        ..Message::default()
    };
    let (_, headers) = rendered(&message, Some(OffsetDateTime::now_utc()));

    assert_eq!(headers["apns-expiration"], "0");
}

#[test]
fn overrides_are_merged_and_checked() {
    let over = |value: Value| Message {
        body: Some("B".into()),
        apn: value.as_object().cloned(),
        ..Message::default()
    };
    let (body, headers) = rendered(
        &over(json!({"headers": {"apns-priority": 1}, "payload": {"aps": {"category": "X"}}})),
        None,
    );

    assert_eq!(
        (&body["aps"]["category"], &headers["apns-priority"]),
        (&json!("X"), &json!("1"))
    );

    for (bad, field) in [
        (json!({"header": {}}), "apn.header"),
        (
            json!({"headers": {"authorization": "x"}}),
            "apn.headers.authorization",
        ),
        (json!({"payload": 1}), "apn.payload"),
        (
            json!({"headers": {"apns-topic": "a\nb"}}),
            "apn.headers.apns-topic",
        ),
        (
            json!({"headers": {"apns-push-type": "loud"}}),
            "apn.headers.apns-push-type",
        ),
        (
            json!({"headers": {"apns-priority": "9"}}),
            "apn.headers.apns-priority",
        ),
        (
            json!({"headers": {"apns-push-type": "background", "apns-priority": 10}}),
            "apn.headers.apns-push-type",
        ),
        (
            json!({"headers": {"apns-expiration": "soon"}}),
            "apn.headers.apns-expiration",
        ),
        (
            json!({"headers": {"apns-collapse-id": "x".repeat(65)}}),
            "apn.headers.apns-collapse-id",
        ),
    ] {
        assert_eq!(problem(&over(bad)).field, field);
    }
}

#[test]
fn the_push_type_follows_what_is_sent() {
    let of = |over: Value| {
        let data = Some([("k".to_owned(), "v".to_owned())].into());
        let message = Message {
            data,
            apn: over.as_object().cloned(),
            ..Message::default()
        };
        let suffix = ApnsPayload::render(&message, None, Stage::Send)
            .unwrap()
            .topic_suffix();
        let (body, headers) = rendered(&message, None);
        (
            headers["apns-push-type"].clone(),
            headers["apns-priority"].clone(),
            body["aps"].clone(),
            suffix,
        )
    };
    let alert = json!({"payload": {"aps": {"alert": "A"}}});

    assert_eq!(
        of(alert),
        (json!("alert"), json!("10"), json!({"alert": "A"}), "")
    );
    let call = json!({"headers": {"apns-push-type": "voip"}});

    assert_eq!(of(call), (json!("voip"), json!("10"), json!({}), ".voip"));
}

#[test]
fn a_collapse_key_that_fits_no_header_is_named() {
    for key in ["x".repeat(65), "a\nb".to_owned(), "a ".to_owned()] {
        let message = Message {
            body: Some("B".into()),
            collapse_key: Some(key),
            ..Message::default()
        };
        assert_eq!(problem(&message).field, "collapseKey");
    }
}

#[test]
fn too_much_is_refused_with_the_figure() {
    let message = Message {
        body: Some("x".repeat(5000)),
        ..Message::default()
    };
    let problem = problem(&message);

    assert_eq!(problem.field, "content");
    assert!(problem.message.contains("4096"), "{}", problem.message);
}

#[test]
fn a_background_push_has_nothing_to_notice() {
    let background = json!({"headers": {"apns-push-type": "background"}});
    let message = |body: Option<&str>| Message {
        body: body.map(str::to_owned),
        data: Some([("k".to_owned(), "v".to_owned())].into()),
        apn: background.as_object().cloned(),
        ..Message::default()
    };

    assert_eq!(
        problem(&message(Some("B"))).field,
        "apn.headers.apns-push-type"
    );
    let (body, _) = rendered(&message(None), None);
    assert_eq!(body["aps"], json!({"content-available": 1}));

    let urgent = json!({"headers": {"apns-priority": 10}});
    let urgent = Message {
        apn: urgent.as_object().cloned(),
        ..message(None)
    };
    assert_eq!(problem(&urgent).field, "apn.headers.apns-priority");
}

#[test]
fn a_message_that_a_device_would_not_notice_is_found() {
    let nothing = |message: Message| ApnsPayload::nothing_in(&message).is_some();
    let image = Some("https://x.example/i.png".to_owned());
    let fcm = json!({"notification": {"title": "A"}}).as_object().cloned();
    let apn = |value: Value| value.as_object().cloned();

    assert!(nothing(Message {
        image: image.clone(),
        ..Message::default()
    }));
    assert!(nothing(Message {
        fcm,
        data: Some([].into()),
        ..Message::default()
    }));
    assert!(nothing(Message {
        apn: apn(json!({"payload": {"aps": {"alert": null}}, "headers": {"apns-priority": 5}})),
        ..Message::default()
    }));

    assert!(!nothing(Message {
        image,
        body: Some("B".to_owned()),
        ..Message::default()
    }));
    assert!(!nothing(Message {
        apn: apn(json!({"payload": {"aps": {"content-available": 1}}})),
        ..Message::default()
    }));
}

#[test]
fn null_removes_a_rendered_field() {
    let over = json!({"payload": {"aps": {"sound": null}}, "headers": {"apns-collapse-id": null}});
    let message = Message {
        body: Some("B".into()),
        sound: Some(Sound::Same("s".into())),
        collapse_key: Some("c".into()),
        apn: over.as_object().cloned(),
        ..Message::default()
    };
    let (body, headers) = rendered(&message, None);

    assert_eq!(body["aps"], json!({"alert": {"body": "B"}}));
    assert!(!headers.contains_key("apns-collapse-id"));
}

#[test]
fn templates_are_not_judged_before_they_are_filled_in() {
    let over = json!({"headers": {"apns-collapse-id": "{{ id }}"},
        "payload": {"aps": {"badge": "{{ n }}", "thread-id": "x".repeat(40)}}});
    let message = Message {
        body: Some(format!("{{{{ a }}}}{}", "x".repeat(9000))),
        apn: over.as_object().cloned(),
        ..Message::default()
    };
    let request = Stage::Request { templates: true };

    assert!(ApnsPayload::render(&message, None, request).is_ok());
    assert_eq!(problem(&message).field, "apn.payload.aps.badge");
}
