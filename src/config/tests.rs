use std::time::Duration;

use super::*;

fn environment(pairs: &[(&str, &str)]) -> Environment {
    let pairs = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    Environment::with_prefix("BELLWIRE").source(Some(pairs))
}

fn load(pairs: &[(&str, &str)]) -> anyhow::Result<Config> {
    Config::from_sources(None, environment(pairs))
}

#[test]
fn the_defaults_are_valid() {
    let config = load(&[]).unwrap();
    assert_eq!(config.delivery.lease, Duration::from_secs(30));
    assert_eq!(config.server.public_url, None);
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        "[delivery]\nlease = \"40s\"\nretry_base = \"3s\"\n",
    )
    .unwrap();
    let environment = environment(&[
        ("BELLWIRE__DELIVERY__RETRY_BASE", "1s"),
        ("BELLWIRE__SECRETS__MASTER_KEY_ID", "2"),
        (
            "BELLWIRE__FCM__TOKEN_URIS",
            "https://a/token,https://b/token",
        ),
    ]);
    let config = Config::from_sources(Some(file.path()), environment).unwrap();
    assert_eq!(
        (
            config.delivery.lease.as_secs(),
            config.delivery.retry_base.as_secs()
        ),
        (40, 1)
    );
    assert_eq!(config.secrets.master_key_id, "2");
    assert_eq!(
        config.fcm.token_uris,
        ["https://a/token", "https://b/token"]
    );
}

#[test]
fn a_string_from_the_environment_is_read_as_it_is_written() {
    let given = [
        ("BELLWIRE__SECRETS__MASTER_KEY_ID", "01"),
        ("BELLWIRE__OIDC__CLIENT_ID", "007"),
        ("BELLWIRE__OIDC__CLIENT_SECRET", "1e5"),
        ("BELLWIRE__OIDC__NAME", "TRUE"),
        ("BELLWIRE__CONSOLE__OPERATOR_ACCOUNT", "+1"),
        ("BELLWIRE__SECRETS__OLD_MASTER_KEYS", "nan"),
        // Other kinds are read as before.
        ("BELLWIRE__DELIVERY__MAX_ATTEMPTS", "7"),
        ("BELLWIRE__SERVER__API", "FALSE"),
        ("BELLWIRE__TRACES__RATIO", "0.5"),
        ("BELLWIRE__FCM__MAX_PER_MINUTE", "0"),
    ];

    let config = load(&given).unwrap();
    assert_eq!(config.secrets.master_key_id, "01");
    assert_eq!(config.oidc.client_id, "007");
    assert_eq!(config.oidc.client_secret.expose_secret(), "1e5");
    assert_eq!(config.oidc.name, "TRUE");
    assert_eq!(config.console.operator_account.as_deref(), Some("+1"));
    assert_eq!(config.secrets.old_master_keys.expose_secret(), "nan");
    assert_eq!(config.delivery.max_attempts, 7);
    assert!(!config.server.api);
    assert!((config.traces.ratio - 0.5).abs() < f64::EPSILON);
    assert_eq!(config.fcm.max_per_minute, 0);

    for (variable, value) in [
        ("BELLWIRE__DELIVERY__MAX_ATTEMPTS", "yes"),
        ("BELLWIRE__DELIVERY__MAX_ATTEMPTS", "1.5"),
        ("BELLWIRE__DELIVERY__MAX_ATTEMPTS", "true"),
        ("BELLWIRE__DELIVERY__MAX_ATTEMPTS", ""),
        ("BELLWIRE__SERVER__API", "2"),
        ("BELLWIRE__SERVER__API", "1.0"),
        ("BELLWIRE__TRACES__RATIO", "on"),
        ("BELLWIRE__TRACES__RATIO", "nan"),
    ] {
        let error = load(&[(variable, value)]).unwrap_err().to_string();
        assert!(error.contains(variable), "{value}: {error}");
    }
}

#[test]
fn a_list_from_the_environment_may_be_empty_and_have_spaces() {
    let config = load(&[
        ("BELLWIRE__FCM__TOKEN_URIS", ""),
        ("BELLWIRE__PROXY__NO_PROXY", " example.com , 10.0.0.0/8,"),
        ("BELLWIRE__SERVER__TRUSTED_PROXIES", "10.0.0.1"),
        ("BELLWIRE__OIDC__SCOPES", "1"),
    ])
    .unwrap();

    assert_eq!(config.fcm.token_uris, Vec::<String>::new());
    assert_eq!(config.proxy.no_proxy, ["example.com", "10.0.0.0/8"]);
    assert_eq!(config.server.trusted_proxies, ["10.0.0.1"]);
    assert_eq!(config.oidc.scopes, ["1"]);
}

#[test]
fn a_value_that_is_not_utf_8_is_refused_and_not_shown() {
    use std::os::unix::ffi::OsStringExt;

    let latin_1 = |name: &str| {
        (
            OsString::from(name),
            OsString::from_vec(b"hunter2\xe4".to_vec()),
        )
    };
    let error = check_encoding([latin_1("BELLWIRE__DATABASE__URL")].into_iter()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("BELLWIRE__DATABASE__URL must be UTF-8") && !text.contains("hunter2"),
        "{text}"
    );

    check_encoding([latin_1("OTHER")].into_iter()).unwrap();
}

#[test]
fn old_names_are_read_and_warned_of() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        "[delivery]\nmax_in_flight = 600\nburst_count = 7\n[fcm]\nramp = \"5s\"\n",
    )
    .unwrap();
    let environment = environment(&[
        ("BELLWIRE__DELIVERY__MAX_CLAIMED", "700"),
        ("BELLWIRE__APNS__RAMP", "6s"),
    ]);

    let config = Config::from_sources(Some(file.path()), environment).unwrap();

    assert_eq!(config.delivery.max_claimed, 700, "the environment wins");
    assert_eq!(config.delivery.mass_invalidation_count, 7);
    assert_eq!(config.fcm.warm_up, Duration::from_secs(5));
    assert_eq!(config.apns.warm_up, Duration::from_secs(6));
    let warnings: Vec<String> = config
        .renamed_keys
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(warnings.len(), 4, "{warnings:?}");
    assert!(warnings[0].starts_with("delivery.max_in_flight is now delivery.max_claimed"));
}

#[test]
fn a_key_under_both_names_is_refused() {
    let error = load(&[
        ("BELLWIRE__DELIVERY__BURST_COUNT", "7"),
        ("BELLWIRE__DELIVERY__MASS_INVALIDATION_COUNT", "8"),
    ]);

    let message = error.unwrap_err().to_string();
    assert!(message.contains("delete delivery.burst_count"), "{message}");
}

#[test]
fn an_unknown_key_is_named() {
    let error = load(&[("BELLWIRE__DELIVERY__LEASES", "1s")]).unwrap_err();
    assert!(format!("{error:#}").contains("leases"), "{error:#}");
}

#[test]
fn a_problem_names_the_line_of_the_file_or_the_variable() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        "# [delivery]\n[server]\nlisten = \"0.0.0.0:8080\"\n\n[delivery]\nlease = 30\n  leases = \"1s\"\n\n[delivry]\nx = 1\n",
    )
    .unwrap();
    let environment = environment(&[("BELLWIRE__FCM__ENDPIONT", "https://x")]);

    let error = Config::from_sources(Some(file.path()), environment).unwrap_err();
    let text = error.to_string();

    let name = file.path().file_name().unwrap().to_string_lossy();
    assert!(text.contains(&format!("{name})")), "{text}");
    for expected in [
        "such as 30s (set in line 6 of ",
        "did you mean delivery.lease (BELLWIRE__DELIVERY__LEASE)? (set in line 7 of ",
        "did you mean delivery (BELLWIRE__DELIVERY__…)? (set in line 9 of ",
        "(set by the environment variable BELLWIRE__FCM__ENDPIONT)",
    ] {
        assert!(text.contains(expected), "{text} should contain {expected}");
    }
}

#[test]
fn every_broken_rule_is_named_with_its_key_and_value() {
    let error = load(&[
        ("BELLWIRE__DELIVERY__LEASE", "5s"),
        ("BELLWIRE__DELIVERY__MAX_ATTEMPTS", "0"),
        ("BELLWIRE__FCM__ENDPOINT", "http://localhost"),
        ("BELLWIRE__LOG__LEVEL", "verbose"),
    ]);
    let text = error.unwrap_err().to_string();
    for expected in [
        "delivery.lease is 5s, but must be at least twice fcm.timeout",
        "delivery.max_attempts is 0, but must be at least 1",
        "fcm.endpoint is \"http://localhost\", but must be an https address",
        "log.level is \"verbose\", but must be a level",
        "(BELLWIRE__DELIVERY__LEASE)",
    ] {
        assert!(text.contains(expected), "{text} should contain {expected}");
    }
}

#[test]
fn a_file_that_is_not_toml_is_refused_in_one_line_without_its_content() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        "[database]\nurl = \"postgres://user:hunter2@host/db\n",
    )
    .unwrap();
    let text = format!(
        "{:#}",
        Config::from_sources(Some(file.path()), environment(&[])).unwrap_err()
    );
    assert!(
        text.contains("line 2") && !text.contains("hunter2") && !text.contains('\n'),
        "{text}"
    );
}

#[test]
fn a_secret_given_twice_is_refused() {
    let error = load(&[
        ("BELLWIRE__DATABASE__URL", "postgres://a/b"),
        ("BELLWIRE__DATABASE__URL_FILE", "/some/file"),
    ]);
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("database.url and database.url_file are both set")
    );
}

#[test]
fn secrets_are_read_from_files_and_never_shown() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "postgres://user:hunter2@host/db\n").unwrap();
    let path = file.path().display().to_string();
    let config = load(&[("BELLWIRE__DATABASE__URL_FILE", path.as_str())]).unwrap();
    assert_eq!(
        config.database.url.expose_secret(),
        "postgres://user:hunter2@host/db"
    );
    assert!(!format!("{config}{config:?}").contains("hunter2"));
}

#[test]
fn a_login_with_openid_connect_is_configured_whole_and_its_secret_is_not_shown() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "hunter2\n").unwrap();
    let path = file.path().display().to_string();
    let issuer = ("BELLWIRE__OIDC__ISSUER", "https://login.example.com");
    let whole = [
        issuer,
        ("BELLWIRE__OIDC__CLIENT_ID", "bellwire"),
        ("BELLWIRE__OIDC__CLIENT_SECRET_FILE", path.as_str()),
        ("BELLWIRE__OIDC__ACCESS", "FULL:demo:admins,READ:demo:*"),
    ];
    let loaded = load(&whole);
    if cfg!(feature = "oidc") {
        let config = loaded.unwrap();
        assert_eq!(config.oidc.client_secret.expose_secret(), "hunter2");
        assert_eq!(config.oidc.access, ["FULL:demo:admins", "READ:demo:*"]);
        assert!(!format!("{config}{config:?}").contains("hunter2"));
    } else {
        let text = loaded.unwrap_err().to_string();
        assert!(text.contains("lacks the feature oidc"), "{text}");
    }

    let text = load(&[issuer]).unwrap_err().to_string();
    for key in ["oidc.client_id", "oidc.access"] {
        assert!(text.contains(key), "{text} should contain {key}");
    }
    for (variable, value, expected) in [
        (
            "BELLWIRE__OIDC__ISSUER",
            "http://login.example.com",
            "an https address",
        ),
        (
            "BELLWIRE__OIDC__ACCESS",
            "FULL:demo:admins,WRITE:demo:a",
            "\"WRITE:demo:a\"",
        ),
        ("BELLWIRE__OIDC__TIMEOUT", "0s", "more than 0"),
        ("BELLWIRE__OIDC__CLIENT_SECRET", "x", "are both set"),
    ] {
        let mut pairs: Vec<_> = whole
            .into_iter()
            .filter(|(name, _)| *name != variable)
            .collect();
        pairs.push((variable, value));
        let text = load(&pairs).unwrap_err().to_string();
        assert!(text.contains(expected), "{text} should contain {expected}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_secret_file_that_others_can_read_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "1:AAAA").unwrap();
    let path = file.path().display().to_string();

    for (variable, key) in [
        (
            "BELLWIRE__SECRETS__MASTER_KEY_FILE",
            "secrets.master_key_file",
        ),
        (
            "BELLWIRE__SECRETS__OLD_MASTER_KEYS_FILE",
            "secrets.old_master_keys_file",
        ),
        (
            "BELLWIRE__OIDC__CLIENT_SECRET_FILE",
            "oidc.client_secret_file",
        ),
    ] {
        for (mode, is_taken) in [(0o600, true), (0o440, true), (0o644, false), (0o604, false)] {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            let loaded = load(&[(variable, path.as_str())]);
            assert_eq!(loaded.is_ok(), is_taken, "{mode:o}");
            if let Err(error) = loaded {
                let text = format!("{error:#}");
                assert!(
                    text.starts_with(key) && text.contains("chmod 640"),
                    "{text}"
                );
            }
        }
    }
}

#[test]
fn a_key_in_the_place_of_its_id_is_not_shown() {
    let key = "qFkFTU0oVKcF3DvMFdGbXDyhJyqKNrnb0sXdFuMGxlA=";
    let error = load(&[("BELLWIRE__SECRETS__MASTER_KEY_ID", key)]).unwrap_err();
    let text = format!("{error:#}");

    assert!(
        text.contains("secrets.master_key_id") && !text.contains(key),
        "{text}"
    );
}

#[test]
fn an_unknown_level_is_refused() {
    for level in [
        "info",
        "WARN",
        "off",
        "info,bellwire::delivery=debug,sqlx=off",
        "bellwire[request]=trace",
    ] {
        load(&[("BELLWIRE__LOG__LEVEL", level)])
            .unwrap_or_else(|error| panic!("{level}: {error:#}"));
    }
    for level in [
        "verbose",
        "inof",
        "",
        "info,bellwire",
        "bellwire=loud",
        "a=b=c",
        "info;debug",
    ] {
        let error = load(&[("BELLWIRE__LOG__LEVEL", level)])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("log.level") && error.contains("off, error, warn"),
            "{level}: {error}"
        );
    }
}

#[test]
fn a_number_that_does_not_fit_is_named_by_its_key() {
    let error = load(&[("BELLWIRE__DELIVERY__MAX_ATTEMPTS", "70000")])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("delivery.max_attempts (BELLWIRE__DELIVERY__MAX_ATTEMPTS)")
            && !error.contains("u16"),
        "{error}"
    );
}

#[test]
fn the_printed_configuration_is_toml_that_loads_again() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), load(&[]).unwrap().to_string()).unwrap();
    Config::from_sources(Some(file.path()), environment(&[])).unwrap();
}

#[test]
fn a_secret_file_that_is_missing_is_named() {
    let error = load(&[("BELLWIRE__SECRETS__MASTER_KEY_FILE", "/no/such/file")]).unwrap_err();
    assert!(format!("{error:#}").contains("/no/such/file"), "{error:#}");
}
