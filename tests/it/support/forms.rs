//! Replaces the values in an answer by their form, so that it can be compared with the documents.

use serde_json::Value;

/// Replaces ids, dates and page tokens by their form. A snapshot shows whether the form is right.
pub fn forms(value: &Value) -> Value {
    match value {
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| (key.clone(), forms(value)))
            .collect(),
        Value::Array(array) => array.iter().map(forms).collect(),
        Value::String(text) => Value::String(form(text)),
        other => other.clone(),
    }
}

fn form(text: &str) -> String {
    let base32 = |text: &str| {
        text.len() == 26
            && text.starts_with(|first: char| ('0'..='7').contains(&first))
            && text
                .bytes()
                .all(|byte| b"0123456789abcdefghjkmnpqrstvwxyz".contains(&byte))
    };
    if let Some((prefix, id)) = text.rsplit_once('_')
        && base32(id)
    {
        let prefix = prefix
            .rsplit_once("://")
            .map_or(prefix, |(_, address)| address.split_once('/').unwrap().1);
        return format!("[{prefix}_ID]");
    }
    let date = text
        .bytes()
        .map(|byte| if byte.is_ascii_digit() { b'9' } else { byte })
        .collect::<Vec<u8>>();
    if date == b"9999-99-99T99:99:99Z" {
        return "[date]".to_owned();
    }
    if text.len() > 60
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    {
        return "[page token]".to_owned();
    }
    text.to_owned()
}
