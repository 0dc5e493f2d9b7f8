//! Device tokens as people see them: recognisable for whoever has the token, useless to anybody
//! else.

/// How much of either end is shown.
const SHOWN: usize = 4;

/// `token` with all but its ends left out; short ones are left out whole.
pub fn masked(token: &str) -> String {
    let characters: Vec<char> = token.chars().collect();
    if characters.len() < 4 * SHOWN {
        return "…".to_owned();
    }
    let (first, last) = (
        &characters[..SHOWN],
        &characters[characters.len() - SHOWN..],
    );
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
