//! Errors that a device token asks for: see [`TABLE`].

/// The tokens, for `--help` of `bellwire dev` and `bellwire simulate`. README.md has the same table.
pub const TABLE: &str = "\
Device tokens that ask for an error (all others are accepted):
  FCM   …~UNREGISTERED           404: the token is dead
        …~INVALID_ARGUMENT       400: the token is not valid
        …~SENDER_ID_MISMATCH     403: the token belongs to another project
        …~THIRD_PARTY_AUTH_ERROR 401: Firebase's key for APNs or web push is refused
        …~QUOTA_EXCEEDED         429: the project has too many messages *
        …~UNAVAILABLE            503
        …~INTERNAL               500
        …~CODE-2                 any of these for the first 2 requests, then accepted
        A topic may end like that, too.
  APNs  0400…  BadDeviceToken        0403…  InvalidProviderToken *
        0410…  Unregistered          0429…  TooManyRequests
        0500…  InternalServerError   0503…  ServiceUnavailable
        050302…                      503 for the first 2 requests, then accepted
        0000… (zeros only)           BadDeviceToken
* Bellwire tries such a notification until its deadline, and it can delay others of the same Credential.

What arrived is shown by the control endpoint: GET /messages, GET /messages?token=…, GET /summary.
Delays, outages and other faults can be changed there while it runs: GET /faults, PUT /faults.";

/// An error in place of acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScriptedOutcome<T> {
    /// FCM's error code, or the HTTP status of APNs.
    pub error: T,
    /// How many times, before messages for the token are accepted; `None`: always.
    pub times: Option<u32>,
}

impl<T> ScriptedOutcome<T> {
    /// Whether the error still applies after `earlier` requests for the token.
    pub fn applies(&self, earlier: u32) -> bool {
        self.times.is_none_or(|times| earlier < times)
    }
}

/// The error that an FCM token asks for.
pub fn fcm(token: &str) -> Option<ScriptedOutcome<&str>> {
    let (_, script) = token.rsplit_once('~')?;
    let (code, times) = match script.rsplit_once('-') {
        Some((code, times)) => (code, Some(times.parse().ok()?)),
        None => (script, None),
    };

    let is_code = !code.is_empty()
        && code
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    is_code.then_some(ScriptedOutcome { error: code, times })
}

/// The error that an APNs token asks for.
pub fn apns(token: &str) -> Option<ScriptedOutcome<u16>> {
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

    Some(ScriptedOutcome {
        error: status,
        times,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fcm_tokens_ask_by_their_end() {
        assert_eq!(
            fcm("abc:def~UNREGISTERED"),
            Some(ScriptedOutcome {
                error: "UNREGISTERED",
                times: None
            })
        );
        assert_eq!(
            fcm("abc~UNAVAILABLE-2"),
            Some(ScriptedOutcome {
                error: "UNAVAILABLE",
                times: Some(2)
            })
        );

        for accepted in ["abc", "abc~", "abc~lower", "abc~CODE-x", "~-2"] {
            assert_eq!(fcm(accepted), None, "{accepted}");
        }
    }

    #[test]
    fn apns_tokens_ask_by_their_beginning() {
        assert_eq!(
            apns("041000ab"),
            Some(ScriptedOutcome {
                error: 410,
                times: None
            })
        );
        assert_eq!(
            apns("050302ab"),
            Some(ScriptedOutcome {
                error: 503,
                times: Some(2)
            })
        );
        assert_eq!(
            apns("0410ab"),
            Some(ScriptedOutcome {
                error: 410,
                times: None
            })
        );

        for accepted in ["0399ab", "0600ab", "04", "ab0410", "041aab"] {
            assert_eq!(apns(accepted), None, "{accepted}");
        }
    }

    #[test]
    fn an_error_ends_after_its_times() {
        let twice = ScriptedOutcome {
            error: 503,
            times: Some(2),
        };

        assert_eq!(
            [0, 1, 2, 3].map(|earlier| twice.applies(earlier)),
            [true, true, false, false]
        );
        assert!(
            ScriptedOutcome {
                error: 410,
                times: None
            }
            .applies(1_000_000)
        );
    }
}
