//! A private Postgres server: for `bellwire dev`, and for the tests.
//!
//! It listens on a Unix socket in a directory of its own and nowhere else, and ends with the
//! process that started it, however that ends.

mod binaries;
mod download;
mod owner;
mod runtime;
mod server;

pub use binaries::{Binaries, installed};
pub use owner::Owner;
pub use server::PrivatePostgres;

/// Whether a server is installed on this machine, so that none need be downloaded.
pub fn is_installed() -> bool {
    !binaries::installed().is_empty()
}
