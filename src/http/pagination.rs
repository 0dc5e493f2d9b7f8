//! Pages of a list: `pageSize`, and an opaque `pageToken` that only this service can make.
//!
//! A token is the base64url of a JSON [`Token`] and its signature, made by [`seal`] and read by
//! [`open`]. The token names the record after which its page begins. The signature covers the
//! account, the list and its filters too, so a token is valid for that list alone; it expires after
//! [`TOKEN_LIFETIME`].
//!
//! A request reads a bounded number of rows, so a page may be short or empty although others
//! follow: only `next` says whether there is one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

use crate::crypto::MasterKeys;
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::http::query::Query;

const DEFAULT_PAGE_SIZE: i64 = 50;
pub(super) const MAX_PAGE_SIZE: i64 = 1000;
/// Longer tokens are refused unread.
pub(super) const MAX_TOKEN_LENGTH: usize = 4096;
/// A day, so that a slow export can be resumed.
const TOKEN_LIFETIME: Duration = Duration::DAY;
/// In bytes; the signature is an HMAC-SHA-256.
const SIGNATURE_LENGTH: usize = 32;

/// The JSON within a token.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Token {
    /// The record after which the page begins, in the list's own words; it need not exist. `None`: the
    /// first page.
    after: Option<String>,
    /// In Unix seconds.
    issued: i64,
}

/// The page that a client asks for.
pub(super) struct Page {
    size: i64,
    after: Option<String>,
    /// The account, the list and its filters.
    scope: String,
}

/// `pagination` of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Pagination {
    /// The token of the next page; `null` on the last page, and there alone. A page may be short or
    /// empty although others follow: a request looks at a bounded number of records.
    next: Option<String>,
    /// The token of this page.
    #[serde(rename = "self")]
    this: String,
}

/// The query parameters of a page in `/openapi.json`.
pub(super) struct PageParams;

impl IntoParams for PageParams {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let size = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(MAX_PAGE_SIZE))
            .default(Some(DEFAULT_PAGE_SIZE.into()));
        let size = ParameterBuilder::new()
            .name("pageSize")
            .parameter_in(ParameterIn::Query)
            .description(Some(
                "Maximum number of records on the page. A page may have fewer although more \
                 records follow",
            ))
            .schema(Some(size));

        let token = ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(MAX_TOKEN_LENGTH));
        let token = ParameterBuilder::new()
            .name("pageToken")
            .parameter_in(ParameterIn::Query)
            .description(Some("`pagination.next` of the previous page"))
            .schema(Some(token));

        vec![size.build(), token.build()]
    }
}

impl Page {
    /// Reads `pageSize` and `pageToken`. All filters of the list must have been read from `query`
    /// before, because a token is bound to them.
    pub(super) fn of(caller: Caller, list: &str, query: &mut Query, keys: &MasterKeys) -> Self {
        let size = query
            .integer("pageSize", 1..=MAX_PAGE_SIZE)
            .unwrap_or(DEFAULT_PAGE_SIZE);

        let token = query.string("pageToken");
        let scope = format!("{} {list} {}", caller.account_id, query.filters());
        let after = match token.map(|token| open(&token, &scope, keys, now())) {
            None => None,
            Some(Ok(after)) => after,
            Some(Err(message)) => {
                query.problem(Problem::new("pageToken", message));
                None
            }
        };

        Self { size, after, scope }
    }

    /// The record after which the page begins, in the list's own words.
    pub(super) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// Maximum records on the page.
    pub(super) fn size(&self) -> usize {
        self.size as usize
    }

    /// How many records to fetch of a short list: one more than the page holds, which shows whether there is a next
    /// page.
    pub(super) fn limit(&self) -> i64 {
        self.size + 1
    }

    /// Cuts `records`, of which up to [`Self::limit`] were fetched, to the page, and makes its
    /// tokens. `name` gives the words by which a record is found again.
    pub(super) fn cut<T>(
        &self,
        records: &mut Vec<T>,
        keys: &MasterKeys,
        name: impl Fn(&T) -> String,
    ) -> Pagination {
        let size = self.size as usize;
        let has_next = records.len() > size;
        records.truncate(size);

        let last = records.last().filter(|_| has_next).map(name);
        self.pagination(last, keys)
    }

    /// The tokens of a page behind which the list goes on after the record `next`; `None`: it ends.
    pub(super) fn pagination(&self, next: Option<String>, keys: &MasterKeys) -> Pagination {
        Pagination {
            next: next.map(|after| self.token(Some(after), keys)),
            this: self.token(self.after.clone(), keys),
        }
    }

    fn token(&self, after: Option<String>, keys: &MasterKeys) -> String {
        let token = Token {
            after,
            issued: now(),
        };
        seal(&token, &self.scope, keys)
    }
}

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

fn seal(token: &Token, scope: &str, keys: &MasterKeys) -> String {
    // An integer and a string can always be serialized.
    let mut bytes = serde_json::to_vec(token).unwrap_or_default();
    let signature = keys.sign_page_token(&signed(&bytes, scope));
    bytes.extend(signature);

    URL_SAFE_NO_PAD.encode(bytes)
}

fn signed(content: &[u8], scope: &str) -> Vec<u8> {
    [content, b"\n", scope.as_bytes()].concat()
}

/// The `after` of a token that was sealed for `scope`, unless it is older than a day; `now` is in
/// Unix seconds. The error is a message for the client.
fn open(token: &str, scope: &str, keys: &MasterKeys, now: i64) -> Result<Option<String>, String> {
    let foreign = || {
        "must be `pagination.next` of this list with the same filters; repeat the filters"
            .to_owned()
    };

    let bytes = Some(token)
        .filter(|token| token.len() <= MAX_TOKEN_LENGTH)
        .and_then(|token| URL_SAFE_NO_PAD.decode(token).ok())
        .filter(|bytes| bytes.len() > SIGNATURE_LENGTH)
        .ok_or_else(foreign)?;
    let (content, signature) = bytes.split_at(bytes.len() - SIGNATURE_LENGTH);
    // Verified before it is parsed, so that only JSON of this service reaches the parser.
    if !keys.verify_page_token(&signed(content, scope), signature) {
        return Err(foreign());
    }

    let token: Token = serde_json::from_slice(content).map_err(|_| foreign())?;
    if now - token.issued > TOKEN_LIFETIME.whole_seconds() {
        return Err(format!(
            "this token has expired after {} hours; start again with the first page",
            TOKEN_LIFETIME.whole_hours()
        ));
    }

    Ok(token.after)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::crypto::generate_master_key;

    fn keys() -> MasterKeys {
        MasterKeys::new("1", &generate_master_key()).unwrap()
    }

    #[test]
    fn a_token_is_valid_for_its_list_and_a_day() {
        let keys = keys();
        let token = Token {
            after: Some("x".into()),
            issued: 1000,
        };
        let sealed = seal(&token, "list", &keys);
        let last_moment = 1000 + TOKEN_LIFETIME.whole_seconds();

        assert_eq!(open(&sealed, "list", &keys, last_moment), Ok(token.after));
        let error = open(&sealed, "list", &keys, last_moment + 1).unwrap_err();
        assert!(error.contains("expired after 24 hours"), "{error}");

        assert!(open(&sealed, "other list", &keys, 1000).is_err());
        assert!(open(&sealed, "list", &self::keys(), 1000).is_err());
    }

    #[test]
    fn garbage_is_not_a_token() {
        let keys = keys();
        for garbage in ["", "x", "%%%", "eyJhZnRlciI6bnVsbH0", &"A".repeat(5000)] {
            assert!(open(garbage, "list", &keys, 0).is_err(), "{garbage}");
        }
    }

    proptest! {
        #[test]
        fn a_token_gives_back_what_was_sealed(after: Option<String>, scope: String, issued: u32) {
            let keys = keys();
            let issued = i64::from(issued);
            let token = Token { after, issued };
            let sealed = seal(&token, &scope, &keys);

            prop_assert_eq!(open(&sealed, &scope, &keys, issued), Ok(token.after));
        }

        #[test]
        fn a_token_of_another_scope_is_refused(after: String, scope: String, other: String) {
            prop_assume!(scope != other);
            let keys = keys();
            let token = Token {
                after: Some(after),
                issued: 0,
            };
            let sealed = seal(&token, &scope, &keys);

            prop_assert!(open(&sealed, &other, &keys, 0).is_err());
        }

        #[test]
        fn a_changed_token_is_refused(after: String, index: Index, mask in 1..=u8::MAX) {
            let keys = keys();
            let token = Token {
                after: Some(after),
                issued: 0,
            };
            let sealed = seal(&token, "list", &keys);

            let mut bytes = URL_SAFE_NO_PAD.decode(sealed).unwrap();
            let index = index.index(bytes.len());
            bytes[index] ^= mask;
            let changed = URL_SAFE_NO_PAD.encode(bytes);

            prop_assert!(open(&changed, "list", &keys, 0).is_err());
        }

        #[test]
        fn any_text_is_refused_without_a_panic(text in "[A-Za-z0-9_-]*|.*") {
            prop_assert!(open(&text, "list", &keys(), 0).is_err());
        }
    }
}
