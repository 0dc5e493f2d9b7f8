//! An Operation to many, watched in a browser from its start to its end. Needs Chromium and its driver, so
//! `make console-crowd` runs it.

use serde_json::json;

use super::browser::{DESKTOP, assert_quiet, log_in};
use super::sessions::start;
use crate::support::client::message;
use crate::support::eventually;
use crate::support::webdriver::Chromium;

const RECIPIENTS: usize = 100_000;

/// The number before `of 100,000 settled`.
fn settled(text: &str) -> Option<usize> {
    let (before, _) = text.split_once(" of 100,000 settled")?;
    let number = before.split_whitespace().next_back()?;

    number.replace(',', "").parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and chromedriver, and takes minutes: make console-crowd"]
async fn a_hundred_thousand_fill_up_before_ones_eyes() {
    let (service, key, secret) = start().await;
    service.world.register_many(RECIPIENTS).await;
    let browser = Chromium::start().await;
    browser.set_look(DESKTOP).await;
    log_in(&browser, &service, &key, &secret).await;

    let id = service
        .client
        .send(&message(&[json!({"audience": {}})]))
        .await;
    browser
        .click(&format!("a[href='/console/operations/{id}']"))
        .await;

    let mut seen = Vec::new();
    eventually("all to be settled", async || {
        let text = browser
            .run("return document.querySelector('#progress')?.innerText ?? ''")
            .await;
        let settled = settled(text.as_str().unwrap())?;
        if seen.last() != Some(&settled) {
            seen.push(settled);
        }
        (settled == RECIPIENTS).then_some(())
    })
    .await;

    assert!(seen.is_sorted(), "it never goes back: {seen:?}");
    assert!(seen.len() >= 5, "it fills up step by step: {seen:?}");
    browser.sees("Completed").await;
    assert_quiet(&browser, &service).await;
    drop(browser);
    service.stop().await;
}
