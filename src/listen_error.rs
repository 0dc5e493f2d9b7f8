//! Says why a port can't be listened on, and what to do.

use std::io;
use std::net::SocketAddr;

/// `key` is the setting that names `address`.
pub(crate) fn cannot_listen(key: &str, address: SocketAddr, error: &io::Error) -> anyhow::Error {
    let what_to_do = match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("stop the process that uses the port, or set {key} to another one")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("set {key} to an address of this machine; 0.0.0.0 stands for all of them")
        }
        io::ErrorKind::PermissionDenied => {
            format!("set {key} to a port from 1024 up, or let the process use lower ones")
        }
        _ => format!("correct {key}"),
    };

    anyhow::anyhow!("{key}: can't listen on {address}: {error}: {what_to_do}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_what_to_do() {
        let text = |kind: io::ErrorKind| {
            let address = "127.0.0.1:80".parse().unwrap();
            cannot_listen("server.listen", address, &kind.into()).to_string()
        };

        assert_eq!(
            text(io::ErrorKind::AddrInUse),
            "server.listen: can't listen on 127.0.0.1:80: address in use: stop the process that uses the port, or set \
             server.listen to another one"
        );
        assert!(text(io::ErrorKind::AddrNotAvailable).contains("an address of this machine"));
        assert!(text(io::ErrorKind::PermissionDenied).contains("from 1024 up"));
        assert!(text(io::ErrorKind::Other).ends_with("correct server.listen"));
    }
}
