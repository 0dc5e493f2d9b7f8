//! Where Postgres' server binaries are.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::dev::postgres::download;
use crate::dev::postgres::owner::Owner;

/// The oldest that is good enough.
const OLDEST: u32 = 15;

/// A directory with `initdb` and `postgres`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The directory.
    pub directory: PathBuf,
    /// The major version.
    pub version: u32,
}

/// All that are installed on this machine: on the PATH, by `pg_config`, and where Debian and its
/// kin keep them; the newest first.
pub fn installed() -> Vec<Binaries> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates: Vec<PathBuf> = std::env::split_paths(&path).collect();

    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        candidates.push(PathBuf::from(
            String::from_utf8_lossy(&output.stdout).trim(),
        ));
    }
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        candidates.extend(versions.flatten().map(|version| version.path().join("bin")));
    }

    let mut found: Vec<Binaries> = candidates
        .iter()
        .filter_map(|directory| in_directory(directory))
        .collect();
    found.sort_by_key(|binaries| std::cmp::Reverse(binaries.version));
    // `pg_config` and Debian's directory often name the same.
    found.dedup();
    found
}

/// The binaries in `directory`, if they are there and new enough.
fn in_directory(directory: &Path) -> Option<Binaries> {
    if !directory.join("initdb").is_file() {
        return None;
    }

    let output = Command::new(directory.join("postgres"))
        .arg("--version")
        .output()
        .ok()?;
    let version = version_of(&String::from_utf8_lossy(&output.stdout))?;

    (version >= OLDEST).then(|| Binaries {
        directory: directory.to_owned(),
        version,
    })
}

/// The major version in `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)`.
fn version_of(text: &str) -> Option<u32> {
    let rest = text.split("(PostgreSQL)").nth(1)?.trim_start();
    rest.split(|character: char| !character.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// Downloads binaries into `directory`, unless they are there.
pub(super) async fn downloaded(owner: Owner, directory: &Path) -> anyhow::Result<Binaries> {
    let programs = download::download(download::RELEASES, owner, directory).await?;

    in_directory(&programs).with_context(|| format!("no usable Postgres in {}", programs.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_what_postgres_prints() {
        assert_eq!(
            version_of("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(version_of("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(version_of("something else 15"), None);
    }
}
