//! A TCP proxy in front of a server, which can go silent: its connections stay open and carry nothing
//! more, as when a machine or a firewall on the way has vanished.

use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub struct Proxy {
    pub address: SocketAddr,
    /// Connections that began at an earlier generation are silent.
    generation: watch::Sender<u64>,
    serving: JoinHandle<()>,
}

impl Proxy {
    /// Leads to the server with this Unix socket.
    pub async fn start(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (generation, current) = watch::channel(0);

        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = UnixStream::connect(&socket).await else {
                    continue;
                };

                let (client_read, client_write) = client.into_split();
                let (server_read, server_write) = server.into_split();
                let born = *current.borrow();
                tokio::spawn(pass(client_read, server_write, current.clone(), born));
                tokio::spawn(pass(server_read, client_write, current.clone(), born));
            }
        });

        Self {
            address,
            generation,
            serving,
        }
    }

    /// Silences every connection that is open. Later ones work.
    pub fn silence(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Passes on what is read until the connection is silenced, and then holds both ends open.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut generation: watch::Receiver<u64>,
    born: u64,
) {
    let mut buffer = vec![0; 16 * 1024];

    loop {
        let read = tokio::select! {
            biased;
            is_silenced = is_silenced(&mut generation, born) => {
                // Held until the test ends.
                if is_silenced {
                    std::future::pending::<()>().await;
                }
                return;
            }
            read = from.read(&mut buffer) => read,
        };
        match read {
            Ok(length @ 1..) if to.write_all(&buffer[..length]).await.is_ok() => {}
            _ => return,
        }
    }
}

/// Waits until the connection is silenced. `false`: the proxy has ended.
async fn is_silenced(generation: &mut watch::Receiver<u64>, born: u64) -> bool {
    generation.wait_for(|current| *current > born).await.is_ok()
}
