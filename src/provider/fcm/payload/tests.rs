use super::*;
use crate::model::message::{Badge, Sound};

fn render(message: &Message) -> Result<FcmPayload, PayloadProblem> {
    let expires_at = message
        .ttl
        .and_then(|_| OffsetDateTime::from_unix_timestamp(1_700_000_060).ok());
    FcmPayload::render(message, expires_at, Stage::Send).map_err(|problems| problems.first)
}

fn problem(message: &Message) -> PayloadProblem {
    render(message).err().unwrap()
}

fn body(message: &Message) -> Value {
    serde_json::from_slice(&render(message).unwrap().for_token("t\"1")).unwrap()
}

#[test]
fn everything_has_its_place() {
    let message = Message {
        title: Some("T".into()),
        body: Some("B".into()),
        image: Some("https://x.example/i.png".into()),
        data: Some([("k".to_owned(), "v".to_owned())].into()),
        sound: Some(Sound::Same("default".into())),
        badge: Some(Badge::Number(3)),
        priority: Priority::Low,
        ttl: Some(60),
        collapse_key: Some("c".into()),
        ..Message::default()
    };
    let expected = json!({"message": {
        "token": "t\"1",
        "notification": {"title": "T", "body": "B", "image": "https://x.example/i.png"},
        "data": {"k": "v"},
        "android": {"priority": "NORMAL", "ttl": "60s", "collapseKey": "c",
            "notification": {"sound": "default", "notificationCount": 3, "tag": "c"}},
        "apns": {"headers": {"apns-priority": "5", "apns-expiration": "1700000060", "apns-collapse-id": "c"},
            "payload": {"aps": {"sound": "default", "badge": 3, "mutable-content": 1}}},
        "webpush": {"headers": {"TTL": "60", "Urgency": "low", "Topic": "c"}},
    }});

    assert_eq!(body(&message), expected);
}

#[test]
fn an_override_wins_but_never_the_target() {
    let over = |value: Value| Message {
        fcm: value.as_object().cloned(),
        ..Message::default()
    };
    let merged = body(&over(json!({"android": {"directBootOk": true}})));

    assert_eq!(
        merged["message"]["android"],
        json!({"priority": "HIGH", "directBootOk": true})
    );
    assert_eq!(problem(&over(json!({"topic": "all"}))).field, "fcm.topic");
}

#[test]
fn an_override_in_snake_case_replaces_the_rendered_field() {
    let over = json!({"android": {"collapse_key": "overridden", "notification": {"notification_count": 9}}});
    let message = Message {
        title: Some("T".into()),
        badge: Some(Badge::Number(1)),
        collapse_key: Some("rendered".into()),
        fcm: over.as_object().cloned(),
        ..Message::default()
    };
    let android = body(&message)["message"]["android"].take();
    let expected = json!({"priority": "HIGH", "collapseKey": "overridden",
        "notification": {"notificationCount": 9, "tag": "rendered"}});

    assert_eq!(android, expected);
}

#[test]
fn data_with_a_badge_or_a_sound_shows_nothing_on_android() {
    let message = Message {
        data: Some([("sync".to_owned(), "1".to_owned())].into()),
        badge: Some(Badge::Number(4)),
        sound: Some(Sound::Same("default".into())),
        collapse_key: Some("c".into()),
        ..Message::default()
    };
    let rendered = body(&message)["message"].take();

    assert_eq!(
        rendered["android"],
        json!({"priority": "HIGH", "collapseKey": "c"})
    );
    assert_eq!(
        rendered["apns"]["payload"]["aps"],
        json!({"badge": 4, "sound": "default"})
    );

    let over = json!({"notification": {"title": "T"}});
    let shown = body(&Message {
        fcm: over.as_object().cloned(),
        ..message
    });
    assert_eq!(
        shown["message"]["android"]["notification"],
        json!({"notificationCount": 4, "sound": "default", "tag": "c"})
    );
}

#[test]
fn a_badge_of_zero_does_not_count_up() {
    let message = Message {
        title: Some("T".into()),
        badge: Some(Badge::Number(0)),
        ..Message::default()
    };
    let rendered = body(&message)["message"].take();

    assert_eq!(rendered["android"], json!({"priority": "HIGH"}));
    assert_eq!(rendered["apns"]["payload"]["aps"], json!({"badge": 0}));
}

#[test]
fn each_system_has_its_sound() {
    let sound = crate::model::message::SoundOfEach {
        fcm: Some("ring".into()),
        apn: Some("ring.caf".into()),
    };
    let message = Message {
        title: Some("T".into()),
        sound: Some(Sound::Each(sound)),
        ..Message::default()
    };
    let rendered = body(&message)["message"].take();

    assert_eq!(rendered["android"]["notification"]["sound"], "ring");
    assert_eq!(rendered["apns"]["payload"]["aps"]["sound"], "ring.caf");
}

#[test]
fn a_collapse_key_that_is_no_topic_is_hashed() {
    assert_eq!(web_topic("chat-1_a"), "chat-1_a");

    for key in ["a b", &*"x".repeat(33), "chat/1"] {
        let topic = web_topic(key);
        assert!(schema::is_web_topic(&topic), "{key}: {topic}");
        assert_eq!(topic, web_topic(key));
    }
}

#[test]
fn data_alone_only_wakes_an_ios_app() {
    let message = Message {
        data: Some([("k".to_owned(), "v".to_owned())].into()),
        ..Message::default()
    };
    let apns = json!({"headers": {"apns-priority": "5", "apns-expiration": "1700000060"},
        "payload": {"aps": {"content-available": 1}}});
    assert_eq!(
        body(&Message {
            ttl: Some(60),
            ..message.clone()
        })["message"]["apns"],
        apns
    );
    let over = json!({"apns": {"payload": {"aps": {"alert": "A"}}}});
    let shown = body(&Message {
        fcm: over.as_object().cloned(),
        ..message
    });
    let expected = json!({"payload": {"aps": {"alert": "A"}}});

    assert_eq!(shown["message"]["apns"], expected);
}

#[test]
fn an_override_of_another_field_still_wakes_an_ios_app() {
    let message = |apns: Value| Message {
        data: Some([("k".to_owned(), "v".to_owned())].into()),
        fcm: json!({ "apns": apns }).as_object().cloned(),
        ..Message::default()
    };
    let apns = |apns: Value| body(&message(apns))["message"]["apns"].take();

    assert_eq!(
        apns(json!({"fcmOptions": {"analyticsLabel": "x"}})),
        json!({"headers": {"apns-priority": "5"}, "payload": {"aps": {"content-available": 1}},
            "fcmOptions": {"analyticsLabel": "x"}})
    );
    assert_eq!(
        apns(json!({"payload": {"aps": {"content-available": null}, "k": 1}})),
        json!({"headers": {"apns-priority": "5"}, "payload": {"aps": {}, "k": 1}})
    );

    for (over, field) in [
        (
            json!({"headers": {"apns-priority": "10"}}),
            "fcm.apns.headers.apns-priority",
        ),
        (
            json!({"headers": {"apns-push-type": "background"}, "payload": {"aps": {"badge": 1}}}),
            "fcm.apns.headers.apns-push-type",
        ),
    ] {
        assert_eq!(problem(&message(over)).field, field);
    }
}

#[test]
fn a_message_for_apns_alone_holds_nothing_for_fcm() {
    let nothing = |over: Value| {
        FcmPayload::nothing_in(&Message {
            badge: Some(Badge::Number(1)),
            fcm: over.as_object().cloned(),
            ..Message::default()
        })
        .is_some()
    };

    for over in [
        json!(null),
        json!({}),
        json!({"android": {"ttl": "60s"}}),
        json!({"notification": {"title": null}}),
    ] {
        assert!(nothing(over.clone()), "{over}");
    }
    for over in [
        json!({"notification": {"title": "A"}}),
        json!({"android": {"data": {"k": "v"}}}),
        json!({"apns": {"payload": {"aps": {"content-available": 1}}}}),
        json!({"webpush": {"notification": {"title": "A"}}}),
    ] {
        assert!(!nothing(over.clone()), "{over}");
    }
}

#[test]
fn an_override_of_data_is_checked_too() {
    for (data, field) in [
        (json!({"n": 1}), "fcm.data.n"),
        (json!({"google.x": "1"}), "fcm.data.google.x"),
        (json!("x"), "fcm.data"),
    ] {
        let message = Message {
            fcm: json!({"data": data}).as_object().cloned(),
            ..Message::default()
        };
        assert_eq!(problem(&message).field, field);
    }
}

#[test]
fn the_limit_is_on_keys_and_values() {
    let message = |length| Message {
        body: Some("x".repeat(length)),
        ..Message::default()
    };

    assert!(render(&message(4000)).is_ok());
    assert_eq!(problem(&message(5000)).field, "content");
}

#[test]
fn reserved_data_keys_are_named() {
    for key in ["from", "message_type", "google.x", "gcm.notification.x"] {
        let message = Message {
            data: Some([(key.to_owned(), String::new())].into()),
            ..Message::default()
        };
        assert_eq!(problem(&message).field, format!("content.data.{key}"));
    }
}

#[test]
fn an_empty_message_is_still_json() {
    let empty = FcmPayload {
        rest: "}".to_owned(),
    };

    assert_eq!(&empty.for_token("t")[..], br#"{"message":{"token":"t"}}"#);
}
