//! Text for URLs and in other forms.

use std::fmt::Write;

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Arguments, Context, Made, Stop, Value};

/// What Ruby's `CGI.escape` encodes: all but letters, digits and `-_.~`.
const CGI: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
/// What `encodeURIComponent` encodes.
const COMPONENT: &AsciiSet = &CGI
    .remove(b'!')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');
/// What `encodeURI` encodes, without `[` and `]`.
const URI: &AsciiSet = &COMPONENT
    .remove(b';')
    .remove(b'/')
    .remove(b'?')
    .remove(b':')
    .remove(b'@')
    .remove(b'&')
    .remove(b'=')
    .remove(b'+')
    .remove(b'$')
    .remove(b',')
    .remove(b'#')
    .remove(b'[')
    .remove(b']');

fn encoded(
    context: &mut Context<'_>,
    value: Value,
    reserved: &'static AsciiSet,
    plus: bool,
) -> Made {
    let text = value.plain().text(context.budget)?;
    let mut result = utf8_percent_encode(&text, reserved).to_string();
    // A `%20` in the text has become `%2520`, so this changes only what was a space.
    if plus {
        result = result.replace("%20", "+");
    }
    context.budget.text(text.len() + result.len())?;

    Ok(Value::from(result))
}

pub(super) fn url_encode(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    encoded(context, value, COMPONENT, true)
}

pub(super) fn cgi_escape(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    encoded(context, value, CGI, true)
}

pub(super) fn uri_escape(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    encoded(context, value, URI, false)
}

pub(super) fn url_decode(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    let text = value.plain().text(context.budget)?;
    context.budget.text(text.len() * 2)?;
    let malformed = || Stop::failed("the text is not URL-encoded");

    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let digits = rest.get(..2).ok_or_else(malformed)?;
                rest = &rest[2..];
                let digits = std::str::from_utf8(digits).map_err(|_| malformed())?;
                // Rust would read `+f` as a number.
                if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return Err(malformed());
                }
                u8::from_str_radix(digits, 16).map_err(|_| malformed())?
            }
            other => *other,
        });
    }

    String::from_utf8(bytes)
        .map(Value::from)
        .map_err(|_| malformed())
}

pub(super) fn base64_encode(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    let text = value.plain().text(context.budget)?;
    let result = STANDARD.encode(&*text);
    context.budget.text(text.len() + result.len())?;

    Ok(Value::from(result))
}

pub(super) fn base64_url_safe_encode(
    context: &mut Context<'_>,
    value: Value,
    _: &Arguments,
) -> Made {
    let text = value.plain().text(context.budget)?;
    let result = URL_SAFE.encode(&*text);
    context.budget.text(text.len() + result.len())?;

    Ok(Value::from(result))
}

fn decoded(context: &mut Context<'_>, value: Value, alphabet: &base64::alphabet::Alphabet) -> Made {
    let text = value.plain().text(context.budget)?;
    context.budget.text(text.len() * 2)?;

    // Node takes base64 with and without `=`, and ignores bits that are left over.
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let text: String = text
        .chars()
        .filter(|character| !character.is_ascii_whitespace())
        .collect();
    let bytes = GeneralPurpose::new(alphabet, config)
        .decode(text)
        .map_err(|_| Stop::failed("the text is not base64"))?;

    // Bytes that are not UTF-8 become U+FFFD, as in Node.
    Ok(Value::from(String::from_utf8_lossy(&bytes).into_owned()))
}

pub(super) fn base64_decode(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    decoded(context, value, &base64::alphabet::STANDARD)
}

pub(super) fn base64_url_safe_decode(
    context: &mut Context<'_>,
    value: Value,
    _: &Arguments,
) -> Made {
    decoded(context, value, &base64::alphabet::URL_SAFE)
}

fn hexadecimal(bytes: &[u8]) -> Value {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }

    Value::from(text)
}

pub(super) fn sha256(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    let text = value.plain().text(context.budget)?;
    // Even an empty text takes a whole block of the hash.
    context.budget.work(64)?;
    context.budget.bytes(text.len())?;

    Ok(hexadecimal(
        digest::digest(&digest::SHA256, text.as_bytes()).as_ref(),
    ))
}

pub(super) fn hmac_sha256(context: &mut Context<'_>, value: Value, arguments: &Arguments) -> Made {
    let text = value.plain().text(context.budget)?;
    let key = arguments.get(0).plain().text(context.budget)?;
    // HMAC hashes twice, and each time a block of the key first (RFC 2104).
    context.budget.work(128)?;
    context.budget.bytes(text.len() + key.len())?;

    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    Ok(hexadecimal(hmac::sign(&key, text.as_bytes()).as_ref()))
}
