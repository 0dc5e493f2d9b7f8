//! Look-alikes of FCM (with Google's token endpoint) and of APNs: TLS, HTTP/2, and each provider's
//! own checks and answers.
//!
//! A recipient's token chooses what becomes of it: see [`chosen`]. What arrived is kept and shown
//! by the control endpoint: see [`control`]. Limits, delays and faults can be set at the start and
//! changed while it runs: see [`behaviour`].

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

mod apns;
mod arrivals;
pub mod behaviour;
pub mod chosen;
pub mod command;
pub mod control;
mod fcm;
mod fcm_oauth;
mod fcm_schema;
mod identity;
mod server;

use arrivals::Arrivals;
use behaviour::Behaviour;
use identity::Identity;
pub(crate) use identity::write_private;
use server::{Context as ServerContext, Provider};

/// How a simulator is started.
pub struct Options {
    /// Where it listens.
    pub address: IpAddr,
    /// FCM's port; 0: any.
    pub fcm_port: u16,
    /// APNs' port; 0: any.
    pub apns_port: u16,
    /// The control endpoint's port; 0: any.
    pub control_port: u16,
    /// The host name that clients reach it by, besides `localhost`.
    pub host_name: Option<String>,
    /// Where its keys and certificates are kept from one start to the next; `None`: new ones at
    /// every start.
    pub directory: Option<PathBuf>,
    /// Limits, delays and faults at the start.
    pub behaviour: Behaviour,
}

impl Default for Options {
    /// On loopback, on free ports, with no delays and no faults.
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            fcm_port: 0,
            apns_port: 0,
            control_port: 0,
            host_name: None,
            directory: None,
            behaviour: Behaviour::default(),
        }
    }
}

/// A running simulator.
pub struct Simulator {
    /// Where messages are sent to FCM: `https://localhost:…`.
    pub fcm_url: String,
    /// The token endpoint that FCM's demo Credential names.
    pub token_uri: String,
    /// Where notifications are sent to APNs: `https://localhost:…`.
    pub apns_url: String,
    /// The control endpoint: `http://127.0.0.1:…`.
    pub control_url: String,
    /// The certificate authority that its certificates come from, as PEM.
    pub ca_pem: String,
    identity: Arc<Identity>,
    stop: CancellationToken,
    control: actix_web::dev::ServerHandle,
}

impl Simulator {
    /// Starts answering.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let identity = match &options.directory {
            Some(directory) => Identity::keep_in(directory, options.host_name.as_deref())?,
            None => Identity::generate(options.host_name.as_deref())?,
        };
        let identity = Arc::new(identity);
        let arrivals = Arc::new(Arrivals::default());
        let behaviour = Arc::new(options.behaviour);
        let fcm = bind(options.address, options.fcm_port).await?;
        let apns = bind(options.address, options.apns_port).await?;
        let host = options.host_name.as_deref().unwrap_or("localhost");
        let fcm_url = format!("https://{host}:{}", fcm.local_addr()?.port());
        let apns_url = format!("https://{host}:{}", apns.local_addr()?.port());
        let token_uri = format!("{fcm_url}/token");
        let stop = CancellationToken::new();
        let context = |provider| ServerContext {
            provider,
            arrivals: Arc::clone(&arrivals),
            behaviour: Arc::clone(&behaviour),
            stop: stop.clone(),
        };
        let provider = Provider::Fcm(fcm::Fcm::new(&identity, token_uri.clone())?);
        tokio::spawn(server::serve(
            fcm,
            identity.fcm_tls()?,
            Arc::new(context(provider)),
        ));
        let provider = Provider::Apns(apns::Apns::new(&identity)?);
        tokio::spawn(server::serve(
            apns,
            identity.apns_tls()?,
            Arc::new(context(provider)),
        ));
        let address = SocketAddr::new(options.address, options.control_port);
        let (control, address) = control::serve(address, arrivals, behaviour)?;
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

    /// Stops answering, and drops every connection.
    pub async fn stop(self) {
        self.stop.cancel();
        self.control.stop(false).await;
    }
}

async fn bind(address: IpAddr, port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind((address, port))
        .await
        .with_context(|| format!("the simulator can't listen on {address}:{port}"))
}
