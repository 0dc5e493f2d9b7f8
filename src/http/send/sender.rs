//! Which Credential a send uses for each provider, and in which App its Users are looked up.

use crate::http::State;
use crate::http::device::Device;
use crate::http::error::ApiError;
use crate::http::send::body::{NamedCredentials, SenderSpec, Targets, To};
use crate::http::validation::Problems;
use crate::model::apns_device::{ENVIRONMENTS, Environment};
use crate::model::id::{AccountId, CredentialId};
use crate::model::operation::UserSenders;
use crate::model::provider::{CredentialType, Provider};
use crate::store::pool::Pool;
use crate::store::senders::{self, AskedApp};

const PROVIDERS: [Provider; 2] = [Provider::Fcm, Provider::Apn];

/// The Credentials of a send, at most one of each type.
#[derive(Default)]
pub(super) struct Senders {
    /// The App of the Credentials; `None`: they are of several Apps.
    app_name: Option<String>,
    /// A production Credential of APNs comes before one of the sandbox.
    credentials: Vec<(CredentialType, CredentialId)>,
}

impl Senders {
    /// Looks up the Credentials that `spec` asks for; without one, those of the default App.
    pub(super) async fn find(
        state: &State,
        account_id: AccountId,
        spec: Option<&SenderSpec>,
        problems: &mut Problems,
    ) -> Result<Self, ApiError> {
        match spec {
            Some(SenderSpec::Credentials(ids)) => {
                // Few sends name Credentials. Boxed, so that the futures of all others have no room
                // for it.
                Box::pin(named(&state.pool, account_id, *ids, problems)).await
            }
            Some(SenderSpec::App(name)) => defaults(state, account_id, Some(name), problems).await,
            None => defaults(state, account_id, None, problems).await,
        }
    }

    /// Notes what `targets` need and the Credentials lack. A provider without a Credential is noted
    /// once, at the first device that needs it.
    pub(super) fn check(
        &self,
        spec: Option<&SenderSpec>,
        targets: &Targets,
        problems: &mut Problems,
    ) {
        for provider in PROVIDERS {
            if self.credential(provider).is_some() {
                continue;
            }

            // Thousands of recipients may lack the same Credential: the first stands for them.
            let first = targets
                .recipients
                .iter()
                .find(|recipient| is_device_of(&recipient.to, provider));
            if let Some(first) = first {
                problems.push_at(
                    format!("to[{}].provider", first.index),
                    no_credential(spec, provider),
                );
            }
        }
        self.check_environments(targets, problems);

        if targets.include_users() {
            self.check_users(problems);
        }
    }

    fn check_users(&self, problems: &mut Problems) {
        if self.credentials.is_empty() {
            let app_name = self.app_name.as_deref().unwrap_or_default();
            problems.push_at(
                "from",
                format!(
                    "the App '{app_name}' has no default Credential to send to Users with; create one \
                     with isDefault true"
                ),
            );
        } else if self.app_name.is_none() {
            problems.push_at(
                "from",
                "fcm and apn must be Credentials of the same App, because Users are looked up in \
                 one App",
            );
        }
    }

    /// Notes an environment of APNs that a device names and no Credential is for, once.
    fn check_environments(&self, targets: &Targets, problems: &mut Problems) {
        if self.credential(Provider::Apn).is_none() {
            // `check` has noted this already, if a device needs it.
            return;
        }

        for (name, environment) in ENVIRONMENTS {
            let is_unreached = |to: &To| {
                matches!(to, To::Device(device) if device.environment == Some(environment)
                    && self.credential_for(device).is_none())
            };
            let first = targets
                .recipients
                .iter()
                .find(|recipient| is_unreached(&recipient.to));
            if let Some(first) = first {
                problems.push_at(
                    format!("to[{}].environment", first.index),
                    format!(
                        "no Credential of this send is for {name}: an APN Credential is for PRODUCTION, an \
                         APN_SANDBOX Credential for SANDBOX; create one with isDefault true, or name it in from.apn"
                    ),
                );
            }
        }
    }

    pub(super) fn credential(&self, provider: Provider) -> Option<CredentialId> {
        self.credentials
            .iter()
            .find(|(known, _)| known.provider() == provider)
            .map(|(_, id)| *id)
    }

    fn of_type(&self, credential_type: CredentialType) -> Option<CredentialId> {
        self.credentials
            .iter()
            .find(|(known, _)| *known == credential_type)
            .map(|(_, id)| *id)
    }

    /// The Credential that reaches `device`.
    pub(super) fn credential_for(&self, device: &Device) -> Option<CredentialId> {
        match device.environment {
            Some(Environment::Sandbox) => self.of_type(CredentialType::ApnSandbox),
            Some(Environment::Production) => self.of_type(CredentialType::Apn),
            None => self.credential(device.provider),
        }
    }

    pub(super) fn credential_ids(&self) -> Vec<CredentialId> {
        self.credentials.iter().map(|(_, id)| *id).collect()
    }

    /// The providers that `targets` may be reached by. A User may be reached by every provider that
    /// there is a Credential for.
    pub(super) fn providers(&self, targets: &Targets) -> Vec<Provider> {
        let include_users = targets.include_users();
        let is_needed = |provider: &Provider| {
            let may_reach_users = include_users && self.credential(*provider).is_some();

            may_reach_users
                || targets
                    .recipients
                    .iter()
                    .any(|recipient| is_device_of(&recipient.to, *provider))
        };

        PROVIDERS.into_iter().filter(is_needed).collect()
    }

    /// The Credentials that Users are reached by; none if there are no Users among `targets`.
    pub(super) fn of_users(&self, targets: &Targets) -> UserSenders {
        match &self.app_name {
            Some(app_name) if targets.include_users() => UserSenders {
                app_name: Some(app_name.clone()),
                fcm: self.credential(Provider::Fcm),
                apn: self.credential(Provider::Apn),
                apn_sandbox: self.of_type(CredentialType::ApnSandbox),
            },
            // Credentials of several Apps say nothing about Users, and `check_users` has refused
            // Users beside them.
            _ => UserSenders::default(),
        }
    }
}

fn is_device_of(to: &To, provider: Provider) -> bool {
    matches!(to, To::Device(device) if device.provider == provider)
}

fn no_credential(spec: Option<&SenderSpec>, provider: Provider) -> String {
    match spec {
        None => format!(
            "the default App has no default Credential for {provider}; create one, or name another \
             App or Credential in from"
        ),
        Some(SenderSpec::App(name)) => format!(
            "the App '{name}' has no default Credential for {provider}; create one with isDefault \
             true"
        ),
        Some(SenderSpec::Credentials(_)) => {
            let field = field_of(provider);
            format!(
                "{field} must name a Credential, because this recipient's provider is {provider}"
            )
        }
    }
}

/// The field of a request that names the Credential for `provider`.
fn field_of(provider: Provider) -> &'static str {
    match provider {
        Provider::Fcm => "from.fcm",
        Provider::Apn => "from.apn",
    }
}

/// The default Credentials of an App; without a name, of the default App.
async fn defaults(
    state: &State,
    account_id: AccountId,
    app_name: Option<&str>,
    problems: &mut Problems,
) -> Result<Senders, ApiError> {
    // Sends of the same moment share this query. Together with the shared look-up of API keys, that
    // raised 4,100 single sends a second to 9,600.
    let found = state
        .senders
        .find(AskedApp {
            account_id,
            name: app_name.map(str::to_owned),
        })
        .await?;

    if let Some(found) = found {
        return Ok(Senders {
            app_name: Some(found.app_name),
            credentials: found.credentials,
        });
    }

    match app_name {
        Some(name) => problems.push_at(
            "from.appName",
            format!("no App is named '{name}'; an App is created with its first Credential"),
        ),
        None => problems.push_at(
            "from",
            "the account has no App to send from; create a Credential, which creates its App",
        ),
    }

    Ok(Senders::default())
}

/// The Credentials with these ids, which must be the account's and for the right provider.
async fn named(
    pool: &Pool,
    account_id: AccountId,
    ids: NamedCredentials,
    problems: &mut Problems,
) -> Result<Senders, ApiError> {
    let credentials: Vec<(Provider, CredentialId)> =
        [(Provider::Fcm, ids.fcm), (Provider::Apn, ids.apn)]
            .into_iter()
            .filter_map(|(provider, id)| Some((provider, id?)))
            .collect();

    let ids: Vec<CredentialId> = credentials.iter().map(|(_, id)| *id).collect();
    let found = senders::named(pool, account_id, &ids).await?;

    for (provider, id) in &credentials {
        let field = field_of(*provider);

        match found.iter().find(|credential| credential.id == *id) {
            // Another account's Credential gets the same answer, which does not tell that it
            // exists.
            None => problems.push_at(field, "no Credential has this id"),
            Some(credential) if credential.credential_type.provider() != *provider => {
                let actual = credential.credential_type.provider();
                problems.push_at(
                    field,
                    format!("must be a Credential for {provider}; got one for {actual}"),
                );
            }
            Some(_) => {}
        }
    }

    // Credentials of two Apps reach devices, but say nothing about where Users are looked up.
    let app_name = found
        .first()
        .map(|credential| credential.app_name.clone())
        .filter(|name| found.iter().all(|credential| credential.app_name == *name));

    // With a problem, no Credential is used.
    let credentials = found
        .iter()
        .map(|credential| (credential.credential_type, credential.id))
        .collect();
    Ok(Senders {
        app_name,
        credentials,
    })
}
