//! Who is logged in to the console, and for how long.

use reqwest::header::SET_COOKIE;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::browser::Browser;
use crate::support::service::{Service, World};

/// A service, and the key and secret of its account `demo`.
pub async fn start() -> (Service, String, String) {
    let world = World::new().await;
    let (key, secret) = world.demo().await;
    let service = world.start_for(&key, &secret).await;

    (service, key, secret)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_login_there_is_only_the_form() {
    let service = Service::start().await;
    let stranger = Browser::new(&service.url);

    let page = stranger.get("/console").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("name=\"secret\""), "{}", page.text);

    let page = stranger.get("/console/operations?status=SENT").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    let next = "/console/login?next=%2Fconsole%2Foperations%3Fstatus%3DSENT";
    assert_eq!(page.location, next);
    let form = stranger.get(next).await;
    assert_eq!(
        form.field("next").as_deref(),
        Some("/console/operations?status=SENT")
    );

    // A script that asks for a part of a page is sent to the form too, and does not show it as that part.
    let request = stranger
        .request(Method::GET, "/console/operations/live")
        .header("HX-Request", "true");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(answer.headers().contains_key("hx-redirect"));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_begins_a_new_session_which_a_logout_ends() {
    let (service, key, secret) = start().await;
    let mut browser = Browser::new(&service.url);
    for (key, secret) in [
        (key.as_str(), "wrong"),
        ("SKnone", secret.as_str()),
        ("", ""),
    ] {
        let page = browser.try_log_in(key, secret).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED);
        assert!(!page.headers.contains_key(SET_COOKIE));
        assert!(secret.is_empty() || !page.text.contains(secret));
    }

    // A planted cookie does not become the cookie of the session.
    browser.cookie = "bellwire_console=planted".to_owned();
    let page = browser.try_log_in(&key, &secret).await;
    let cookie = page.headers[SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("bellwire_console="), "{cookie}");
    assert!(cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains("planted") && !cookie.contains(&secret));

    let first = browser.clone();
    assert_eq!(
        first.get("/console/operations").await.status,
        StatusCode::OK
    );
    browser.try_log_in(&key, &secret).await;
    assert_ne!(browser.cookie, first.cookie);
    let ended = first.get("/console/operations").await;
    assert_eq!(
        ended.status,
        StatusCode::SEE_OTHER,
        "the earlier session has ended"
    );

    let page = browser.post("/console/logout", &[]).await;
    assert_eq!(page.location, "/console");
    assert!(
        page.headers[SET_COOKIE]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    let ended = browser.get("/console/operations").await;
    assert_eq!(
        ended.status,
        StatusCode::SEE_OTHER,
        "the cookie is of no use after the logout"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_its_key_its_idleness_and_its_time() {
    let (service, key, secret) = start().await;
    let pool = &service.world.database.pool;
    let is_open =
        async |browser: &Browser| browser.get("/console/operations").await.status == StatusCode::OK;

    for change in [
        "update console_sessions set seen_at = now() - interval '61 minutes'",
        "update console_sessions set ends_at = now() - interval '1 second'",
    ] {
        let browser = Browser::log_in(&service.url, &key, &secret).await;
        assert!(is_open(&browser).await);
        sqlx::query(change).execute(pool).await.unwrap();
        assert!(!is_open(&browser).await, "{change}");
    }

    let browser = Browser::log_in(&service.url, &key, &secret).await;
    sqlx::query("update console_sessions set seen_at = now() - interval '59 minutes'")
        .execute(pool)
        .await
        .unwrap();
    assert!(is_open(&browser).await);
    let is_noted: bool = sqlx::query_scalar(
        "select bool_or(seen_at > now() - interval '1 minute') from console_sessions",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    assert!(is_noted, "a use keeps the session alive");

    let (_, created) = service.client.post("/Keys", &json!({"role": "READ"})).await;
    let [other, other_secret] = ["key", "secret"].map(|name| created[name].as_str().unwrap());
    let reader = Browser::log_in(&service.url, other, other_secret).await;
    assert!(is_open(&reader).await);
    let revoke = service
        .client
        .request(Method::DELETE, &format!("/Keys/{other}"));
    assert_eq!(
        revoke.send().await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    assert!(!is_open(&reader).await);
    assert!(is_open(&browser).await);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_is_off_where_it_is_not_wanted() {
    let mut world = World::new().await;
    world.config.console.enabled = false;
    let service = world.start().await;

    for path in [
        "/console",
        "/console/operations",
        "/console/assets/console.css",
    ] {
        let page = Browser::new(&service.url).get(path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
    }
    service.stop().await;
}
