//! The console in a browser: what a support team does with it, how it looks, and whether everyone can
//! use it. Needs Chromium and its driver, so `make console` runs it.

use std::path::PathBuf;
use std::time::Duration;

use bellwire::dev::simulator::behaviour::Faults;
use serde_json::{Value, json};

use super::sessions::start;
use crate::support::client::{apn, fcm, message};
use crate::support::service::Service;
use crate::support::webdriver::{Chromium, Look};
use crate::support::{eventually, steady};

pub const DESKTOP: Look = Look {
    name: "light",
    width: 1280,
    height: 860,
    is_dark: false,
    is_phone: false,
};
const DARK: Look = Look {
    name: "dark",
    is_dark: true,
    ..DESKTOP
};
const PHONE: Look = Look {
    name: "phone",
    width: 390,
    height: 844,
    is_phone: true,
    ..DESKTOP
};

/// Where pictures go, if they are wanted.
fn pictures() -> Option<PathBuf> {
    std::env::var_os("BELLWIRE_SCREENSHOTS").map(PathBuf::from)
}

pub async fn log_in(browser: &Chromium, service: &Service, key: &str, secret: &str) {
    browser.open(&format!("{}/console", service.url)).await;
    browser.write("#key", key).await;
    browser.write("#secret", secret).await;
    browser.click("button.main").await;
    browser.sees("Operations").await;
}

/// Asserts that nothing on the way complained, and that nothing was asked of another host.
pub async fn assert_quiet(browser: &Chromium, service: &Service) {
    let (complaints, requests) = browser.logs().await;
    assert!(complaints.is_empty(), "{complaints:#?}");

    for address in requests {
        assert!(
            address.starts_with(&service.url)
                || address.starts_with("data:")
                || address.starts_with("chrome:")
                || address.starts_with("about:"),
            "{address} was asked for"
        );
    }
}

/// Asserts that axe-core finds nothing that keeps anyone from using the page.
async fn assert_accessible(browser: &Chromium, page: &str) {
    let path = std::env::var("AXE_CORE").expect("AXE_CORE must be the path of axe.min.js");
    let axe = std::fs::read_to_string(path).unwrap();
    browser.run(&format!("{axe}; return true")).await;

    let found = browser
        .run_async(
            "const done = arguments[arguments.length - 1];
             axe.run().then((found) => done(found.violations.map((violation) => ({
                 id: violation.id,
                 nodes: violation.nodes.map((node) => node.html + ' ' + node.failureSummary).slice(0, 3),
             }))));",
        )
        .await;
    assert_eq!(found, json!([]), "{page}: {found:#}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium, chromedriver and axe-core: make console"]
async fn a_support_team_works_with_the_console() {
    let (service, key, secret) = start().await;
    let browser = Chromium::start().await;
    browser.set_look(DESKTOP).await;
    log_in(&browser, &service, &key, &secret).await;

    // Watch an Operation fill up.
    service
        .set_faults(Faults {
            latency: 20,
            jitter: 40,
            ..Faults::default()
        })
        .await;
    let mut to: Vec<Value> = (0..10_000)
        .map(|number| fcm(&format!("device-{number}")))
        .collect();
    to[3] = fcm("someones-phone~UNREGISTERED");
    to[7] = fcm("anothers-phone~INVALID_ARGUMENT");
    let mut body = message(&to);
    body["tags"] = json!({"campaign": "spring"});
    // Slow enough to be paused while it is being sent.
    body["pace"] = json!({"perMinute": 30_000});
    let id = service.client.send(&body).await;
    browser.sees("Boarding time @ TLL").await;
    browser
        .click(&format!("a[href='/console/operations/{id}']"))
        .await;
    browser.sees("of 10,000 settled").await;

    // Pause it, resume it, and send the rest faster.
    browser.click("form[action$='/pause'] button").await;
    browser.sees("The Operation is paused").await;
    browser.sees("Paused").await;
    let path = format!("/Operations/{id}");
    let sent = async || service.client.read(&path).await["stats"]["sent"].clone();
    let before = steady("what is sent", Duration::from_secs(2), sent).await;
    assert!(before.as_i64() < Some(9_998), "{before}");
    browser.click("form[action$='/resume'] button").await;
    browser.sees("The Operation continues").await;
    browser.click("#confirm-pace > summary").await;
    browser.write("#perMinute", "10000000").await;
    browser.click("#pace button.main").await;
    browser.sees("The Operation has a new pace").await;

    browser.sees("Completed").await;
    browser.sees("9,998").await;
    let drawn = browser
        .run("return document.querySelectorAll('.chart canvas').length")
        .await;
    assert_eq!(drawn, 2);

    // Find why a device failed.
    browser
        .open(&format!("{}/console/people", service.url))
        .await;
    browser.write("#find", "some...ERED").await;
    browser.click("button.main").await;
    browser.sees("The app was removed from the device").await;
    browser.sees("UNREGISTERED").await;

    // Send what failed again.
    browser
        .open(&format!("{}/console/operations/{id}", service.url))
        .await;
    browser.click("#confirm-resend > summary").await;
    browser.click("#resend input[value=UNREGISTERED]").await;
    browser.click("#resend button.main").await;
    browser.sees("sends the failed notifications again").await;

    // Send a test and see it arrive.
    browser.open(&format!("{}/console/send", service.url)).await;
    browser.write("#to", "FCM my-own-test-device").await;
    browser.write("#title", "A test from the console").await;
    browser
        .click("button[formaction='/console/send/preview']")
        .await;
    browser.sees("A test from the console").await;
    browser.click("form.card button.main").await;
    browser.sees("The message is accepted").await;
    eventually("the test push to arrive", async || {
        let arrived = service.world.messages().await;
        let arrived = arrived.get("my-own-test-device")?;
        arrived
            .to_string()
            .contains("A test from the console")
            .then_some(())
    })
    .await;

    assert_quiet(&browser, &service).await;
    drop(browser);
    service.stop().await;
}

/// What fills the views.
async fn fill(service: &Service) -> Vec<(&'static str, String)> {
    let client = &service.client;
    let device = |token: &str, provider: &str| json!({"appName": "demo", "token": token, "provider": provider});
    let (_, registered) = client
        .post(
            "/DeviceRegistrations",
            &device("dqWD7WEC83K41WHyufTS7:APA91bFoqJ2cZ", "FCM"),
        )
        .await;
    let user = registered["userId"].as_str().unwrap().to_owned();
    let mut second = device(&"4f".repeat(32), "APN");
    second["userId"] = json!(user);
    client.post("/DeviceRegistrations", &second).await;

    for (title, tag, count, bad) in [
        ("Your order is on its way", "orders", 40, 0),
        ("Gate change: B12", "flights", 400, 6),
        ("Spring sale: 20 % off until Sunday", "campaign", 4_000, 180),
    ] {
        let codes = ["UNREGISTERED", "INVALID_ARGUMENT", "SENDER_ID_MISMATCH"];
        let to: Vec<Value> = (0..count)
            .map(|number| match number {
                number if number < bad => {
                    // Few of one kind, more of another, most of the third.
                    let code = codes[(number % 7).min(2)];
                    fcm(&format!("device-number-{number}~{code}"))
                }
                number if number % 3 == 0 => apn(&format!("{number:064x}")),
                number => fcm(&format!("device-number-{number}")),
            })
            .collect();
        let mut body = message(&to);
        body["content"]["title"] = json!(title);
        body["tags"] = json!({"kind": tag});
        client.send(&body).await;
    }
    let mut body = message(&[json!({"userId": user})]);
    body["content"] =
        json!({"title": "Boarding time @ TLL", "body": "You have 1 hour until boarding time"});
    let id = client.send(&body).await;
    client.completed(&id).await;

    let hook = json!({"url": "https://hooks.example.com/bellwire", "events": ["operation.completed"], "description": "The shop's backend"});
    client.post("/Webhooks", &hook).await;
    client
        .post(
            "/Keys",
            &json!({"role": "READ", "name": "reports", "note": "asked for by finance"}),
        )
        .await;
    client
        .post("/Keys", &json!({"role": "SEND", "name": "shop"}))
        .await;

    let list = client.read("/Operations").await;
    let large = list["operations"][1]["id"].as_str().unwrap().to_owned();
    client.completed(&large).await;
    let failed = client.read(&format!("/Operations/{large}/Errors")).await;
    let failed = failed["errors"][0]["pushNotificationId"]
        .as_str()
        .unwrap()
        .to_owned();
    let credentials = client.read("/Credentials").await;
    for credential in credentials["credentials"].as_array().unwrap() {
        let path = format!("/Credentials/{}/Test", credential["id"].as_str().unwrap());
        client.post(&path, &json!({})).await;
    }

    vec![
        ("operations", "/console/operations".to_owned()),
        ("operation", format!("/console/operations/{large}")),
        ("notification", format!("/console/notifications/{failed}")),
        ("person-search", "/console/people".to_owned()),
        ("person", format!("/console/people/{user}")),
        ("send", "/console/send".to_owned()),
        ("queue", "/console/queue".to_owned()),
        ("credentials", "/console/credentials".to_owned()),
        ("webhooks", "/console/webhooks".to_owned()),
        ("keys", "/console/keys".to_owned()),
        ("audit-log", "/console/audit".to_owned()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium, chromedriver and axe-core: make console"]
async fn everyone_can_use_every_view_on_any_screen() {
    let (service, key, secret) = start().await;
    let views = fill(&service).await;
    let browser = Chromium::start().await;
    let folder = pictures();

    for look in [DESKTOP, DARK, PHONE] {
        browser.set_look(look).await;
        browser.open(&format!("{}/console", service.url)).await;
        if browser.address().await.ends_with("/console") {
            assert_accessible(&browser, "login").await;
            save(&browser, folder.as_ref(), "login", look).await;
            log_in(&browser, &service, &key, &secret).await;
        }

        for (name, path) in &views {
            browser.open(&format!("{}{path}", service.url)).await;
            assert_accessible(&browser, &format!("{name} {}", look.name)).await;
            let wide = browser
                .run("return document.documentElement.scrollWidth - innerWidth")
                .await;
            assert!(
                wide.as_i64() <= Some(0),
                "{name} {} is too wide: {wide}",
                look.name
            );
            save(&browser, folder.as_ref(), name, look).await;
        }
    }

    assert_quiet(&browser, &service).await;
    drop(browser);
    service.stop().await;
}

async fn save(browser: &Chromium, folder: Option<&PathBuf>, name: &str, look: Look) {
    if let Some(folder) = folder {
        let path = folder.join(format!("{name}-{}.png", look.name));
        std::fs::write(path, browser.screenshot().await).unwrap();
    }
}
