//! Where Bellwire is, and with which API key it is asked: from the environment, or from a profile in the
//! file `~/.config/bellwire/config.toml`.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::client::exit::{Failure, Result};

const URL: &str = "BELLWIRE_URL";
const KEY: &str = "BELLWIRE_KEY";
const SECRET: &str = "BELLWIRE_SECRET";
const PROFILE: &str = "BELLWIRE_PROFILE";
/// The profile that is used if none is named.
const DEFAULT: &str = "default";

/// How to reach Bellwire. The secret is no option: other users of the machine see the arguments of a
/// process.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionArguments {
    /// The address of Bellwire, such as `https://push.example.com`, in place of `BELLWIRE_URL`. The key
    /// and its secret come from `BELLWIRE_KEY` and `BELLWIRE_SECRET`.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The profile to use, from ~/.config/bellwire/config.toml. Without it, the environment variables are
    /// used, and if none is set, the profile that `BELLWIRE_PROFILE` names, or `default`.
    #[arg(long, value_name = "NAME", conflicts_with = "url")]
    profile: Option<String>,
}

/// Where Bellwire is, and with which key it is asked.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    /// Without a slash at its end.
    pub url: String,
    pub key: String,
    pub secret: SecretString,
    /// Where the key is from, for people.
    pub source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    #[serde(default)]
    profiles: BTreeMap<String, Profile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    url: String,
    key: String,
    secret: SecretString,
}

/// Where the values are to come from.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    Environment,
    Profile(String),
}

impl ConnectionArguments {
    /// Reads the environment, or the profile's file.
    pub(super) fn connection(&self) -> Result<Connection> {
        // `BELLWIRE_KEY=` in a file of variables means that it is not set.
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());

        match self.source(&variable) {
            Source::Environment => self.in_environment(&variable),
            Source::Profile(name) => from_file(&name, self.profile.is_some(), &variable),
        }
    }

    /// All values come from one source: the secret of one installation must not reach another.
    fn source(&self, variable: &impl Fn(&str) -> Option<String>) -> Source {
        if let Some(name) = &self.profile {
            return Source::Profile(name.clone());
        }

        let is_in_environment = [URL, KEY, SECRET].map(variable).iter().any(Option::is_some);
        if self.url.is_some() || is_in_environment {
            return Source::Environment;
        }

        let name = variable(PROFILE).unwrap_or_else(|| DEFAULT.to_owned());
        Source::Profile(name)
    }

    fn in_environment(&self, variable: &impl Fn(&str) -> Option<String>) -> Result<Connection> {
        let required = |name: &str| {
            variable(name).ok_or_else(|| {
                Failure::usage(format!(
                    "the environment variable {name} is not set: set {URL}, {KEY} and {SECRET}, or name a \
                     profile with --profile"
                ))
            })
        };
        let url = match &self.url {
            Some(url) => url.clone(),
            None => required(URL)?,
        };

        Ok(Connection {
            url: base_of(&url, if self.url.is_some() { "--url" } else { URL })?,
            key: required(KEY)?,
            secret: required(SECRET)?.into(),
            source: format!("{KEY} and {SECRET}"),
        })
    }
}

fn from_file(
    name: &str,
    is_named: bool,
    variable: &impl Fn(&str) -> Option<String>,
) -> Result<Connection> {
    let Some(path) = path_of_file(variable) else {
        return Err(Failure::usage(format!(
            "neither HOME nor XDG_CONFIG_HOME is set, so there is no profile: set {URL}, {KEY} and {SECRET}"
        )));
    };

    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_named => {
            return Err(Failure::usage(format!(
                "no address of Bellwire is set: set {URL}, {KEY} and {SECRET}, or write a profile \
                 to {}",
                path.display()
            )));
        }
        Err(error) => {
            return Err(Failure::usage(format!(
                "can't read {}: {error}",
                path.display()
            )));
        }
    };
    // After the read, so that a missing file gets the message above.
    check_mode(&path)?;

    let profile = parse(&text, name)
        .map_err(|problem| Failure::usage(format!("{}: {problem}", path.display())))?;
    Ok(Connection {
        url: base_of(&profile.url, &format!("url of the profile '{name}'"))?,
        key: profile.key,
        secret: profile.secret,
        source: format!("the profile '{name}' in {}", path.display()),
    })
}

fn path_of_file(variable: &impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let folder = variable("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".config")))?;

    Some(folder.join("bellwire").join("config.toml"))
}

/// The file has secrets.
fn check_mode(path: &Path) -> Result<()> {
    let mode = std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    // The six lowest bits are the rights of the group and of others.
    let is_private = mode.trailing_zeros() >= 6;
    if is_private {
        return Ok(());
    }

    Err(Failure::usage(format!(
        "{path} has secrets, and other users can read or change it (mode {:03o}): run `chmod 600 {path}`",
        mode & 0o777,
        path = path.display()
    )))
}

/// The profile with this name. The error quotes nothing of the file, which has secrets.
fn parse(text: &str, name: &str) -> std::result::Result<Profile, String> {
    let mut file: ProfileFile = toml::from_str(text).map_err(|error| {
        let line = error
            .span()
            .map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
        let line = line.map_or(String::new(), |line| format!(" (line {line})"));
        // Other messages may quote a value, which may be the secret.
        let names_fields = ["unknown field", "missing field"];
        let reason = match error.message() {
            message if names_fields.iter().any(|known| message.starts_with(known)) => {
                format!(": {message}")
            }
            _ => String::new(),
        };
        format!(
            "must be TOML with tables such as [profiles.{DEFAULT}], each with url, key and secret{reason}{line}"
        )
    })?;

    file.profiles.remove(name).ok_or_else(|| {
        let known: Vec<String> = file.profiles.into_keys().collect();
        if known.is_empty() {
            format!("it has no profile '{name}': add a table [profiles.{name}]")
        } else {
            format!("it has no profile '{name}', only {}", known.join(", "))
        }
    })
}

/// The address that paths of the API are appended to. People copy it with a part of such a path.
fn base_of(text: &str, name: &str) -> Result<String> {
    let wrong = |rule: &str| Failure::usage(format!("{name} {rule}"));

    let url = Url::parse(text.trim())
        .map_err(|_| wrong("must be an address such as https://push.example.com"))?;
    if !["http", "https"].contains(&url.scheme()) || !url.has_host() {
        return Err(wrong(
            "must begin with http:// or https://, such as https://push.example.com",
        ));
    }
    // Messages show the address, and with it a password.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(&format!(
            "must have no user name and no password: set {KEY} and {SECRET}, or use a profile"
        )));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("must have no ? and no #"));
    }

    let base = url.as_str().trim_end_matches('/');
    let base = base.strip_suffix("/PushNotifications").unwrap_or(base);
    let base = base.strip_suffix("/v1").unwrap_or(base);
    Ok(base.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(url: Option<&str>, profile: Option<&str>) -> ConnectionArguments {
        ConnectionArguments {
            url: url.map(str::to_owned),
            profile: profile.map(str::to_owned),
        }
    }

    fn source(arguments: &ConnectionArguments, set: &[(&str, &str)]) -> Source {
        arguments.source(&|name| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn all_values_come_from_one_source() {
        let none = arguments(None, None);
        let profile = |name: &str| Source::Profile(name.to_owned());

        assert_eq!(source(&none, &[]), profile("default"));
        assert_eq!(source(&none, &[(PROFILE, "staging")]), profile("staging"));
        assert_eq!(source(&none, &[(URL, "x")]), Source::Environment);
        assert_eq!(source(&none, &[(KEY, "x")]), Source::Environment);
        assert_eq!(
            source(&arguments(Some("x"), None), &[]),
            Source::Environment
        );
        assert_eq!(
            source(&arguments(None, Some("shop")), &[(URL, "x"), (SECRET, "x")]),
            profile("shop")
        );
    }

    #[test]
    fn a_part_of_a_path_of_the_api_is_left_out_of_the_address() {
        for text in [
            "https://push.example.com",
            "https://push.example.com/",
            " https://push.example.com/v1",
            "https://push.example.com/v1/PushNotifications/",
        ] {
            assert_eq!(base_of(text, URL).unwrap(), "https://push.example.com");
        }
        assert_eq!(
            base_of("http://[::1]:8080/push", URL).unwrap(),
            "http://[::1]:8080/push"
        );
    }

    #[test]
    fn an_address_with_anything_else_is_refused_without_its_secret() {
        for text in [
            "push.example.com",
            "ftp://push.example.com",
            "https://SK1:hunter2@push.example.com",
            "https://push.example.com?a=b",
            "",
        ] {
            let error = base_of(text, URL).unwrap_err();
            assert!(error.message.starts_with("BELLWIRE_URL must "), "{error}");
            assert!(!error.message.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_profile_is_found_by_its_name() {
        let text = "[profiles.default]\nurl = 'https://a'\nkey = 'SK1'\nsecret = 'hunter2'\n";

        assert_eq!(parse(text, "default").unwrap().key, "SK1");
        assert_eq!(
            parse(text, "staging").unwrap_err(),
            "it has no profile 'staging', only default"
        );
    }

    #[test]
    fn a_file_that_is_not_valid_is_not_quoted() {
        for text in [
            "[profiles.default]\nurl = 'https://a'\nsecret = 'hunter2\n",
            "[profiles.default]\nurl = 'https://a'\nsecret = hunter2\n",
            "[profiles.default]\nurl = 'https://a'\nkey = 'SK1'\nsecret = 'hunter2'\nother = 'x'\n",
            "[profiles]\ndefault = 'hunter2'\n",
        ] {
            let error = parse(text, "default").unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
            assert!(error.contains("(line "), "{error}");
        }
    }
}
