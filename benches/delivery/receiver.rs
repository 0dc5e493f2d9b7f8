//! A receiver of webhooks that answers 200 and counts, or takes connections and never answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Ends when dropped.
pub struct Receiver {
    pub url: String,
    /// Notifications that were reported to it.
    pub reported: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Receiver {
    pub async fn start(answers: bool) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        let reported = Arc::new(AtomicUsize::new(0));

        let count = Arc::clone(&reported);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&count), answers));
            }
        });
        Ok(Self {
            url,
            reported,
            task,
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads requests one after another. A connection that breaks is the caller's to notice.
async fn serve(mut stream: TcpStream, reported: Arc<AtomicUsize>, answers: bool) {
    let mut buffer = Vec::new();

    while let Ok(true) = read_request(&mut stream, &mut buffer).await {
        if !answers {
            std::future::pending::<()>().await;
        }

        let entries = buffer
            .windows(11)
            .filter(|window| *window == b"\"position\":")
            .count();
        reported.fetch_add(entries, Ordering::Relaxed);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}

/// Returns whether a whole request was read into `buffer`.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<bool> {
    buffer.clear();
    let mut whole = None;

    while whole.is_none_or(|whole| buffer.len() < whole) {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(false);
        }
        if whole.is_none()
            && let Some(head) = buffer.windows(4).position(|window| window == b"\r\n\r\n")
        {
            whole = Some(head + 4 + content_length(&buffer[..head]));
        }
    }

    Ok(true)
}

fn content_length(head: &[u8]) -> usize {
    String::from_utf8_lossy(head)
        .to_ascii_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
        .unwrap_or(0)
}
