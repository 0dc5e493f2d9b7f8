//! The service as a process of its own.

use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::NamedTempFile;

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::service::World;

/// Ends the process by kill -9 when dropped, however the test ends.
pub struct Process {
    child: Child,
    log: NamedTempFile,
}

/// A port that nothing listens on, below those that outgoing connections get, which begin at 32768.
pub fn free_port() -> u16 {
    loop {
        let port = rand::random_range(10_000..32_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Process {
    /// Starts a command.
    pub fn spawn(command: &mut Command) -> Self {
        let log = NamedTempFile::new().unwrap();
        let output = log.reopen().unwrap();

        // Clones of a handle share its position in the file, so neither overwrites the other.
        let child = command
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// Starts the service, and waits until it answers.
    pub async fn serve(world: &World, caller: &(String, String)) -> (Self, Client) {
        Self::serve_with(world, caller, &[]).await
    }

    /// The same with more environment variables.
    pub async fn serve_with(
        world: &World,
        caller: &(String, String),
        environment: &[(&str, String)],
    ) -> (Self, Client) {
        let port = free_port();
        let environment = environment.iter().map(|(name, value)| (name, value));
        let mut command = world.command(port);
        command.envs(environment);

        Self::serve_command(&mut command, port, caller).await
    }

    /// The same with at most this many file descriptors.
    pub async fn serve_with_descriptors(
        world: &World,
        caller: &(String, String),
        descriptors: u32,
    ) -> (Self, Client) {
        let port = free_port();
        let service = world.command(port);

        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(format!("ulimit -n {descriptors} && exec \"$@\""))
            .arg("sh")
            .arg(service.get_program())
            .args(service.get_args());
        for (name, value) in service.get_envs() {
            command.env(name, value.unwrap_or_default());
        }

        Self::serve_command(&mut command, port, caller).await
    }

    async fn serve_command(
        command: &mut Command,
        port: u16,
        (key, secret): &(String, String),
    ) -> (Self, Client) {
        let client = Client::new(&format!("http://127.0.0.1:{port}"), key, secret);
        let mut process = Self::spawn(command);

        eventually("the service to listen", async || {
            if let Some(status) = process.child.try_wait().unwrap() {
                panic!("the service ended ({status}): {}", process.log());
            }
            let request = client.request(reqwest::Method::GET, "/Apps");
            request.send().await.ok()
        })
        .await;

        (process, client)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to its standard output and error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }

    /// Waits until its log contains `text`.
    pub async fn logged(&self, text: &str) {
        eventually(text, async || self.log().contains(text).then_some(())).await;
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// Waits for its end.
    pub async fn ended(mut self) -> ExitStatus {
        self.end().await
    }

    /// Waits for its end. Returns all that it has written.
    pub async fn log_to_the_end(mut self) -> String {
        self.end().await;
        self.log()
    }

    async fn end(&mut self) -> ExitStatus {
        eventually("the process to end", async || {
            self.child.try_wait().unwrap()
        })
        .await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
