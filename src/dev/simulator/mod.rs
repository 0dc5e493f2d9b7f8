//! A simulator of FCM, of Google's token endpoint and of APNs: TLS, HTTP/2 (and HTTP/1.1 where Google
//! has it), and each provider's own checks and answers.
//!
//! A device token may ask for an outcome: see [`scripted_outcome`]. The messages that devices
//! received are kept and shown by the control endpoint: see [`control`]. Limits, delays and faults
//! are set at the start and can be changed while the simulator runs: see [`behaviour`].

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

mod apns;
pub mod behaviour;
pub mod command;
pub mod control;
mod fcm;
mod fcm_schema;
mod fcm_token_endpoint;
mod first_stream_limit;
mod identity;
mod inbox;
mod rewriting;
pub mod scripted_outcome;
mod server;
mod tolerant_scheme;
mod topic_condition;

use behaviour::Behaviour;
use identity::Identity;
use inbox::Inbox;
use server::{Provider, Server};

pub struct Options {
    /// The address that all three endpoints listen on.
    pub address: IpAddr,
    /// 0 picks a free port, here and in the ports below.
    pub fcm_port: u16,
    pub apns_port: u16,
    pub control_port: u16,
    /// The host names that clients may use, besides `localhost`. The first one is in the addresses.
    pub host_names: Vec<String>,
    /// Where keys and certificates are kept between starts; `None`: new ones at every start.
    pub directory: Option<PathBuf>,
    pub behaviour: Behaviour,
}

impl Default for Options {
    /// On loopback, on free ports, without delays and faults.
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            fcm_port: 0,
            apns_port: 0,
            control_port: 0,
            host_names: Vec::new(),
            directory: None,
            behaviour: Behaviour::default(),
        }
    }
}

/// A running simulator.
///
/// It owns two accept loops (FCM with the token endpoint, and APNs), a task for each of their
/// connections and for each request, and the control endpoint's server with a thread of its own. All
/// share the inbox and the behaviour. [`Self::stop`] ends them: the token `stop` ends the accept
/// loops and breaks every connection. Without it they run until the process or its runtime ends.
pub struct Simulator {
    /// FCM's base URL: `https://localhost:…`.
    pub fcm_url: String,
    /// The token endpoint that FCM's demo Credential names.
    pub token_uri: String,
    /// APNs' base URL: `https://localhost:…`.
    pub apns_url: String,
    /// The control endpoint's base URL: `http://127.0.0.1:…`.
    pub control_url: String,
    /// The authority that issued the simulator's certificates, as PEM.
    pub ca_pem: String,
    identity: Arc<Identity>,
    stop: CancellationToken,
    control: actix_web::dev::ServerHandle,
}

impl Simulator {
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let identity = match &options.directory {
            Some(directory) => Identity::keep_in(directory, &options.host_names)?,
            None => Identity::generate(&options.host_names)?,
        };
        let identity = Arc::new(identity);
        let inbox = Arc::new(Inbox::default());
        let behaviour = Arc::new(options.behaviour);

        // Bound first, because FCM must know its own address: assertions name it.
        let fcm = bind(options.address, options.fcm_port).await?;
        let apns = bind(options.address, options.apns_port).await?;
        let host = options
            .host_names
            .first()
            .map_or("localhost", String::as_str);
        let fcm_url = format!("https://{host}:{}", fcm.local_addr()?.port());
        let apns_url = format!("https://{host}:{}", apns.local_addr()?.port());
        let token_uri = format!("{fcm_url}/token");

        let stop = CancellationToken::new();
        let server = |provider| {
            Arc::new(Server {
                provider,
                inbox: Arc::clone(&inbox),
                behaviour: Arc::clone(&behaviour),
                stop: stop.clone(),
            })
        };
        let fcm_server = server(Provider::Fcm(fcm::Fcm::new(&identity, token_uri.clone())?));
        tokio::spawn(server::serve(fcm, identity.fcm_tls()?, fcm_server));
        let apns_server = server(Provider::Apns(apns::Apns::new(&identity)?));
        tokio::spawn(server::serve(apns, identity.apns_tls()?, apns_server));

        let address = SocketAddr::new(options.address, options.control_port);
        let (control, address) = control::serve(address, inbox, behaviour)?;

        Ok(Self {
            fcm_url,
            token_uri,
            apns_url,
            control_url: format!("http://{address}"),
            ca_pem: identity.ca_pem.clone(),
            identity,
            stop,
            control,
        })
    }

    /// The `content` of an FCM Credential that the simulator accepts.
    pub fn fcm_credential(&self) -> Value {
        self.identity.fcm_credential(&self.token_uri)
    }

    /// The `content` of an APN Credential with a signing key that the simulator accepts.
    pub fn apn_credential(&self) -> Value {
        self.identity.apn_credential()
    }

    /// The `content` of an APN Credential with a client certificate that the simulator accepts.
    pub fn apn_certificate_credential(&self) -> Value {
        self.identity.apn_certificate_credential()
    }

    /// Writes files for other programs to `directory`: the certificate authority, the demo service
    /// account as Google gives it out, the demo signing key, and a client certificate with its key.
    pub fn write_files(&self, directory: &std::path::Path) -> anyhow::Result<()> {
        self.identity.write_files(directory, &self.token_uri)
    }

    /// Stops listening, and breaks every connection.
    pub async fn stop(self) {
        self.stop.cancel();
        // Without grace: a connection that a test keeps alive would hold it up.
        self.control.stop(false).await;
    }
}

async fn bind(address: IpAddr, port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind((address, port))
        .await
        .with_context(|| format!("the simulator can't listen on {address}:{port}"))
}
