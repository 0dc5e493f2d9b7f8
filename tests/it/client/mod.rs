//! The commands that ask a running Bellwire: the binary as a process of its own, against a real service.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use serde_json::Value;

use crate::support::service::{Service, World};

mod changing;
mod connecting;
mod devices;
mod document;
mod explaining;
mod listing;
mod restart;
mod sending;
mod watching;

/// The binary, with the address of a Bellwire and a key.
#[derive(Clone)]
pub struct Cli {
    pub url: String,
    pub key: String,
    pub secret: String,
}

/// What a command left.
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// The lines of the standard output, which must be JSON.
    pub fn json(&self) -> Vec<Value> {
        let lines = self.out.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
            .collect()
    }

    /// The same of a command that must have succeeded.
    pub fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self
    }

    /// The error of a command that must have failed with `code`.
    pub fn error(&self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        let mut lines = self.err.lines().filter(|line| line.starts_with("error: "));
        let line = lines.next().unwrap_or_else(|| panic!("{}", self.err));
        assert_eq!(lines.next(), None, "{}", self.err);
        line.to_owned()
    }
}

impl Cli {
    pub fn at(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            key: "SKx".to_owned(),
            secret: "hunter2".to_owned(),
        }
    }

    /// A service with an account that can send, and the command line for it.
    pub async fn with_service() -> (Service, Self) {
        let world = World::new().await;
        let (key, secret) = world.demo().await;
        let service = world.start_for(&key, &secret).await;
        let cli = Self {
            url: service.url.clone(),
            key,
            secret,
        };
        (service, cli)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare(arguments);
        command
            .env("BELLWIRE_URL", &self.url)
            .env("BELLWIRE_KEY", &self.key)
            .env("BELLWIRE_SECRET", &self.secret);
        command
    }

    /// Runs a command to its end, without input.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "")
    }

    /// The same with this input.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Ended {
        let ended = end_of(self.command(arguments), input);
        assert!(!ended.out.contains(&self.secret), "{}", ended.out);
        assert!(!ended.err.contains(&self.secret), "{}", ended.err);
        ended
    }
}

/// A command without an address and a key.
pub fn bare(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwire"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env("XDG_CONFIG_HOME", "/no/such/folder");
    for variable in [
        "BELLWIRE_URL",
        "BELLWIRE_KEY",
        "BELLWIRE_SECRET",
        "BELLWIRE_PROFILE",
        "BELLWIRE_CONFIG",
        "HTTPS_PROXY",
        "https_proxy",
        "CLICOLOR_FORCE",
    ] {
        command.env_remove(variable);
    }
    command
}

/// Runs a command to its end.
pub fn end_of(mut command: Command, input: &str) -> Ended {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // A command that has failed already reads no input.
    let writing = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let ended = wait(child);
    writing.join().unwrap();
    ended
}

/// Waits for the end of a command.
pub fn wait(child: Child) -> Ended {
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Tokens of FCM, a line each.
pub fn tokens(range: std::ops::Range<usize>) -> String {
    let lines: Vec<String> = range.map(|number| format!("device-{number}\n")).collect();
    lines.concat()
}

/// A server that gives these answers, one for each connection. Returns its address, and what it was
/// asked.
pub fn stub(answers: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let answer = |answer: String| {
            let (mut tcp, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            while !is_whole(&request) {
                let length = tcp.read(&mut piece).unwrap();
                assert!(length > 0, "{}", String::from_utf8_lossy(&request));
                request.extend_from_slice(&piece[..length]);
            }
            tcp.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(request).unwrap()
        };
        answers.into_iter().map(answer).collect()
    });
    (url, asked)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| {
            line.to_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        })
        .unwrap_or(0);
    body.len() >= length
}

/// An answer of HTTP.
pub fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
