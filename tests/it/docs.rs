//! The documents agree with the code.

use std::collections::BTreeSet;
use std::path::Path;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// `section.key` and the default of every setting.
fn settings() -> BTreeSet<(String, String)> {
    let mut section = String::new();
    let mut settings = BTreeSet::new();
    for line in bellwire::config::DEFAULTS
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            name.clone_into(&mut section);
        } else if let Some((key, value)) = line.split_once(" = ") {
            settings.insert((format!("{section}.{key}"), value.to_owned()));
        }
    }
    settings
}

/// docs/configuration.md, made from config/default.toml.
fn configuration_document() -> String {
    let mut document = String::from(CONFIGURATION_HEAD);
    let mut section = "";
    let mut explanation = Vec::new();

    // The comment at the top of the file speaks of the file, and ends with the first section.
    let sections = bellwire::config::DEFAULTS.find("\n[").unwrap();

    for line in bellwire::config::DEFAULTS[sections..].lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
            document.push_str(&section_head(section));
        } else if let Some(comment) = line.strip_prefix("# ") {
            explanation.push(comment);
        } else if let Some((key, default)) = line.split_once(" = ") {
            let meaning = explanation.join(" ").replace('|', "\\|");
            document.extend([
                "| `", section, ".", key, "` | `", default, "` | ", &meaning, " |\n",
            ]);
            explanation.clear();
        }
    }

    document
}

fn section_head(section: &str) -> String {
    format!("\n## {section}\n\n| key | default | meaning |\n|---|---|---|\n")
}

const CONFIGURATION_HEAD: &str = "# Configuration

Every key, made from `config/default.toml`. Values come from three layers; a later one wins:

1. these defaults;
2. the TOML file named by `--config` or `BELLWIRE_CONFIG`;
3. environment variables: `delivery.lease` is `BELLWIRE__DELIVERY__LEASE`.

Durations look like `500ms`, `30s`, `5m`, `1h` or `7d`. An empty value means that the key is not set. Unknown keys
are refused. `bellwire check-config` prints the configuration in effect, with its secrets redacted.
";

#[test]
fn the_configuration_document_is_made_from_the_defaults() {
    let expected = configuration_document();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    if std::env::var_os("BELLWIRE_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }

    assert!(
        std::fs::read_to_string(&path).unwrap() == expected,
        "docs/configuration.md is stale: run `BELLWIRE_UPDATE_DOCS=1 cargo test --test it docs::`, \
         and commit the file"
    );
}

#[test]
fn every_setting_is_explained_where_it_is_set() {
    let lines: Vec<&str> = bellwire::config::DEFAULTS.lines().collect();
    for pair in lines.windows(2).filter(|pair| pair[1].contains(" = ")) {
        assert!(pair[0].starts_with("# "), "{} is not explained", pair[1]);
    }
}

#[test]
fn ci_runs_the_readmes_test_command() {
    assert!(read("README.md").contains("\ncargo test\n"));
    assert!(read(".ci/run").lines().any(|line| line == "cargo test"));
}

#[test]
fn every_file_that_the_documents_name_exists() {
    for document in ["README.md", "ARCHITECTURE.md"] {
        let text = read(document);
        let named = text.split('`').skip(1).step_by(2);
        for path in named.filter(|path| {
            ["src/", "tests/", "config/", "migrations/", "docs/"]
                .iter()
                .any(|start| path.starts_with(start))
        }) {
            let whole = path.replace("…", "");
            assert!(
                Path::new(env!("CARGO_MANIFEST_DIR")).join(&whole).exists(),
                "{document} names {path}"
            );
        }
    }
}

/// The words that follow `flag`, wherever it stands.
fn arguments<'a>(text: &'a str, flag: &str) -> BTreeSet<&'a str> {
    let mut words = text.split(|letter: char| letter.is_whitespace() || letter == '`');
    let mut found = BTreeSet::new();
    while words.any(|word| word == flag) {
        found.extend(words.next());
    }
    found
}

#[test]
fn the_documents_name_the_profiles_that_compose_has() {
    let compose = read("docker-compose.yml");
    let lists = compose
        .lines()
        .filter_map(|line| line.trim().strip_prefix("profiles: [")?.strip_suffix(']'));
    let profiles: BTreeSet<&str> = lists.flat_map(|list| list.split(", ")).collect();

    // Cargo has profiles too.
    let readme = read("README.md")
        .replace("--profile dist", "")
        .replace("--profile quick", "");
    assert_eq!(arguments(&readme, "--profile"), profiles);

    for path in [
        "docs/operations.md",
        "docker-compose.yml",
        "deploy/demo.env",
        "deploy/drill",
    ] {
        let text = read(path);
        assert!(arguments(&text, "--profile").is_subset(&profiles), "{path}");
    }
}

#[test]
fn compose_and_the_demo_set_keys_that_exist() {
    let known: BTreeSet<String> = settings().into_iter().map(|(key, _)| key).collect();
    for path in [
        "docker-compose.yml",
        "deploy/demo.env",
        "README.md",
        "docs/configuration.md",
        "docs/operations.md",
    ] {
        let text = read(path);
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        for variable in words.filter_map(|word| word.strip_prefix("BELLWIRE__")) {
            let key = variable.to_lowercase().replacen("__", ".", 1);
            assert!(
                known.contains(&key) || variable == "SECTION__KEY",
                "{path} names BELLWIRE__{variable}"
            );
        }
    }
}

#[test]
fn files_that_compose_mounts_and_reads_exist() {
    let compose = read("docker-compose.yml");
    let mounted = compose
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- ./")?.split(':').next());
    let readme = read("README.md");
    let drill = read("deploy/drill");
    let files = arguments(&readme, "--env-file")
        .into_iter()
        .chain(arguments(&drill, "--env-file"));
    let paths: BTreeSet<&str> = mounted.chain(files).collect();
    assert!(paths.len() > 3, "{paths:?}");

    for path in paths {
        assert!(
            Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists(),
            "{path}"
        );
    }
}

#[test]
fn the_image_is_built_with_the_pinned_compiler() {
    let toolchain = read("rust-toolchain.toml");
    let version = toolchain
        .split_once("channel = \"")
        .unwrap()
        .1
        .split('"')
        .next()
        .unwrap();
    assert!(
        read("Dockerfile").contains(&format!("\nFROM rust:{version}-slim-bookworm AS build\n"))
    );
}

#[test]
fn ci_and_the_readme_build_what_the_image_is_built_with() {
    let dockerfile = read("Dockerfile");
    let default_of = |argument: &str| {
        let start = format!("ARG {argument}=");
        let line = dockerfile
            .lines()
            .find_map(|line| line.strip_prefix(&start));
        line.unwrap().to_owned()
    };
    let features = format!(
        "--no-default-features --features {}",
        default_of("FEATURES")
    );
    let profile = format!("--profile {}", default_of("PROFILE"));

    assert!(read(".ci/run").contains(&features), "{features}");
    assert!(read("README.md").contains(&format!("{profile} {features}")));
    assert!(!features.contains("dev"), "{features}");
}

#[test]
fn the_image_exposes_the_ports_that_the_service_listens_on() {
    let port = |key: &str| {
        let value = settings()
            .into_iter()
            .find(|(known, _)| known == key)
            .unwrap()
            .1;
        value
            .trim_matches('"')
            .rsplit(':')
            .next()
            .unwrap()
            .to_owned()
    };
    let expected = format!(
        "EXPOSE {} {}",
        port("server.listen"),
        port("metrics.listen")
    );
    assert!(
        read("Dockerfile").lines().any(|line| line == expected),
        "{expected}"
    );
}

#[test]
fn the_build_context_holds_the_files_that_the_image_copies() {
    let ignore = read(".dockerignore");
    let sent: BTreeSet<&str> = ignore
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .collect();
    let dockerfile = read("Dockerfile");
    let copied = dockerfile
        .lines()
        .filter_map(|line| line.strip_prefix("COPY "))
        .filter(|copied| !copied.contains("--"));
    let copied = copied
        .flat_map(|copied| copied.rsplit_once(' ').unwrap().0.split(' '))
        .collect();
    assert_eq!(sent, copied);
}

#[test]
fn compose_waits_for_as_long_as_a_process_may_take_to_end() {
    let seconds = |text: &str| {
        text.trim_matches('"')
            .strip_suffix('s')
            .unwrap()
            .parse::<u32>()
            .unwrap()
    };
    let of = |key: &str| {
        seconds(
            &settings()
                .into_iter()
                .find(|(known, _)| known == key)
                .unwrap()
                .1,
        )
    };
    let longest = of("server.drain_delay") + 2 * of("delivery.grace");
    let compose = read("docker-compose.yml");
    let replica = compose
        .split_once("x-replica:")
        .unwrap()
        .1
        .split_once("\nservices:")
        .unwrap()
        .0;
    let period = replica
        .split_once("stop_grace_period: ")
        .unwrap()
        .1
        .lines()
        .next()
        .unwrap();
    assert!(seconds(period) > longest, "{period} against {longest}s");
}
