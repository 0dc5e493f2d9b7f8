//! The service as a process of its own.

use std::net::TcpListener;
use std::process::{Child, Stdio};

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::service::World;

/// Ends the process by kill -9 when dropped, however the test ends.
pub struct Process(Child);

impl Process {
    /// Starts the service and waits until it answers this caller.
    pub async fn serve(world: &World, caller: &(String, String)) -> (Self, Client) {
        Self::serve_with(world, caller, &[]).await
    }

    /// The same, with more environment variables.
    pub async fn serve_with(
        world: &World,
        (key, secret): &(String, String),
        environment: &[(&str, String)],
    ) -> (Self, Client) {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let client = Client::new(&format!("http://127.0.0.1:{port}"), key, secret);
        let environment = environment.iter().map(|(name, value)| (name, value));
        let mut command = world.command(port);
        let process = Self(command.envs(environment).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let answer = async || client.request(reqwest::Method::GET, "/Apps").send().await.ok();
        eventually("the service to listen", answer).await;
        (process, client)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
