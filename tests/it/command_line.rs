//! The command line: keys, configuration, and errors in one clear line.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use bellwire::crypto::{MasterKeys, generate_master_key};
use bellwire::dev::postgres::PrivatePostgres;
use bellwire::model::id::{AccountId, CredentialId};
use bellwire::model::provider::CredentialType;
use bellwire::model::sealed::ContentOwner;
use secrecy::ExposeSecret;
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::service::{Service, World};

fn bellwire(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwire"));
    command
        .args(arguments)
        .env_remove("BELLWIRE_CONFIG")
        .env_remove("DATABASE_URL");
    command.envs(environment.iter().copied()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The one line that a failed command leaves.
fn error(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));

    let text = String::from_utf8(output.stderr.clone()).unwrap();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(lines.len(), 1, "{text}");

    lines[0].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_listed_and_get_weights() {
    let world = World::new().await;
    let (account_id, ..) = world.account("shop").await;
    world.account("bakery").await;
    let environment = [("BELLWIRE__DATABASE__URL", world.database.url.as_str())];

    let id = account_id.to_string();
    let set = stdout(&bellwire(&["accounts", "weight", &id, "3"], &environment));
    assert!(set.starts_with(&format!("{id}  weight 3  ")), "{set}");
    let named = ["accounts", "weight", "bakery", "1000", "--json"];
    let set: serde_json::Value =
        serde_json::from_str(&stdout(&bellwire(&named, &environment))).unwrap();
    assert_eq!(set["weight"], 1000);

    let list = stdout(&bellwire(&["accounts", "list"], &environment));
    assert_eq!(list.lines().count(), 2);
    let json = stdout(&bellwire(&["accounts", "list", "--json"], &environment));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["id"], id);
    assert_eq!(json[0]["name"], "shop");
    assert_eq!(json[0]["weight"], 3);
    assert!(json[0]["createdAt"].is_string());

    let none = bellwire(&["accounts", "weight", "nobody", "3"], &environment);
    assert!(error(&none).contains("no account has the id or name 'nobody'"));
    for weight in ["0", "1001", "-1", "x"] {
        let refused = bellwire(&["accounts", "weight", &id, weight], &environment);
        assert_eq!(refused.status.code(), Some(2), "{weight}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_fit_nothing_are_refused_in_plain_words() {
    let service = Service::start().await;
    let environment = [(
        "BELLWIRE__DATABASE__URL",
        service.world.database.url.as_str(),
    )];

    let create = ["keys", "create", "--account", "shop"];
    let rotate = ["keys", "rotate", "SK"];
    let weight = ["accounts", "weight", "shop"];
    for (arguments, expected) in [
        (
            [&create[..], &["--expires", "99999999d"]].concat(),
            "must be 1s to 36500d",
        ),
        (
            [&create[..], &["--expires", "0s"]].concat(),
            "must be 1s to 36500d",
        ),
        (
            [&create[..], &["--expires", "soon"]].concat(),
            "must be 1s to 36500d",
        ),
        (
            [&rotate[..], &["--overlap", "99999999d"]].concat(),
            "must be 0s to 36500d",
        ),
        (
            [&weight[..], &["0.5"]].concat(),
            "must be an integer from 1 to 1000",
        ),
    ] {
        let refused = bellwire(&arguments, &environment);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        let error = String::from_utf8(refused.stderr).unwrap();
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }

    for (name, expected) in [
        ("", "must have 1 to 64 characters; it has 0"),
        ("a\nb", "must not have control characters"),
    ] {
        let refused = bellwire(&["keys", "create", "--account", name], &environment);
        assert_eq!(refused.status.code(), Some(1), "{name:?}");
        let error = error(&refused);
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("relation"), "{error}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_works_from_its_creation_until_it_is_revoked() {
    let service = Service::start().await;
    let environment = [(
        "BELLWIRE__DATABASE__URL",
        service.world.database.url.as_str(),
    )];
    let made = stdout(&bellwire(
        &["keys", "create", "--account", "shop"],
        &environment,
    ));
    let of = |name: &str| {
        made.lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap()
            .trim()
            .to_owned()
    };
    let key = of("key:");
    let secret = of("secret:");
    let client = Client::new(&service.url, &key, &secret);
    assert_eq!(client.get("/Apps").await.0, 200);
    assert!(stdout(&bellwire(&["keys", "list"], &environment)).contains(&format!("{key}  active")));

    stdout(&bellwire(&["keys", "revoke", &key], &environment));
    assert_eq!(client.get("/Apps").await.0, 401);
    assert!(error(&bellwire(&["keys", "revoke", &key], &environment)).contains("no active key"));

    let stored: String = sqlx::query_scalar("select string_agg(api_keys::text, ' ') from api_keys")
        .fetch_one(&service.world.database.pool)
        .await
        .unwrap();
    assert!(!stored.contains(&secret));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_accounts_are_managed_by_the_command_line_as_json_too() {
    let service = Service::start().await;
    let environment = [(
        "BELLWIRE__DATABASE__URL",
        service.world.database.url.as_str(),
    )];
    let run = |arguments: &[&str]| stdout(&bellwire(arguments, &environment));
    let json = |arguments: &[&str]| -> Value { serde_json::from_str(&run(arguments)).unwrap() };
    let works = async |created: &Value| {
        let [key, secret] = ["key", "secret"].map(|name| created[name].as_str().unwrap());
        Client::new(&service.url, key, secret).get("/Apps").await.0 == 200
    };

    let created = json(&[
        "keys",
        "create",
        "--account",
        "shop",
        "--name",
        "backend",
        "--note",
        "in the cellar",
        "--expires",
        "90d",
        "--json",
    ]);
    assert!(
        works(&created).await && created["expiresAt"].is_string(),
        "{created}"
    );
    let key = created["key"].as_str().unwrap();

    let rotated = json(&["keys", "rotate", key, "--overlap", "1h", "--json"]);
    assert!(works(&rotated).await && works(&created).await);
    json(&["keys", "rotate", key, "--overlap", "0s", "--json"]);
    assert!(works(&rotated).await && !works(&created).await);
    assert!(error(&bellwire(&["keys", "rotate", key], &environment)).contains("no active key"));

    let listed = json(&["keys", "list", "--account", "shop", "--json"]);
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 3);
    let old = listed.iter().find(|listed| listed["key"] == key).unwrap();
    assert_eq!(
        [&old["status"], &old["name"], &old["note"], &old["account"]],
        ["EXPIRED", "backend", "in the cellar", "shop"]
    );
    assert!(run(&["keys", "list"]).contains("expired  full"));
    assert!(
        error(&bellwire(
            &["keys", "list", "--account", "nobody"],
            &environment
        ))
        .contains("nobody")
    );

    let renamed = json(&["accounts", "rename", "shop", "store", "--json"]);
    assert_eq!(renamed["name"], "store");
    assert!(
        error(&bellwire(
            &["accounts", "rename", "store", "demo"],
            &environment
        ))
        .contains("another account")
    );
    assert!(error(&bellwire(&["accounts", "delete", "shop"], &environment)).contains("'shop'"));

    assert!(run(&["accounts", "delete", "store"]).contains("--yes"));
    assert!(works(&rotated).await, "nothing was deleted yet");
    let deleted = json(&["accounts", "delete", "store", "--yes", "--json"]);
    assert_eq!(
        (&deleted["deleted"], &deleted["keys"]),
        (&true.into(), &3.into())
    );
    assert!(!works(&rotated).await);
    assert!(!run(&["accounts", "list"]).contains("store"));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_tables_is_distinguished_from_one_without_keys() {
    let empty = Database::empty().await;
    let environment = [("BELLWIRE__DATABASE__URL", empty.url.as_str())];

    for arguments in [
        &["keys", "list"][..],
        &["keys", "revoke", "SKx"],
        &["accounts", "list"],
        &["rotate-keys"],
        &["retention", "--dry-run"],
    ] {
        let line = error(&bellwire(arguments, &environment));
        assert!(line.contains("run `bellwire migrate`"), "{line}");
    }
    let database = Database::new().await;
    let environment = [("BELLWIRE__DATABASE__URL", database.url.as_str())];
    assert_eq!(stdout(&bellwire(&["keys", "list"], &environment)), "");
}

#[test]
fn init_makes_what_is_missing_and_replaces_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(".env");
    let path = file.to_str().unwrap();
    let init = |more: &[&str]| stdout(&bellwire(&[&["init", "--file", path], more].concat(), &[]));

    init(&[]);
    let made = std::fs::read_to_string(&file).unwrap();
    let key = made
        .lines()
        .find_map(|line| line.strip_prefix("BELLWIRE__SECRETS__MASTER_KEY="))
        .unwrap();
    MasterKeys::new("1", key).unwrap();
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let said = init(&[]);
    assert!(said.contains("left as it is"), "{said}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), made);

    init(&["--database-url", "postgres://u:p@h/d?sslmode=require&x=y"]);
    let more = std::fs::read_to_string(&file).unwrap();
    assert!(more.starts_with(&made), "{more}");
    let shown = Command::new("sh")
        .args([
            "-c",
            ". \"$0\"; printf %s \"$BELLWIRE__DATABASE__URL\"",
            path,
        ])
        .output()
        .unwrap();
    assert_eq!(stdout(&shown), "postgres://u:p@h/d?sslmode=require&x=y");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_command_reports_what_the_service_answers() {
    let service = Service::start().await;
    let listen = service.url.strip_prefix("http://").unwrap().to_owned();
    let environment = [("BELLWIRE__SERVER__LISTEN", listen.as_str())];
    assert!(stdout(&bellwire(&["health"], &environment)).contains("alive"));
    assert!(stdout(&bellwire(&["health", "--ready"], &environment)).contains("ready"));

    service.world.database.drop_by_force().await;
    let line = error(&bellwire(&["health", "--ready"], &environment));
    assert!(line.contains("503") && line.contains("Postgres"), "{line}");
    assert!(
        stdout(&bellwire(&["health"], &environment)).contains("alive"),
        "alive nevertheless"
    );
    service.app.stop().await;
    let line = error(&bellwire(&["health"], &environment));
    assert!(
        line.contains(&format!("http://{listen}/healthz does not answer")),
        "{line}"
    );
}

#[test]
fn the_health_command_has_a_timeout() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = silent.local_addr().unwrap().to_string();
    let line = error(&bellwire(
        &["health"],
        &[("BELLWIRE__SERVER__LISTEN", &listen)],
    ));
    assert!(line.contains("does not answer within 5 s"), "{line}");
}

#[test]
fn the_configuration_is_shown_without_its_secrets() {
    let key = generate_master_key();
    let url = ("BELLWIRE__DATABASE__URL", "postgres://u:hunter2@h/d");
    let output = bellwire(
        &["check-config"],
        &[url, ("BELLWIRE__SECRETS__MASTER_KEY", &key)],
    );
    let shown = stdout(&output);
    assert!(
        shown.contains("[delivery]")
            && shown.contains("max_attempts = 10")
            && !shown.contains("hunter2")
            && !shown.contains(&key),
        "{shown}"
    );

    // What `serve` could not start with.
    for (environment, expected) in [
        (&[url][..], "secrets.master_key is not set"),
        (
            &[("BELLWIRE__SECRETS__MASTER_KEY", key.as_str())],
            "database.url is not set",
        ),
        (
            &[url, ("BELLWIRE__SECRETS__MASTER_KEY", "short")],
            "secrets.master_key is not valid",
        ),
        (
            &[
                url,
                ("BELLWIRE__SECRETS__MASTER_KEY", &key),
                ("BELLWIRE__FCM__CA_FILE", "/no/such/file"),
            ],
            "fcm.ca_file",
        ),
        (
            &[
                url,
                ("BELLWIRE__SECRETS__MASTER_KEY", &key),
                ("BELLWIRE__WEBHOOKS__CA_FILE", "/no/such/file"),
            ],
            "webhooks.ca_file",
        ),
        (
            &[
                url,
                ("BELLWIRE__SECRETS__MASTER_KEY", &key),
                ("BELLWIRE__SERVER__TRUSTED_PROXIES", "abc"),
            ],
            "server.trusted_proxies",
        ),
        (
            &[
                url,
                ("BELLWIRE__SECRETS__MASTER_KEY", &key),
                ("BELLWIRE__SERVER__TLS_CERTIFICATE_FILE", "/no/such/file"),
                ("BELLWIRE__SERVER__TLS_KEY_FILE", "/no/such/file"),
            ],
            "/no/such/file",
        ),
        (
            &[
                url,
                ("BELLWIRE__SERVER__TLS_CERTIFICATE_FILE", "/no/such/file"),
            ],
            "server.tls_key_file is not set",
        ),
        (
            &[url, ("BELLWIRE__RETENTION__PERIOD", "10000000d")],
            "a duration of at most 3650d",
        ),
        (
            &[url, ("BELLWIRE__LOG__LEVEL", "verbose")],
            "log.level is \"verbose\"",
        ),
        (
            &[url, ("BELLWIRE_MASTER_KEY", &key)],
            "BELLWIRE_MASTER_KEY is not read: write BELLWIRE__SECRETS__MASTER_KEY",
        ),
    ] {
        let output = bellwire(&["check-config"], environment);
        let line = error(&output);
        assert!(line.contains(expected), "{line} should contain {expected}");
        assert!(!line.contains(&key) && !line.contains("hunter2"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_prints_one_error_line() {
    let database = Database::new().await;
    let key = generate_master_key();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let empty = tempfile::NamedTempFile::new().unwrap();
    let empty = empty.path().to_str().unwrap();
    let unknown = format!(
        "{}/no_such_database",
        database.url.rsplit_once('/').unwrap().0
    );
    let url = ("BELLWIRE__DATABASE__URL", database.url.as_str());
    let at = |url| ("BELLWIRE__DATABASE__URL", url);
    let master_key = ("BELLWIRE__SECRETS__MASTER_KEY", key.as_str());
    let briefly = ("BELLWIRE__DATABASE__CONNECT_TIMEOUT", "1s");
    let anywhere = ("BELLWIRE__SERVER__LISTEN", "127.0.0.1:0");
    let cases: [(&[(&str, &str)], &str); 17] = [
        (&[master_key], "database.url is not set"),
        (
            &[master_key, at("nonsense")],
            "database.url is not a Postgres URL: write it as postgres://",
        ),
        (
            &[master_key, at("mysql://user:password@host/bellwire")],
            "database.url is not a Postgres URL: write it as",
        ),
        (
            &[master_key, at("postgres://host:port/bellwire")],
            "database.url is not a Postgres URL: ",
        ),
        (
            &[master_key, ("BELLWIRE__DATABASE__URL_FILE", empty)],
            &format!("database.url_file: {empty} is empty"),
        ),
        (
            &[master_key, ("BELLWIRE__DATABASE__URL_FILE", "/")],
            "database.url_file: can't read /: Is a directory",
        ),
        (
            &[master_key, briefly, at("postgres://nobody@127.0.0.1:1/x")],
            "Postgres can't be used: nothing listens at 127.0.0.1:1: start Postgres there",
        ),
        (
            &[
                master_key,
                briefly,
                at("postgres://user@no-such-host.invalid/x"),
            ],
            // Where no name server answers, this ends with another cause.
            "Postgres can't be used: ",
        ),
        (
            &[master_key, at(&unknown)],
            "has no database 'no_such_database': create it",
        ),
        (&[url], "secrets.master_key is not set"),
        (
            &[url, ("BELLWIRE__SECRETS__MASTER_KEY", "short")],
            "secrets.master_key is not valid",
        ),
        (
            &[url, ("BELLWIRE__SECRETS__MASTER_KEY_FILE", "/no/such/file")],
            "/no/such/file",
        ),
        (
            &[url, ("BELLWIRE__SECRETS__MASTER_KEY_FILE", "/")],
            "secrets.master_key_file: can't read /: Is a directory",
        ),
        (
            &[url, ("BELLWIRE__SECRETS__MASTER_KEY_FILE", empty)],
            &format!("secrets.master_key_file: {empty} is empty"),
        ),
        (
            &[url, master_key, ("BELLWIRE__SERVER__LISTEN", &address)],
            "server.listen: can't listen on",
        ),
        (
            &[
                url,
                master_key,
                anywhere,
                ("BELLWIRE__METRICS__LISTEN", &address),
            ],
            "metrics.listen: can't listen on",
        ),
        (
            &[url, master_key, ("BELLWIRE__SERVER__LISTENS", "x")],
            "listens",
        ),
    ];

    for (environment, expected) in cases {
        let line = error(&bellwire(&["serve"], environment));
        assert!(
            line.starts_with("error: ") && line.contains(expected),
            "{line} should contain {expected}"
        );
        let (_, cause) = line.rsplit_once(": ").unwrap();
        assert_eq!(
            line.matches(cause).count(),
            1,
            "{line} says something twice"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_postgres_refuses_is_one_error_line() {
    let directory = tempfile::tempdir().unwrap();
    let postgres = PrivatePostgres::start(&directory.path().join("postgres"))
        .await
        .unwrap();
    let mut connection =
        PgConnection::connect_with(&postgres.options(PrivatePostgres::MAINTENANCE))
            .await
            .unwrap();

    // The server writes the file, because it may run as another user.
    for statement in [
        "create role stranger login password 'right'",
        "copy (select 'local all stranger scram-sha-256' union all select 'local all all trust') to program
             'cat > pg_hba.conf'",
        "select pg_reload_conf()",
    ] {
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }

    let url = postgres.url(PrivatePostgres::MAINTENANCE);
    let key = generate_master_key();

    for (user, expected) in [
        (
            "stranger:wrong",
            r#"password authentication failed for user "stranger""#,
        ),
        ("nobody-at-all", r#"role "nobody-at-all" does not exist"#),
        ("stranger:right", "permission denied for schema public"),
    ] {
        let url = url.replace("//bellwire@", &format!("//{user}@"));
        let environment = [
            ("BELLWIRE__DATABASE__URL", url.as_str()),
            ("BELLWIRE__SECRETS__MASTER_KEY", &key),
        ];
        let line = error(&bellwire(&["serve"], &environment));
        assert!(
            line.starts_with("error: Postgres can't be used: ") && line.contains(expected),
            "{line}"
        );
        assert!(!line.contains("wrong"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_master_key_than_that_of_the_credentials_is_refused() {
    let world = World::new().await;
    world.demo().await;
    let url = world.database.url.as_str();
    let start = |id: &str, key: &str| {
        let environment = [
            ("BELLWIRE__DATABASE__URL", url),
            ("BELLWIRE__SECRETS__MASTER_KEY", key),
            ("BELLWIRE__SECRETS__MASTER_KEY_ID", id),
            ("BELLWIRE__SERVER__LISTEN", "127.0.0.1:0"),
            // This fails last, so a process with this error has passed all other checks.
            ("BELLWIRE__METRICS__LISTEN", "192.0.2.1:1"),
        ];
        error(&bellwire(&["serve"], &environment))
    };
    let right = world.config.secrets.master_key.expose_secret();
    let wrong = generate_master_key();
    let newest: Uuid = sqlx::query_scalar("select id from credentials order by id desc limit 1")
        .fetch_one(&world.database.pool)
        .await
        .unwrap();
    let refused = format!(
        "error: secrets.master_key does not decrypt the Credential {}, nor any other that was sealed under the id '1'",
        CredentialId::from(newest)
    );
    let line = start("1", &wrong);
    assert!(line.starts_with(&refused), "{line}");

    for (id, key) in [("1", right), ("2", &wrong)] {
        let line = start(id, key);
        assert!(line.starts_with("error: metrics.listen"), "{line}");
    }

    // One Credential that another process has sealed under the same id stops nothing.
    let owner = ContentOwner {
        account_id: AccountId::generate(),
        app_name: "demo",
        credential_type: CredentialType::Apn,
        id: newest.into(),
    };
    let sealed = MasterKeys::new("1", &wrong)
        .unwrap()
        .seal_content(&owner, b"{}")
        .unwrap();
    sqlx::query("update credentials set content = $2 where id = $1")
        .bind(newest)
        .bind(sealed.bytes)
        .execute(&world.database.pool)
        .await
        .unwrap();
    let line = start("1", right);
    assert!(line.starts_with("error: metrics.listen"), "{line}");
    world.simulator.stop().await;
}
