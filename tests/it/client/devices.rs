//! `bellwire devices import` and `devices export`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use super::{Cli, Ended, end_of};
use crate::support::client::{answer, fcm, message};

const CSV: &str = "token,provider,externalId,tags,variables\n\
    device-1,FCM,ann,tier:gold,\"{\"\"name\"\": \"\"Ann\"\"}\"\n\
    \n\
    \"a token\n\
    of two lines\",SMS,ben,,\n\
    device-2,FCM,ben,tier:silver,\n";

fn import(cli: &Cli, path: &Path, arguments: &[&str]) -> Ended {
    let path = path.to_str().unwrap();
    let arguments = [&["devices", "import", path, "--app", "demo"], arguments].concat();
    cli.run(&arguments)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_json_is_registered_and_its_bad_lines_are_named() {
    let (service, cli) = Cli::with_service().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("devices.ndjson");
    let good = |number: usize| json!({"token": format!("device-{number}"), "provider": "FCM"});
    let lines = format!(
        "{}\n\n{}\nnot json\n{}\n",
        good(1),
        json!({"token": "device-2", "provider": "SMS"}),
        good(3)
    );
    fs::write(&path, lines).unwrap();

    let imported = import(&cli, &path, &[]);
    assert_eq!(imported.code, Some(3), "{}", imported.err);
    assert_eq!(
        imported.out,
        "4 rows: 2 new, 0 changed, 0 unchanged, 2 failed\n"
    );
    let reported: Vec<&str> = imported.err.lines().collect();
    let name = path.display();
    assert_eq!(reported.len(), 2, "no bar without a terminal: {reported:?}");
    assert!(
        reported[0].starts_with(&format!("{name}, line 3, provider: "))
            && reported[1].starts_with(&format!("{name}, line 4: ")),
        "{reported:?}"
    );

    let again = import(&cli, &path, &["--json"]);
    assert_eq!(again.code, Some(3), "{}", again.err);
    let counts = &again.json()[0];
    assert_eq!(
        (&counts["rows"], &counts["unchanged"], &counts["failed"]),
        (&json!(4), &json!(2), &json!(2))
    );
    assert_eq!(counts["errors"][0]["line"], 3);
    assert_eq!(counts["errors"][0]["field"], "provider");
    assert_eq!(counts["errors"][1]["line"], 4);

    fs::write(&path, "nothing\n").unwrap();
    let line = import(&cli, &path, &[]).error(1);
    assert!(line.contains("no row"), "{line}");
    let missing = import(&cli, &folder.path().join("missing"), &[]).error(1);
    assert!(missing.contains("can't read"), "{missing}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_is_read_once_whatever_it_is_called() {
    let (service, cli) = Cli::with_service().await;
    let line = json!({"token": "device-1", "provider": "FCM"}).to_string();

    for (path, expected) in [
        (
            "/dev/stdin",
            "1 row: 1 new, 0 changed, 0 unchanged, 0 failed\n",
        ),
        ("-", "1 row: 0 new, 0 changed, 1 unchanged, 0 failed\n"),
    ] {
        let arguments = ["devices", "import", path, "--app", "demo"];
        let imported = cli.run_with(&arguments, &line).done();
        assert_eq!(imported.out, expected, "{path}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_csv_file_is_registered_by_its_name_or_an_option() {
    let (service, cli) = Cli::with_service().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("devices.csv");
    fs::write(&path, CSV).unwrap();

    let imported = import(&cli, &path, &["--json"]);
    assert_eq!(imported.code, Some(3), "{}", imported.err);
    let counts = &imported.json()[0];
    assert_eq!(
        (&counts["created"], &counts["failed"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(counts["errors"][0]["line"], 5, "where the row ends");
    assert_eq!(counts["errors"][0]["field"], "provider");

    let rows = "provider,token\nFCM,device-3\nFCM,device-1\n";
    let arguments = ["devices", "import", "-", "--format", "csv", "--app", "demo"];
    let piped = cli.run_with(&arguments, rows).done();
    assert_eq!(
        piped.out,
        "2 rows: 1 new, 0 changed, 1 unchanged, 0 failed\n"
    );

    fs::write(&path, "tokn,provider\n").unwrap();
    let line = import(&cli, &path, &[]).error(1);
    assert!(line.contains("the column 'tokn' does not exist"), "{line}");
    fs::write(&path, "").unwrap();
    let empty = import(&cli, &path, &[]).done();
    assert!(empty.out.starts_with("0 rows"), "{}", empty.out);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_in_each_format_is_imported_again() {
    let (service, cli) = Cli::with_service().await;
    let rows = "token,provider,externalId,tags\n\
        device-1,FCM,ann,tier:gold\n\
        device-2,FCM,\"=ben, \"\"the second\"\"\",\n";
    let arguments = ["devices", "import", "-", "--format", "csv", "--app", "demo"];
    cli.run_with(&arguments, rows).done();

    let masked = cli.run(&["devices", "export"]).done();
    let devices = masked.json();
    assert_eq!(devices.len(), 2);
    assert!(!masked.out.contains("device-1"), "{}", masked.out);
    let none = cli.run(&["devices", "export", "--app", "other"]).done();
    assert_eq!(none.out, "");

    let folder = tempfile::tempdir().unwrap();
    for name in ["devices.ndjson", "devices.csv"] {
        let path = folder.path().join(name);
        let output = path.to_str().unwrap();
        let written = cli
            .run(&["devices", "export", "--whole-tokens", "--output", output])
            .done();
        assert_eq!(written.out, "");
        assert_eq!(written.err, format!("written to {output}: 2 devices\n"));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.starts_with('{'), name.ends_with("ndjson"), "{text}");
        assert!(text.contains("device-1"), "{text}");
        let again = import(&cli, &path, &[]).done();
        assert_eq!(
            again.out,
            "2 rows: 0 new, 0 changed, 2 unchanged, 0 failed\n"
        );
    }

    let csv = cli.run(&["devices", "export", "--format", "csv"]).done();
    assert!(
        csv.out.starts_with("appName,provider,token,"),
        "{}",
        csv.out
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_tokens_take_a_key_with_the_role_full() {
    let (service, cli) = Cli::with_service().await;
    let (_, created) = service.client.post("/Keys", &json!({"role": "READ"})).await;
    let [key, secret] = ["key", "secret"].map(|name| created[name].as_str().unwrap().to_owned());
    let reader = Cli { key, secret, ..cli };

    let refused = reader.run(&["devices", "export", "--whole-tokens"]);
    assert!(
        refused.error(1).contains("role of this API key"),
        "{}",
        refused.err
    );
    reader.run(&["devices", "export"]).done();
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_shows_the_progress_of_an_import() {
    let (service, cli) = Cli::with_service().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("devices.csv");
    let rows: Vec<String> = (0..25_000)
        .map(|number| format!("device-{number},FCM\n"))
        .collect();
    fs::write(&path, format!("token,provider\n{}", rows.concat())).unwrap();

    // `script` gives the command a terminal.
    let mut shell = Command::new("script");
    let line = format!(
        "'{}' devices import '{}' --app demo",
        env!("CARGO_BIN_EXE_bellwire"),
        path.display()
    );
    shell
        .args(["-qefc", &line, "/dev/null"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env("BELLWIRE_URL", &cli.url)
        .env("BELLWIRE_KEY", &cli.key)
        .env("BELLWIRE_SECRET", &cli.secret)
        .env("TERM", "xterm-256color");
    let ended = end_of(shell, "").done();

    assert!(ended.out.contains("20,000/25,001"), "{:?}", ended.out);
    assert!(ended.out.contains("0 failed"), "{:?}", ended.out);
    assert!(
        ended
            .out
            .ends_with("25,000 rows: 25,000 new, 0 changed, 0 unchanged, 0 failed\r\n"),
        "{:?}",
        ended.out
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_imported_is_sent_to() {
    let (service, cli) = Cli::with_service().await;
    let arguments = ["devices", "import", "-", "--format", "csv", "--app", "demo"];
    let rows = "token,provider,externalId\ndevice-of-ann,FCM,ann\n";
    cli.run_with(&arguments, rows).done();

    let request = service.client.request(reqwest::Method::POST, "");
    let body = message(&[json!({"externalId": "ann"}), fcm("another")]);
    let (_, accepted) = answer(request.json(&body).send().await.unwrap()).await;
    let id = accepted["operationId"].as_str().unwrap();
    service.client.completed(id).await;
    let messages = service.world.messages().await;
    assert!(messages.contains_key("device-of-ann"), "{messages:?}");
    service.stop().await;
}
