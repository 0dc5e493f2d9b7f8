//! The filters: those of `LiquidJS`, and some that others have.

#![allow(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "all filters have one form"
)]

mod any_value;
mod arrays;
mod dates;
mod encoding;
mod html;
mod math;
mod selection;
mod slugs;
mod sorting;
mod strings;

use super::budget::Stop;
use super::context::Context;
use super::value::Value;

/// Makes a value of another and of the arguments behind the filter's name.
pub(super) type Filter = fn(&mut Context<'_>, Value, &Arguments) -> Made;

pub(super) type Made = Result<Value, Stop>;

/// What stands behind a filter's name, in order. A named one is an array of its name and value.
pub(super) struct Arguments(pub Vec<Value>);

impl Arguments {
    /// The argument at `index`; absent: there is none.
    fn get(&self, index: usize) -> Value {
        self.0.get(index).cloned().unwrap_or(Value::Absent)
    }

    /// The value of a named argument behind the first.
    fn named(&self, name: &str) -> Value {
        // The first argument is the default itself, which may be a list of two.
        let arguments = self.0.iter().skip(1);
        // LiquidJS keeps them in a map, so the last one of a name counts.
        let named = arguments.rev().find_map(|argument| match argument {
            Value::Array(pair) => match pair.as_slice() {
                [Value::Text(known), value] if **known == *name => Some(value.clone()),
                _ => None,
            },
            _ => None,
        });

        named.unwrap_or(Value::Absent)
    }
}

/// The filter with this name.
pub(super) fn find(name: &str) -> Option<(&'static str, Filter)> {
    FILTERS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(known, filter)| (*known, *filter))
}

const FILTERS: &[(&str, Filter)] = &[
    ("abs", math::abs),
    ("append", strings::append),
    (
        "array_to_sentence_string",
        strings::array_to_sentence_string,
    ),
    ("at_least", math::at_least),
    ("at_most", math::at_most),
    ("base64_decode", encoding::base64_decode),
    ("base64_encode", encoding::base64_encode),
    ("base64_url_safe_decode", encoding::base64_url_safe_decode),
    ("base64_url_safe_encode", encoding::base64_url_safe_encode),
    ("camelize", slugs::camelize),
    ("capitalize", strings::capitalize),
    ("ceil", math::ceil),
    ("cgi_escape", encoding::cgi_escape),
    ("compact", arrays::compact),
    ("concat", arrays::concat),
    ("date", dates::date),
    ("date_to_long_string", dates::date_to_long_string),
    ("date_to_rfc822", dates::date_to_rfc822),
    ("date_to_string", dates::date_to_string),
    ("date_to_xmlschema", dates::date_to_xmlschema),
    ("default", any_value::default),
    ("divided_by", math::divided_by),
    ("downcase", strings::downcase),
    ("escape", html::escape),
    ("escape_once", html::escape_once),
    ("find", selection::find),
    ("find_exp", selection::find_exp),
    ("find_index", selection::find_index),
    ("find_index_exp", selection::find_index_exp),
    ("first", arrays::first),
    ("floor", math::floor),
    ("group_by", selection::group_by),
    ("group_by_exp", selection::group_by_exp),
    ("handle", slugs::handleize),
    ("handleize", slugs::handleize),
    ("has", selection::has),
    ("has_exp", selection::has_exp),
    ("hmac_sha256", encoding::hmac_sha256),
    ("inspect", any_value::json),
    ("join", arrays::join),
    ("json", any_value::json),
    ("jsonify", any_value::json),
    ("last", arrays::last),
    ("lstrip", strings::lstrip),
    ("map", arrays::map),
    ("minus", math::minus),
    ("modulo", math::modulo),
    ("newline_to_br", html::newline_to_br),
    ("normalize_whitespace", strings::normalize_whitespace),
    ("number_of_words", strings::number_of_words),
    ("pluralize", any_value::pluralize),
    ("plus", math::plus),
    ("pop", arrays::pop),
    ("prepend", strings::prepend),
    ("push", arrays::push),
    ("raw", any_value::raw),
    ("reject", selection::reject),
    ("reject_exp", selection::reject_exp),
    ("remove", strings::remove),
    ("remove_first", strings::remove_first),
    ("remove_last", strings::remove_last),
    ("replace", strings::replace),
    ("replace_first", strings::replace_first),
    ("replace_last", strings::replace_last),
    ("reverse", arrays::reverse),
    ("round", math::round),
    ("rstrip", strings::rstrip),
    ("sha256", encoding::sha256),
    ("shift", arrays::shift),
    ("size", arrays::size),
    ("slice", arrays::slice),
    ("slugify", slugs::slugify),
    ("sort", sorting::sort),
    ("sort_natural", sorting::sort_natural),
    ("split", strings::split),
    ("squish", strings::squish),
    ("strip", strings::strip),
    ("strip_html", html::strip_html),
    ("strip_newlines", strings::strip_newlines),
    ("sum", arrays::sum),
    ("times", math::times),
    ("to_integer", math::to_integer),
    ("truncate", strings::truncate),
    ("truncatewords", strings::truncatewords),
    ("uniq", arrays::uniq),
    ("unshift", arrays::unshift),
    ("upcase", strings::upcase),
    ("uri_escape", encoding::uri_escape),
    ("url_decode", encoding::url_decode),
    ("url_encode", encoding::url_encode),
    ("url_escape", encoding::uri_escape),
    ("where", selection::where_),
    ("where_exp", selection::where_exp),
    ("xml_escape", html::escape),
];
