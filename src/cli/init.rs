//! `bellwire init`: makes what an installation needs once, and never replaces anything.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use crate::crypto::generate_master_key;

const MASTER_KEY: &str = "BELLWIRE__SECRETS__MASTER_KEY";
const DATABASE_URL: &str = "BELLWIRE__DATABASE__URL";

/// Options of `bellwire init`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The file with the settings, as environment variables.
    #[arg(long, default_value = ".env")]
    file: PathBuf,
    /// The URL of Postgres to put there, such as `postgres://user:password@host:5432/bellwire`.
    #[arg(long)]
    database_url: Option<String>,
}

/// A setting that the file should have.
struct Setting<'a> {
    variable: &'a str,
    value: String,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let file = &arguments.file;
    let present = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        // It may have a master key. A second one after it would win, and open nothing that the
        // first sealed.
        Err(error) => return Err(error).with_context(|| format!("can't read {}", file.display())),
    };

    let mut wanted = vec![Setting {
        variable: MASTER_KEY,
        value: generate_master_key(),
    }];
    if let Some(url) = &arguments.database_url {
        check_url(url)?;
        wanted.push(Setting {
            variable: DATABASE_URL,
            value: url.clone(),
        });
    }

    let missing: Vec<&Setting<'_>> = wanted
        .iter()
        .filter(|setting| !sets(&present, setting.variable))
        .collect();
    if !missing.is_empty() {
        append(file, &addition(&present, &missing))?;
    }

    report(file, &wanted, &missing)
}

/// Refuses a URL that is not one of Postgres, or that the file can't hold.
fn check_url(url: &str) -> anyhow::Result<()> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        bail!("--database-url must be such as postgres://user:password@host:5432/bellwire");
    }
    // The file has the value between single quotes, which both a shell and Docker Compose
    // understand.
    if url.contains(['\'', '\n', '\r']) {
        bail!("--database-url must have no quotes: write ' as %27");
    }

    Ok(())
}

/// Whether an environment file sets `variable`, also by `export`, or its `_FILE`. An empty value sets
/// nothing.
fn sets(text: &str, variable: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let (name, value) = line.split_once('=').unwrap_or_default();
        let name = name.trim_end();
        let is_empty = value.trim().trim_matches(['\'', '"']).is_empty();

        // The service refuses a secret that is given by value and by file, so either of them is
        // enough.
        !is_empty && (name == variable || name.strip_suffix("_FILE") == Some(variable))
    })
}

/// What is added to a file that has `present`.
fn addition(present: &str, missing: &[&Setting<'_>]) -> String {
    // Writing to a string does not fail.
    let mut added = String::new();
    if !present.is_empty() && !present.ends_with('\n') {
        added.push('\n');
    }

    for setting in missing {
        if setting.variable == MASTER_KEY {
            added += "# Seals Credentials and device tokens. Keep a copy apart from the database: without it they are lost.\n";
        }
        let value = &setting.value;
        let is_plain = value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=:@.-_%".contains(&byte));
        if is_plain {
            let _ = writeln!(added, "{}={value}", setting.variable);
        } else {
            let _ = writeln!(added, "{}='{value}'", setting.variable);
        }
    }
    added
}

/// Adds `text` to the end of a file, which only its owner can read if it is new.
fn append(file: &Path, text: &str) -> anyhow::Result<()> {
    // Appended: a crash in the middle of the write leaves the settings that were there.
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("can't write {}", file.display()))
}

fn report(file: &Path, wanted: &[Setting<'_>], missing: &[&Setting<'_>]) -> anyhow::Result<()> {
    let mut out = std::io::stdout();

    for setting in wanted {
        let is_new = missing
            .iter()
            .any(|missing| missing.variable == setting.variable);
        let what = if is_new {
            "added"
        } else {
            "is there already, and was left as it is"
        };
        writeln!(out, "{}: {} {what}", file.display(), setting.variable)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_found_however_it_is_set() {
        for text in [
            "BELLWIRE__SECRETS__MASTER_KEY=x",
            "A=1\nexport BELLWIRE__SECRETS__MASTER_KEY='x'",
            "BELLWIRE__SECRETS__MASTER_KEY_FILE=/run/secrets/key",
            "  BELLWIRE__SECRETS__MASTER_KEY =x",
        ] {
            assert!(sets(text, MASTER_KEY), "{text}");
        }
        for text in [
            "",
            "# BELLWIRE__SECRETS__MASTER_KEY=x",
            "BELLWIRE__SECRETS__MASTER_KEY_ID=2",
            "OTHER=BELLWIRE__SECRETS__MASTER_KEY",
            // As in a template of a file. The line that is added after it wins.
            "BELLWIRE__SECRETS__MASTER_KEY=",
            "BELLWIRE__SECRETS__MASTER_KEY= ''",
            "export BELLWIRE__SECRETS__MASTER_KEY=\"\"",
        ] {
            assert!(!sets(text, MASTER_KEY), "{text}");
        }
    }

    #[test]
    fn what_is_added_begins_a_line_and_is_quoted_where_a_shell_needs_it() {
        let setting = |value: &str| Setting {
            variable: DATABASE_URL,
            value: value.to_owned(),
        };
        let plain = setting("postgres://u:p@h:5432/d");
        let special = setting("postgres://u:p$@h/d?sslmode=verify-full&a=b");

        assert_eq!(
            addition("A=1", &[&plain]),
            "\nBELLWIRE__DATABASE__URL=postgres://u:p@h:5432/d\n"
        );
        assert_eq!(
            addition("A=1\n", &[&special]),
            "BELLWIRE__DATABASE__URL='postgres://u:p$@h/d?sslmode=verify-full&a=b'\n"
        );
    }
}
