//! One `bellwire dev` for each data directory: a second one would share Postgres' data and the
//! simulator's files with the first.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, bail};

const FILE: &str = "dev.lock";

/// Holds the directory until it is dropped, or the process ends in any way.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Fails if another process holds `directory`, which must exist.
    pub(super) fn take(directory: &Path) -> anyhow::Result<Self> {
        let path = directory.join(FILE);
        // Not truncated: it may name the process that holds the directory.
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .with_context(|| format!("can't write {}", path.display()))?;

        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(in_use(directory, &mut file)),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("can't lock {}", path.display()));
            }
        }

        // The next process reads who holds the directory.
        file.set_len(0)?;
        write!(file, "{}", std::process::id())?;

        Ok(Self { _file: file })
    }
}

fn in_use(directory: &Path, file: &mut File) -> String {
    let mut process = String::new();
    let _ = file.read_to_string(&mut process);
    let process = match process.trim() {
        "" => String::new(),
        id => format!(" (process {id})"),
    };

    format!(
        "another `bellwire dev`{process} uses the directory {}: use that one, stop it with Ctrl-C, or give \
         another --data-dir and --port",
        directory.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_held_once_and_free_again_after_the_drop() {
        let directory = tempfile::tempdir().unwrap();
        let lock = DirectoryLock::take(directory.path()).unwrap();

        let error = DirectoryLock::take(directory.path())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(&format!("(process {})", std::process::id())),
            "{error}"
        );
        assert!(error.contains("--data-dir"), "{error}");

        drop(lock);
        DirectoryLock::take(directory.path()).unwrap();
    }
}
