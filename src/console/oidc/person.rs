//! A person, as an id token describes them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreIdToken, CoreIdTokenClaims};
use serde_json::Value;

use crate::console::oidc::access::groups_in;

/// Characters of a name that are kept.
const LONGEST_NAME: usize = 128;

/// Who has logged in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Person {
    /// For people, such as an email address.
    pub name: String,
    /// `None`: the provider says nothing of groups.
    pub groups: Option<Vec<String>>,
}

impl Person {
    /// The person of `id_token`, whose signature was checked when `claims` were read. `groups_claim` is the
    /// claim that lists the person's groups.
    pub(super) fn of(
        id_token: &CoreIdToken,
        claims: &CoreIdTokenClaims,
        groups_claim: &str,
    ) -> Self {
        Self {
            name: name_of(claims),
            groups: groups_in(&all_claims(id_token), groups_claim),
        }
    }
}

/// A person's name for the console and the audit log: the email address, unless the provider says that it is
/// not verified; otherwise the provider's id of the person. People may choose the values of other claims.
fn name_of(claims: &CoreIdTokenClaims) -> String {
    let email = claims
        .email()
        .filter(|_| claims.email_verified() != Some(false))
        .map(|email| email.as_str())
        .filter(|email| !email.trim().is_empty());
    let name = email.unwrap_or(claims.subject().as_str());

    name.chars()
        // The name is shown in pages and logs, where a line end could forge a line.
        .filter(|character| !character.is_control())
        .take(LONGEST_NAME)
        .collect()
}

/// Every claim of an id token whose signature was checked before.
fn all_claims(id_token: &CoreIdToken) -> Value {
    let text = id_token.to_string();
    let payload = text.split('.').nth(1).unwrap_or_default();

    URL_SAFE_NO_PAD
        .decode(payload)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}
