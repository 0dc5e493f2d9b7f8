//! Reads `database.url`: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?PARAMETER=VALUE`.
//!
//! What it contains is checked here, so that an error names the part that is wrong. The URL contains a
//! password, so no error repeats it.

use std::fmt::Write;
use std::fs;
use std::net::Ipv6Addr;
use std::path::Path;
use std::str::FromStr;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// What is wrong with a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UrlError(String);

const FORM: &str = "write it as postgres://user:password@host:5432/bellwire";

/// Parameters that are passed on. Those of one line mean the same.
const KNOWN: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "statement-cache-capacity",
];

/// The parts of a URL, decoded. The password must stay out of logs.
#[derive(Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
struct Parts {
    user: Option<String>,
    password: Option<String>,
    /// A name, an address without brackets, or the directory of a socket.
    host: Option<String>,
    port: Option<u16>,
    database: Option<String>,
    parameters: Vec<(String, String)>,
}

/// The options to connect with.
pub(crate) fn options(url: &str) -> Result<PgConnectOptions, UrlError> {
    // A value that comes from a file often ends with a line break.
    let parts = Parts::read(url.trim())?;
    check_parameters(&parts.parameters)?;

    PgConnectOptions::from_str(&for_driver(parts)).map_err(|error| UrlError(error.to_string()))
}

/// The driver's own form of everything as a parameter, which leaves nothing to interpret.
fn for_driver(parts: Parts) -> String {
    let mut plain = "postgres://?".to_owned();
    let port = parts.port.map(|port| port.to_string());
    let named = [
        ("host", parts.host),
        ("port", port),
        ("user", parts.user),
        ("password", parts.password),
        ("dbname", parts.database),
    ];
    let named = named
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    // The driver logs the value of a parameter that it does not know, and a misspelt name may be that of a
    // password.
    let parameters = parts
        .parameters
        .into_iter()
        .filter(|(name, _)| is_passed_on(name));
    for (name, value) in named.chain(parameters) {
        let name = utf8_percent_encode(&name, NON_ALPHANUMERIC);
        let value = utf8_percent_encode(&value, NON_ALPHANUMERIC);
        let _ = write!(plain, "{name}={value}&");
    }

    plain
}

impl Parts {
    fn read(url: &str) -> Result<Self, UrlError> {
        let rest = ["postgres://", "postgresql://"]
            .iter()
            .find_map(|scheme| url.strip_prefix(scheme))
            .ok_or_else(|| UrlError(FORM.to_owned()))?;

        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        // First: a part of a password that is cut off here would be taken for a port, and repeated
        // in an error.
        check_no_user_in(authority, tail)?;

        // A password may contain '@'; a host may not.
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, authority),
        };
        let mut parts = Self::default();
        if let Some(login) = login {
            parts.read_login(login)?;
        }
        parts.read_place(place)?;

        if tail.contains('#') {
            return Err(unencoded('#', "a part after the host"));
        }
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        let database = path.strip_prefix('/').unwrap_or(path);
        if !database.is_empty() {
            parts.database = Some(decode(database, "the database's name")?);
        }

        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            // As in a form, where a space may be written as '+'.
            let value = decode(&value.replace('+', " "), "a parameter")?;
            parts.parameters.push((decode(name, "a parameter")?, value));
        }

        Ok(parts)
    }

    fn read_login(&mut self, login: &str) -> Result<(), UrlError> {
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (login, None),
        };

        if !user.is_empty() {
            self.user = Some(decode(user, "the user")?);
        }
        if let Some(password) = password {
            self.password = Some(decode(password, "the password")?);
        }
        Ok(())
    }

    fn read_place(&mut self, place: &str) -> Result<(), UrlError> {
        check_one_host(place)?;

        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']').ok_or_else(|| {
                    UrlError("the bracket of its IPv6 address is not closed".to_owned())
                })?;
                if Ipv6Addr::from_str(address).is_err() {
                    return Err(UrlError(format!(
                        "its host [{address}] is not an IPv6 address: write it as [2001:db8::1], \
                         without a zone"
                    )));
                }
                (address.to_owned(), port)
            }
            None if place.matches(':').count() > 1 => {
                return Err(UrlError(format!(
                    "its host {place} has several colons: write an IPv6 address in brackets, as in \
                     [2001:db8::1]:5432"
                )));
            }
            None => {
                let end = place.find(':').unwrap_or(place.len());
                (decode(&place[..end], "the host")?, &place[end..])
            }
        };
        if !host.is_empty() {
            self.host = Some(host);
        }

        let port = port.strip_prefix(':').unwrap_or(port);
        if !port.is_empty() {
            self.port = Some(read_port(port)?);
        }
        Ok(())
    }
}

/// A user or password with one of the characters that end the part before the database's name leaves
/// the '@' behind it.
fn check_no_user_in(authority: &str, tail: &str) -> Result<(), UrlError> {
    let before_query = tail.split(['?', '#']).next().unwrap_or(tail);
    let is_in_path = before_query.contains('@');
    let is_cut = !authority.is_empty() && !authority.contains('@') && tail.contains('@');

    match tail.chars().next() {
        Some(character) if is_in_path || is_cut && character != '/' => {
            Err(unencoded(character, "the user or the password"))
        }
        _ => Ok(()),
    }
}

fn unencoded(character: char, part: &str) -> UrlError {
    UrlError(format!(
        "{part} contains '{character}': write it as %{:02X}",
        u32::from(character)
    ))
}

fn check_one_host(hosts: &str) -> Result<(), UrlError> {
    match hosts.matches(',').count() {
        0 => Ok(()),
        commas => Err(UrlError(format!(
            "it has {} hosts, and Bellwire takes one: give it a name or address that always leads to \
             the primary, such as that of a proxy or a virtual address",
            commas + 1
        ))),
    }
}

fn read_port(port: &str) -> Result<u16, UrlError> {
    port.parse()
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| UrlError(format!("its port must be 1 to 65535; got '{port}'")))
}

fn is_passed_on(parameter: &str) -> bool {
    KNOWN.contains(&parameter) || parameter.starts_with("options[")
}

fn check_parameters(parameters: &[(String, String)]) -> Result<(), UrlError> {
    for (name, value) in parameters {
        match name.as_str() {
            "host" | "hostaddr" => check_one_host(value)?,
            "port" => {
                check_one_host(value)?;
                read_port(value)?;
            }
            "sslmode" | "ssl-mode" => check_ssl_mode(value)?,
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => check_certificates(name, value)?,
            "sslcert" | "ssl-cert" | "sslkey" | "ssl-key" => check_file(name, value)?,
            // The driver does not know it, so it is checked here and not passed on.
            "target_session_attrs" => check_session(value)?,
            known if is_passed_on(known) => {}
            // Without the value, which may be a password under a misspelt name.
            _ => tracing::warn!(parameter = name, "a parameter of database.url is ignored"),
        }
    }

    Ok(())
}

fn check_ssl_mode(value: &str) -> Result<(), UrlError> {
    PgSslMode::from_str(value).map(drop).map_err(|_| {
        UrlError(format!(
            "sslmode must be disable, allow, prefer, require, verify-ca or verify-full; got '{value}'"
        ))
    })
}

/// Bellwire writes, so it can't use a session that only reads. Any session that can write is what
/// it uses in any case.
fn check_session(value: &str) -> Result<(), UrlError> {
    match value {
        "any" | "read-write" | "primary" => Ok(()),
        _ => Err(UrlError(format!(
            "target_session_attrs must be read-write, primary or any, because Bellwire writes; got \
             '{value}'"
        ))),
    }
}

fn check_file(parameter: &str, path: &str) -> Result<(), UrlError> {
    // The driver takes the content of a file too.
    if path.starts_with("-----BEGIN") {
        return Ok(());
    }

    fs::metadata(path).map(drop).map_err(|error| {
        UrlError(format!(
            "{parameter} names the file {path}, which can't be read: {error}"
        ))
    })
}

fn check_certificates(parameter: &str, path: &str) -> Result<(), UrlError> {
    check_file(parameter, path)?;
    if path.starts_with("-----BEGIN") {
        return Ok(());
    }

    let certificates = CertificateDer::pem_file_iter(Path::new(path))
        .map(|certificates| certificates.flatten().count());
    match certificates {
        Ok(1..) => Ok(()),
        Ok(0) | Err(_) => Err(UrlError(format!(
            "{parameter} names the file {path}, which contains no certificate in PEM"
        ))),
    }
}

/// Decodes `%XX`. `part` says what it is.
fn decode(text: &str, part: &str) -> Result<String, UrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();

    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }

        let decoded = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            // `from_str_radix` would take a sign as well, as in `%+f`.
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .ok_or_else(|| unencoded('%', part))?;
        bytes.push(decoded);
        rest = &after[2..];
    }

    String::from_utf8(bytes)
        .map_err(|_| UrlError(format!("{part} is not UTF-8 when it is decoded")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        options(url).unwrap_err().to_string()
    }

    #[test]
    fn every_form_of_a_host_is_understood() {
        for (url, host, port) in [
            ("postgres://u:p@db.internal/bellwire", "db.internal", 5432),
            (
                "postgres://u:p@db:6432/bellwire?sslmode=disable",
                "db",
                6432,
            ),
            ("postgresql://u:p@[::1]:6432/bellwire", "::1", 6432),
            ("postgres://u:p@[2001:db8::7]/bellwire", "2001:db8::7", 5432),
            (
                "postgres://u@/bellwire?host=127.0.0.1&port=7",
                "127.0.0.1",
                7,
            ),
        ] {
            let options = options(url).unwrap();
            assert_eq!(options.get_host(), host, "{url}");
            assert_eq!(options.get_port(), port, "{url}");
            assert_eq!(options.get_username(), "u", "{url}");
            assert_eq!(options.get_database(), Some("bellwire"), "{url}");
            assert_eq!(options.get_socket(), None, "{url}");
        }

        for url in [
            "postgres://u@%2Frun%2Fpostgresql/bellwire",
            "postgres:///bellwire?host=/run/postgresql&user=u",
            "postgres://u:p@/bellwire?host=%2Frun%2Fpostgresql",
        ] {
            let options = options(url).unwrap();
            assert_eq!(
                options.get_socket().map(|path| path.display().to_string()),
                Some("/run/postgresql".to_owned()),
                "{url}"
            );
            assert_eq!(options.get_username(), "u", "{url}");
        }
    }

    #[test]
    fn every_part_is_decoded_once() {
        let parts =
            Parts::read("postgres://us%40er:p@ss%2F%3A%25w@db/my%20db?options[a]=b%26c").unwrap();

        assert_eq!(
            parts,
            Parts {
                user: Some("us@er".to_owned()),
                password: Some("p@ss/:%w".to_owned()),
                host: Some("db".to_owned()),
                port: None,
                database: Some("my db".to_owned()),
                parameters: vec![("options[a]".to_owned(), "b&c".to_owned())],
            }
        );
    }

    #[test]
    fn a_character_that_must_be_encoded_is_named_and_the_password_is_not() {
        for (url, expected) in [
            ("postgres://u:se/cret@db/bellwire", "'/': write it as %2F"),
            ("postgres://u:se?cret@db/bellwire", "'?': write it as %3F"),
            ("postgres://u:se#cret@db/bellwire", "'#': write it as %23"),
            ("postgres://u:se%cret@db/bellwire", "'%': write it as %25"),
            ("postgres://u:se%zzret@db/bellwire", "'%': write it as %25"),
        ] {
            let refused = refused(url);
            assert!(refused.contains(expected), "{url}: {refused}");
            assert!(!refused.contains("cret"), "{url}: {refused}");
        }
    }

    #[test]
    fn what_can_not_be_used_is_refused_with_the_reason() {
        for (url, expected) in [
            ("mysql://u:p@db/bellwire", "write it as postgres://"),
            ("postgres://u:p@a,b/bellwire", "has 2 hosts"),
            ("postgres://u:p@a:1,b:2,c:3/bellwire", "has 3 hosts"),
            ("postgres:///bellwire?host=a,b", "has 2 hosts"),
            ("postgres://u:p@::1:5432/bellwire", "in brackets"),
            ("postgres://u:p@[fe80::1%25eth0]/bellwire", "without a zone"),
            ("postgres://u:p@[::1/bellwire", "not closed"),
            (
                "postgres://u:p@db:70000/bellwire",
                "1 to 65535; got '70000'",
            ),
            ("postgres://u:p@db:0/bellwire", "1 to 65535"),
            ("postgres://u:p@db/bellwire?port=x", "1 to 65535; got 'x'"),
            (
                "postgres://u:p@db/bellwire?sslmode=on",
                "verify-full; got 'on'",
            ),
            (
                "postgres://u:p@db/bellwire?sslmode=verify-full&sslrootcert=/no/such.pem",
                "/no/such.pem, which can't be read",
            ),
            (
                "postgres://u:p@db/bellwire?sslrootcert=/dev/null",
                "no certificate",
            ),
            (
                "postgres://u:p@db/bellwire?target_session_attrs=standby",
                "because Bellwire writes",
            ),
        ] {
            let refused = refused(url);
            assert!(refused.contains(expected), "{url}: {refused}");
        }
    }

    #[test]
    fn the_driver_gets_no_parameter_that_it_does_not_know() {
        let url =
            "postgres://u:p@db/bellwire?pasword=hunter2&sslmode=require&target_session_attrs=any";
        let plain = for_driver(Parts::read(url).unwrap());

        assert!(plain.contains("sslmode=require"), "{plain}");
        assert!(!plain.contains("hunter2"), "{plain}");
        assert!(!plain.contains("target_session_attrs"), "{plain}");
    }

    #[test]
    fn parameters_that_ask_for_a_primary_are_met() {
        assert!(options("postgres://u:p@db/bellwire?target_session_attrs=read-write").is_ok());
        assert!(options("postgres://u:p@db/bellwire?connect_timeout=10").is_ok());
    }
}
