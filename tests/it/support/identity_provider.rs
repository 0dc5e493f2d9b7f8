//! A small OpenID Connect provider: discovery, keys, and tokens for a code, with PKCE. [`IdentityProvider::authorize`]
//! does what a person would do at its pages. It can answer wrongly in many ways.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

pub const CLIENT_ID: &str = "bellwire";
pub const CLIENT_SECRET: &str = "a-secret-of-the-client";

pub const DESCRIPTION: &str = "/.well-known/openid-configuration";
pub const KEYS: &str = "/keys";
pub const TOKENS: &str = "/token";

/// A provider at an address of this machine. Its threads end with the process.
pub struct IdentityProvider {
    /// The issuer.
    pub url: String,
    shared: Arc<Shared>,
}

struct Shared {
    url: String,
    key: Mutex<Key>,
    /// The requests that were authorized, by their codes.
    codes: Mutex<HashMap<String, Authorized>>,
    /// Who agrees at the page of the provider.
    person: Mutex<Value>,
    forgery: Mutex<Forgery>,
    troubles: Mutex<HashMap<&'static str, Trouble>>,
    /// The paths that were asked for.
    asked: Mutex<Vec<String>>,
    /// Bytes of answers that do not end.
    flooded: AtomicUsize,
}

/// A key that id tokens are signed with.
struct Key {
    id: String,
    pair: rcgen::KeyPair,
}

#[derive(Clone)]
struct Authorized {
    nonce: String,
    challenge: String,
    redirect_uri: String,
    claims: Value,
}

/// How the next id tokens are wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgery {
    None,
    /// Signed with a key that is not the provider's, under the id of one that is.
    Signature,
    /// Signed with a key that the provider does not have.
    UnknownKey,
    /// `alg` is `none`.
    Unsigned,
    /// HS256 with the provider's public key as the secret.
    PublicKeyAsSecret,
    /// HS256 with the client's secret, which is not a key of the provider.
    ClientSecret,
    Nonce,
    NoNonce,
    Audience,
    MoreAudiences,
    Issuer,
    Expired,
}

/// How an address does not answer as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    Fails,
    Hangs,
    /// The answer does not end.
    Floods,
    /// A page where JSON is expected.
    Page,
}

impl Key {
    fn generate(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            pair: rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap(),
        }
    }
}

impl IdentityProvider {
    /// Starts one. Its host differs from that of a service under test, so browsers treat it as another site.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let shared = Arc::new(Shared {
            url: url.clone(),
            key: Mutex::new(Key::generate("key-1")),
            codes: Mutex::default(),
            person: Mutex::default(),
            forgery: Mutex::new(Forgery::None),
            troubles: Mutex::default(),
            asked: Mutex::default(),
            flooded: AtomicUsize::new(0),
        });

        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for tcp in listener.incoming() {
                let serving = Arc::clone(&serving);
                std::thread::spawn(move || serving.answer(tcp.unwrap()));
            }
        });
        Self { url, shared }
    }

    pub fn forge(&self, forgery: Forgery) {
        *self.shared.forgery.lock().unwrap() = forgery;
    }

    pub fn set_trouble(&self, path: &'static str, trouble: Trouble) {
        self.shared.troubles.lock().unwrap().insert(path, trouble);
    }

    pub fn end_trouble(&self) {
        self.shared.troubles.lock().unwrap().clear();
    }

    /// Signs with another key from now on.
    pub fn rotate(&self, id: &str) {
        *self.shared.key.lock().unwrap() = Key::generate(id);
    }

    /// Who agrees at the page of the provider.
    pub fn set_person(&self, claims: &Value) {
        *self.shared.person.lock().unwrap() = claims.clone();
    }

    /// How often `path` was asked for.
    pub fn asked_for(&self, path: &str) -> usize {
        let asked = self.shared.asked.lock().unwrap();

        asked.iter().filter(|asked| *asked == path).count()
    }

    /// Bytes that were taken of answers that do not end.
    pub fn flooded(&self) -> usize {
        self.shared.flooded.load(Ordering::Relaxed)
    }

    /// A person with these claims agrees to the request at `address`. Returns the parameters that the
    /// browser brings back.
    pub fn authorize(&self, address: &str, claims: &Value) -> String {
        assert!(
            address.starts_with(&format!("{}/authorize?", self.url)),
            "{address}"
        );

        self.shared.authorize(address, claims)
    }
}

impl Shared {
    fn authorize(&self, address: &str, claims: &Value) -> String {
        let address = Url::parse(address).unwrap();
        let query: HashMap<String, String> = address.query_pairs().into_owned().collect();
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", CLIENT_ID),
            ("code_challenge_method", "S256"),
            ("scope", "openid profile email"),
        ] {
            assert_eq!(query[name], value, "{address}");
        }

        let mut codes = self.codes.lock().unwrap();
        let code = format!("code-{}", codes.len());
        let authorized = Authorized {
            nonce: query["nonce"].clone(),
            challenge: query["code_challenge"].clone(),
            redirect_uri: query["redirect_uri"].clone(),
            claims: claims.clone(),
        };
        codes.insert(code.clone(), authorized);
        format!("code={code}&state={}", query["state"])
    }

    fn answer(&self, mut tcp: TcpStream) {
        let request = read(&mut tcp);
        let Some((head, body)) = request.split_once("\r\n\r\n") else {
            return;
        };
        let target = head.split(' ').nth(1).unwrap();
        let path = target.split('?').next().unwrap();
        self.asked.lock().unwrap().push(path.to_owned());

        let trouble = self.troubles.lock().unwrap().get(path).copied();
        match trouble {
            None => {}
            Some(Trouble::Fails) => {
                return respond(&mut tcp, "500 Oh No", "application/json", "{}");
            }
            Some(Trouble::Page) => return respond(&mut tcp, "200 OK", "text/html", "<p>Hello</p>"),
            Some(Trouble::Hangs) => {
                // Until the client gives up.
                let _ = tcp.set_read_timeout(Some(Duration::from_secs(60)));
                let _ = tcp.read_to_end(&mut Vec::new());
                return;
            }
            Some(Trouble::Floods) => return self.flood(&mut tcp),
        }

        let (status, answer) = match path {
            DESCRIPTION => ("200 OK", self.description()),
            KEYS => ("200 OK", self.keys()),
            TOKENS => match self.tokens(head, body) {
                Some(tokens) => ("200 OK", tokens),
                // As some providers answer to what can be no code.
                None if body.contains("code=%00") => {
                    ("400 Bad Request", json!({"error": "invalid_request"}))
                }
                None => ("400 Bad Request", json!({"error": "invalid_grant"})),
            },
            "/authorize" => return self.agree(&mut tcp, target),
            _ => ("404 Not Found", json!({})),
        };
        respond(&mut tcp, status, "application/json", &answer.to_string());
    }

    /// The page where a person agrees, for a browser.
    fn agree(&self, tcp: &mut TcpStream, target: &str) {
        let address = format!("{}{target}", self.url);
        let person = self.person.lock().unwrap().clone();
        let parameters = self.authorize(&address, &person);
        let query = Url::parse(&address).unwrap();
        let (_, back) = query
            .query_pairs()
            .find(|(name, _)| name == "redirect_uri")
            .unwrap();

        let link = format!("{back}?{parameters}").replace('&', "&amp;");
        let page = format!(
            "<!doctype html><title>Provider</title><a id=\"agree\" href=\"{link}\">Agree</a>"
        );
        respond(tcp, "200 OK", "text/html", &page);
    }

    fn flood(&self, tcp: &mut TcpStream) {
        let head =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n[";
        let piece = vec![b' '; 64 * 1024];
        if tcp.write_all(head.as_bytes()).is_err() {
            return;
        }

        while tcp.write_all(&piece).is_ok() {
            self.flooded.fetch_add(piece.len(), Ordering::Relaxed);
        }
    }

    fn description(&self) -> Value {
        let url = &self.url;
        json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}{TOKENS}"),
            "jwks_uri": format!("{url}{KEYS}"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
        })
    }

    fn keys(&self) -> Value {
        let key = self.key.lock().unwrap();
        // 0x04, then both coordinates.
        let point = key.pair.public_key_raw();
        json!({"keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": key.id,
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]),
            "y": URL_SAFE_NO_PAD.encode(&point[33..]),
        }]})
    }

    /// A code is exchanged by its client, with the verifier of its challenge. A code may be exchanged again:
    /// Bellwire must not rely on the provider to refuse it.
    fn tokens(&self, head: &str, body: &str) -> Option<Value> {
        let credentials = STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
        let is_client = head.lines().any(|line| {
            line.split_once(": ").is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("authorization")
                    && value == format!("Basic {credentials}")
            })
        });
        let form: HashMap<String, String> = url::form_urlencoded::parse(body.as_bytes())
            .into_owned()
            .collect();
        let authorized = self.codes.lock().unwrap().get(form.get("code")?)?.clone();
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(form.get("code_verifier")?));
        let is_right = is_client
            && challenge == authorized.challenge
            && form.get("redirect_uri") == Some(&authorized.redirect_uri);
        if !is_right {
            return None;
        }

        Some(json!({
            "access_token": "an-access-token",
            "token_type": "Bearer",
            "id_token": self.id_token(&authorized),
        }))
    }

    fn id_token(&self, authorized: &Authorized) -> String {
        let forgery = *self.forgery.lock().unwrap();
        let key = self.key.lock().unwrap();
        let claims = self.claims(authorized, forgery);

        let hmac = |secret: &[u8]| {
            let header = Header {
                kid: Some(key.id.clone()),
                ..Header::new(Algorithm::HS256)
            };
            jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret)).unwrap()
        };
        let own = |id: &str, pair: &rcgen::KeyPair| {
            let header = Header {
                kid: Some(id.to_owned()),
                ..Header::new(Algorithm::ES256)
            };
            let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
            jsonwebtoken::encode(&header, &claims, &key).unwrap()
        };
        match forgery {
            Forgery::Unsigned => {
                let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
                format!("{head}.{}.", URL_SAFE_NO_PAD.encode(claims.to_string()))
            }
            Forgery::PublicKeyAsSecret => hmac(key.pair.public_key_pem().as_bytes()),
            Forgery::ClientSecret => hmac(CLIENT_SECRET.as_bytes()),
            Forgery::Signature => own(&key.id, &Key::generate("").pair),
            Forgery::UnknownKey => own("another", &Key::generate("").pair),
            _ => own(&key.id, &key.pair),
        }
    }

    fn claims(&self, authorized: &Authorized, forgery: Forgery) -> Value {
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        let mut claims = json!({
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": "a-subject",
            "nonce": authorized.nonce,
            "iat": now,
            "exp": now + 60,
        });
        for (name, value) in authorized.claims.as_object().unwrap() {
            claims[name] = value.clone();
        }

        match forgery {
            Forgery::Nonce => claims["nonce"] = json!("another"),
            Forgery::NoNonce => drop(claims.as_object_mut().unwrap().remove("nonce")),
            Forgery::Audience => claims["aud"] = json!("another"),
            Forgery::MoreAudiences => claims["aud"] = json!([CLIENT_ID, "another"]),
            Forgery::Issuer => claims["iss"] = json!("https://another.example.com"),
            Forgery::Expired => claims["exp"] = json!(now - 1),
            _ => {}
        }
        claims
    }
}

fn respond(tcp: &mut TcpStream, status: &str, content_type: &str, body: &str) {
    let response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );

    // A client may have gone.
    let _ = tcp.write_all(response.as_bytes());
}

fn read(tcp: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }

        match tcp.read(&mut piece) {
            Ok(length) if length > 0 => request.extend_from_slice(&piece[..length]),
            // A browser opens connections that it does not use.
            _ => return String::new(),
        }
    }
}
