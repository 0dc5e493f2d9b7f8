//! Where a private server's socket is: a directory that lives as long as the server.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::dev::postgres::owner::Owner;

/// Bytes of the path of the directory to make it in. Systems allow 104 or more for a socket's path,
/// and 32 are ours.
const LONGEST_PARENT: usize = 70;

/// A directory that only the server's owner can enter. Removed with all that is in it when this is
/// dropped.
pub(super) struct Runtime(PathBuf);

impl Runtime {
    /// Makes one in the system's temporary directory, or, where the owner can't get there or a
    /// socket's path would be too long, in another.
    pub(super) fn make(owner: Owner) -> anyhow::Result<Self> {
        let temporary = std::env::temp_dir();
        let name = format!("bellwire-{:08x}", rand::random::<u32>());

        for parent in [&temporary, Path::new("/tmp"), Path::new("/var/tmp")] {
            if parent.as_os_str().len() > LONGEST_PARENT {
                continue;
            }

            let runtime = Self(parent.join(&name));
            // A directory that the owner can't enter is removed by the drop of `runtime`.
            if owner.make_directory(&runtime.0).is_ok() && owner.can_enter(&runtime.0) {
                return Ok(runtime);
            }
        }

        bail!(
            "no directory for Postgres' socket can be created in {}, /tmp or /var/tmp",
            temporary.display()
        )
    }

    /// The directory.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
