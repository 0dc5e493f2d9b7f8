//! docs/command-line.md: its commands are run, in its order.

use std::path::Path;
use std::process::Command;

use super::{Cli, end_of};

/// The scripts of the document that are to be run, each with its exit code.
fn scripts(document: &str) -> Vec<(i32, &str)> {
    let marked = document.split("<!-- run").skip(1);
    marked
        .map(|rest| {
            let (mark, rest) = rest.split_once("-->").unwrap();
            let code = mark.trim_start_matches(':').trim();
            let script = rest.split_once("```sh\n").unwrap().1;
            (
                code.parse().unwrap_or(0),
                script.split_once("\n```").unwrap().0,
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_document_work() {
    let (service, cli) = Cli::with_service().await;
    let folder = tempfile::tempdir().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_bellwire"));
    let path = format!(
        "{}:{}",
        binary.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let scripts = scripts(include_str!("../../../docs/command-line.md"));
    assert!(scripts.len() > 5, "{scripts:?}");

    for (code, script) in scripts {
        let mut shell = Command::new("bash");
        let command = cli.command(&[]);
        shell
            .args(["-e", "-u", "-o", "pipefail", "-c", script])
            .current_dir(folder.path())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .envs(
                command
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .env("PATH", &path);
        let ended = end_of(shell, "");
        assert_eq!(
            ended.code,
            Some(code),
            "{script}\n{}{}",
            ended.out,
            ended.err
        );
    }

    let help = cli.run(&["--help"]).done().out;
    let commands = help.split_once("Commands:\n").unwrap().1;
    let commands: Vec<&str> = commands
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.contains(&"audit"), "{commands:?}");
    let completions = std::fs::read_to_string(folder.path().join("bellwire.bash")).unwrap();
    for name in [
        "bellwire",
        "bellwire-devices-import",
        "bellwire-devices-export",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain(commands.iter().map(|name| format!("bellwire-{name}")))
    {
        let page = folder.path().join(format!("man1/{name}.1"));
        let page = std::fs::read_to_string(&page).unwrap_or_else(|_| panic!("{name}"));
        assert!(page.contains(".SH SYNOPSIS"), "{name}");
    }
    for name in commands {
        assert!(completions.contains(&format!("bellwire,{name})")), "{name}");
    }
    service.stop().await;
}

#[test]
fn the_document_and_the_help_name_the_same_exit_codes() {
    let help = Cli::at("http://127.0.0.1:1")
        .run(&["watch", "--help"])
        .done()
        .out;
    let codes: Vec<&str> = help
        .split_once("Exit codes:\n")
        .unwrap()
        .1
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let document = include_str!("../../../docs/command-line.md");

    assert_eq!(codes, ["0", "1", "2", "3", "4", "5"]);
    for code in codes {
        assert!(document.contains(&format!("\n| {code} | ")), "{code}");
    }
}

#[test]
fn every_shell_has_completions() {
    let cli = Cli::at("http://127.0.0.1:1");

    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = cli.run(&["completions", shell]).done().out;
        assert!(
            text.contains("operations") && text.contains("idempotency-key"),
            "{shell}"
        );
    }
    assert_eq!(cli.run(&["completions", "tcsh"]).code, Some(2));
}
