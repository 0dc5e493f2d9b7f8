use super::*;
use crate::model::id::{AccountId, CredentialId};
use crate::model::provider::CredentialType;

fn keys(id: &str) -> MasterKeys {
    MasterKeys::new(id, &generate_master_key()).unwrap()
}

fn owner() -> ContentOwner<'static> {
    ContentOwner {
        account_id: AccountId::generate(),
        app_name: "demo",
        credential_type: CredentialType::Apn,
        id: CredentialId::generate(),
    }
}

#[test]
fn an_old_key_may_have_a_colon_in_its_id() {
    let old = generate_master_key();
    let owner = owner();
    let sealed = MasterKeys::new("2026:a", &old)
        .unwrap()
        .seal_content(&owner, b"secret")
        .unwrap();

    let new = generate_master_key();
    let keys = MasterKeys::with_old("2", &new, &format!("2026:a:{old}")).unwrap();
    assert_eq!(*keys.open_content(&owner, &sealed).unwrap(), b"secret");
}

#[test]
fn a_content_opens_for_its_owner_only() {
    let keys = keys("1");
    let owner = owner();
    let sealed = keys.seal_content(&owner, b"secret").unwrap();

    assert_eq!(*keys.open_content(&owner, &sealed).unwrap(), b"secret");
    assert!(!sealed.bytes.windows(6).any(|window| window == b"secret"));

    for other in [
        ContentOwner {
            account_id: AccountId::generate(),
            ..owner
        },
        ContentOwner {
            id: CredentialId::generate(),
            ..owner
        },
        ContentOwner {
            app_name: "demo2",
            ..owner
        },
        ContentOwner {
            credential_type: CredentialType::ApnSandbox,
            ..owner
        },
    ] {
        assert_eq!(
            keys.open_content(&other, &sealed),
            Err(SecretError::DoesNotOpen)
        );
    }
}

#[test]
fn a_token_opens_for_its_account_and_device_only() {
    let keys = keys("2026");
    let [account, device, other] = [(); 3].map(|()| Uuid::now_v7());
    let refused = Err(SecretError::DoesNotOpen);

    let direct = keys.seal_direct_token(account, "dqWD:APA91").unwrap();
    assert_eq!(
        keys.open_direct_token(account, &direct).unwrap(),
        "dqWD:APA91"
    );
    assert_eq!(keys.open_direct_token(other, &direct), refused);
    assert_eq!(keys.open_device_token(account, device, &direct), refused);

    let registered = keys
        .seal_device_token(account, device, "dqWD:APA91")
        .unwrap();
    assert_eq!(
        keys.open_device_token(account, device, &registered)
            .unwrap(),
        "dqWD:APA91"
    );
    assert_eq!(keys.open_device_token(account, other, &registered), refused);
    assert_eq!(keys.open_device_token(other, device, &registered), refused);
    assert_eq!(keys.open_direct_token(account, &registered), refused);

    for length in 0..registered.len() {
        let part = &registered[..length];
        assert!(keys.open_device_token(account, device, part).is_err());
    }
}

#[test]
fn the_older_form_is_read_and_is_written_on_request() {
    let keys = keys("1");
    let owner = owner();
    let [account, device] = [(); 2].map(|()| Uuid::now_v7());

    keys.clone().set_bound(false);
    let content = keys.seal_content(&owner, b"secret").unwrap();
    let token = keys.seal_device_token(account, device, "token").unwrap();
    assert!(token.starts_with(b"\x011"), "as release 0.1 reads it");
    assert_eq!(token.len(), 2 + 12 + "token".len() + 16);
    assert_eq!(content.bytes.len(), 12 + "secret".len() + 16);

    keys.set_bound(true);
    assert_eq!(*keys.open_content(&owner, &content).unwrap(), b"secret");
    assert_eq!(
        keys.open_device_token(account, device, &token).unwrap(),
        "token"
    );
    assert!(!token.starts_with(&keys.token_prefix()));
    let bound = keys.seal_device_token(account, device, "token").unwrap();
    assert!(bound.starts_with(&keys.token_prefix()));
}

#[test]
fn old_keys_open_what_they_sealed() {
    let first = generate_master_key();
    let second = generate_master_key();
    let account = Uuid::now_v7();
    let old = MasterKeys::new("1", &first).unwrap();
    let new = MasterKeys::with_old(
        "2",
        &second,
        &format!("0:{}, 1:{first}", generate_master_key()),
    )
    .unwrap();
    let token = old.seal_direct_token(account, "token").unwrap();

    assert_eq!(new.open_direct_token(account, &token).unwrap(), "token");
    assert!(new.verify_page_token(b"page", &old.sign_page_token(b"page")));
    assert!(new.is_signed_for_console(b"a", &old.sign_for_console(b"a")));
    assert!(!new.is_signed_for_console(b"b", &old.sign_for_console(b"a")));
    assert!(!new.is_signed_for_console(b"a", &old.sign_page_token(b"a")));
    assert!(
        new.seal_direct_token(account, "token")
            .unwrap()
            .starts_with(&new.token_prefix())
    );
    assert!(!token.starts_with(&new.token_prefix()));
}

#[test]
fn an_error_about_old_keys_names_the_item_and_shows_no_key() {
    let [key, other] = [(); 2].map(|()| generate_master_key());

    for (old, expected) in [
        (format!("1:{other}"), "item 1: it has the id of another"),
        (other.clone(), "item 1 has no colon"),
        (format!("0:{other},{key}"), "item 2 has no colon"),
        (
            format!("{other}:0"),
            "item 1: the id of a master key must have",
        ),
        (
            format!("{other}:{key}"),
            "item 1: the id of a master key must have",
        ),
        (
            format!("0:{}", &other[..40]),
            "item 1: a master key must be 32 bytes",
        ),
    ] {
        let said = MasterKeys::with_old("1", &key, &old)
            .unwrap_err()
            .to_string();
        assert!(
            said.starts_with(expected),
            "{said} should begin with {expected}"
        );
        assert!(
            !said.contains(&key[..8]) && !said.contains(&other[..8]),
            "{said}"
        );
    }
}

#[test]
fn another_key_and_a_changed_value_are_two_errors() {
    let owner = owner();
    let mut sealed = keys("1").seal_content(&owner, b"secret").unwrap();

    assert_eq!(
        keys("2").open_content(&owner, &sealed),
        Err(SecretError::UnknownKey("1".into()))
    );
    assert_eq!(
        keys("1").open_content(&owner, &sealed),
        Err(SecretError::DoesNotOpen)
    );

    sealed.bytes.truncate(5);
    assert_eq!(
        keys("1").open_content(&owner, &sealed),
        Err(SecretError::DoesNotOpen)
    );
}

#[test]
fn a_key_is_32_bytes_in_base64() {
    for bad in [
        "",
        "short",
        "AAAA",
        "not base64 at all, but long enough to be one",
    ] {
        assert_eq!(MasterKeys::new("1", bad).err(), Some(SecretError::NotAKey));
    }
}
