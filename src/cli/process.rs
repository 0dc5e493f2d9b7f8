//! What every command does to its own process first.

use anyhow::Context;
use nix::sys::resource::{Resource, setrlimit};

/// Keeps the memory of this process, which holds keys, out of core dumps and from other processes of
/// the same user.
pub(super) fn forbid_core_dumps() -> anyhow::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0).context("core dumps can't be turned off")?;

    // A dump that is piped to a program ignores the limit.
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_dumpable(false).context("core dumps can't be turned off")?;

    Ok(())
}
