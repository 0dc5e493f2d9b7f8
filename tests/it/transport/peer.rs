//! An HTTP/2 peer over TLS that misbehaves on purpose: it reads and writes single frames, so that a
//! test decides what becomes of every stream.

use std::io::Write;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use bellwire::transport::Roots;

const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const REFUSED_STREAM: u32 = 7;

/// A listening peer.
pub struct Peer {
    pub port: u16,
    pub roots: Roots,
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Peer {
    pub async fn listen() -> Self {
        Self::listen_with(b"h2").await
    }

    /// One that offers this protocol.
    pub async fn listen_with(protocol: &[u8]) -> Self {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(certified.cert.pem().as_bytes()).unwrap();
        let roots = Roots::load(Some(file.path())).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = rustls_pki_types::PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key.into())
            .unwrap();
        config.alpn_protocols = vec![protocol.to_vec()];
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        Self {
            port,
            roots,
            listener,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        }
    }

    /// The next connection, as TCP only.
    pub async fn tcp(&self) -> TcpStream {
        self.listener.accept().await.unwrap().0
    }

    /// The next connection, on which at most `max_streams` requests at a time are allowed.
    pub async fn accept(&self, max_streams: u32) -> DedicatedConnection {
        let mut tls = self.acceptor.accept(self.tcp().await).await.unwrap();
        let mut preface = [0; PREFACE];
        tls.read_exact(&mut preface).await.unwrap();
        let mut session = DedicatedConnection { tls };
        session.allow(max_streams).await;
        session
    }
}

/// One connection to the peer.
pub struct DedicatedConnection {
    tls: TlsStream<TcpStream>,
}

impl DedicatedConnection {
    /// The stream of the next complete request; `None` once the client has closed the connection.
    pub async fn request(&mut self) -> Option<u32> {
        loop {
            let mut head = [0; 9];
            self.tls.read_exact(&mut head).await.ok()?;
            let [a, b, c, kind, flags, stream @ ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            self.tls.read_exact(&mut payload).await.ok()?;
            match kind {
                SETTINGS if flags & ACK == 0 => self.frame(SETTINGS, ACK, 0, &[]).await,
                PING if flags & ACK == 0 => self.frame(PING, ACK, 0, &payload).await,
                GOAWAY => return None,
                DATA | HEADERS if flags & END_STREAM != 0 => {
                    return Some(u32::from_be_bytes(stream));
                }
                _ => {}
            }
        }
    }

    /// The streams of the next `count` complete requests.
    pub async fn requests(&mut self, count: usize) -> Vec<u32> {
        let mut streams = Vec::new();
        while streams.len() < count {
            streams.push(
                self.request()
                    .await
                    .expect("the client closed the connection"),
            );
        }
        streams
    }

    /// Answers 200.
    pub async fn answer(&mut self, stream: u32) {
        // `:status: 200` is entry 8 of HPACK's static table.
        self.frame(HEADERS, END_HEADERS | END_STREAM, stream, &[0x88])
            .await;
    }

    /// Answers every request with 200 until the client closes the connection.
    pub async fn answer_all(&mut self) {
        while let Some(stream) = self.request().await {
            self.answer(stream).await;
        }
    }

    /// Begins an answer whose body never comes.
    pub async fn begin_answer(&mut self, stream: u32, status: u16) {
        self.frame(HEADERS, END_HEADERS, stream, &status_header(status))
            .await;
    }

    /// Answers with this status and an empty body.
    pub async fn answer_with(&mut self, stream: u32, status: u16) {
        let flags = END_HEADERS | END_STREAM;
        self.frame(HEADERS, flags, stream, &status_header(status))
            .await;
    }

    /// Answers pings until the client closes the connection, and never a request. Returns how many
    /// requests came.
    pub async fn answer_only_pings(&mut self) -> usize {
        let mut requests = 0;
        while self.request().await.is_some() {
            requests += 1;
        }
        requests
    }

    pub async fn refuse(&mut self, stream: u32) {
        self.frame(RST_STREAM, 0, stream, &REFUSED_STREAM.to_be_bytes())
            .await;
    }

    /// Says that nothing after `last_stream` has been or will be processed.
    pub async fn go_away(&mut self, last_stream: u32) {
        let payload = [last_stream.to_be_bytes(), [0; 4]].concat();
        self.frame(GOAWAY, 0, 0, &payload).await;
    }

    pub async fn allow(&mut self, max_streams: u32) {
        let mut payload = MAX_CONCURRENT_STREAMS.to_be_bytes().to_vec();
        payload.extend(max_streams.to_be_bytes());
        self.frame(SETTINGS, 0, 0, &payload).await;
    }

    async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);

        // The client may have gone, as some tests want it to.
        let _ = self.tls.write_all(&frame).await;
        let _ = self.tls.flush().await;
    }
}

/// The header `:status` in HPACK: a literal whose name is entry 8 of the static table.
fn status_header(status: u16) -> Vec<u8> {
    let value = status.to_string();
    let mut header = vec![0x08, value.len() as u8];
    header.extend(value.as_bytes());
    header
}
