//! What the command line records in the audit log of an account.

/// What a command did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandAction {
    CreateAccount,
    RenameAccount,
    DeleteAccount,
    SetWeight,
    CreateKey,
    RotateKey,
    RevokeKey,
}

impl CommandAction {
    pub const ALL: [Self; 7] = [
        Self::CreateAccount,
        Self::RenameAccount,
        Self::DeleteAccount,
        Self::SetWeight,
        Self::CreateKey,
        Self::RotateKey,
        Self::RevokeKey,
    ];

    /// The name in the log: the same as the API's where the API can do it too.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreateAccount => "account.create",
            Self::RenameAccount => "account.rename",
            Self::DeleteAccount => "account.delete",
            Self::SetWeight => "account.weight",
            Self::CreateKey => "key.create",
            Self::RotateKey => "key.rotate",
            Self::RevokeKey => "key.delete",
        }
    }
}
