//! The `bellwire` binary.

use std::process::ExitCode;

/// Delivery makes many small allocations on several threads, where the system's allocator is slow.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    bellwire::cli::main()
}
