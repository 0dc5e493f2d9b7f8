//! The command line: keys, configuration, and errors in one clear line.

use std::process::{Command, Output};

use bellwire::secret::generate_master_key;

use crate::support::client::Client;
use crate::support::database::Database;
use crate::support::service::Service;

fn bellwire(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwire"));
    command.args(arguments).env_remove("BELLWIRE_CONFIG").env_remove("DATABASE_URL");
    command.envs(environment.iter().copied()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The one line that a failed command leaves.
fn error(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    lines[0].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_works_from_its_creation_until_it_is_revoked() {
    let service = Service::start().await;
    let environment = [("BELLWIRE__DATABASE__URL", service.world.database.url.as_str())];
    let made = stdout(&bellwire(&["keys", "create", "--account", "shop"], &environment));
    let of = |name: &str| made.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    let (key, secret) = (of("key:"), of("secret:"));
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
async fn health_is_what_the_service_itself_says() {
    let service = Service::start().await;
    let listen = service.url.strip_prefix("http://").unwrap().to_owned();
    let environment = [("BELLWIRE__SERVER__LISTEN", listen.as_str())];
    assert!(stdout(&bellwire(&["health"], &environment)).contains("alive"));
    assert!(stdout(&bellwire(&["health", "--ready"], &environment)).contains("ready"));
    service.world.database.vanish().await;
    let line = error(&bellwire(&["health", "--ready"], &environment));
    assert!(line.contains("503") && line.contains("Postgres"), "{line}");
    assert!(stdout(&bellwire(&["health"], &environment)).contains("alive"), "alive nevertheless");
    service.app.stop().await;
    let line = error(&bellwire(&["health"], &environment));
    assert!(line.contains(&format!("http://{listen}/healthz does not answer")), "{line}");
}

#[test]
fn health_waits_for_nobody_forever() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = silent.local_addr().unwrap().to_string();
    let line = error(&bellwire(&["health"], &[("BELLWIRE__SERVER__LISTEN", &listen)]));
    assert!(line.contains("does not answer within 5 s"), "{line}");
}

#[test]
fn the_configuration_is_shown_without_its_secrets() {
    let shown = stdout(&bellwire(&["check-config"], &[("BELLWIRE__DATABASE__URL", "postgres://u:hunter2@h/d")]));
    assert!(
        shown.contains("[delivery]") && shown.contains("max_attempts = 10") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_the_service_from_starting_is_said_in_one_line() {
    let database = Database::new().await;
    let key = generate_master_key();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let url = ("BELLWIRE__DATABASE__URL", database.url.as_str());
    let master_key = ("BELLWIRE__SECRETS__MASTER_KEY", key.as_str());
    let cases: [(&[(&str, &str)], &str); 7] = [
        (&[master_key], "database.url is not set"),
        (&[url], "secrets.master_key is not set"),
        (&[url, ("BELLWIRE__SECRETS__MASTER_KEY", "short")], "secrets.master_key is not valid"),
        (&[url, ("BELLWIRE__SECRETS__MASTER_KEY_FILE", "/no/such/file")], "/no/such/file"),
        (&[url, master_key, ("BELLWIRE__SERVER__LISTEN", &address)], "can't listen on"),
        (&[url, master_key, ("BELLWIRE__SERVER__LISTENS", "x")], "listens"),
        (
            &[
                ("BELLWIRE__DATABASE__URL", "postgres://nobody@127.0.0.1:1/x"),
                ("BELLWIRE__DATABASE__CONNECT_TIMEOUT", "1s"),
                master_key,
            ],
            "Postgres can't be used",
        ),
    ];
    for (environment, expected) in cases {
        let line = error(&bellwire(&["serve"], environment));
        assert!(line.contains(expected), "{line} should contain {expected}");
    }
}
