//! Files of devices: imports, and exports that an import takes.

use bytes::Bytes;
use futures_util::{future::join_all, stream};
use reqwest::{Body, Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::client::{Client, answer, fcm, message};
use crate::support::eventually;
use crate::support::service::{Service, World};

const NDJSON: &str = "application/x-ndjson";

async fn import(client: &Client, content_type: &str, body: impl Into<Body>) -> (StatusCode, Value) {
    let request = client
        .request(Method::POST, "/DeviceRegistrations/Import?appName=demo")
        .header("content-type", content_type)
        .body(body);
    answer(request.send().await.unwrap()).await
}

fn counts(import: &Value) -> [i64; 5] {
    ["rows", "created", "updated", "unchanged", "failed"].map(|name| import[name].as_i64().unwrap())
}

/// As NDJSON.
fn lines(rows: &[Value]) -> String {
    rows.iter().fold(String::new(), |mut text, row| {
        text += &row.to_string();
        text.push('\n');
        text
    })
}

/// The rows of 2,500 devices, two of each User.
fn many() -> String {
    let rows: Vec<_> = (0..2_500)
        .map(|number| {
            let user = number / 2;
            json!({"token": format!("device-{number}"), "provider": "FCM", "externalId": format!("user-{user}")})
        })
        .collect();
    lines(&rows)
}

async fn all_devices(client: &Client, query: &str, accept: &str) -> String {
    let path = format!("/DeviceRegistrations/Export{query}");
    let request = client.request(Method::GET, &path).header("accept", accept);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);

    response.text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_registered_row_by_row_and_again_changes_nothing() {
    let service = Service::start().await;
    let client = &service.client;

    let (status, first) = import(client, NDJSON, many()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{first}");
    assert_eq!(first["status"], "COMPLETED");
    assert_eq!(counts(&first), [2_500, 2_500, 0, 0, 0]);
    assert_eq!(first["lastLine"], 2_500);
    let users = client.all("/Users", "users", 1_000).await;
    assert_eq!(users.len(), 1_250);

    let (_, again) = import(client, NDJSON, many()).await;
    assert_eq!(counts(&again), [2_500, 0, 0, 2_500, 0]);
    assert_eq!(client.all("/Users", "users", 1_000).await, users);

    // They are devices like all others.
    let id = client
        .send(&message(&[
            json!({"externalId": "user-7"}),
            json!({"externalId": "user-8"}),
        ]))
        .await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 2);
    assert_eq!(service.arrived().await["tokens"], 4);

    // The imports are listed, newest first.
    let list = client.read("/DeviceRegistrations/Imports").await;
    assert_eq!(list["imports"][0]["id"], again["resourceId"]);
    assert_eq!(list["imports"][1]["id"], first["resourceId"]);
    let path = format!(
        "/DeviceRegistrations/Imports/{}",
        first["id"].as_str().unwrap()
    );
    let import = client.read(&path).await;
    assert_eq!(counts(&import), counts(&first));
    assert!(first["resourceLocation"].as_str().unwrap().ends_with(&path));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_have_the_fields_of_a_registration_as_ndjson_and_as_csv() {
    let service = Service::start().await;
    let client = &service.client;
    let user = |external_id: &'static str| async move {
        let list = client
            .read(&format!("/Users?externalId={external_id}"))
            .await;
        list["users"][0].clone()
    };

    let rows = [
        json!({"appName": "demo", "token": "a", "provider": "FCM", "externalId": "zoe", "language": "PT-br",
            "timezone": "europe/berlin", "variables": {"name": "Zoë, \"7\""}, "optedOutTags": ["news", "kind:offer"],
            "tags": {"kind": "phone", "x": "1"}}),
        json!({"token": "AB01", "provider": "APN", "externalId": "zoe", "environment": "SANDBOX", "kind": "VOIP"}),
    ];
    let ndjson = lines(&rows);
    let (_, import_1) = import(client, NDJSON, ndjson).await;
    assert_eq!(counts(&import_1), [2, 2, 0, 0, 0], "{import_1}");

    let zoe = user("zoe").await;
    assert_eq!(
        (&zoe["language"], &zoe["timezone"]),
        (&json!("pt-BR"), &json!("Europe/Berlin"))
    );
    assert_eq!(zoe["variables"], json!({"name": "Zoë, \"7\""}));
    assert_eq!(zoe["optedOutTags"], json!(["news", "kind:offer"]));
    let path = format!(
        "/DeviceRegistrations?userId={}",
        zoe["id"].as_str().unwrap()
    );
    let registrations = client.read(&path).await;
    let devices = &registrations["deviceRegistrations"][0]["devices"];
    assert_eq!(devices[0]["tags"], json!({"kind": "phone", "x": "1"}));
    assert_eq!(
        (&devices[1]["environment"], &devices[1]["kind"]),
        (&json!("SANDBOX"), &json!("VOIP"))
    );

    // The same as CSV is the same.
    let csv = "appName,token,provider,externalId,language,timezone,variables,optedOut,optedOutTags,tags,environment,kind\r\n\
        demo,a,FCM,zoe,pt-BR,Europe/Berlin,\"{\"\"name\"\": \"\"Zoë, \\\"\"7\\\"\"\"\"}\",false,news;kind:offer,kind:phone;x:1,,\r\n\
        ,ab01,APN,zoe,,,,,,,SANDBOX,VOIP\r\n";
    let (_, import_2) = import(client, "text/csv; charset=utf-8", csv).await;
    assert_eq!(counts(&import_2), [2, 0, 0, 2, 0], "{import_2}");

    // Another User, tags and language: each is one change.
    let rows =
        "token,provider,externalId,language,tags\na,FCM,max,,\nb,FCM,max,en,\nab01,APN,,de,x:2\n";
    let (_, import_3) = import(client, "text/csv", rows).await;
    assert_eq!(counts(&import_3), [3, 1, 2, 0, 0], "{import_3}");
    let max = user("max").await;
    assert_eq!(max["language"], "en");
    assert_eq!(user("zoe").await["language"], "de");
    let path = format!(
        "/DeviceRegistrations?userId={}",
        max["id"].as_str().unwrap()
    );
    let registrations = client.read(&path).await;
    assert_eq!(
        registrations["deviceRegistrations"][0]["devices"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_reported_by_line_and_the_other_rows_are_stored() {
    let service = Service::start().await;
    let client = &service.client;

    let nobody = "comms_pushnotificationuser_01h9krwprkeee8fzqspvwy6nq8";
    let mut rows = vec![
        json!({"token": "a", "provider": "FCM"}).to_string(),
        "{\"token\": ".to_owned(),
        "[]".to_owned(),
        json!({"token": "b"}).to_string(),
        json!({"token": "c", "provider": "FCM", "timezone": "Berlin"}).to_string(),
        json!({"token": "d", "provider": "FCM", "colour": "red"}).to_string(),
        json!({"token": "e", "provider": "FCM", "userId": nobody}).to_string(),
        json!({"token": "f", "provider": "FCM", "appName": "nowhere"}).to_string(),
        String::new(),
        json!({"token": "x".repeat(70_000), "provider": "FCM"}).to_string(),
        json!({"token": "nothex!", "provider": "APN"}).to_string(),
        json!({"token": "g", "provider": "FCM"}).to_string(),
    ];
    // More devices of one User than it may have.
    rows.extend((0..52).map(|number| {
        json!({"token": format!("many-{number}"), "provider": "FCM", "externalId": "many"})
            .to_string()
    }));

    let (status, response) = import(client, NDJSON, rows.join("\n")).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{response}");
    assert_eq!(counts(&response), [63, 52, 0, 0, 11], "{response}");

    let path = format!(
        "/DeviceRegistrations/Imports/{}/Errors",
        response["id"].as_str().unwrap()
    );
    let errors = client.all(&path, "errors", 3).await;
    let places: Vec<(i64, &str)> = errors
        .iter()
        .map(|error| {
            (
                error["line"].as_i64().unwrap(),
                error["field"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        places,
        [
            (2, ""),
            (3, ""),
            (4, "provider"),
            (5, "timezone"),
            (6, "colour"),
            (7, "userId"),
            (8, "appName"),
            (10, ""),
            (11, "token"),
            (63, ""),
            (64, "")
        ]
    );
    assert!(
        !response.to_string().contains("nothex") && !json!(errors).to_string().contains("nothex")
    );

    // A file that can't be read at all.
    for (content_type, body, expected) in [
        ("application/json", "{}", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (
            "text/csv",
            "token,provider,colour\na,FCM,red\n",
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let (status, error) = import(client, content_type, body).await;
        assert_eq!(status, expected, "{error}");
    }
    let list = client.read("/DeviceRegistrations/Imports").await;
    assert_eq!(list["imports"][0]["status"], "FAILED");
    assert!(
        list["imports"][0]["error"]
            .as_str()
            .unwrap()
            .contains("colour")
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrived_before_a_client_leaves_is_stored() {
    let service = Service::start().await;
    let client = &service.client;

    let (sender, receiver) = mpsc::unbounded_channel::<Result<Bytes, std::io::Error>>();
    let body = stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|part| (part, receiver))
    });
    let request = client
        .request(Method::POST, "/DeviceRegistrations/Import?appName=demo")
        .header("content-type", NDJSON)
        .body(Body::wrap_stream(body));
    let sending = tokio::spawn(request.send());
    for number in 0..3 {
        let row = json!({"token": format!("device-{number}"), "provider": "FCM"});
        sender.send(Ok(Bytes::from(format!("{row}\n")))).unwrap();
    }
    sender.send(Ok(Bytes::from("{\"token\": \"half"))).unwrap();

    // Rows are stored as they arrive.
    let id = eventually("the rows to be stored", async || {
        let list = client.read("/DeviceRegistrations/Imports").await;
        let import = list["imports"][0].clone();
        (import["created"] == 3).then(|| {
            assert_eq!(import["status"], "RUNNING");
            import["id"].as_str().unwrap().to_owned()
        })
    })
    .await;

    // The account may have one more at a time, and no third.
    let (second_sender, second) = mpsc::unbounded_channel::<Result<Bytes, std::io::Error>>();
    let body = stream::unfold(second, |mut receiver| async {
        receiver.recv().await.map(|part| (part, receiver))
    });
    let request = client
        .request(Method::POST, "/DeviceRegistrations/Import?appName=demo")
        .header("content-type", NDJSON)
        .body(Body::wrap_stream(body));
    let second = tokio::spawn(request.send());
    eventually("the second to begin", async || {
        let list = client.read("/DeviceRegistrations/Imports").await;
        (list["imports"].as_array().unwrap().len() == 2).then_some(())
    })
    .await;
    let (status, _) = import(client, NDJSON, "").await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    let audited = client
        .read("/AuditEvents?action=deviceRegistration.import")
        .await;
    assert_eq!(
        audited["auditEvents"].as_array().unwrap().len(),
        2,
        "the refused one is not recorded: {audited}"
    );
    drop(second_sender);
    let second = answer(second.await.unwrap().unwrap()).await;
    assert_eq!(
        (second.0, &second.1["status"]),
        (StatusCode::ACCEPTED, &json!("COMPLETED"))
    );

    sending.abort();
    let interrupted = eventually("the import to be interrupted", async || {
        let import = client
            .read(&format!("/DeviceRegistrations/Imports/{id}"))
            .await;
        (import["status"] == "INTERRUPTED").then_some(import)
    })
    .await;
    assert_eq!(counts(&interrupted), [3, 3, 0, 0, 0]);
    assert_eq!(interrupted["lastLine"], 3);
    assert!(interrupted["error"].is_string());
    assert_eq!(all_devices(client, "", NDJSON).await.lines().count(), 3);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_maximum_of_the_account_comes_before_that_of_the_process() {
    let world = World::new().await;
    let mut callers = Vec::new();
    for name in ["a", "b", "c"] {
        callers.push(world.neighbour(name).await);
    }
    let service = world.start().await;
    let clients: Vec<Client> = callers
        .iter()
        .map(|(_, key, secret)| Client::new(&service.url, key, secret))
        .collect();

    // Two of each of two accounts is all that a process runs. They end when they are aborted.
    let running: Vec<_> = [0, 0, 1, 1]
        .map(|index| {
            let body = stream::pending::<Result<Bytes, std::io::Error>>();
            let request = clients[index]
                .request(Method::POST, "/DeviceRegistrations/Import?appName=demo")
                .header("content-type", NDJSON)
                .body(Body::wrap_stream(body));
            tokio::spawn(request.send())
        })
        .into_iter()
        .collect();
    eventually("four to begin", async || {
        let mut count = 0;
        for client in &clients {
            let list = client.read("/DeviceRegistrations/Imports").await;
            count += list["imports"].as_array().unwrap().len();
        }
        (count == 4).then_some(())
    })
    .await;

    let (status, error) = import(&clients[0], NDJSON, "").await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{error}");
    let (status, error) = import(&clients[2], NDJSON, "").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{error}");
    let list = clients[2].read("/DeviceRegistrations/Imports").await;
    assert_eq!(list["imports"], json!([]), "it leaves no record");
    let audited = clients[2].read("/AuditEvents").await;
    assert_eq!(audited["auditEvents"], json!([]));

    for sending in running {
        sending.abort();
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_and_registrations_of_the_same_devices_at_once_lose_none() {
    let service = Service::start().await;
    let client = &service.client;
    let rows = |from: usize| -> String {
        let rows: Vec<_> = (from..from + 300)
            .map(|number| {
                let user = number / 3;
                json!({"token": format!("device-{number}"), "provider": "FCM", "externalId": format!("user-{user}")})
            })
            .collect();
        lines(&rows)
    };

    let files = [rows(0), rows(150)];
    let imports = join_all(
        files
            .iter()
            .map(|rows| import(client, NDJSON, rows.clone())),
    );
    let registrations = join_all((0..450).step_by(15).map(|number| async move {
        let mut body = fcm(&format!("device-{number}"));
        body["appName"] = json!("demo");
        body["externalId"] = json!(format!("user-{}", number / 3));
        client.post("/DeviceRegistrations", &body).await.0
    }));
    let (imports, registrations) = futures_util::future::join(imports, registrations).await;
    assert!(
        imports
            .iter()
            .all(|(status, response)| *status == StatusCode::ACCEPTED && response["failed"] == 0),
        "{imports:?}"
    );
    assert!(
        registrations
            .iter()
            .all(|status| *status == StatusCode::ACCEPTED)
    );

    let users = client.all("/Users", "users", 1_000).await;
    assert_eq!(users.len(), 150);
    let devices = all_devices(client, "", NDJSON).await;
    assert_eq!(devices.lines().count(), 450);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_what_an_import_takes() {
    let service = Service::start().await;
    let client = &service.client;
    let rows = [
        json!({"token": "-starts-like-a-formula", "provider": "FCM", "externalId": "+491234", "tags": {"a": "b"},
            "variables": {"name": "Zoë"}, "language": "de", "optedOutTags": ["news", "x:y"]}),
        json!({"token": "ab01", "provider": "APN", "environment": "PRODUCTION", "kind": "ALERT", "timezone": "UTC"}),
    ];
    let file = lines(&rows);
    import(client, NDJSON, file).await;
    let (_, response) = import(client, NDJSON, many()).await;
    assert_eq!(response["created"], 2_500);

    // Masked, unless whole tokens are asked for.
    let masked = all_devices(client, "", NDJSON).await;
    assert_eq!(masked.lines().count(), 2_502);
    assert!(!masked.contains("device-17\""));
    for accept in [NDJSON, "text/csv"] {
        let whole = all_devices(client, "?tokens=FULL", accept).await;
        assert!(whole.contains("device-17") && whole.contains("starts-like-a-formula"));

        let (status, response) = import(client, accept, whole).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{response}");
        assert_eq!(
            counts(&response),
            [2_502, 0, 0, 2_502, 0],
            "{accept}: {response}"
        );
    }
    assert_eq!(all_devices(client, "?appName=other", NDJSON).await, "");

    // Only for keys that may do everything.
    let (_, key) = client
        .post("/Keys", &json!({"role": "READ", "name": "reader"}))
        .await;
    let secret = key["secret"].as_str().unwrap();
    let name = key["key"].as_str().or(key["id"].as_str()).unwrap();
    let reader = Client::new(&service.url, name, secret);
    assert_eq!(
        reader
            .get("/DeviceRegistrations/Export?tokens=FULL")
            .await
            .0,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        all_devices(&reader, "", NDJSON).await.lines().count(),
        2_502
    );
    assert_eq!(
        client.get("/DeviceRegistrations/Export?tokens=ALL").await.0,
        StatusCode::BAD_REQUEST
    );
    let (status, _) = import(&reader, NDJSON, "").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    service.stop().await;
}
