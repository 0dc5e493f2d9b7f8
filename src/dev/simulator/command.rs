//! `bellwire simulate`.

use std::io::Write;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::dev::private_file::write_private;
use crate::dev::simulator::behaviour::{Behaviour, Faults};
use crate::dev::simulator::{Options, Simulator, scripted_outcome};
use crate::signals::Signals;

/// Options of `bellwire simulate`.
#[derive(Debug, Args)]
#[command(after_help = scripted_outcome::TABLE)]
pub struct Arguments {
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    address: IpAddr,
    /// The port of FCM and its token endpoint; 0 picks a free port.
    #[arg(long, default_value_t = 8443)]
    fcm_port: u16,
    /// The port of APNs; 0 picks a free port.
    #[arg(long, default_value_t = 8444)]
    apns_port: u16,
    /// The port of the control endpoint; 0 picks a free port.
    #[arg(long, default_value_t = 8445)]
    control_port: u16,
    /// A host name that clients may use besides localhost. It may be given several times, such as
    /// fcm.googleapis.com, oauth2.googleapis.com and api.push.apple.com.
    #[arg(long = "host-name", value_delimiter = ',')]
    host_names: Vec<String>,
    /// The directory for keys, certificates and the demo Credentials.
    #[arg(long, default_value = ".bellwire/simulator")]
    directory: PathBuf,
    /// Maximum concurrent requests on one connection to FCM.
    #[arg(long, default_value_t = 100)]
    fcm_streams: u32,
    /// Maximum concurrent requests on one connection to APNs.
    #[arg(long, default_value_t = 1000)]
    apns_streams: u32,
    #[command(flatten)]
    faults: Faults,
}

/// Runs a simulator until a signal ends the process. Its certificate authority and the demo
/// Credentials, as request bodies for the API, are written to the directory.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;

    let simulator = Simulator::start(Options {
        address: arguments.address,
        fcm_port: arguments.fcm_port,
        apns_port: arguments.apns_port,
        control_port: arguments.control_port,
        host_names: arguments.host_names,
        directory: Some(arguments.directory.clone()),
        behaviour: Behaviour::new(
            arguments.fcm_streams,
            arguments.apns_streams,
            arguments.faults,
        ),
    })
    .await?;

    let directory = &arguments.directory;
    simulator.write_files(directory)?;

    // Each is a body of `POST /Credentials`. `bellwire demo` reads them, too. They are written
    // after the start, because the token endpoint's port is in them.
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
