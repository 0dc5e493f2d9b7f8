//! Lists: pages neither skip nor repeat records, and every filter works.

use bellwire::model::id::OperationId;
use serde_json::{Value, json};

use crate::support::client::{apn, fcm, message};
use crate::support::eventually;
use crate::support::service::Service;

fn ids(items: &[Value]) -> Vec<&str> {
    items
        .iter()
        .map(|item| item["id"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_operations_go_from_new_to_old() {
    let service = Service::start().await;
    let mut sent = Vec::new();
    for index in 0..7 {
        sent.push(
            service
                .client
                .send(&message(&[fcm(&format!("device-{index}"))]))
                .await,
        );
    }

    sent.reverse();

    for page_size in [1, 3, 7, 50] {
        assert_eq!(
            ids(&service
                .client
                .all("/Operations", "operations", page_size)
                .await),
            sent,
            "{page_size} a page"
        );
    }

    let first = service.client.read("/Operations?pageSize=3").await;
    let token = first["pagination"]["self"].as_str().unwrap();
    let again = service
        .client
        .read(&format!("/Operations?pageSize=3&pageToken={token}"))
        .await;
    let operations = |page: &Value| page["operations"].as_array().unwrap().clone();
    assert_eq!(
        ids(&operations(&first)),
        ids(&operations(&again)),
        "self leads to the same page"
    );

    let other_filter = format!("/Operations?status=COMPLETED&pageToken={token}");
    assert_eq!(
        service.client.get(&other_filter).await.0,
        400,
        "a token belongs to its filters"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_are_filtered_by_status_and_date() {
    let service = Service::start().await;
    let id = service.client.send(&message(&[fcm("device")])).await;
    service.client.completed(&id).await;
    let mut later = message(&[fcm("device")]);
    let at = time::OffsetDateTime::now_utc() + time::Duration::hours(1);
    later["schedule"] =
        json!({"sendAt": [at.format(&time::format_description::well_known::Rfc3339).unwrap()]});
    let scheduled = service.client.send(&later).await;
    let count = async |filter: &str| {
        service.client.read(&format!("/Operations?{filter}")).await["operations"]
            .as_array()
            .unwrap()
            .len()
    };
    let found = service.client.read("/Operations?status=SCHEDULED").await;
    assert_eq!(found["operations"][0]["id"], json!(scheduled));
    assert_eq!(count("status=SCHEDULED").await, 1);
    assert_eq!(count("status=COMPLETED").await, 1);
    assert_eq!(count("status=PROCESSING").await, 0);
    assert_eq!(count("status=CANCELED").await, 0);

    for _ in 0..10 {
        service.client.send(&later).await;
    }

    assert_eq!(
        count("status=COMPLETED&pageSize=1").await,
        1,
        "however many of another status are newer"
    );

    let today = time::OffsetDateTime::now_utc().date();
    assert_eq!(
        count(&format!("startDate={}", today.previous_day().unwrap())).await,
        12
    );
    assert_eq!(
        count(&format!("endDate={}", today.previous_day().unwrap())).await,
        0
    );
    assert_eq!(
        count(&format!("startDate={}", today.next_day().unwrap())).await,
        0
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_are_listed_in_request_order_and_filtered() {
    let service = Service::start().await;
    let mut body = message(&[fcm("a"), apn("bb"), fcm("c~UNREGISTERED")]);
    body["tags"] = json!({"flight": "TLL-1", "gate": "4"});
    let older = service.client.send(&body).await;
    service.client.completed(&older).await;
    let newer = service.client.send(&message(&[fcm("d"), apn("ee")])).await;
    service.client.completed(&newer).await;

    for page_size in [1, 2, 50] {
        let all = service
            .client
            .all("?", "pushNotifications", page_size)
            .await;
        let operations: Vec<&Value> = all.iter().map(|item| &item["operationId"]).collect();
        assert_eq!(
            operations,
            [
                &json!(newer),
                &json!(newer),
                &json!(older),
                &json!(older),
                &json!(older)
            ]
        );
        let sorted: Vec<&str> = ids(&all[2..]);
        assert!(sorted.is_sorted(), "{sorted:?}");
    }

    let count = async |filter: &str| {
        service
            .client
            .all(&format!("?{filter}"), "pushNotifications", 2)
            .await
            .len()
    };
    assert_eq!(count(&format!("operationId={older}")).await, 3);
    assert_eq!(count("provider=APN").await, 2);
    assert_eq!(count("status=SENT").await, 4);
    assert_eq!(count("status=FAILED").await, 1);
    assert_eq!(count("status=QUEUED").await, 0);
    assert_eq!(count("tags=flight:TLL-1;gate:4;").await, 3);
    assert_eq!(count("tags=flight:TLL-2").await, 0);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_older_than_the_retention_period_are_not_shown() {
    let mut world = crate::support::service::World::new().await;
    world.config.retention.period = std::time::Duration::from_secs(2);
    let service = world.start().await;
    let client = &service.client;
    let id = client.send(&message(&[fcm("device")])).await;

    // Its id follows from its Operation's, so it need not be read before it is too old.
    let operation: OperationId = id.parse().unwrap();
    let notification = operation.push_notification(0);

    eventually("the Operation to be too old", async || {
        (client.get(&format!("/Operations/{id}")).await.0 == 404).then_some(())
    })
    .await;

    for path in [
        format!("/{notification}"),
        format!("/{notification}/DeliveryAttempts"),
        format!("/Operations/{id}/Errors"),
    ] {
        assert_eq!(client.get(&path).await.0, 404, "{path}");
    }

    for (path, list) in [("/Operations", "operations"), ("", "pushNotifications")] {
        assert_eq!(client.read(path).await[list], json!([]), "{path}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_says_what_it_was_asked_and_is_found_by_it() {
    let service = Service::start().await;
    let client = &service.client;
    let plain = client.send(&message(&[fcm("device")])).await;

    let at = time::OffsetDateTime::now_utc()
        .replace_nanosecond(0)
        .unwrap()
        + time::Duration::hours(1);
    let at = at
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap();
    let mut body = message(&[fcm("device")]);
    body["tags"] = json!({"flight": "TLL-1", "gate": "4"});
    body["from"] = json!({"appName": "demo"});
    body["priority"] = json!("LOW");
    body["ttl"] = json!(600);
    body["schedule"] = json!({"sendAt": [at]});
    let full = client.send(&body).await;

    let operation = client.read(&format!("/Operations/{full}")).await;
    for field in ["tags", "from", "priority", "ttl", "schedule"] {
        assert_eq!(operation[field], body[field], "{field}");
    }

    let operation = client.read(&format!("/Operations/{plain}")).await;
    assert_eq!(operation["priority"], "HIGH");
    for field in ["tags", "from", "ttl", "schedule"] {
        assert!(operation.get(field).is_none(), "{field}");
    }

    // Its notifications say so too, in lists and each by itself.
    let list = client.read("").await;
    let notifications = list["pushNotifications"].as_array().unwrap();
    for listed in notifications {
        let id = listed["id"].as_str().unwrap();
        let fetched = client.read(&format!("/{id}")).await;
        let is_full = listed["operationId"] == full.as_str();
        for field in ["tags", "priority", "ttl", "schedule"] {
            let expected = match field {
                _ if is_full => body.get(field),
                "priority" => Some(&json!("HIGH")),
                _ => None,
            };
            assert_eq!(listed.get(field), expected, "{field}");
            assert_eq!(fetched.get(field), expected, "{field}");
        }
    }
    assert_eq!(notifications.len(), 2);

    let tomorrow = time::OffsetDateTime::now_utc().date().next_day().unwrap();
    let after_tomorrow = tomorrow.next_day().unwrap();
    for (filter, found) in [
        ("tags=gate:4".to_owned(), vec![&full]),
        ("tags=flight:TLL-1;gate:4".to_owned(), vec![&full]),
        ("tags=flight:TLL-1;gate:5".to_owned(), vec![]),
        (format!("scheduledAfter={at}"), vec![&full]),
        (format!("scheduledBefore={at}"), vec![&full]),
        (format!("scheduledBefore={tomorrow}"), vec![&full]),
        (format!("scheduledAfter={after_tomorrow}"), vec![]),
        ("scheduledBefore=2024-01-01".to_owned(), vec![]),
    ] {
        let page = client.read(&format!("/Operations?{filter}")).await;
        let operations = page["operations"].as_array().unwrap().clone();
        assert_eq!(ids(&operations), found, "{filter}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_counted_by_code_and_found_by_notification_and_code() {
    let service = Service::start().await;
    let client = &service.client;
    let tokens = [
        "a~UNREGISTERED",
        "fine",
        "b~UNREGISTERED",
        "c~SENDER_ID_MISMATCH",
    ];
    let id = client.send(&message(&tokens.map(fcm))).await;
    client.completed(&id).await;

    let totals = json!([
        {"code": "UNREGISTERED", "count": 2},
        {"code": "SENDER_ID_MISMATCH", "count": 1},
    ]);
    for path in [
        format!("/Operations/{id}/ErrorTotals"),
        "/ErrorTotals".to_owned(),
    ] {
        let answer = client.read(&path).await;
        assert_eq!(answer["errorTotals"], totals, "{path}");
        assert_eq!(answer["isComplete"], true, "{path}");
    }
    let none = client.read("/ErrorTotals?endDate=2024-01-01").await;
    assert_eq!(none, json!({"errorTotals": [], "isComplete": true}));
    let (status, _) = client
        .get("/Operations/comms_operation_01h9krwprkeee8fzqspvwy6nq8/ErrorTotals")
        .await;
    assert_eq!(status, 404);

    let errors = format!("/Operations/{id}/Errors");
    let all = client.read(&errors).await["errors"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(all.len(), 3);
    for error in &all {
        let only = error["pushNotificationId"].as_str().unwrap();
        let found = client
            .read(&format!("{errors}?pushNotificationId={only}"))
            .await;
        assert_eq!(found["errors"], json!([error]));
        assert_eq!(found["pagination"]["next"], Value::Null);
    }

    let sent = client.read("?status=SENT").await["pushNotifications"][0]["id"].clone();
    let sent = sent.as_str().unwrap();
    for (filter, count) in [
        ("code=unregistered".to_owned(), 2),
        ("code=UNREGISTERED".to_owned(), 2),
        ("code=sender_id_mismatch".to_owned(), 1),
        ("code=Unregistered".to_owned(), 0),
        ("code=none".to_owned(), 0),
        (format!("pushNotificationId={sent}"), 0),
    ] {
        let found = client.read(&format!("{errors}?{filter}")).await;
        assert_eq!(found["errors"].as_array().unwrap().len(), count, "{filter}");
    }
    service.stop().await;
}
