use serde_json::json;

use super::*;

/// The field that the first violation of `message` names.
fn refused(message: &Value) -> Option<String> {
    let violations = check(&mut message.clone()).err()?;
    violations.into_iter().next().map(|first| first.field)
}

fn with(name: &str, value: &Value) -> Value {
    let mut message = json!({"token": "t"});
    message[name] = value.clone();
    message
}

#[test]
fn a_violation_names_its_field() {
    for (message, field) in [
        (json!({"token": "t", "title": "T"}), "message"),
        (json!({"token": 1}), "message.token"),
        (json!({"token": "t", "data": {"k": 1}}), "message.data"),
        (json!({"token": "t", "data": {"k": null}}), "message.data"),
        (json!([]), "message"),
        (json!({}), "message"),
        (json!({"token": ""}), "message"),
        (json!({"token": "t", "topic": "news"}), "message"),
    ] {
        assert_eq!(refused(&message).as_deref(), Some(field), "{message}");
    }

    for (android, field) in [
        (json!({"ttl": "5"}), "ttl"),
        (json!({"ttl": "2419201s"}), "ttl"),
        (json!({"ttl": "-1s"}), "ttl"),
        (json!({"ttl": 60}), "ttl"),
        (json!({"priority": "URGENT"}), "priority"),
        (json!({"priority": 2}), "priority"),
        (
            json!({"fcmOptions": {"analyticsLabel": "a b"}}),
            "fcmOptions.analyticsLabel",
        ),
        (json!({"notification": {"sound": 1}}), "notification.sound"),
        (
            json!({"notification": {"color": "red"}}),
            "notification.color",
        ),
        (
            json!({"notification": {"visibility": "NOBODY"}}),
            "notification.visibility",
        ),
        (
            json!({"notification": {"eventTime": "now"}}),
            "notification.eventTime",
        ),
        (
            json!({"notification": {"vibrateTimings": [1]}}),
            "notification.vibrateTimings",
        ),
        (
            json!({"notification": {"notificationCount": 1.5}}),
            "notification.notificationCount",
        ),
        (
            json!({"notification": {"lightSettings": {"color": {"red": 2}}}}),
            "notification.lightSettings.color.red",
        ),
        (
            json!({"notification": {"lightSettings": {}}}),
            "notification.lightSettings.color",
        ),
    ] {
        let message = with("android", &android);
        let field = format!("message.android.{field}");
        assert_eq!(refused(&message), Some(field), "{android}");
    }
}

#[test]
fn reserved_keys_are_refused_in_every_data() {
    for key in ["from", "message_type", "google.x", "gcm.notification.title"] {
        let data = json!({ key: "x" });
        for (message, path) in [
            (with("data", &data), "message.data"),
            (
                with("android", &json!({"data": data})),
                "message.android.data",
            ),
            (
                with("webpush", &json!({"data": data})),
                "message.webpush.data",
            ),
        ] {
            assert_eq!(
                refused(&message),
                Some(format!("{path}.{key}")),
                "{message}"
            );
        }
    }
}

#[test]
fn proto3_json_is_read_in_both_spellings() {
    let mut message = json!({"token": "t", "topic": null, "notification": {"title": "T"},
        "android": {"priority": "high", "ttl": "3.5s", "collapse_key": "c", "direct_boot_ok": true,
            "notification": {"channel_id": "c", "click_action": "A", "notification_count": "3",
                "notification_priority": 4, "color": "#aAbB01", "event_time": "2026-11-26T04:00:00Z",
                "vibrate_timings": ["0.5s", "1s"], "default_sound": null,
                "light_settings": {"color": {"red": 0.5}, "light_on_duration": "1s", "light_off_duration": "2s"}}},
        "apns": {"fcm_options": {"image": "i"}, "payload": {"aps": {"content-available": 1}}},
        "webpush": {"fcm_options": {"link": "https://example.com"}}});
    assert!(
        check(&mut message).is_ok(),
        "{:?}",
        check(&mut message).err()
    );

    let android = &message["android"];
    assert_eq!(android["collapseKey"], "c");
    assert_eq!(android["notification"]["channelId"], "c");
    assert!(android["notification"].get("default_sound").is_none());
    assert!(message.get("topic").is_none());
    assert_eq!(message["apns"]["payload"]["aps"]["content-available"], 1);
}

#[test]
fn a_field_may_not_be_set_in_both_spellings() {
    let android = json!({"collapseKey": "a", "collapse_key": "b"});
    assert_eq!(
        refused(&with("android", &android)).as_deref(),
        Some("message.android")
    );
}

#[test]
fn every_kind_of_recipient_is_taken() {
    for message in [
        json!({"token": "t"}),
        json!({"topic": "news"}),
        json!({"condition": "'a' in topics && 'b' in topics"}),
        json!({"fid": "f"}),
    ] {
        assert_eq!(refused(&message), None, "{message}");
    }
}
