//! Device tokens as they are shown. A device token is a secret. The API user who sent it recognises
//! it by its ends, which are useless to anyone else.

/// How many characters of either end are shown.
const SHOWN: usize = 4;

/// `token` without its middle. Of a short one nothing is shown, because its ends would be too much of
/// it.
pub fn masked(token: &str) -> String {
    let characters: Vec<char> = token.chars().collect();
    if characters.len() < 4 * SHOWN {
        return "…".to_owned();
    }

    let first = &characters[..SHOWN];
    let last = &characters[characters.len() - SHOWN..];
    first.iter().chain(&['…']).chain(last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_ends_are_shown() {
        assert_eq!(masked("dqWD7WEC83K41WHyufTS7:APA91bF"), "dqWD…91bF");
        assert_eq!(masked("0123456789"), "…");
        assert_eq!(masked(""), "…");
    }
}
