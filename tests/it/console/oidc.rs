//! Login with OpenID Connect, at a provider on a socket of this machine.

use std::time::Duration;

use reqwest::header::SET_COOKIE;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::browser::DESKTOP;
use crate::support::browser::{Browser, Page};
use crate::support::identity_provider::{
    CLIENT_ID, CLIENT_SECRET, DESCRIPTION, Forgery, IdentityProvider, KEYS, TOKENS, Trouble,
};
use crate::support::service::{Service, World};
use crate::support::webdriver::Chromium;

const SESSION: &str = "bellwire_console";
const LOGIN: &str = "bellwire_login";

/// A service whose account `demo` people log in to: admins as FULL, and staff as READ.
async fn start() -> (Service, IdentityProvider) {
    start_with(Duration::from_secs(10)).await
}

/// The same, with a provider that may take this long.
async fn start_with(timeout: Duration) -> (Service, IdentityProvider) {
    let provider = IdentityProvider::start();
    let mut world = World::new().await;
    let (key, secret) = world.demo().await;
    let oidc = &mut world.config.oidc;
    oidc.issuer = Some(provider.url.clone());
    oidc.name = "Example Ltd".into();
    oidc.client_id = CLIENT_ID.into();
    oidc.client_secret = CLIENT_SECRET.into();
    oidc.access = ["FULL:demo:admins", "READ:demo:staff", "READ:nowhere:lost"]
        .map(str::to_owned)
        .to_vec();
    oidc.timeout = timeout;

    (world.start_for(&key, &secret).await, provider)
}

fn ann(group: &str) -> Value {
    json!({"email": "ann@example.com", "groups": [group]})
}

/// The cookie of this name that `page` sets, with its attributes.
fn whole_cookie(page: &Page, name: &str) -> Option<String> {
    let cookies = page.headers.get_all(SET_COOKIE).iter();

    cookies
        .map(|cookie| cookie.to_str().unwrap())
        .find(|cookie| cookie.starts_with(&format!("{name}=")))
        .map(str::to_owned)
}

/// The cookie of this name that `page` sets, as `name=value`. `None`: no cookie, or an empty one.
fn cookie(page: &Page, name: &str) -> Option<String> {
    let whole = whole_cookie(page, name)?;
    let pair = whole.split(';').next().unwrap();

    (!pair.ends_with('=')).then(|| pair.to_owned())
}

/// Begins a login, with the cookie that the browser then has. Returns the provider's address.
async fn begin(browser: &mut Browser, query: &str) -> String {
    let page = browser.get(&format!("/console/login/oidc{query}")).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
    browser.cookie = cookie(&page, LOGIN).unwrap();

    page.location
}

async fn come_back(browser: &Browser, parameters: &str) -> Page {
    browser
        .get(&format!("/console/login/oidc/callback?{parameters}"))
        .await
}

/// Logs in, and returns the last page.
async fn log_in(browser: &mut Browser, provider: &IdentityProvider, claims: &Value) -> Page {
    let address = begin(browser, "").await;
    let parameters = provider.authorize(&address, claims);
    let page = come_back(browser, &parameters).await;
    if let Some(session) = cookie(&page, SESSION) {
        browser.cookie = session;
    }

    page
}

/// Asserts that `page` logs no browser in, and says why.
#[track_caller]
fn assert_refused(page: &Page, status: StatusCode, because: &str) {
    assert_eq!(page.status, status, "{because}: {}", page.text);
    assert!(page.text.contains(because), "{because}: {}", page.text);
    assert!(cookie(page, SESSION).is_none(), "{because}");
    // The page has the form for API keys, and nothing of the provider's.
    assert!(page.text.contains("name=\"secret\""), "{}", page.text);
    assert!(!page.text.contains(CLIENT_SECRET), "{}", page.text);
}

async fn count(service: &Service, query: &'static str) -> i64 {
    let pool = &service.world.database.pool;

    sqlx::query_scalar(query).fetch_one(pool).await.unwrap()
}

async fn sessions(service: &Service) -> i64 {
    count(service, "select count(*) from console_sessions").await
}

#[tokio::test(flavor = "multi_thread")]
async fn people_log_in_at_their_provider() {
    let (service, provider) = start().await;
    let mut browser = Browser::new(&service.url);
    let form = browser.get("/console").await;
    let link = "href=\"/console/login/oidc?next=\">Log in with Example Ltd</a>";
    assert!(form.text.contains(link), "{}", form.text);

    // A planted cookie does not become the cookie of the session.
    browser.cookie = format!("{SESSION}=planted");
    let begun = browser
        .get("/console/login/oidc?next=%2Fconsole%2Fkeys")
        .await;
    let login = whole_cookie(&begun, LOGIN).unwrap();
    assert!(
        login.contains("; Path=/; HttpOnly; SameSite=Lax; Max-Age=600"),
        "{login}"
    );
    browser.cookie = cookie(&begun, LOGIN).unwrap();
    let redirect = format!("redirect_uri={}", escaped(&service.url));
    assert!(begun.location.contains(&redirect), "{}", begun.location);
    let parameters = provider.authorize(&begun.location, &ann("admins"));
    let page = come_back(&browser, &parameters).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(page.text.contains("url=/console/keys\""), "{}", page.text);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"));
    let session = whole_cookie(&page, SESSION).unwrap();
    assert!(
        session.ends_with("; Path=/; HttpOnly; SameSite=Strict"),
        "{session}"
    );
    assert!(!session.contains("planted"));
    let over = whole_cookie(&page, LOGIN).unwrap();
    assert!(over.contains("Max-Age=0"), "{over}");

    browser.cookie = cookie(&page, SESSION).unwrap();
    let page = browser.get("/console/keys").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("ann@example.com") && page.text.contains("FULL"));

    browser.change_token = page.field("change_token").unwrap();
    browser.post("/console/logout", &[]).await;
    let page = browser.get("/console/keys").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "logged out");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_does_is_done_in_their_name_with_the_role_of_their_group() {
    let (service, provider) = start().await;
    let mut reader = Browser::new(&service.url);
    log_in(&mut reader, &provider, &ann("staff")).await;
    assert!(reader.read("/console/operations").await.contains("READ"));
    let page = reader.get("/console/keys").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.text.contains("Your role, READ"), "{}", page.text);

    let mut admin = Browser::new(&service.url);
    for (claims, name) in [
        (ann("admins"), "ann@example.com"),
        (
            json!({"email": "ben@example.com", "email_verified": true, "groups": "admins"}),
            "ben@example.com",
        ),
        // An unverified address must not be the name in the audit log.
        (
            json!({"email": "ann@example.com", "email_verified": false, "groups": ["admins"]}),
            "a-subject",
        ),
        (
            json!({"preferred_username": "ann@example.com", "groups": ["admins"]}),
            "a-subject",
        ),
        (json!({"email": " ", "groups": ["admins"]}), "a-subject"),
        (
            json!({"email": "ann@example.com", "email_verified": "false", "groups": ["admins"]}),
            "a-subject",
        ),
    ] {
        log_in(&mut admin, &provider, &claims).await;
        let page = admin.get("/console/keys").await;
        admin.change_token = page.field("change_token").unwrap();
        let made = admin.post("/console/keys", &[("role", "READ")]).await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.text);
        let events = service.client.read("/AuditEvents?action=key.create").await;
        assert_eq!(events["auditEvents"][0]["actor"], name, "{claims}");
        assert_eq!(events["auditEvents"][0]["via"], "CONSOLE");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_no_group_has_its_role_in_its_account() {
    let (service, provider) = start().await;
    let mut browser = Browser::new(&service.url);
    log_in(&mut browser, &provider, &ann("staff")).await;
    let page = browser.get("/console/operations").await;
    assert_eq!(page.status, StatusCode::OK);

    // `oidc.access` names another account now.
    let pool = &service.world.database.pool;
    sqlx::query("update accounts set name = 'renamed' where name = 'demo'")
        .execute(pool)
        .await
        .unwrap();
    let page = browser.get("/console/operations").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_without_a_role_learns_what_is_missing() {
    let (service, provider) = start().await;
    let mut browser = Browser::new(&service.url);

    for (claims, because) in [
        (
            ann("guests"),
            "in these groups: guests. None of them may use Bellwire",
        ),
        (ann("<b>x</b>"), "in these groups: &#60;b&#62;x"),
        (
            json!({"email": "ann@example.com", "groups": []}),
            "in no group",
        ),
        (
            json!({"email": "ann@example.com"}),
            "no claim &#34;groups&#34;",
        ),
        (ann("lost"), "this account does not exist"),
    ] {
        let page = log_in(&mut browser, &provider, &claims).await;
        assert_refused(&page, StatusCode::FORBIDDEN, because);
        let over = whole_cookie(&page, LOGIN).unwrap();
        assert!(over.contains("Max-Age=0"), "{over}");
    }

    assert_eq!(sessions(&service).await, 0);
    let accounts = count(
        &service,
        "select count(*) from accounts where name = 'nowhere'",
    );
    assert_eq!(accounts.await, 0);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_provider_did_not_make_for_this_login_is_refused() {
    let (service, provider) = start().await;
    let mut browser = Browser::new(&service.url);

    for forgery in [
        Forgery::Signature,
        Forgery::UnknownKey,
        Forgery::Unsigned,
        Forgery::PublicKeyAsSecret,
        Forgery::ClientSecret,
        Forgery::Nonce,
        Forgery::NoNonce,
        Forgery::Audience,
        Forgery::MoreAudiences,
        Forgery::Issuer,
        Forgery::Expired,
    ] {
        provider.forge(forgery);
        let page = log_in(&mut browser, &provider, &ann("admins")).await;
        let because = "does not accept the answer of your identity provider";
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{forgery:?}");
        assert_refused(&page, StatusCode::FORBIDDEN, because);
    }
    assert_eq!(sessions(&service).await, 0);

    provider.forge(Forgery::None);
    let page = log_in(&mut browser, &provider, &ann("admins")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_providers_new_key_is_found_and_its_old_one_is_forgotten() {
    let (service, provider) = start().await;
    let mut browser = Browser::new(&service.url);
    for _ in 0..2 {
        let page = log_in(&mut browser, &provider, &ann("admins")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    }
    assert_eq!(
        [DESCRIPTION, KEYS].map(|path| provider.asked_for(path)),
        [1, 1],
        "what the provider says of itself is kept"
    );

    for id in ["key-2", "key-2"] {
        provider.rotate(id);
        let page = log_in(&mut browser, &provider, &ann("admins")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    }
    assert_eq!(provider.asked_for(KEYS), 3);

    // A token of an unknown key makes Bellwire read the keys once more, and not again and again.
    provider.forge(Forgery::UnknownKey);
    let page = log_in(&mut browser, &provider, &ann("admins")).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert_eq!(provider.asked_for(KEYS), 4);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_belongs_to_the_browser_that_began_and_is_used_once() {
    let (service, provider) = start().await;
    let mut victim = Browser::new(&service.url);
    let mut attacker = Browser::new(&service.url);
    let address = begin(&mut attacker, "").await;
    let parameters = provider.authorize(&address, &ann("admins"));

    // A link with the attacker's answer logs no browser in. A login that the browser began itself goes on.
    let page = come_back(&victim, &parameters).await;
    assert_refused(&page, StatusCode::FORBIDDEN, "begun in another browser");
    let own = begin(&mut victim, "").await;
    let page = come_back(&victim, &parameters).await;
    let because = "does not belong to the login that this browser began last";
    assert_refused(&page, StatusCode::FORBIDDEN, because);
    assert!(whole_cookie(&page, LOGIN).is_none());
    assert_eq!(provider.asked_for(TOKENS), 0);
    let page = come_back(&victim, &provider.authorize(&own, &ann("staff"))).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);

    for wrong in ["", "code=code-0", "code=code-0&state=", "state=x&code=%00"] {
        let page = come_back(&attacker, wrong).await;
        assert_refused(&page, StatusCode::FORBIDDEN, because);
    }
    let (_, state) = parameters.split_once("&state=").unwrap();
    for code in ["code-99", "%00%ff%0d%0a"] {
        let page = come_back(&attacker, &format!("code={code}&state={state}")).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{}", page.text);
    }

    // The cookie and the link can't be used again, although the provider would accept the code.
    let page = come_back(&attacker, &parameters).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    let page = come_back(&attacker, &parameters).await;
    assert_refused(&page, StatusCode::FORBIDDEN, "This login was used already");
    assert_eq!(sessions(&service).await, 2);

    // The cookie of a login is not accepted as that of a session.
    let value = attacker.cookie.split_once('=').unwrap().1.to_owned();
    attacker.cookie = format!("{SESSION}={value}");
    let page = attacker.get("/console/operations").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_or_refused_login_says_so() {
    let (service, provider) = start().await;
    let mut browser = Browser::new(&service.url);

    for (error, because) in [
        ("error=access_denied", "The login was canceled"),
        ("error=server_error", "has refused the login"),
        ("error=%3Cscript%3E", "has refused the login"),
        ("x=y", "has refused the login"),
    ] {
        let address = begin(&mut browser, "").await;
        let parameters = provider.authorize(&address, &ann("admins"));
        let (_, state) = parameters.split_once("&state=").unwrap();
        let page = come_back(&browser, &format!("{error}&state={state}")).await;
        assert_refused(&page, StatusCode::FORBIDDEN, because);
        assert!(!page.text.contains("<script>"), "{}", page.text);
    }
    assert_eq!(provider.asked_for(TOKENS), 0);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_leads_to_a_page_of_the_console_alone() {
    let (service, provider) = start().await;
    let mut browser = Browser::new(&service.url);

    let long = format!("/console/operations?tags={}", "x".repeat(4_000));
    for (next, expected) in [
        ("/console/queue", "/console/queue"),
        (
            "/console/operations?status=SENT",
            "/console/operations?status=SENT",
        ),
        ("https://evil.example.com", "/console"),
        ("//evil.example.com", "/console"),
        ("/console/\\evil", "/console"),
        ("/console/a\" onload=\"x", "/console"),
        ("javascript:alert(1)", "/console"),
        (long.as_str(), "/console"),
    ] {
        let address = begin(&mut browser, &format!("?next={}", escaped(next))).await;
        let parameters = provider.authorize(&address, &ann("admins"));
        let page = come_back(&browser, &parameters).await;
        let wanted = format!("content=\"0; url={expected}\"");
        assert!(page.text.contains(&wanted), "{next}: {}", page.text);
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_in_trouble_leaves_the_login_with_keys() {
    let (service, provider) = start_with(Duration::from_secs(1)).await;
    let mut browser = Browser::new(&service.url);
    let all = [
        Trouble::Fails,
        Trouble::Hangs,
        Trouble::Floods,
        Trouble::Page,
    ];
    let because = "You can log in with an API key";

    for path in [DESCRIPTION, KEYS] {
        for trouble in all {
            provider.set_trouble(path, trouble);
            let page = browser.get("/console/login/oidc").await;
            assert_eq!(page.status, StatusCode::BAD_GATEWAY, "{path} {trouble:?}");
            assert_refused(&page, StatusCode::BAD_GATEWAY, because);
            provider.end_trouble();
        }
    }
    for trouble in all {
        provider.set_trouble(TOKENS, trouble);
        let page = log_in(&mut browser, &provider, &ann("admins")).await;
        assert_eq!(page.status, StatusCode::BAD_GATEWAY, "{trouble:?}");
        assert_refused(&page, StatusCode::BAD_GATEWAY, because);
    }
    let flooded = provider.flooded();
    assert!(flooded < 3 * 16 * 1024 * 1024, "{flooded} bytes were taken");

    provider.end_trouble();
    let page = log_in(&mut browser, &provider, &ann("admins")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_leaves_the_login_with_keys() {
    let mut world = World::new().await;
    let (key, secret) = world.demo().await;
    world.config.oidc.issuer = Some("http://127.0.0.1:1".to_owned());
    world.config.oidc.client_id = CLIENT_ID.into();
    let service = world.start_for(&key, &secret).await;

    let mut browser = Browser::new(&service.url);
    let page = browser.get("/console/login/oidc").await;
    let because = "You can log in with an API key";
    assert_refused(&page, StatusCode::BAD_GATEWAY, because);
    let page = browser.try_log_in(&key, &secret).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_provider_there_is_no_such_login() {
    let service = Service::start().await;
    let browser = Browser::new(&service.url);

    assert!(!browser.get("/console").await.text.contains("/login/oidc"));
    for path in ["/console/login/oidc", "/console/login/oidc/callback"] {
        for method in [Method::GET, Method::HEAD, Method::POST] {
            let answer = browser.request(method, path).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
    service.stop().await;
}

/// Browsers do not send the session's cookie with a navigation that another site began. So only a browser can
/// show that a login leads to the console.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and chromedriver: make console"]
async fn a_person_is_logged_in_when_the_browser_comes_back_from_another_site() {
    let (service, provider) = start().await;
    provider.set_person(&ann("admins"));
    let browser = Chromium::start().await;
    // A narrow window would hide the person's name in the menu.
    browser.set_look(DESKTOP).await;

    browser.open(&format!("{}/console/keys", service.url)).await;
    browser.click("a[href^='/console/login/oidc']").await;
    browser.sees("Agree").await;
    assert!(browser.address().await.starts_with(&provider.url));
    browser.click("#agree").await;
    browser.sees("ann@example.com").await;
    assert_eq!(
        browser.address().await,
        format!("{}/console/keys", service.url)
    );

    let (complaints, _) = browser.logs().await;
    let is_ours = |complaint: &&String| complaint.contains(&service.url);
    assert_eq!(complaints.iter().find(is_ours), None);
    // Its connections would keep the service.
    drop(browser);
    service.stop().await;
}

fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
