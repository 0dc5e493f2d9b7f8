//! What an app says about the token of an APNs device.

/// The environment that an APNs token belongs to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Environment {
    /// Of an app that was signed for development.
    Sandbox,
    Production,
}

/// What an APNs token is for. An app that takes calls has one of each.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum TokenKind {
    /// Any push but those of calls.
    Alert,
    /// Pushes of the type `voip`, for `PushKit`.
    Voip,
}

pub const ENVIRONMENTS: [(&str, Environment); 2] = [
    ("SANDBOX", Environment::Sandbox),
    ("PRODUCTION", Environment::Production),
];
pub const KINDS: [(&str, TokenKind); 2] = [("ALERT", TokenKind::Alert), ("VOIP", TokenKind::Voip)];

impl Environment {
    /// The name in rows and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "SANDBOX",
            Self::Production => "PRODUCTION",
        }
    }

    /// `None`: it is no name of an environment.
    pub fn named(name: &str) -> Option<Self> {
        named(&ENVIRONMENTS, name)
    }
}

impl TokenKind {
    /// The name in rows and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "ALERT",
            Self::Voip => "VOIP",
        }
    }

    /// `None`: it is no name of a kind.
    pub fn named(name: &str) -> Option<Self> {
        named(&KINDS, name)
    }

    /// Whether a token of this kind gets a push. One of an unknown kind gets every push.
    pub fn takes(kind: Option<Self>, is_voip: bool) -> bool {
        // A token that was registered without a kind may be of either.
        kind.is_none_or(|kind| (kind == Self::Voip) == is_voip)
    }
}

fn named<T: Copy>(names: &[(&str, T)], name: &str) -> Option<T> {
    let found = names.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for (name, environment) in ENVIRONMENTS {
            assert_eq!(environment.as_str(), name);
            assert_eq!(Environment::named(name), Some(environment));
        }
        for (name, kind) in KINDS {
            assert_eq!(kind.as_str(), name);
            assert_eq!(TokenKind::named(name), Some(kind));
        }
        assert_eq!(TokenKind::named("LATER"), None);
    }

    #[test]
    fn a_call_goes_to_tokens_for_calls_and_nothing_else_does() {
        assert!(TokenKind::takes(Some(TokenKind::Voip), true));
        assert!(!TokenKind::takes(Some(TokenKind::Voip), false));
        assert!(!TokenKind::takes(Some(TokenKind::Alert), true));
        assert!(TokenKind::takes(Some(TokenKind::Alert), false));
        assert!(TokenKind::takes(None, true) && TokenKind::takes(None, false));
    }
}
