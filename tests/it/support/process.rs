//! The service as a process of its own.

use std::net::TcpListener;
use std::process::Child;

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::service::World;

/// Ends the process by kill -9 when dropped, however the test ends.
pub struct Process(Child);

impl Process {
    /// Starts the service and waits until it answers this caller.
    pub async fn serve(world: &World, (key, secret): &(String, String)) -> (Self, Client) {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let client = Client::new(&format!("http://127.0.0.1:{port}"), key, secret);
        let process = Self(world.process(port));
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
