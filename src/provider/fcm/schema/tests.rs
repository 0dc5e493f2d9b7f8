use serde_json::json;

use super::*;

fn checked(over: &Value) -> (Value, Vec<String>) {
    let mut problems = Vec::new();
    let stage = Stage::Request { templates: true };
    let over = check(over.as_object().unwrap(), stage, &mut problems);

    let problems = problems.iter().map(ToString::to_string);
    (Value::Object(over), problems.collect())
}

/// Every field of the message, each with a value that FCM takes.
fn everything() -> Value {
    serde_json::from_str(
        r##"{
        "data": {"k": "v"},
        "notification": {"title": "T", "body": "B", "image": "I"},
        "android": {
            "collapseKey": "c", "priority": "high", "ttl": "3.5s", "restrictedPackageName": "p",
            "data": {"k": "v"}, "directBootOk": true, "bandwidthConstrainedOk": true,
            "restrictedSatelliteOk": false, "fcmOptions": {"analyticsLabel": "a-b_c.d~e%f"},
            "notification": {
                "title": "T", "body": "B", "icon": "i", "color": "#ff8800", "sound": "s", "tag": "t",
                "clickAction": "a", "bodyLocKey": "k", "bodyLocArgs": ["a"], "titleLocKey": "k",
                "titleLocArgs": ["a"], "channelId": "c", "ticker": "t", "sticky": true,
                "eventTime": "2026-01-31T09:00:00Z", "localOnly": true,
                "notificationPriority": "PRIORITY_MAX", "defaultSound": true,
                "defaultVibrateTimings": true, "defaultLightSettings": true,
                "vibrateTimings": ["0.5s", "1s"], "visibility": 2, "notificationCount": "3",
                "lightSettings": {"color": {"red": 1, "green": 0.5, "blue": 0, "alpha": 1},
                    "lightOnDuration": "1s", "lightOffDuration": "2s"},
                "image": "I", "proxy": "DENY", "bypassProxyNotification": true
            }
        },
        "apns": {
            "headers": {"apns-priority": "5", "apns-collapse-id": "c"}, "payload": {"aps": {}, "k": null},
            "fcmOptions": {"analyticsLabel": "l", "image": "I"}, "liveActivityToken": "t"
        },
        "webpush": {
            "headers": {"TTL": "60", "Urgency": "high"}, "data": {"k": "v"},
            "notification": {"title": "T", "actions": [{"action": "a"}]},
            "fcmOptions": {"link": "https://x.example", "analyticsLabel": "l"}
        },
        "fcmOptions": {"analyticsLabel": "l"}}"##,
    )
    .unwrap()
}

#[test]
fn every_field_of_fcm_passes() {
    let (over, problems) = checked(&everything());

    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(over, everything());
}

#[test]
fn names_in_snake_case_are_fcms_too() {
    let (over, problems) = checked(&json!({
        "android": {"collapse_key": "c", "notification": {"channel_id": "c", "click_action": "A"}},
        "apns": {"headers": {"APNS-Priority": "5"}, "payload": {"snake_case": 1}},
        "webpush": {"fcm_options": {"link": "https://x.example"}, "headers": {"ttl": "1"}}
    }));

    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(
        over,
        json!({
            "android": {"collapseKey": "c", "notification": {"channelId": "c", "clickAction": "A"}},
            "apns": {"headers": {"apns-priority": "5"}, "payload": {"snake_case": 1}},
            "webpush": {"fcmOptions": {"link": "https://x.example"}, "headers": {"TTL": "1"}}
        })
    );
}

#[test]
fn null_and_templates_pass_anywhere() {
    let (_, problems) = checked(&json!({
        "android": {"ttl": "{{ n }}s", "notification": {"color": null, "visibility": "{{ v }}",
            "bodyLocArgs": ["{{ a }}"]}},
        "apns": {"headers": {"apns-expiration": "{{ at }}", "apns-priority": null}},
        "data": {"k": null}
    }));

    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn what_fcm_refuses_is_named() {
    for (over, field) in [
        (json!({"topic": "all"}), "fcm.topic"),
        (json!({"android_v2": {}}), "fcm.android_v2"),
        (json!({"titel": "T"}), "fcm.titel"),
        (json!({"notification": "T"}), "fcm.notification"),
        (
            json!({"notification": {"title": 1}}),
            "fcm.notification.title",
        ),
        (json!({"android": {"ttl": 60}}), "fcm.android.ttl"),
        (json!({"android": {"ttl": "60"}}), "fcm.android.ttl"),
        (json!({"android": {"ttl": "-1s"}}), "fcm.android.ttl"),
        (json!({"android": {"ttl": "2419201s"}}), "fcm.android.ttl"),
        (json!({"android": {"ttl": "1e3s"}}), "fcm.android.ttl"),
        (
            json!({"android": {"priority": "URGENT"}}),
            "fcm.android.priority",
        ),
        (json!({"android": {"priority": 2}}), "fcm.android.priority"),
        (json!({"android": {"data": {"n": 1}}}), "fcm.android.data.n"),
        (
            json!({"android": {"data": {"from": "x"}}}),
            "fcm.android.data.from",
        ),
        (
            json!({"webpush": {"data": {"google.x": "x"}}}),
            "fcm.webpush.data.google.x",
        ),
        (json!({"data": {"n": 1}}), "fcm.data.n"),
        (json!({"data": "x"}), "fcm.data"),
        (
            json!({"android": {"directBootOk": "yes"}}),
            "fcm.android.directBootOk",
        ),
        (
            json!({"android": {"notification": {"color": "red"}}}),
            "fcm.android.notification.color",
        ),
        (
            json!({"android": {"notification": {"notification_count": "many"}}}),
            "fcm.android.notification.notification_count",
        ),
        (
            json!({"android": {"notification": {"bodyLocArgs": ["a", 1]}}}),
            "fcm.android.notification.bodyLocArgs[1]",
        ),
        (
            json!({"android": {"notification": {"eventTime": "today"}}}),
            "fcm.android.notification.eventTime",
        ),
        (
            json!({"android": {"notification": {"lightSettings": {"color": {"red": 255}}}}}),
            "fcm.android.notification.lightSettings.color.red",
        ),
        (
            json!({"android": {"notification": {"channelId": "a", "channel_id": "b"}}}),
            "fcm.android.notification.channel_id",
        ),
        (
            json!({"apns": {"headers": {"apns-priority": 10}}}),
            "fcm.apns.headers.apns-priority",
        ),
        (
            json!({"apns": {"headers": {"apns-collapse-id": "a "}}}),
            "fcm.apns.headers.apns-collapse-id",
        ),
        (
            json!({"apns": {"headers": {"a b": "c"}}}),
            "fcm.apns.headers.a b",
        ),
        (
            json!({"webpush": {"headers": {"urgency": "loud"}}}),
            "fcm.webpush.headers.urgency",
        ),
        (
            json!({"webpush": {"fcmOptions": {"link": "http://x.example"}}}),
            "fcm.webpush.fcmOptions.link",
        ),
        (
            json!({"fcmOptions": {"analyticsLabel": "a b"}}),
            "fcm.fcmOptions.analyticsLabel",
        ),
    ] {
        let (_, problems) = checked(&over);
        let named = problems
            .first()
            .and_then(|problem| problem.split(": ").next());
        assert_eq!(
            (named, problems.len()),
            (Some(field), 1),
            "{over}: {problems:?}"
        );
    }
}
