//! Whom a private server runs as. Postgres refuses to run as root, so root hands it to an
//! unprivileged user.

use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use nix::unistd::{User, geteuid};
use sha2::{Digest, Sha256};

/// Users to hand it to, the best first.
const UNPRIVILEGED: [&str; 3] = ["postgres", "nobody", "daemon"];

/// Whom a private server runs as.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    /// `None`: as the user of this process.
    ids: Option<(u32, u32)>,
}

impl Owner {
    /// The user of this process, or an unprivileged user if that is root.
    pub fn choose() -> anyhow::Result<Self> {
        if !geteuid().is_root() {
            return Ok(Self { ids: None });
        }

        let user = UNPRIVILEGED
            .iter()
            .find_map(|name| User::from_name(name).ok().flatten());
        let Some(user) = user else {
            bail!(
                "Postgres can't run as root, and this machine has none of the users {}",
                UNPRIVILEGED.join(", ")
            );
        };

        Ok(Self {
            ids: Some((user.uid.as_raw(), user.gid.as_raw())),
        })
    }

    /// A command that runs as the owner, in a process group of its own: a Ctrl-C is for us, and we
    /// end it.
    pub fn command(self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(program);
        if let Some((uid, gid)) = self.ids {
            command.uid(uid).gid(gid);
        }
        // The current directory may be closed to the owner.
        command.process_group(0).current_dir("/");
        command
    }

    /// Makes a directory that only the owner can enter; one that is there is left as it is.
    pub fn make_directory(self, path: &Path) -> anyhow::Result<()> {
        if path.is_dir() {
            return Ok(());
        }

        let made = std::fs::DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(path);
        made.with_context(|| format!("can't create the directory {}", path.display()))?;

        if let Some((uid, gid)) = self.ids {
            chown(path, Some(uid), Some(gid))
                .with_context(|| format!("can't change the owner of {}", path.display()))?;
        }
        Ok(())
    }

    /// A directory for data: `wanted`, or, where the owner can't get there (as in root's home), one
    /// below /var/tmp that is the same for the same wish.
    pub fn data_directory(self, wanted: &Path) -> anyhow::Result<PathBuf> {
        self.make_directory(wanted)?;
        if self.can_enter(wanted) {
            return Ok(wanted.to_owned());
        }

        let digest = Sha256::digest(wanted.as_os_str().as_encoded_bytes());
        let name = u64::from_be_bytes(std::array::from_fn(|index| digest[index]));
        let elsewhere = Path::new("/var/tmp").join(format!("bellwire-{name:016x}"));
        self.make_directory(&elsewhere)?;

        // Any user may make a directory there. One that belongs to another user is not used.
        let owner = self.ids.map_or_else(|| geteuid().as_raw(), |(uid, _)| uid);
        if !self.can_enter(&elsewhere) || std::fs::symlink_metadata(&elsewhere)?.uid() != owner {
            bail!(
                "the user that runs Postgres can't write to {} or {}",
                wanted.display(),
                elsewhere.display()
            );
        }

        tracing::info!(directory = %elsewhere.display(), "the user that runs Postgres can't enter {}; the data is in another directory", wanted.display());
        Ok(elsewhere)
    }

    /// Whether the owner can enter a directory and write there.
    pub fn can_enter(self, path: &Path) -> bool {
        // By trying: the permissions of all parents count, and access lists too.
        let mut command = self.command("sh");
        command
            .args(["-c", r#"cd "$1" && test -w ."#, "sh"])
            .arg(path);
        command
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}
