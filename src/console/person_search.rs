//! Finds a person by a User's id, the account's own id, a device token, or the ends of one.

use std::time::Duration;

use crate::console::caller::Caller;
use crate::console::page::PageError;
use crate::crypto::hash_token;
use crate::model::device_token;
use crate::model::id::{PushNotificationId, UserId};
use crate::model::provider::Provider;
use crate::model::recipient::Recipient;
use crate::store::person_search::{self as store, PersonsDevice};
use crate::store::push_notifications::{self, PushNotification, PushNotificationFilter};
use crate::store::user_profiles;

/// How long each of the two searches by the ends of a token may take.
const LOOK_LIMIT: Duration = Duration::from_secs(5);
/// Notifications that one search reads, the newest first.
const MAX_NOTIFICATIONS: usize = 10_000;
/// Most that are shown of what matches.
const MOST: usize = 20;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub users: Vec<UserId>,
    /// Sent to a token that no User has.
    pub notifications: Vec<PushNotificationId>,
    /// Whether only the newest records were searched.
    pub is_partial: bool,
}

/// The value that a person searches for. It may be a device token, which must stay out of logs.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
enum Wanted {
    User(UserId),
    Notification(PushNotificationId),
    /// The first and the last characters of a token, as it is shown.
    Ends(String, String),
    /// An id of the account's own, or a whole token.
    Text(String),
}

impl Wanted {
    fn of(text: &str) -> Self {
        let text = text.trim();
        if let Ok(id) = text.parse() {
            return Self::User(id);
        }
        if let Ok(id) = text.parse() {
            return Self::Notification(id);
        }

        match text.split_once('…').or_else(|| text.split_once("...")) {
            Some((first, last)) if !first.is_empty() || !last.is_empty() => {
                Self::Ends(first.trim().to_owned(), last.trim().to_owned())
            }
            _ => Self::Text(text.to_owned()),
        }
    }
}

/// Whether a token has these ends, whatever its letter case.
fn has_ends(token: &str, first: &str, last: &str) -> bool {
    let token = token.to_lowercase();
    // Otherwise both ends could match the same characters of a short token.
    let is_long = token.chars().count() >= first.chars().count() + last.chars().count();

    is_long && token.starts_with(&first.to_lowercase()) && token.ends_with(&last.to_lowercase())
}

/// Looks for `text` among the account's Users, devices and notifications.
pub(super) async fn find(caller: &Caller, text: &str) -> Result<Found, PageError> {
    // Postgres takes no NUL.
    if text.contains('\0') {
        return Ok(Found::default());
    }

    match Wanted::of(text) {
        Wanted::User(id) => Ok(Found {
            users: vec![id],
            ..Found::default()
        }),
        Wanted::Notification(id) => Ok(Found {
            notifications: vec![id],
            ..Found::default()
        }),
        Wanted::Text(text) => by_text(caller, &text).await,
        Wanted::Ends(first, last) => by_ends(caller, first, last).await,
    }
}

async fn by_text(caller: &Caller, text: &str) -> Result<Found, PageError> {
    let account_id = caller.who.account_id;
    let pool = &caller.state.pool;

    // The two searches by an index come first. The last one reads thousands of notifications.
    let user = user_profiles::with_external_id(pool, account_id, text).await?;
    if let Some(user) = user {
        return Ok(Found {
            users: vec![user],
            ..Found::default()
        });
    }

    // Only hashes of tokens are indexed, so each form in which a release may have stored this token
    // is hashed.
    let forms = device_token::older_forms(Provider::Apn, text);
    let hashes: Vec<Vec<u8>> = forms
        .iter()
        .map(String::as_str)
        .chain([text, &text.to_lowercase()])
        .map(hash_token)
        .collect();
    let users = store::by_token_hash(pool, account_id, &hashes).await?;
    if !users.is_empty() {
        return Ok(Found {
            users,
            ..Found::default()
        });
    }

    // Perhaps it was sent to without being registered.
    let token = text.to_lowercase();
    let notifications = sent_to(caller, move |known| known.to_lowercase() == token).await?;
    Ok(Found {
        users: Vec::new(),
        notifications,
        is_partial: true,
    })
}

async fn by_ends(caller: &Caller, first: String, last: String) -> Result<Found, PageError> {
    let account_id = caller.who.account_id;
    let pool = caller.state.pool.limited_to(LOOK_LIMIT);
    let devices = store::newest_devices(&pool, account_id).await?;

    let keys = caller.state.master_keys.clone();
    // Tokens are sealed, so Postgres can't compare their ends: each is opened here. That takes the
    // processor for long, so it is done on the pool, where it holds up no other request of this
    // thread.
    let ends = (first.clone(), last.clone());
    let matching = move || {
        let is_wanted = |device: &PersonsDevice| {
            let token = keys.open_device_token(account_id.as_uuid(), device.id, &device.token);
            token.is_ok_and(|token| has_ends(&token, &ends.0, &ends.1))
        };
        let mut users: Vec<UserId> = Vec::new();
        for device in devices.iter().filter(|device| is_wanted(device)) {
            if !users.contains(&device.user_id) {
                users.push(device.user_id);
            }
        }
        // After duplicates are left out: a person may have several such devices.
        users.truncate(MOST);
        users
    };
    let users = caller.state.work.run(account_id, matching).await?;

    let notifications = sent_to(caller, move |token| has_ends(token, &first, &last)).await?;
    Ok(Found {
        users,
        notifications,
        is_partial: true,
    })
}

/// The newest notifications to tokens, not to Users, that `is_wanted` picks.
async fn sent_to(
    caller: &Caller,
    is_wanted: impl Fn(&str) -> bool + Send + 'static,
) -> Result<Vec<PushNotificationId>, PageError> {
    let account_id = caller.who.account_id;
    let filter = PushNotificationFilter {
        operation_id: None,
        status: None,
        provider: None,
        is_delivered: None,
        is_opened: None,
        user_ids: None,
        tags: None,
        from: caller.state.oldest_readable_id(),
        until: None,
        after: None,
        limit: MAX_NOTIFICATIONS,
    };
    // It reads as much as a list, so it waits behind the account's other lists, on the connections
    // for lists.
    let turn = caller.state.list_turns.next(account_id).await?;
    let found = push_notifications::list(turn.pool, account_id, &filter).await?;
    // Opening the tokens needs no connection, so the next list may begin.
    drop(turn);

    let keys = caller.state.master_keys.clone();
    let matching = move || {
        let is_to = |notification: &PushNotification| match &notification.recipient {
            Recipient::Device { token, .. } => keys
                .open_direct_token(account_id.as_uuid(), token)
                .is_ok_and(|token| is_wanted(&token)),
            Recipient::User(_) => false,
        };
        let matching = found.records.iter().filter(|record| is_to(record));

        matching.take(MOST).map(PushNotification::id).collect()
    };
    Ok(caller.state.work.run(account_id, matching).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_searched_is_known_by_its_form() {
        let user = UserId::generate();
        assert_eq!(Wanted::of(&format!(" {user} ")), Wanted::User(user));
        for text in ["dqWD…J2cZ", "dqWD...J2cZ"] {
            let ends = Wanted::Ends("dqWD".to_owned(), "J2cZ".to_owned());
            assert_eq!(Wanted::of(text), ends);
        }
        assert_eq!(Wanted::of("…"), Wanted::Text("…".to_owned()));
        assert_eq!(Wanted::of("ann@x"), Wanted::Text("ann@x".to_owned()));
    }

    #[test]
    fn ends_are_compared_in_any_case_and_do_not_overlap() {
        assert!(has_ends("dqWD7WEC83J2cZ", "DQwd", "j2cz"));
        assert!(has_ends("dqWD7WEC83J2cZ", "", "cZ"));
        assert!(!has_ends("dqWD7WEC83J2cZ", "x", "cZ"));
        assert!(!has_ends("abc", "abc", "abc"));
    }
}
