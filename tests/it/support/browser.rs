//! A browser without scripts: it keeps a cookie, fills in forms and follows no redirect by itself.

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Method, Response, StatusCode};

/// A browser at the console of one service.
#[derive(Clone)]
pub struct Browser {
    http: reqwest::Client,
    url: String,
    /// `name=value`; empty: none.
    pub cookie: String,
    /// What the forms of the session carry.
    pub change_token: String,
}

/// An answer, read to its end.
pub struct Page {
    pub status: StatusCode,
    pub location: String,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Page {
    async fn of(response: Response) -> Self {
        let header = |name| {
            response
                .headers()
                .get(name)?
                .to_str()
                .ok()
                .map(str::to_owned)
        };
        Self {
            status: response.status(),
            location: header(LOCATION).unwrap_or_default(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    /// The value of a hidden field.
    pub fn field(&self, name: &str) -> Option<String> {
        let start = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.text.split_once(&start)?;
        rest.split('"').next().map(str::to_owned)
    }
}

impl Browser {
    /// A browser that is not logged in.
    pub fn new(url: &str) -> Self {
        Self {
            http: reqwest::Client::builder()
                .redirect(Policy::none())
                .build()
                .unwrap(),
            url: url.to_owned(),
            cookie: String::new(),
            change_token: String::new(),
        }
    }

    /// Logs in with a key that must be valid.
    pub async fn log_in(url: &str, key: &str, secret: &str) -> Self {
        let mut browser = Self::new(url);
        let page = browser.try_log_in(key, secret).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);

        browser
    }

    pub async fn try_log_in(&mut self, key: &str, secret: &str) -> Page {
        let fields = [("key", key), ("secret", secret)];
        let page = self.post_as_it_is("/console/login", &fields).await;

        if let Some(cookie) = page.headers.get(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            cookie
                .split(';')
                .next()
                .unwrap()
                .clone_into(&mut self.cookie);
            let home = self.get("/console").await;
            let first = self.get(&home.location).await;
            self.change_token = first.field("change_token").unwrap();
        }
        page
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        if self.cookie.is_empty() {
            return request;
        }

        request.header(COOKIE, &self.cookie)
    }

    pub async fn get(&self, path: &str) -> Page {
        Page::of(self.request(Method::GET, path).send().await.unwrap()).await
    }

    /// A page that must be there.
    pub async fn read(&self, path: &str) -> String {
        let page = self.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);

        page.text
    }

    /// Sends a form of the session.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = [("change_token", self.change_token.as_str())];
        let all: Vec<_> = token.into_iter().chain(fields.iter().copied()).collect();

        self.post_as_it_is(path, &all).await
    }

    /// Sends these fields and no others.
    pub async fn post_as_it_is(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let body = url_encoded(fields);
        let request = self
            .request(Method::POST, path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);

        Page::of(request.send().await.unwrap()).await
    }
}

pub fn url_encoded(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| -> String {
        text.bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect()
    };
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)));

    pairs.collect::<Vec<_>>().join("&")
}
