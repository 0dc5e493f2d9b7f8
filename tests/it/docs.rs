//! The documents say what the code does.

use std::collections::BTreeSet;
use std::path::Path;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// `section.key` and the default of every setting.
fn settings() -> BTreeSet<(String, String)> {
    let (mut section, mut settings) = (String::new(), BTreeSet::new());
    for line in bellwire::config::DEFAULTS.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((key, value)) = line.split_once(" = ") {
            settings.insert((format!("{section}.{key}"), value.to_owned()));
        }
    }
    settings
}

#[test]
fn the_readme_lists_every_setting_with_its_default() {
    let readme = read("README.md");
    let rows = readme.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|');
        let key = cells.next()?.trim().trim_matches('`').to_owned();
        let default = cells.next()?.trim().trim_matches('`').to_owned();
        key.contains('.').then_some((key, default))
    });
    assert_eq!(rows.collect::<BTreeSet<_>>(), settings());
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
            ["src/", "tests/", "config/", "migrations/", "docs/"].iter().any(|start| path.starts_with(start))
        }) {
            let whole = path.replace("…", "");
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(&whole).exists(), "{document} names {path}");
        }
    }
}
