//! Which Credential each provider is sent with, and in which App Users are looked up.

use sqlx::PgPool;

use crate::http::State;
use crate::http::error::ApiError;
use crate::http::send::body::{From, Targets, To};
use crate::http::validation::Problems;
use crate::model::id::{AccountId, CredentialId};
use crate::model::operation::UserSenders;
use crate::model::provider::Provider;
use crate::store::senders;

/// What a send is sent with.
#[derive(Default)]
pub(crate) struct Senders {
    /// The App of the Credentials; `None`: they are of several.
    app_name: Option<String>,
    credentials: Vec<(Provider, CredentialId)>,
}

impl Senders {
    /// Finds them, by what `from` says. A provider without one is noted at the first recipient who
    /// needs it.
    pub(crate) async fn find(
        state: &State,
        account_id: AccountId,
        from: Option<&From>,
        targets: &Targets,
        problems: &mut Problems,
    ) -> Result<Self, ApiError> {
        let senders = match from {
            Some(From::Credentials { fcm, apn }) => {
                named(&state.pool, account_id, *fcm, *apn, problems).await?
            }
            Some(From::App(name)) => defaults(state, account_id, Some(name), problems).await?,
            None => defaults(state, account_id, None, problems).await?,
        };
        if problems.is_empty() {
            senders.check(from, targets, problems);
        }
        Ok(senders)
    }

    fn check(&self, from: Option<&From>, targets: &Targets, problems: &mut Problems) {
        for provider in [Provider::Fcm, Provider::Apn]
            .into_iter()
            .filter(|provider| self.of(*provider).is_none())
        {
            let needs = |to: &To| matches!(to, To::Device(device) if device.provider == provider);
            if let Some(first) = targets
                .recipients
                .iter()
                .find(|recipient| needs(&recipient.to))
            {
                problems.push_at(
                    format!("to[{}].provider", first.index),
                    missing(from, provider),
                );
            }
        }
        if targets.include_users() {
            if self.credentials.is_empty() {
                problems.push_at(
                    "from",
                    "has no Credential at all: Users are reached by those of their App",
                );
            } else if self.app_name.is_none() {
                let message = "names Credentials of two Apps; recipients that are Users are looked up in one App";
                problems.push_at("from", message);
            }
        }
    }

    /// The Credential for `provider`.
    pub(crate) fn of(&self, provider: Provider) -> Option<CredentialId> {
        self.credentials
            .iter()
            .find(|(known, _)| *known == provider)
            .map(|(_, id)| *id)
    }

    /// The providers that `targets` can be reached by; a User by any that there is a Credential
    /// for.
    pub(crate) fn providers(&self, targets: &Targets) -> Vec<Provider> {
        let has_device =
            |to: &To, provider| matches!(to, To::Device(device) if device.provider == provider);
        let reached_by = |provider| {
            targets.include_users() && self.of(provider).is_some()
                || targets
                    .recipients
                    .iter()
                    .any(|recipient| has_device(&recipient.to, provider))
        };
        [Provider::Fcm, Provider::Apn]
            .into_iter()
            .filter(|provider| reached_by(*provider))
            .collect()
    }

    /// What Users among `targets` are reached by.
    pub(crate) fn of_users(&self, targets: &Targets) -> UserSenders {
        match &self.app_name {
            Some(app_name) if targets.include_users() => UserSenders {
                app_name: Some(app_name.clone()),
                fcm: self.of(Provider::Fcm),
                apn: self.of(Provider::Apn),
            },
            _ => UserSenders::default(),
        }
    }
}

fn missing(from: Option<&From>, provider: Provider) -> String {
    match from {
        None => format!(
            "the default App has no Credential for {provider}: create one, or name another sender in from"
        ),
        Some(From::App(name)) => format!("the App {name} has no Credential for {provider}"),
        Some(From::Credentials { .. }) => format!("from names no Credential for {provider}"),
    }
}

async fn defaults(
    state: &State,
    account_id: AccountId,
    app_name: Option<&str>,
    problems: &mut Problems,
) -> Result<Senders, ApiError> {
    if let Some(found) = state
        .senders
        .find((account_id, app_name.map(str::to_owned)))
        .await?
    {
        return Ok(Senders {
            app_name: Some(found.app_name),
            credentials: found.credentials,
        });
    }
    match app_name {
        Some(name) => problems.push_at("from.appName", format!("there is no App {name}")),
        None => {
            problems.push_at(
                "from",
                "is required: the account has no App yet; create a Credential to make one",
            );
        }
    }
    Ok(Senders::default())
}

async fn named(
    pool: &PgPool,
    account_id: AccountId,
    fcm: Option<CredentialId>,
    apn: Option<CredentialId>,
    problems: &mut Problems,
) -> Result<Senders, ApiError> {
    let named: Vec<_> = [
        ("from.fcm", Provider::Fcm, fcm),
        ("from.apn", Provider::Apn, apn),
    ]
    .into_iter()
    .filter_map(|(field, provider, id)| Some((field, provider, id?)))
    .collect();
    let ids: Vec<CredentialId> = named.iter().map(|(_, _, id)| *id).collect();
    let found = senders::named(pool, account_id, &ids).await?;
    for (field, provider, id) in &named {
        match found.iter().find(|credential| credential.id == *id) {
            None => problems.push_at(*field, "there is no such Credential"),
            Some(credential) if credential.credential_type.provider() != *provider => {
                problems.push_at(
                    *field,
                    format!(
                        "is a Credential for {}",
                        credential.credential_type.provider()
                    ),
                );
            }
            Some(_) => {}
        }
    }
    let app_name = found.first().map(|credential| credential.app_name.clone());
    let app_name =
        app_name.filter(|name| found.iter().all(|credential| credential.app_name == *name));
    Ok(Senders {
        app_name,
        credentials: named
            .into_iter()
            .map(|(_, provider, id)| (provider, id))
            .collect(),
    })
}
