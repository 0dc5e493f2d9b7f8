//! Text for HTML, and text from it.

use super::{Arguments, Context, Made, Value};

const ESCAPES: [(char, &str); 5] = [
    ('&', "&amp;"),
    ('<', "&lt;"),
    ('>', "&gt;"),
    ('"', "&#34;"),
    ('\'', "&#39;"),
];

fn escaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for character in text.chars() {
        match ESCAPES.iter().find(|(known, _)| *known == character) {
            Some((_, escape)) => result.push_str(escape),
            None => result.push(character),
        }
    }

    result
}

pub(super) fn escape(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    let text = value.plain().text(context.budget)?;
    let result = escaped(&text);
    context.budget.text(result.len())?;

    Ok(Value::from(result))
}

pub(super) fn escape_once(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    let text = value.plain().text(context.budget)?;
    // What is escaped already is undone first, so that no `&` of an escape is escaped again.
    let mut unescaped = String::with_capacity(text.len());
    let mut rest = &*text;

    while let Some(at) = rest.find('&') {
        unescaped.push_str(&rest[..at]);
        rest = &rest[at..];
        match ESCAPES.iter().find(|(_, escape)| rest.starts_with(escape)) {
            Some((character, escape)) => {
                unescaped.push(*character);
                rest = &rest[escape.len()..];
            }
            None => {
                unescaped.push('&');
                rest = &rest[1..];
            }
        }
    }
    unescaped.push_str(rest);

    let result = escaped(&unescaped);
    context.budget.text(text.len() + result.len())?;
    Ok(Value::from(result))
}

pub(super) fn newline_to_br(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    let text = value.plain().text(context.budget)?;
    let result = text.replace("\r\n", "\n").replace('\n', "<br />\n");
    context.budget.text(text.len() + result.len())?;

    Ok(Value::from(result))
}

/// Takes away scripts, styles, comments and tags. A tag that is not closed stays.
pub(super) fn strip_html(context: &mut Context<'_>, value: Value, _: &Arguments) -> Made {
    let text = value.plain().text(context.budget)?;
    context.budget.text(text.len() * 2)?;

    // The last one also fits where an earlier one does, so the order counts.
    let mut blocks = vec![
        ("<script", "</script>"),
        ("<style", "</style>"),
        ("<!--", "-->"),
        ("<", ">"),
    ];
    let mut result = String::with_capacity(text.len());
    let mut at = 0;

    while let Some(begin) = text[at..].find('<').map(|begin| at + begin) {
        result.push_str(&text[at..begin]);
        at = begin;

        let mut end = None;
        let mut index = 0;
        while index < blocks.len() && end.is_none() {
            let (opener, closer) = blocks[index];
            if !text[begin..].starts_with(opener) {
                index += 1;
                continue;
            }
            let inner = begin + opener.len();
            end = text[inner..]
                .find(closer)
                .map(|close| inner + close + closer.len());
            // It is closed nowhere behind, so it need not be searched for again.
            if end.is_none() {
                blocks.remove(index);
            }
        }
        match end {
            Some(end) => at = end,
            // LiquidJS keeps the rest as it is, from a `<` on that is never closed.
            None => break,
        }
    }

    result.push_str(&text[at..]);
    Ok(Value::from(result))
}
