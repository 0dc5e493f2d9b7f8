//! Topics, and conditions over topics:
//! <https://firebase.google.com/docs/cloud-messaging/send-topic-messages>.

/// Most topics in one condition.
const MAX_TOPICS: usize = 5;

pub(super) fn is_topic(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~%".contains(&byte);

    // An empty one counts as no recipient.
    text.bytes().all(is_allowed)
}

/// Whether `text` is a condition such as `'a' in topics && ('b' in topics || !('c' in topics))`.
pub(super) fn is_condition(text: &str) -> bool {
    let mut rest = Rest { text, topics: 0 };

    text.is_empty() || (rest.expression() && rest.trimmed().is_empty())
}

/// What is left to be read.
struct Rest<'a> {
    text: &'a str,
    topics: usize,
}

impl Rest<'_> {
    fn trimmed(&mut self) -> &str {
        self.text = self.text.trim_start();
        self.text
    }

    fn take(&mut self, word: &str) -> bool {
        self.text = self.text.trim_start();
        match self.text.strip_prefix(word) {
            Some(rest) => {
                self.text = rest;
                true
            }
            None => false,
        }
    }

    fn expression(&mut self) -> bool {
        if !self.term() {
            return false;
        }

        // Without a precedence: it decides what a condition means, and not whether it is one.
        while self.take("&&") || self.take("||") {
            if !self.term() {
                return false;
            }
        }
        true
    }

    fn term(&mut self) -> bool {
        while self.take("!") {}

        if self.take("(") {
            return self.expression() && self.take(")");
        }

        self.topics += 1;
        self.topics <= MAX_TOPICS && self.name() && self.take("in ") && self.take("topics")
    }

    fn name(&mut self) -> bool {
        if !self.take("'") {
            return false;
        }
        let Some((name, rest)) = self.text.split_once('\'') else {
            return false;
        };

        self.text = rest;
        !name.is_empty() && is_topic(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read() {
        for condition in [
            "'a' in topics",
            "'a' in topics && 'b' in topics",
            "'a' in topics && ('b' in topics || 'c' in topics)",
            "!('a' in topics)",
            "  'a'  in  topics  ",
        ] {
            assert!(is_condition(condition), "{condition}");
        }

        for condition in [
            "a in topics",
            "'a'",
            "'a' in topics &&",
            "('a' in topics",
            "'a' in topics 'b' in topics",
            "'a b' in topics",
            "'1' in topics || '2' in topics || '3' in topics || '4' in topics || '5' in topics || '6' in topics",
        ] {
            assert!(!is_condition(condition), "{condition}");
        }
    }
}
