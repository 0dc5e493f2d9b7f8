//! `bellwire init`: makes what an installation needs once, and never replaces anything.

use std::fmt::Write as _;
use std::fs::{OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::Args;

use crate::crypto::generate_master_key;

const MASTER_KEY: &str = "BELLWIRE__SECRETS__MASTER_KEY";
const DATABASE_URL: &str = "BELLWIRE__DATABASE__URL";
/// What only the owner may do with the file.
const MODE: u32 = 0o600;

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

    let mut missing: Vec<&Setting<'_>> = Vec::new();
    for setting in &wanted {
        let is_set = sets(&present, setting.variable).map_err(|unclear| {
            anyhow!(
                "{}, line {}: it is not clear whether this line sets {variable}: write {variable}=value on a \
                 line of its own, or begin the line with # if it sets nothing. Nothing was changed",
                file.display(),
                unclear.line,
                variable = setting.variable
            )
        })?;
        if !is_set {
            missing.push(setting);
        }
    }
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

/// A line that mentions a variable, and may or may not set it.
#[derive(Debug, PartialEq, Eq)]
struct Unclear {
    /// From 1.
    line: usize,
}

/// What a line of an environment file does with a variable.
#[derive(Debug, PartialEq, Eq)]
enum Use {
    Sets,
    /// Nothing, or it has an empty value.
    Nothing,
    Unclear,
}

/// Whether an environment file sets `variable` or its `_FILE`: the service refuses a secret that is given
/// by value and by file, so either of them is enough. An empty value sets nothing.
fn sets(text: &str, variable: &str) -> Result<bool, Unclear> {
    let mut is_set = false;

    for (index, line) in text.lines().enumerate() {
        match use_of(line, variable) {
            Use::Sets => is_set = true,
            Use::Nothing => {}
            // A second master key after the first would win, and open nothing that the first sealed.
            Use::Unclear => return Err(Unclear { line: index + 1 }),
        }
    }
    Ok(is_set)
}

/// What `line` does with `variable`: as a shell reads it (`export NAME=value`), or as Docker Compose does
/// (`NAME: value`).
fn use_of(line: &str, variable: &str) -> Use {
    let line = line.trim_start_matches('\u{feff}').trim();
    if line.starts_with('#') || !mentions(line, variable) {
        return Use::Nothing;
    }

    let line = match line.strip_prefix("export") {
        Some(rest) if rest.starts_with(char::is_whitespace) => rest.trim_start(),
        _ => line,
    };
    let end = line
        .find(|character| !is_of_name(character))
        .unwrap_or(line.len());
    let name = &line[..end];
    let rest = line[end..].trim_start();
    let Some(value) = rest.strip_prefix(['=', ':']) else {
        return Use::Unclear;
    };

    if is_name(name, variable) {
        return use_of_value(value);
    }
    // The value of another variable may name this one. But a shell may also set it there, as in
    // `A=1 NAME=value`.
    if name.is_empty() || assigns(value, variable) {
        return Use::Unclear;
    }
    Use::Nothing
}

fn use_of_value(value: &str) -> Use {
    let text = value.trim_start();

    // Some readers take this for a comment, and others for the value.
    if value.starts_with('#') {
        return Use::Unclear;
    }
    let text = text
        .strip_prefix("''")
        .or_else(|| text.strip_prefix("\"\""))
        .unwrap_or(text);
    if text.is_empty() || text.trim_start().starts_with('#') {
        return Use::Nothing;
    }
    Use::Sets
}

/// Whether `text` has the name of `variable` or of its `_FILE`. A part of a longer name does not count.
fn mentions(text: &str, variable: &str) -> bool {
    text.split(|character| !is_of_name(character))
        .any(|name| is_name(name, variable))
}

/// Whether `text` has the name of `variable` or of its `_FILE`, and `=` after it.
fn assigns(text: &str, variable: &str) -> bool {
    let before_signs = text.rsplit('=').skip(1);

    before_signs
        .map(|before| before.trim_end_matches(['+', ' ', '\t']))
        .filter_map(|before| before.rsplit(|character| !is_of_name(character)).next())
        .any(|name| is_name(name, variable))
}

/// Whether `name` is `variable` or its `_FILE`. The service reads names in any letter case.
fn is_name(name: &str, variable: &str) -> bool {
    let name = name.to_ascii_uppercase();

    name.strip_suffix("_FILE").unwrap_or(&name) == variable
}

fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
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

/// Adds `text` to the end of a file, which only its owner can read then.
fn append(file: &Path, text: &str) -> anyhow::Result<()> {
    // Appended: a crash in the middle of the write leaves the settings that were there.
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(MODE)
        .open(file)
        .and_then(|mut file| {
            // The mode above is that of a new file. One that is there keeps its own until here.
            file.set_permissions(Permissions::from_mode(MODE))?;
            file.write_all(text.as_bytes())
        })
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
            "export\tBELLWIRE__SECRETS__MASTER_KEY=x",
            "export  BELLWIRE__SECRETS__MASTER_KEY=x",
            "bellwire__secrets__master_key=x",
            "Bellwire__Secrets__Master_Key_File=/run/secrets/key",
            "BELLWIRE__SECRETS__MASTER_KEY: x",
            "BELLWIRE__SECRETS__MASTER_KEY: 'x' # the key",
            "BELLWIRE__SECRETS__MASTER_KEY_FILE=/run/secrets/key",
            "  BELLWIRE__SECRETS__MASTER_KEY =x",
            "\u{feff}BELLWIRE__SECRETS__MASTER_KEY=x\r\n",
            "BELLWIRE__SECRETS__MASTER_KEY=$(cat key)",
        ] {
            assert_eq!(sets(text, MASTER_KEY), Ok(true), "{text}");
        }
        for text in [
            "",
            "# BELLWIRE__SECRETS__MASTER_KEY=x",
            "BELLWIRE__SECRETS__MASTER_KEY_ID=2",
            "MY_BELLWIRE__SECRETS__MASTER_KEY=2",
            "OTHER=BELLWIRE__SECRETS__MASTER_KEY",
            "OTHER=${BELLWIRE__SECRETS__MASTER_KEY:-x}",
            // As in a template of a file. The line that is added after it wins.
            "BELLWIRE__SECRETS__MASTER_KEY=",
            "BELLWIRE__SECRETS__MASTER_KEY:",
            "BELLWIRE__SECRETS__MASTER_KEY= ''",
            "BELLWIRE__SECRETS__MASTER_KEY=   # the key",
            "BELLWIRE__SECRETS__MASTER_KEY=''\t# the key",
            "export BELLWIRE__SECRETS__MASTER_KEY=\"\"",
        ] {
            assert_eq!(sets(text, MASTER_KEY), Ok(false), "{text}");
        }
    }

    #[test]
    fn a_line_that_may_set_a_variable_in_another_way_is_refused() {
        for line in [
            "BELLWIRE__SECRETS__MASTER_KEY",
            "export BELLWIRE__SECRETS__MASTER_KEY",
            "declare -x BELLWIRE__SECRETS__MASTER_KEY=x",
            "setenv BELLWIRE__SECRETS__MASTER_KEY x",
            "- BELLWIRE__SECRETS__MASTER_KEY=x",
            "\"BELLWIRE__SECRETS__MASTER_KEY\": x",
            "A=1 BELLWIRE__SECRETS__MASTER_KEY=x",
            "A=1; export bellwire__secrets__master_key = x",
            "BELLWIRE__SECRETS__MASTER_KEY+=x",
            "BELLWIRE__SECRETS__MASTER_KEY=# the key",
        ] {
            let text = format!("A=1\n{line}\n");
            assert_eq!(sets(&text, MASTER_KEY), Err(Unclear { line: 2 }), "{line}");
        }
    }

    #[test]
    fn nothing_is_added_to_a_file_that_is_not_clear() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(".env");
        std::fs::write(&file, "export BELLWIRE__SECRETS__MASTER_KEY\n").unwrap();

        let arguments = Arguments {
            file: file.clone(),
            database_url: None,
        };
        let error = run(&arguments).unwrap_err().to_string();

        assert!(
            error.contains("line 1") && error.contains("begin the line with #"),
            "{error}"
        );
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text, "export BELLWIRE__SECRETS__MASTER_KEY\n");
    }

    #[test]
    fn a_file_that_others_could_read_is_closed_to_them() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(".env");
        std::fs::write(&file, "A=1").unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();

        append(&file, "\nB=2\n").unwrap();

        assert_eq!(std::fs::read_to_string(&file).unwrap(), "A=1\nB=2\n");
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, MODE);
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
