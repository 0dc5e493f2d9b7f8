//! Outcomes that a recipient's token chooses.
//!
//! * FCM: a token that ends in `~CODE` gets that error code always, one that ends in `~CODE-n` the
//!   first *n* times.
//! * APNs: a token that begins with four digits from `0400` to `0599` gets that status with its
//!   usual reason; a fifth and sixth digit say how often, `00` (or no digits there) always.
//!
//! Any other token is accepted.

/// An outcome other than acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chosen<T> {
    /// What is answered.
    pub outcome: T,
    /// How often, before the token is accepted; `None`: always.
    pub times: Option<u32>,
}

impl<T> Chosen<T> {
    /// Whether it still applies to a token that was tried `before` times.
    pub fn applies(&self, before: u32) -> bool {
        self.times.is_none_or(|times| before < times)
    }
}

/// What an FCM token chooses.
pub fn fcm(token: &str) -> Option<Chosen<&str>> {
    let (_, choice) = token.rsplit_once('~')?;
    let (code, times) = match choice.rsplit_once('-') {
        Some((code, times)) => (code, Some(times.parse().ok()?)),
        None => (choice, None),
    };
    let is_code = !code.is_empty()
        && code
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    is_code.then_some(Chosen {
        outcome: code,
        times,
    })
}

/// What an APNs token chooses.
pub fn apns(token: &str) -> Option<Chosen<u16>> {
    let digits = |range| {
        token
            .get(range)
            .filter(|text: &&str| text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let status = digits(0..4)?
        .parse()
        .ok()
        .filter(|status| (400..=599).contains(status))?;
    let times = digits(4..6)
        .and_then(|times| times.parse().ok())
        .filter(|times| *times > 0);
    Some(Chosen {
        outcome: status,
        times,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fcm_tokens_choose_by_their_end() {
        assert_eq!(
            fcm("abc:def~UNREGISTERED"),
            Some(Chosen {
                outcome: "UNREGISTERED",
                times: None
            })
        );
        assert_eq!(
            fcm("abc~UNAVAILABLE-2"),
            Some(Chosen {
                outcome: "UNAVAILABLE",
                times: Some(2)
            })
        );
        for accepted in ["abc", "abc~", "abc~lower", "abc~CODE-x", "~-2"] {
            assert_eq!(fcm(accepted), None, "{accepted}");
        }
    }

    #[test]
    fn apns_tokens_choose_by_their_beginning() {
        assert_eq!(
            apns("041000ab"),
            Some(Chosen {
                outcome: 410,
                times: None
            })
        );
        assert_eq!(
            apns("050302ab"),
            Some(Chosen {
                outcome: 503,
                times: Some(2)
            })
        );
        assert_eq!(
            apns("0410ab"),
            Some(Chosen {
                outcome: 410,
                times: None
            })
        );
        for accepted in ["0399ab", "0600ab", "04", "ab0410", "041aab"] {
            assert_eq!(apns(accepted), None, "{accepted}");
        }
    }

    #[test]
    fn a_choice_ends_after_its_times() {
        let twice = Chosen {
            outcome: 503,
            times: Some(2),
        };
        assert_eq!(
            [0, 1, 2, 3].map(|before| twice.applies(before)),
            [true, true, false, false]
        );
        assert!(
            Chosen {
                outcome: 410,
                times: None
            }
            .applies(1_000_000)
        );
    }
}
