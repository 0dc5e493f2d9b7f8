//! Keeps `bellwire dev` and `bellwire demo` away from a database that is in use for anything else:
//! they store a well-known API key, and `dev` claims what is queued.

use anyhow::{Context, bail};
use sqlx::PgConnection;

use crate::app;
use crate::config::Config;
use crate::crypto::MasterKeys;
use crate::store::inventory::{self, Inventory};

/// Fails, before anything is written, unless the configured database is empty, or holds nothing but
/// the account `account` with secrets that `keys` decrypt.
pub(super) async fn check(config: &Config, keys: &MasterKeys, account: &str) -> anyhow::Result<()> {
    app::check_database(config, config.database.connect_timeout).await?;
    let pool = app::connect(config, 1)?;

    let inventory = pool
        .within(async |connection: &mut PgConnection| inventory::read(connection, account).await)
        .await;
    pool.close();

    let inventory = inventory.context(app::POSTGRES_UNUSABLE)?;
    match objection(&inventory, keys) {
        None => Ok(()),
        Some(objection) => bail!(
            "the database is in use: {objection}. This command writes demo data with the public API \
             key dev:dev, so it takes an empty database of its own. Nothing was written"
        ),
    }
}

/// Why the database is not one for demo data; `None`: it is.
fn objection(inventory: &Inventory, keys: &MasterKeys) -> Option<String> {
    if !inventory.other_tables.is_empty() {
        let tables = inventory.other_tables.join(", ");
        return Some(format!("it has tables that are not Bellwire's ({tables})"));
    }

    if !inventory.other_accounts.is_empty() {
        let accounts = inventory.other_accounts.join("', '");
        return Some(format!("it has other accounts ('{accounts}')"));
    }

    // The name of the account does not tell whose database it is: only its secrets do.
    let foreign = inventory
        .contents
        .iter()
        .find(|stored| keys.open_content(&stored.owner(), &stored.content).is_err());
    if let Some(foreign) = foreign {
        return Some(format!(
            "its Credential {} was sealed with another master key",
            foreign.id
        ));
    }

    let registered = inventory.registered.as_ref();
    registered
        .is_some_and(|stored| {
            keys.open_device_token(stored.account_id, stored.device_id, &stored.token)
                .is_err()
        })
        .then(|| "its device tokens were sealed with another master key".to_owned())
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;
    use crate::crypto::generate_master_key;
    use crate::model::id::{AccountId, CredentialId};
    use crate::model::provider::CredentialType;
    use crate::model::sealed::{ContentOwner, SealedCredential};
    use crate::store::inventory::RegisteredToken;

    fn keys() -> MasterKeys {
        MasterKeys::new("dev", &generate_master_key()).unwrap()
    }

    #[test]
    fn only_an_empty_database_or_its_own_is_taken() {
        let own = keys();
        let other = keys();
        let sealed_by = |keys: &MasterKeys| {
            let id = CredentialId::generate();
            let owner = ContentOwner {
                account_id: AccountId::generate(),
                app_name: "demo",
                credential_type: CredentialType::Fcm,
                id,
            };
            let [account_id, device_id] = [(); 2].map(|()| Uuid::now_v7());
            Inventory {
                contents: vec![SealedCredential {
                    id,
                    account_id: owner.account_id,
                    app_name: owner.app_name.to_owned(),
                    credential_type: owner.credential_type,
                    content: keys.seal_content(&owner, b"{}").unwrap(),
                    updated_at: OffsetDateTime::UNIX_EPOCH,
                }],
                registered: Some(RegisteredToken {
                    account_id,
                    device_id,
                    token: keys
                        .seal_device_token(account_id, device_id, "token")
                        .unwrap(),
                }),
                ..Inventory::default()
            }
        };

        assert_eq!(objection(&Inventory::default(), &own), None);
        assert_eq!(objection(&sealed_by(&own), &own), None);

        let cases = [
            (
                Inventory {
                    other_tables: vec!["public.orders".to_owned()],
                    ..Inventory::default()
                },
                "public.orders",
            ),
            (
                Inventory {
                    other_accounts: vec!["shop".to_owned()],
                    ..sealed_by(&own)
                },
                "'shop'",
            ),
            (sealed_by(&other), "Credential comms_"),
            (
                Inventory {
                    contents: Vec::new(),
                    ..sealed_by(&other)
                },
                "its device tokens",
            ),
        ];
        for (inventory, expected) in cases {
            let said = objection(&inventory, &own).unwrap();
            assert!(said.contains(expected), "{said}");
        }
    }
}
