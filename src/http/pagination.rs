//! Pages: `pageSize`, and an opaque `pageToken` that only this service can make.
//!
//! A token says after which record a page begins. It is signed over the caller's account, the list
//! and its filters, so it is good for nothing else, and it expires.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::crypto::MasterKeys;
use crate::http::auth::Caller;
use crate::http::error::Problem;
use crate::http::query::Query;

const DEFAULT_PAGE_SIZE: i64 = 50;
const MAX_PAGE_SIZE: i64 = 1000;
/// Longest token that is looked at.
const MAX_TOKEN: usize = 4096;
/// How long a token is good for, in seconds: a day, so that a slow export can be taken up again.
const TOKEN_LIFETIME: i64 = 24 * 3600;
const SIGNATURE_LENGTH: usize = 32;

/// What a token says; the JSON inside it.
#[derive(Serialize, Deserialize)]
struct Token {
    /// The last record of the page before; `None`: the first page.
    after: Option<String>,
    /// Unix seconds.
    issued: i64,
}

/// The page that a client asked for.
pub(super) struct Page {
    /// How many records at most.
    pub size: i64,
    after: Option<String>,
    scope: String,
}

/// `pagination` of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Pagination {
    /// The token of the next page; `null` on the last.
    next: Option<String>,
    /// The token of this page.
    #[serde(rename = "self")]
    this: String,
}

impl Page {
    /// Reads `pageSize` and `pageToken`, after all filters have been read. `list` names what is
    /// listed.
    pub(super) fn of(caller: Caller, list: &str, query: &mut Query, keys: &MasterKeys) -> Self {
        let size = query
            .number("pageSize", 1, MAX_PAGE_SIZE)
            .unwrap_or(DEFAULT_PAGE_SIZE);
        let token = query.text("pageToken");
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

    /// The last record of the page before, in the list's own words.
    pub(super) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// One more than the page holds: whether it is found tells if there is a next page.
    pub(super) fn limit(&self) -> i64 {
        self.size + 1
    }

    /// Cuts `records`, of which up to [`Self::limit`] were asked for, to the page, and makes its
    /// tokens. `name` gives the words by which a record is found again.
    pub(super) fn cut<T>(
        &self,
        records: &mut Vec<T>,
        keys: &MasterKeys,
        name: impl Fn(&T) -> String,
    ) -> Pagination {
        let size = self.size as usize;
        let more = records.len() > size;
        records.truncate(size);
        let next = records.last().filter(|_| more).map(name);
        Pagination {
            next: next.map(|after| self.seal(Some(after), keys)),
            this: self.seal(self.after.clone(), keys),
        }
    }

    fn seal(&self, after: Option<String>, keys: &MasterKeys) -> String {
        seal(
            &Token {
                after,
                issued: now(),
            },
            &self.scope,
            keys,
        )
    }
}

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

fn seal(token: &Token, scope: &str, keys: &MasterKeys) -> String {
    let mut bytes = serde_json::to_vec(token).unwrap_or_default();
    let signature = keys.sign_page_token(&signed(&bytes, scope));
    bytes.extend(signature);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn signed(content: &[u8], scope: &str) -> Vec<u8> {
    [content, b"\n", scope.as_bytes()].concat()
}

fn open(
    token: &str,
    scope: &str,
    keys: &MasterKeys,
    now: i64,
) -> Result<Option<String>, &'static str> {
    const FOREIGN: &str = "is not a token of this list with these filters; take it from `next` and repeat the filters";
    let bytes = Some(token)
        .filter(|token| token.len() <= MAX_TOKEN)
        .and_then(|token| URL_SAFE_NO_PAD.decode(token).ok());
    let bytes = bytes
        .filter(|bytes| bytes.len() > SIGNATURE_LENGTH)
        .ok_or(FOREIGN)?;
    let (content, signature) = bytes.split_at(bytes.len() - SIGNATURE_LENGTH);
    if !keys.verify_page_token(&signed(content, scope), signature) {
        return Err(FOREIGN);
    }
    let token: Token = serde_json::from_slice(content).map_err(|_| FOREIGN)?;
    if now - token.issued > TOKEN_LIFETIME {
        return Err("has expired; it was good for 24 hours: begin again with the first page");
    }
    Ok(token.after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::generate_master_key;

    #[test]
    fn a_token_is_good_for_its_list_and_its_time() {
        let keys = MasterKeys::new("1", &generate_master_key()).unwrap();
        let token = seal(
            &Token {
                after: Some("x".into()),
                issued: 1000,
            },
            "list",
            &keys,
        );
        assert_eq!(
            open(&token, "list", &keys, 1000 + TOKEN_LIFETIME),
            Ok(Some("x".into()))
        );
        assert!(
            open(&token, "list", &keys, 1001 + TOKEN_LIFETIME)
                .unwrap_err()
                .contains("expired")
        );
        assert!(open(&token, "other list", &keys, 1000).is_err());
        let other = MasterKeys::new("1", &generate_master_key()).unwrap();
        assert!(open(&token, "list", &other, 1000).is_err());
    }

    #[test]
    fn garbage_is_no_token() {
        let keys = MasterKeys::new("1", &generate_master_key()).unwrap();
        for garbage in ["", "x", "%%%", "eyJhZnRlciI6bnVsbH0", &"A".repeat(5000)] {
            assert!(open(garbage, "list", &keys, 0).is_err(), "{garbage}");
        }
    }
}
