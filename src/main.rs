//! The `bellwire` binary.

use std::io::Write;
use std::process::ExitCode;

use bellwire::cli::Cli;
use clap::Parser;

/// Delivery makes many small allocations on several threads, where the system's allocator is slow.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    // Boxed, because the future of all commands together is too large for the stack.
    match Box::pin(Cli::parse().run()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {}", in_one_line(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error with all its causes. A cause that the line already ends with is not repeated.
fn in_one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();

    for cause in error.chain().map(ToString::to_string) {
        if !line.ends_with(&cause) {
            line += if line.is_empty() { "" } else { ": " };
            line += &cause.replace('\n', " ");
        }
    }

    line
}
