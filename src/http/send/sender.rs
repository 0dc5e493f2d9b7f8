//! Which Credential each provider is sent with.

use sqlx::PgPool;

use crate::http::error::ApiError;
use crate::http::fields::Problems;
use crate::http::send::body::{From, Recipient, providers};
use crate::id::{AccountId, CredentialId};
use crate::provider::Provider;
use crate::store::senders;

/// A Credential for every provider that is used.
pub struct Senders(Vec<(Provider, CredentialId)>);

impl Senders {
    /// Finds them, by what `from` says. A provider without one is noted at the first recipient who needs it.
    pub async fn find(
        pool: &PgPool,
        account_id: AccountId,
        from: Option<&From>,
        recipients: &[Recipient],
        problems: &mut Problems,
    ) -> Result<Self, ApiError> {
        let senders = match from {
            Some(From::Credentials { fcm, apn }) => named(pool, account_id, *fcm, *apn, problems).await?,
            Some(From::App(name)) => defaults(pool, account_id, Some(name), problems).await?,
            None => defaults(pool, account_id, None, problems).await?,
        };
        let senders = Self(senders);
        if problems.is_empty() {
            for provider in providers(recipients).filter(|provider| senders.of(*provider).is_none()) {
                let index = recipients.iter().position(|recipient| recipient.provider == provider).unwrap_or_default();
                problems.push_at(format!("to[{index}].provider"), missing(from, provider));
            }
        }
        Ok(senders)
    }

    /// The Credential for `provider`.
    pub fn of(&self, provider: Provider) -> Option<CredentialId> {
        self.0.iter().find(|(known, _)| *known == provider).map(|(_, id)| *id)
    }
}

fn missing(from: Option<&From>, provider: Provider) -> String {
    match from {
        None => format!("the default App has no Credential for {provider}: create one, or name another sender in from"),
        Some(From::App(name)) => format!("the App {name} has no Credential for {provider}"),
        Some(From::Credentials { .. }) => format!("from names no Credential for {provider}"),
    }
}

async fn defaults(
    pool: &PgPool,
    account_id: AccountId,
    app_name: Option<&str>,
    problems: &mut Problems,
) -> Result<Vec<(Provider, CredentialId)>, ApiError> {
    match senders::defaults(pool, account_id, app_name).await? {
        Some(defaults) => Ok(defaults),
        None => {
            match app_name {
                Some(name) => problems.push_at("from.appName", format!("there is no App {name}")),
                None => {
                    problems
                        .push_at("from", "is required: the account has no App yet; create a Credential to make one");
                }
            }
            Ok(Vec::new())
        }
    }
}

async fn named(
    pool: &PgPool,
    account_id: AccountId,
    fcm: Option<CredentialId>,
    apn: Option<CredentialId>,
    problems: &mut Problems,
) -> Result<Vec<(Provider, CredentialId)>, ApiError> {
    let named: Vec<_> = [("from.fcm", Provider::Fcm, fcm), ("from.apn", Provider::Apn, apn)]
        .into_iter()
        .filter_map(|(field, provider, id)| Some((field, provider, id?)))
        .collect();
    let ids: Vec<CredentialId> = named.iter().map(|(_, _, id)| *id).collect();
    let types = senders::types(pool, account_id, &ids).await?;
    for (field, provider, id) in &named {
        match types.iter().find(|(known, _)| known == id) {
            None => problems.push_at(*field, "there is no such Credential"),
            Some((_, credential_type)) if credential_type.provider() != *provider => {
                problems.push_at(*field, format!("is a Credential for {}", credential_type.provider()));
            }
            Some(_) => {}
        }
    }
    Ok(named.into_iter().map(|(_, provider, id)| (provider, id)).collect())
}
