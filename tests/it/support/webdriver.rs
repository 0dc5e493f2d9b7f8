//! A headless Chromium, driven by its chromedriver over the protocol `WebDriver` of the W3C
//! (<https://www.w3.org/TR/webdriver2/>). A crate for it would add a minute to every cold build of the
//! tests, for the few commands that one test needs.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::eventually;

/// The key under which `WebDriver` names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one tab. It ends when it is dropped.
pub struct Chromium {
    driver: Child,
    http: reqwest::Client,
    session: String,
}

/// The size and the scheme of a page.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub name: &'static str,
    pub width: u32,
    pub height: u32,
    pub is_dark: bool,
    pub is_phone: bool,
}

impl Chromium {
    /// Starts chromedriver and a browser, both of which must be installed.
    pub async fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .process_group(0)
            .stdout(Stdio::piped())
            .spawn()
            .expect("chromedriver must be installed (Debian: apt install chromium-driver)");
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, port) = line.split_once("started successfully on port ")?;
                port.trim_end_matches('.').parse::<u16>().ok()
            })
            .expect("chromedriver must say its port");

        let http = reqwest::Client::new();
        let base = format!("http://127.0.0.1:{port}/session");
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--no-first-run", "--disable-background-networking", "--hide-scrollbars",
            ]},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }}});
        let answer: Value = http
            .post(&base)
            .json(&wanted)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let id = answer["value"]["sessionId"]
            .as_str()
            .unwrap_or_else(|| panic!("no session: {answer}"));
        Self {
            driver,
            http,
            session: format!("{base}/{id}"),
        }
    }

    async fn command(&self, path: &str, body: &Value) -> Value {
        let (error, value) = self.try_command(path, body).await;
        assert!(!error, "{path} {body:.200}: {value:.500}");

        value
    }

    async fn try_command(&self, path: &str, body: &Value) -> (bool, Value) {
        let request = self
            .http
            .post(format!("{}/{path}", self.session))
            .json(body);
        let answer = request.send().await.unwrap();
        let is_error = !answer.status().is_success();
        let mut body: Value = answer.json().await.unwrap();

        (is_error, body["value"].take())
    }

    /// Runs a command of the protocol `DevTools`.
    pub async fn devtools(&self, name: &str, params: Value) -> Value {
        self.command("goog/cdp/execute", &json!({"cmd": name, "params": params}))
            .await
    }

    pub async fn open(&self, url: &str) {
        self.command("url", &json!({"url": url})).await;
    }

    /// Runs a script in the page, and returns what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({"script": script, "args": []}))
            .await
    }

    /// Runs a script that calls its last argument with the result.
    pub async fn run_async(&self, script: &str) -> Value {
        self.command("execute/async", &json!({"script": script, "args": []}))
            .await
    }

    async fn element(&self, selector: &str) -> String {
        let query = json!({"using": "css selector", "value": selector});

        eventually(&format!("{selector} on the page"), async || {
            let (is_error, found) = self.try_command("element", &query).await;
            (!is_error).then(|| found[ELEMENT].as_str().unwrap().to_owned())
        })
        .await
    }

    pub async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        self.command(&format!("element/{element}/click"), &json!({}))
            .await;
    }

    pub async fn write(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        self.command(&format!("element/{element}/value"), &json!({"text": text}))
            .await;
    }

    /// Waits until the page's text has `wanted`.
    pub async fn sees(&self, wanted: &str) {
        eventually(&format!("{wanted} in the browser"), async || {
            let text = self.run("return document.body.innerText").await;
            text.as_str()
                .unwrap_or_default()
                .contains(wanted)
                .then_some(())
        })
        .await;
    }

    pub async fn address(&self) -> String {
        self.run("return location.href")
            .await
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// What scripts and the browser complained of, and the addresses of requests, since the last call.
    pub async fn logs(&self) -> (Vec<String>, Vec<String>) {
        let complaints = self.command("se/log", &json!({"type": "browser"})).await;
        let complaints = complaints
            .as_array()
            .unwrap()
            .iter()
            .filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING")
            .map(|entry| entry["message"].to_string())
            .collect();

        let events = self
            .command("se/log", &json!({"type": "performance"}))
            .await;
        let requests = events
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|entry| {
                let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
                let event = &event["message"];
                (event["method"] == "Network.requestWillBeSent").then(|| {
                    event["params"]["request"]["url"]
                        .as_str()
                        .unwrap()
                        .to_owned()
                })
            })
            .collect();
        (complaints, requests)
    }

    pub async fn set_look(&self, look: Look) {
        let metrics = json!({
            "width": look.width, "height": look.height,
            "deviceScaleFactor": 1, "mobile": look.is_phone,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
        let scheme = if look.is_dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    /// A PNG of the page as it is seen.
    pub async fn screenshot(&self) -> Vec<u8> {
        let shot = self
            .devtools("Page.captureScreenshot", json!({"format": "png"}))
            .await;

        STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // A chromedriver that ends leaves its browser behind, so the whole group is ended.
        let group = nix::unistd::Pid::from_raw(self.driver.id().cast_signed());
        let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        let _ = self.driver.wait();
    }
}
