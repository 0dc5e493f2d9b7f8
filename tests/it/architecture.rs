//! The arrows between modules, as ARCHITECTURE.md draws them, held against the paths in the source.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Which modules of the crate each module may name, itself aside.
const ARROWS: &[(&str, &[&str])] = &[
    // Roots: they put the rest together.
    (
        "cli",
        &[
            "app",
            "client",
            "config",
            "crypto",
            "dev",
            "maintenance",
            "model",
            "printable",
            "signals",
            "store",
            "telemetry",
        ],
    ),
    (
        "app",
        &[
            "config",
            "console",
            "crypto",
            "delivery",
            "file_descriptors",
            "events",
            "handoff",
            "http",
            "ingest",
            "listen_error",
            "maintenance",
            "provider",
            "store",
            "telemetry",
            "transport",
            "work_pool",
        ],
    ),
    (
        "dev",
        &[
            "app",
            "config",
            "crypto",
            "model",
            "signals",
            "store",
            "telemetry",
            "transport",
        ],
    ),
    // It knows the service by its API alone.
    (
        "client",
        &["advice", "printable", "transport", "unique_names"],
    ),
    // Only built for the fuzz targets.
    ("fuzz", &["http", "model", "provider", "template"]),
    // Services: HTTP never names delivery, nor delivery HTTP.
    (
        "http",
        &[
            "crypto",
            "handoff",
            "ingest",
            "model",
            "provider",
            "store",
            "telemetry",
            "template",
            "transport",
            "unique_names",
            "work_pool",
        ],
    ),
    // A client of the API, within the process.
    (
        "console",
        &[
            "advice",
            "crypto",
            "http",
            "model",
            "store",
            "transport",
            "work_pool",
        ],
    ),
    ("ingest", &["handoff", "model", "store", "telemetry"]),
    (
        "delivery",
        &[
            "crypto",
            "handoff",
            "model",
            "provider",
            "store",
            "telemetry",
            "template",
            "work_pool",
        ],
    ),
    (
        "events",
        &[
            "crypto",
            "handoff",
            "model",
            "store",
            "telemetry",
            "transport",
        ],
    ),
    ("maintenance", &["crypto", "model", "store", "telemetry"]),
    // What services meet in, store with and send with.
    ("handoff", &["model"]),
    ("store", &["crypto", "model"]),
    ("provider", &["crypto", "model", "transport"]),
    ("template", &["model", "telemetry"]),
    ("advice", &["provider"]),
    ("work_pool", &["model"]),
    // Leaves.
    ("telemetry", &["config", "model", "transport"]),
    ("unique_names", &["model"]),
    ("crypto", &["model"]),
    ("config", &[]),
    ("file_descriptors", &[]),
    ("listen_error", &[]),
    ("model", &[]),
    ("printable", &[]),
    ("signals", &[]),
    ("transport", &[]),
];

/// A file of the crate, without its unit tests and comments.
struct Source {
    path: PathBuf,
    /// The first part of its path: `src/http/auth.rs` belongs to `http`.
    module: String,
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }

            let relative = path.strip_prefix(&root).unwrap().to_owned();
            let is_code = relative
                .extension()
                .is_some_and(|extension| extension == "rs");
            if !is_code || relative.ends_with("tests.rs") {
                continue;
            }

            let first = relative.components().next().unwrap();
            let module = first.as_os_str().to_string_lossy();
            let text = fs::read_to_string(&path).unwrap();
            sources.push(Source {
                module: module.trim_end_matches(".rs").to_owned(),
                path: relative,
                code: code_of(&text),
            });
        }
    }

    sources
}

/// `text` up to its unit tests, without comments.
fn code_of(text: &str) -> String {
    let production = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    let lines = production.lines().map(|line| match line.find("//") {
        // An address in a string is not a comment.
        Some(at) if !line[..at].ends_with(':') => &line[..at],
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The modules that `code` names as `crate::module`, those within braces included.
fn named_modules(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, prefix) in code.match_indices("crate::") {
        let rest = &code[at + prefix.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            names.extend(first_names_of_group(group));
        } else {
            names.insert(identifier(rest));
        }
    }

    names
}

/// The first name of each path in `group`, which begins behind an opening brace.
fn first_names_of_group(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut names = Vec::new();
    let mut is_start = true;
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => is_start = true,
            _ if is_start && !character.is_whitespace() => {
                names.push(identifier(&group[at..]));
                is_start = false;
            }
            _ => {}
        }
    }

    names
}

fn identifier(text: &str) -> String {
    let is_part = |character: &char| character.is_alphanumeric() || *character == '_';
    text.chars().take_while(is_part).collect()
}

/// Each arrow that `sources` draw and [`ARROWS`] do not allow.
fn back_edges(sources: &[Source]) -> Vec<String> {
    let allowed: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    for source in sources {
        // `main.rs` and `lib.rs` stand for the crate itself.
        let Some(allowed) = allowed.get(source.module.as_str()) else {
            continue;
        };
        for name in named_modules(&source.code) {
            if name != source.module && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{} names {name}", source.path.display()));
            }
        }
    }

    wrong
}

#[test]
fn every_module_names_only_those_below_it() {
    let wrong = back_edges(&sources());

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_has_its_arrows() {
    let known: BTreeSet<_> = ARROWS.iter().map(|(module, _)| *module).collect();
    let sources = sources();
    let modules: BTreeSet<_> = sources
        .iter()
        .map(|source| source.module.as_str())
        .filter(|module| !["main", "lib"].contains(module))
        .collect();

    assert_eq!(modules, known);
}

#[test]
fn a_back_edge_is_found_however_it_is_written() {
    for code in [
        "use crate::delivery::Delivery;",
        "use crate::{model::id, delivery::{self, Quota}};",
        "fn f() { crate::delivery::start(); }",
    ] {
        let source = Source {
            path: PathBuf::from("http/some.rs"),
            module: "http".to_owned(),
            code: code_of(code),
        };
        assert_eq!(
            back_edges(&[source]),
            ["http/some.rs names delivery"],
            "{code}"
        );
    }
}

#[test]
fn the_allowed_arrows_have_no_cycle() {
    let arrows: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let mut left: BTreeSet<_> = arrows.keys().copied().collect();

    // What names nothing that is left is taken away, until nothing is left or there is a cycle.
    while !left.is_empty() {
        let leaves: Vec<_> = left
            .iter()
            .copied()
            .filter(|module| !arrows[module].iter().any(|name| left.contains(name)))
            .collect();
        assert!(!leaves.is_empty(), "a cycle among {left:?}");
        for leaf in leaves {
            left.remove(leaf);
        }
    }
}

#[test]
fn sql_is_only_in_the_store() {
    for source in sources() {
        let has_sql = [
            "sqlx::query",
            "query!(",
            "query_as!(",
            "query_scalar!(",
            "query_file",
        ]
        .iter()
        .any(|call| source.code.contains(call));

        assert!(
            !has_sql || source.module == "store",
            "{} has SQL",
            source.path.display()
        );
    }
}

#[test]
fn actix_is_only_in_http_the_console_app_and_the_simulator() {
    for source in sources() {
        let is_allowed = ["http", "console", "app"].contains(&source.module.as_str())
            || source.path.starts_with("dev/simulator");

        assert!(
            is_allowed || !source.code.contains("actix_web"),
            "{} names actix_web",
            source.path.display()
        );
    }
}

#[test]
fn provider_words_are_only_in_provider_and_dev() {
    for source in sources() {
        let has_words = [
            "Unregistered",
            "BadDeviceToken",
            "UNREGISTERED",
            "apns-topic",
            "QUOTA_EXCEEDED",
            "THIRD_PARTY_AUTH_ERROR",
            "INVALID_ARGUMENT",
            "TopicDisallowed",
            "TooManyProviderTokenUpdates",
        ]
        .iter()
        .any(|word| source.code.contains(word));

        assert!(
            !has_words || ["provider", "dev"].contains(&source.module.as_str()),
            "{} has words of a provider",
            source.path.display()
        );
    }
}

#[test]
fn no_statement_selects_all_columns_of_a_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts: Vec<(String, String)> = sources()
        .into_iter()
        .filter(|source| source.module == "store")
        .map(|source| (source.path.display().to_string(), source.code))
        .collect();
    for entry in fs::read_dir(root.join("src/store")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            texts.push((
                path.display().to_string(),
                fs::read_to_string(&path).unwrap(),
            ));
        }
    }

    let tables = tables(&root.join("migrations"));
    assert!(tables.contains("push_notifications"), "{tables:?}");

    for (path, text) in texts {
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        for (at, word) in words.iter().enumerate() {
            let is_star = word == "*" || word.ends_with(".*");
            let before = at.checked_sub(1).map(|before| words[before].as_str());
            let is_selected =
                is_star && before.is_some_and(|word| word == "select" || word.ends_with(','));
            if !is_selected {
                continue;
            }

            // A later column of a table would change what an older release reads; a CTE's columns
            // are listed where it is written.
            let from = words[at..].iter().position(|word| word == "from");
            let source = from.and_then(|from| words.get(at + from + 1));
            let table =
                source.map(|name| name.trim_matches(|c: char| !c.is_alphanumeric() && c != '_'));
            assert!(
                table.is_none_or(|table| !tables.contains(table)),
                "{path} selects every column of {}",
                table.unwrap_or_default()
            );
        }
    }
}

fn tables(migrations: &Path) -> BTreeSet<String> {
    let mut tables = BTreeSet::new();
    for entry in fs::read_dir(migrations).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for (at, words) in text.match_indices("create table ") {
            tables.insert(identifier(&text[at + words.len()..]));
        }
    }

    tables
}
