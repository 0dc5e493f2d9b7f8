//! Where Bellwire is, with which key it is asked, and what is said if that does not work.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::{Cli, answer, bare, end_of, stub};

fn write_private(path: &std::path::Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_read_from_a_file_that_only_its_owner_can_read() {
    let (service, cli) = Cli::with_service().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bellwire/config.toml");
    let Cli { url, key, secret } = &cli;
    let text = format!(
        "[profiles.default]\nurl = 'http://127.0.0.1:1'\nkey = 'SKx'\nsecret = 'hunter2'\n\n\
         [profiles.shop]\nurl = '{url}/'\nkey = '{key}'\nsecret = '{secret}'\n"
    );
    write_private(&path, &text);
    let command = |arguments: &[&str]| -> Command {
        let mut command = bare(arguments);
        command.env("XDG_CONFIG_HOME", folder.path());
        command
    };
    let operations = ["operations", "--profile", "shop"];

    end_of(command(&operations), "").done();
    let mut named = command(&["operations"]);
    named.env("BELLWIRE_PROFILE", "shop");
    end_of(named, "").done();
    let mut wins = command(&operations);
    wins.env("BELLWIRE_URL", "http://127.0.0.1:1");
    end_of(wins, "").done();

    let unknown = end_of(command(&["operations", "--profile", "bakery"]), "").error(2);
    assert!(
        unknown.contains("no profile 'bakery', only default, shop"),
        "{unknown}"
    );
    // The key of a profile is not sent to an address from elsewhere.
    let mut mixed = command(&["operations"]);
    mixed.env("BELLWIRE_URL", url);
    let mixed = end_of(mixed, "").error(2);
    assert!(mixed.contains("BELLWIRE_KEY is not set"), "{mixed}");

    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let open = end_of(command(&operations), "").error(2);
    assert!(
        open.contains("chmod 600") && !open.contains(secret),
        "{open}"
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_accepted_says_where_it_is_from() {
    let (service, cli) = Cli::with_service().await;
    let wrong = Cli {
        secret: "hunter2".to_owned(),
        ..cli
    };

    let line = wrong.run(&["operations"]).error(1);
    assert!(
        line.contains("check BELLWIRE_KEY and BELLWIRE_SECRET"),
        "{line}"
    );
    service.stop().await;
}

#[test]
fn no_address_is_a_mistake_of_usage() {
    let line = end_of(bare(&["operations"]), "").error(2);

    assert!(
        line.contains("set BELLWIRE_URL, BELLWIRE_KEY and BELLWIRE_SECRET"),
        "{line}"
    );
}

#[test]
fn an_address_without_bellwire_says_what_is_there() {
    let line = Cli::at("http://127.0.0.1:1").run(&["operations"]).error(5);
    assert!(
        line.contains("http://127.0.0.1:1: connection refused"),
        "{line}"
    );

    for (status, headers, body, expected) in [
        ("404 Not Found", "", "nginx", "check the address"),
        ("200 OK", "", "<html>", "not JSON"),
        ("200 OK", "", "{}", "the answer has no operations"),
        (
            "301 Moved",
            "Location: https://b.example/\r\n",
            "",
            "https://b.example/",
        ),
        (
            "401 Unauthorized",
            "",
            "<html>",
            "not an answer of Bellwire",
        ),
    ] {
        let (url, asked) = stub(vec![answer(status, headers, body)]);
        let line = Cli::at(&url).run(&["operations"]).error(1);
        assert!(line.contains(expected), "{line}");
        asked.join().unwrap();
    }
}

#[test]
fn a_proxy_is_asked_for_https() {
    let (proxy, asked) = stub(vec![answer("403 Forbidden", "", "")]);
    let mut command = Cli::at("https://push.example.com").command(&["operations"]);
    command.env("HTTPS_PROXY", &proxy);

    let line = end_of(command, "").error(5);
    assert!(line.contains("the proxy 127.0.0.1"), "{line}");
    drop(asked);
}
