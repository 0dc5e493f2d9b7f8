//! The file `.env` that `bellwire init` writes. A shell loads it, and Bellwire does not read it.

use std::path::Path;

/// What to add to an error about a setting that is missing: how to load `.env`, if the working directory has
/// one.
pub(super) fn hint() -> &'static str {
    hint_of(Path::new(".env").is_file())
}

fn hint_of(has_file: bool) -> &'static str {
    if has_file {
        "; or load `.env`: set -a; . ./.env; set +a"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_can_be_loaded() {
        assert!(hint_of(true).contains("set -a; . ./.env; set +a"));
        assert_eq!(hint_of(false), "");
    }
}
