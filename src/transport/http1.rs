//! Single requests over HTTP/1.1, each on a connection of its own. They are for peers that are
//! asked seldom, such as a collector of spans, and for webhooks, whose addresses are checked before
//! each request. The providers are asked through [`super::Pool`].

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::uri::Scheme;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::transport::{Proxies, Roots, TlsError, dial, failure_reason};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error("{0} is not an http or https address")]
    Address(Uri),
    #[error("can't connect to {host}: {reason}")]
    Connect {
        host: String,
        reason: std::io::Error,
    },
    /// The reason is for people.
    #[error("can't connect to {host}: {reason}")]
    Unreachable { host: String, reason: String },
    /// The reason is for people.
    #[error("{0}")]
    Proxy(String),
    #[error("{0}")]
    Http(#[from] hyper::Error),
}

impl RequestError {
    /// The reason in words for people, without the host.
    pub fn reason(&self) -> String {
        match self {
            Self::Connect { reason, .. } => failure_reason::of_io(reason),
            Self::Unreachable { reason, .. } => reason.clone(),
            Self::Http(error) => format!("the connection broke off ({error})"),
            Self::Address(_) | Self::Proxy(_) => self.to_string(),
        }
    }
}

/// Sends requests to `http` and `https` addresses. Redirects are not followed, and nothing but the
/// caller limits the time.
#[derive(Clone, Debug)]
pub struct Http1Client {
    tls: Arc<ClientConfig>,
    proxies: Proxies,
}

impl Http1Client {
    pub fn new(roots: &Roots) -> Result<Self, TlsError> {
        let tls = roots.http1_config()?;

        Ok(Self {
            tls,
            proxies: Proxies::none(),
        })
    }

    /// Reaches `https` addresses through `proxies`, unless the caller names the address to connect to.
    #[must_use]
    pub fn through(self, proxies: Proxies) -> Self {
        Self { proxies, ..self }
    }

    /// Sends `request`, and returns as soon as the head of the answer is there. The body comes as
    /// it is read.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Incoming>, RequestError> {
        let target = Target::of(request.uri())?;
        let tcp = self.connect(&target).await?;

        self.send_over(tcp, &target, request).await
    }

    /// As [`Self::send`], but to one of `addresses`, whatever the host's name resolves to. An address
    /// that does not answer delays the request by a quarter of a second.
    pub async fn send_to(
        &self,
        addresses: &[SocketAddr],
        request: Request<Bytes>,
    ) -> Result<Response<Incoming>, RequestError> {
        let target = Target::of(request.uri())?;
        let tcp = dial::connect_to(addresses.to_vec())
            .await
            .map_err(|reason| target.unreachable(reason))?;

        self.send_over(tcp, &target, request).await
    }

    async fn connect(&self, target: &Target) -> Result<TcpStream, RequestError> {
        let proxy = self.proxies.for_host(&target.host, target.port);
        if let Some(proxy) = proxy.filter(|_| target.is_tls) {
            let tunnel = proxy.connect(&target.host, target.port).await;
            return tunnel.map_err(RequestError::Proxy);
        }

        dial::connect(&target.host, target.port)
            .await
            .map_err(|reason| target.unreachable(reason))
    }

    async fn send_over(
        &self,
        tcp: TcpStream,
        target: &Target,
        mut request: Request<Bytes>,
    ) -> Result<Response<Incoming>, RequestError> {
        // A server that is asked directly takes the path alone, and the host as a header (RFC 9112,
        // section 3.2.1).
        let host_header = HeaderValue::from_str(&target.authority)
            .map_err(|_| RequestError::Address(request.uri().clone()))?;
        request.headers_mut().insert(header::HOST, host_header);
        let path = request
            .uri()
            .path_and_query()
            .map_or(Uri::from_static("/"), |path| Uri::from(path.clone()));
        let uri = std::mem::replace(request.uri_mut(), path);

        if target.is_tls {
            let name = ServerName::try_from(target.host.clone())
                .map_err(|_| RequestError::Address(uri))?;
            let connector = TlsConnector::from(Arc::clone(&self.tls));
            let tls = connector
                .connect(name, tcp)
                .await
                .map_err(|reason| target.failed(reason))?;
            exchange(tls, request).await
        } else {
            exchange(tcp, request).await
        }
    }
}

/// Where a request goes.
struct Target {
    is_tls: bool,
    authority: String,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
}

impl Target {
    fn of(uri: &Uri) -> Result<Self, RequestError> {
        let (Some(authority), Some(scheme)) = (uri.authority(), uri.scheme()) else {
            return Err(RequestError::Address(uri.clone()));
        };
        let is_tls = *scheme == Scheme::HTTPS;
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');

        Ok(Self {
            is_tls,
            authority: authority.to_string(),
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
        })
    }

    fn unreachable(&self, reason: String) -> RequestError {
        RequestError::Unreachable {
            host: self.authority.clone(),
            reason,
        }
    }

    fn failed(&self, reason: std::io::Error) -> RequestError {
        RequestError::Connect {
            host: self.authority.clone(),
            reason,
        }
    }
}

async fn exchange<S>(stream: S, request: Request<Bytes>) -> Result<Response<Incoming>, RequestError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;

    // It ends with the answer's body, or when that is dropped; an error comes out there.
    tokio::spawn(connection);
    Ok(sender.send_request(request.map(Full::new)).await?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt;
    use rustls_pki_types::PrivatePkcs8KeyDer;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpSocket};
    use tokio_rustls::TlsAcceptor;

    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

    /// A server for one request, with a certificate of its own. Returns its port, its certificate,
    /// and what it is going to be asked.
    async fn server() -> (u16, String, tokio::task::JoinHandle<String>) {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key.into())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();

        let asked = tokio::spawn(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            let acceptor = TlsAcceptor::from(Arc::new(config));
            let Ok(mut tls) = acceptor.accept(tcp).await else {
                return String::new();
            };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(tls.read_u8().await.unwrap());
            }
            tls.write_all(ANSWER).await.unwrap();
            tls.shutdown().await.unwrap();
            String::from_utf8(head).unwrap()
        });
        (port, certified.cert.pem(), asked)
    }

    fn request(address: &str) -> Request<Bytes> {
        Request::get(address).body(Bytes::new()).unwrap()
    }

    #[tokio::test]
    async fn an_https_server_is_asked_for_a_path_by_its_name() {
        let (port, certificate, asked) = server().await;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), certificate).unwrap();
        let client = Http1Client::new(&Roots::load(Some(file.path())).unwrap()).unwrap();

        let address = format!("https://localhost:{port}/a?b=c");
        let response = client.send(request(&address)).await.unwrap();

        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(&body[..], b"hello");
        let head = asked.await.unwrap().to_lowercase();
        assert!(head.starts_with("get /a?b=c http/1.1\r\n"), "{head}");
        assert!(
            head.contains(&format!("host: localhost:{port}\r\n")),
            "{head}"
        );
    }

    #[tokio::test]
    async fn a_server_with_an_unknown_certificate_is_refused() {
        let (port, ..) = server().await;
        let client = Http1Client::new(&Roots::load(None).unwrap()).unwrap();

        let address = format!("https://localhost:{port}/");
        let error = client.send(request(&address)).await.unwrap_err();

        assert!(error.to_string().contains("certificate"), "{error}");
    }

    /// An address whose host takes packets and never answers: a listener with a full queue.
    async fn silent() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();

        let mut queued = Vec::new();
        while let Ok(connected) =
            tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
        {
            queued.push(connected.unwrap());
        }

        (address, listener, queued)
    }

    #[tokio::test]
    async fn an_address_that_does_not_answer_does_not_hold_up_the_next_one() {
        let (silent, _listener, _queued) = silent().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            // A client takes no answer before it has sent its request.
            tcp.read_u8().await.unwrap();
            tcp.write_all(ANSWER).await.unwrap();
            tcp.shutdown().await.unwrap();
            let _ = tokio::io::copy(&mut tcp, &mut tokio::io::sink()).await;
        });
        let client = Http1Client::new(&Roots::load(None).unwrap()).unwrap();

        let addresses = [silent, good];
        let sending = client.send_to(&addresses, request("http://example.com/"));
        let sent = tokio::time::timeout(Duration::from_secs(5), sending).await;

        assert_eq!(sent.unwrap().unwrap().status(), 200);
    }

    #[tokio::test]
    async fn an_address_without_a_host_is_refused() {
        let client = Http1Client::new(&Roots::load(None).unwrap()).unwrap();

        let error = client.send(request("/path")).await.unwrap_err();

        assert_eq!(error.to_string(), "/path is not an http or https address");
    }
}
