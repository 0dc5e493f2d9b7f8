//! Device tokens in the form in which they are stored, looked up and sent.
//!
//! An APNs token is bytes, written in hexadecimal: the same token in capitals is the same device. It is
//! kept in lower case. FCM's tokens are strings whose case counts.

use crate::model::provider::Provider;

/// What a client sends that has no token: the names of nothing in common languages.
const NOTHING: [&str; 5] = ["null", "(null)", "undefined", "nil", "none"];

/// `token` in the form in which it is kept. The error is the rule that it breaks; it does not repeat
/// the token, which is a secret.
pub fn normalized(provider: Provider, token: &str) -> Result<String, String> {
    match provider {
        Provider::Fcm => check_fcm(token).map(|()| token.to_owned()),
        Provider::Apn => normalized_apns(token),
    }
}

/// The other forms in which releases before 0.2 may have kept `token`, as a client gave it: in that
/// form, and in capitals.
pub fn older_forms(provider: Provider, token: &str) -> Vec<String> {
    match (provider, normalized(provider, token)) {
        (Provider::Apn, Ok(normalized)) => {
            let mut forms = vec![normalized.to_ascii_uppercase(), token.to_owned()];
            // The caller looks for the normalized form anyway.
            forms.retain(|form| *form != normalized);
            forms.dedup();
            forms
        }
        _ => Vec::new(),
    }
}

/// Accepts a token as iOS describes it as well: in angle brackets, with spaces.
fn normalized_apns(token: &str) -> Result<String, String> {
    let inner = token
        .strip_prefix('<')
        .and_then(|token| token.strip_suffix('>'))
        // One bracket alone is no such description, and fails below as no digit.
        .unwrap_or(token);
    let mut digits = inner.replace(' ', "");
    digits.make_ascii_lowercase();

    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(
            "must be an APNs device token in hexadecimal: the bytes that iOS gives the app, each as \
             two digits 0-9 and a-f"
                .to_owned(),
        );
    }
    if !digits.len().is_multiple_of(2) {
        return Err(format!(
            "must be an APNs device token in hexadecimal, with two digits for each byte; got {} digits",
            digits.len()
        ));
    }

    Ok(digits)
}

fn check_fcm(token: &str) -> Result<(), String> {
    // They are printable ASCII, so the rule below takes them, and FCM would refuse each send.
    let is_nothing = NOTHING
        .iter()
        .any(|nothing| token.eq_ignore_ascii_case(nothing));
    if is_nothing {
        return Err(
            "must be an FCM registration token; got the word that stands for none in the client's \
             language"
                .to_owned(),
        );
    }

    if token.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(
            "must be an FCM registration token: printable ASCII characters without spaces"
                .to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_apns_token_has_one_form() {
        for token in [
            "740f4707bebcf74f",
            "740F4707BEBCF74F",
            "740f4707BEBCF74f",
            "<740f4707 bebcf74f>",
            "740f 4707 bebc f74f",
        ] {
            assert_eq!(
                normalized(Provider::Apn, token).as_deref(),
                Ok("740f4707bebcf74f"),
                "{token}"
            );
        }
    }

    #[test]
    fn junk_is_no_apns_token() {
        for token in [
            "",
            "abc",
            "zz",
            "null",
            "undefined",
            "{length = 32, bytes = 0x740f}",
            "0x740f",
            "utJXX2Tr9wN_tYOwYd8rFA6mYUMBFqdz9n6k3v5EpFAukXD89hGq",
            "../x",
            "<>",
            "<ab",
            "ééé",
        ] {
            let problem = normalized(Provider::Apn, token).unwrap_err();
            assert!(problem.contains("hexadecimal"), "{token}: {problem}");
        }
    }

    #[test]
    fn an_fcm_token_keeps_its_case() {
        assert_eq!(normalized(Provider::Fcm, "aB:c-_").as_deref(), Ok("aB:c-_"));
        for token in ["a b", "a\u{7}b", "é", "null", "Undefined", "(null)"] {
            assert!(normalized(Provider::Fcm, token).is_err(), "{token}");
        }
    }

    #[test]
    fn older_releases_kept_a_token_as_it_was_given() {
        assert_eq!(older_forms(Provider::Apn, "ab"), ["AB"]);
        assert_eq!(older_forms(Provider::Apn, "AB"), ["AB"]);
        assert_eq!(older_forms(Provider::Apn, "aB"), ["AB", "aB"]);
        assert_eq!(older_forms(Provider::Apn, "12"), Vec::<String>::new());
        assert_eq!(older_forms(Provider::Fcm, "aB"), Vec::<String>::new());
    }
}
