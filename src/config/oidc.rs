//! The section `oidc`: who logs in to the console with OpenID Connect.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::check::Check;
use super::sections::{is_https, or_empty, redacted};

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    #[serde(deserialize_with = "or_empty")]
    pub issuer: Option<String>,
    pub name: String,
    pub client_id: String,
    #[serde(serialize_with = "redacted")]
    pub client_secret: SecretString,
    #[serde(deserialize_with = "or_empty")]
    pub client_secret_file: Option<PathBuf>,
    pub scopes: Vec<String>,
    pub groups_claim: String,
    pub access: Vec<String>,
    #[serde(deserialize_with = "or_empty")]
    pub ca_file: Option<PathBuf>,
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

/// An item of `oidc.access`: people of this group log in to this account with this role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access<'a> {
    /// One of [`ROLES`].
    pub role: &'a str,
    pub account: &'a str,
    pub group: &'a str,
}

const ROLES: [&str; 3] = ["FULL", "SEND", "READ"];

impl<'a> Access<'a> {
    /// Reads `ROLE:ACCOUNT:GROUP`. A group may have colons.
    pub fn parse(item: &'a str) -> Option<Self> {
        let mut parts = item.splitn(3, ':').map(str::trim);
        let access = Self {
            role: parts.next()?,
            account: parts.next()?,
            group: parts.next()?,
        };

        let is_valid =
            ROLES.contains(&access.role) && !access.account.is_empty() && !access.group.is_empty();
        is_valid.then_some(access)
    }
}

impl Oidc {
    pub(super) fn check(&self, check: &mut Check) {
        // Without an issuer there is no such login, and the other keys have no effect.
        let Some(issuer) = &self.issuer else {
            return;
        };

        check.holds(
            cfg!(feature = "oidc"),
            "oidc.issuer",
            issuer,
            "empty: this build has no login with OpenID Connect, because it lacks the feature oidc",
        );
        // Without TLS, an attacker on the network could forge the provider's answers and log in as any person.
        check.holds(
            is_https(issuer) || is_loopback(issuer),
            "oidc.issuer",
            issuer,
            "an https address",
        );
        for (key, value) in [
            ("oidc.name", &self.name),
            ("oidc.client_id", &self.client_id),
            ("oidc.groups_claim", &self.groups_claim),
        ] {
            check.holds(
                !value.trim().is_empty(),
                key,
                value,
                "set, because oidc.issuer is set",
            );
        }
        check.holds(
            !self.access.is_empty(),
            "oidc.access",
            &self.access,
            "a list of at least one ROLE:ACCOUNT:GROUP, such as FULL:my-company:admins, because oidc.issuer is set",
        );
        for item in &self.access {
            check.holds(
                Access::parse(item).is_some(),
                "oidc.access",
                item,
                "a list of ROLE:ACCOUNT:GROUP, such as FULL:my-company:admins; a role is FULL, SEND or READ",
            );
        }
        check.above_zero("oidc.timeout", self.timeout);
    }
}

/// Whether `address` is an http address of this machine.
fn is_loopback(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else {
        return false;
    };

    // The parsed host counts: `http://localhost:x@login.example.com` only begins like this machine.
    let is_own = url.host().is_some_and(|host| match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    });
    url.scheme() == "http" && is_own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_names_a_role_an_account_and_a_group() {
        let access = |role, account, group| {
            Some(Access {
                role,
                account,
                group,
            })
        };

        assert_eq!(
            Access::parse("FULL:my company:/staff:push admins"),
            access("FULL", "my company", "/staff:push admins")
        );
        assert_eq!(
            Access::parse(" READ : demo : * "),
            access("READ", "demo", "*")
        );
        for wrong in [
            "",
            "FULL",
            "FULL:demo",
            "FULL:demo:",
            "FULL::admins",
            "full:demo:admins",
            "admins:demo:FULL",
            "::",
        ] {
            assert_eq!(Access::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_this_machine_is_asked_without_tls() {
        for own in [
            "http://127.0.0.1:8080",
            "http://localhost/realm",
            "http://[::1]:80/a",
        ] {
            assert!(is_loopback(own), "{own}");
        }
        for other in [
            "http://127.0.0.1.example.com",
            "http://127.0.0.1:8080@login.example.com",
            "http://localhost.example.com",
            "http://localhost:x@login.example.com/realm",
            "http://login.example.com",
            "https://127.0.0.1",
            "",
        ] {
            assert!(!is_loopback(other), "{other}");
        }
    }
}
