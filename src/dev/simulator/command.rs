//! `bellwire simulate`.

use std::io::Write;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::dev::simulator::behaviour::{Behaviour, Faults};
use crate::dev::simulator::{Options, Simulator, write_private};
use crate::shutdown::Signals;

/// Options of `bellwire simulate`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1")]
    address: IpAddr,
    /// FCM's port, its token endpoint included; 0: any.
    #[arg(long, default_value_t = 8443)]
    fcm_port: u16,
    /// APNs' port; 0: any.
    #[arg(long, default_value_t = 8444)]
    apns_port: u16,
    /// The control endpoint's port; 0: any.
    #[arg(long, default_value_t = 8445)]
    control_port: u16,
    /// The host name that clients reach it by, besides localhost.
    #[arg(long)]
    host_name: Option<String>,
    /// Where keys, certificates and the demo Credentials are kept.
    #[arg(long, default_value = ".bellwire/simulator")]
    directory: PathBuf,
    /// Requests at a time on one connection to FCM.
    #[arg(long, default_value_t = 100)]
    fcm_streams: u32,
    /// Requests at a time on one connection to APNs.
    #[arg(long, default_value_t = 1000)]
    apns_streams: u32,
    #[command(flatten)]
    faults: Faults,
}

/// Runs a simulator until the process is told to end. Its certificate authority and the demo
/// Credentials, as the API takes them, are written to the directory.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let simulator = Simulator::start(Options {
        address: arguments.address,
        fcm_port: arguments.fcm_port,
        apns_port: arguments.apns_port,
        control_port: arguments.control_port,
        host_name: arguments.host_name,
        directory: Some(arguments.directory.clone()),
        behaviour: Behaviour::new(
            arguments.fcm_streams,
            arguments.apns_streams,
            arguments.faults,
        ),
    })
    .await?;
    let directory = &arguments.directory;
    std::fs::write(directory.join("ca.pem"), &simulator.ca_pem)?;
    let credentials = [
        ("FCM", simulator.fcm_credential()),
        ("APN", simulator.apn_credential()),
    ];
    for (credential_type, content) in credentials {
        let body =
            json!({"credentialType": credential_type, "appName": "demo", "content": content});
        write_private(
            &directory.join(format!("{}.json", credential_type.to_lowercase())),
            &body.to_string(),
        )?;
    }
    writeln!(
        std::io::stdout(),
        "ready: FCM {}, APNs {}, control {}, keys and demo Credentials in {}",
        simulator.fcm_url,
        simulator.apns_url,
        simulator.control_url,
        directory.display(),
    )?;
    signals.received().await;
    simulator.stop().await;
    Ok(())
}
