//! Caps: which due notifications to Users are withheld, because the User has got as many pushes as the
//! account allows.
//!
//! A notification counts from the time it is let through, once, however often it is tried. Those that
//! were not sent in the end are forgotten when a User reaches the cap.

use std::collections::{HashMap, HashSet};

use sqlx::{Connection, PgConnection};
use time::Duration;
use uuid::Uuid;

use crate::delivery::queue::user_devices::{RemainingDevices, UserNotification};
use crate::model::failure::{Failure, FailureCode};
use crate::model::id::{AccountId, UserId};
use crate::model::push_cap::{CountedPushes, PushCap};
use crate::store::user_pushes;

/// A notification that asks to be let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Candidate {
    /// Index among the notifications that were loaded.
    index: usize,
    id: Uuid,
    user_id: UserId,
}

/// What is let through, and when.
struct Limits {
    max: u32,
    period: Duration,
    /// In seconds since 1970.
    now: i64,
}

/// Notes in `devices` which of `notifications` are withheld.
pub(super) async fn withhold(
    connection: &mut PgConnection,
    notifications: &[UserNotification<'_>],
    devices: &mut HashMap<usize, RemainingDevices>,
) -> sqlx::Result<()> {
    let by_account = wanted(notifications, devices);
    if by_account.is_empty() {
        return Ok(());
    }

    let accounts: Vec<AccountId> = by_account.keys().copied().collect();
    for (account_id, cap) in user_pushes::caps(&mut *connection, &accounts).await? {
        let Some(wanted) = by_account.get(&account_id) else {
            continue;
        };

        let refused = admit_some(connection, account_id, wanted, &cap).await?;
        for wanted in refused {
            if let Some(remaining) = devices.get_mut(&wanted.index) {
                remaining.withheld = Some(capped(&cap));
            }
        }
    }

    Ok(())
}

/// The notifications that caps are about, by account, the earliest first. One that was tried before has
/// been let through, and one without a device is not sent.
fn wanted(
    notifications: &[UserNotification<'_>],
    devices: &HashMap<usize, RemainingDevices>,
) -> HashMap<AccountId, Vec<Candidate>> {
    let mut by_account: HashMap<AccountId, Vec<Candidate>> = HashMap::new();

    for notification in notifications {
        let device = devices
            .get(&notification.index)
            .and_then(|remaining| remaining.devices.first());
        let Some(device) = device else {
            continue;
        };
        if notification.attempts > 0 || notification.ignores_cap() {
            continue;
        }

        let position = notification.position.cast_unsigned();
        let wanted = Candidate {
            index: notification.index,
            id: notification
                .operation
                .id
                .push_notification(position)
                .as_uuid(),
            // Not the recipient's: that may stand for an external id, or for a User who was merged.
            user_id: device.device.user_id,
        };
        by_account
            .entry(notification.operation.account_id)
            .or_default()
            .push(wanted);
    }

    for wanted in by_account.values_mut() {
        wanted.sort_unstable_by_key(|wanted| wanted.id);
    }
    by_account
}

/// Lets as many of `wanted` through as the cap allows, and counts them. Returns the others.
async fn admit_some(
    connection: &mut PgConnection,
    account_id: AccountId,
    wanted: &[Candidate],
    cap: &PushCap,
) -> sqlx::Result<Vec<Candidate>> {
    let Some(period) = cap.period() else {
        return Ok(Vec::new());
    };
    let mut users: Vec<UserId> = wanted.iter().map(|wanted| wanted.user_id).collect();
    // All processes lock Users in the same order, so that no two wait for each other.
    users.sort_unstable();
    users.dedup();

    // The row locks end with the commit, before anything is sent.
    let mut transaction = connection.begin().await?;
    let locked = user_pushes::lock(&mut transaction, account_id, &users).await?;
    let mut counted = locked.by_user;
    let limits = Limits {
        max: cap.max,
        period,
        now: locked.now.unix_timestamp(),
    };

    let mut refused = admit(&mut counted, wanted, &limits);
    // Counted pushes may have failed since. It is worth a statement only if the cap refuses some.
    if !refused.is_empty() {
        let ids = counted_ids(&counted, &refused);
        let not_sent = user_pushes::not_sent(&mut *transaction, &ids).await?;
        for pushes in counted.values_mut() {
            pushes.forget(&not_sent);
        }
        refused = admit(&mut counted, &refused, &limits);
    }

    let changed: Vec<(UserId, &CountedPushes)> = counted
        .iter()
        .map(|(user_id, pushes)| (*user_id, pushes))
        .collect();
    user_pushes::write(&mut transaction, &changed).await?;
    transaction.commit().await?;

    Ok(refused)
}

/// Lets notifications through in their order, as far as the cap allows. Returns the others.
fn admit(
    counted: &mut HashMap<UserId, CountedPushes>,
    wanted: &[Candidate],
    limits: &Limits,
) -> Vec<Candidate> {
    for pushes in counted.values_mut() {
        pushes.forget_old(limits.period, limits.now);
    }

    let is_refused = |wanted: &&Candidate| {
        counted
            .get_mut(&wanted.user_id)
            // A User whose row is gone has been deleted meanwhile.
            .is_some_and(|pushes| !pushes.admit(wanted.id, limits.max, limits.now))
    };
    wanted.iter().filter(is_refused).copied().collect()
}

/// The notifications that count for the Users of `refused`.
fn counted_ids(counted: &HashMap<UserId, CountedPushes>, refused: &[Candidate]) -> Vec<Uuid> {
    let users: HashSet<UserId> = refused.iter().map(|wanted| wanted.user_id).collect();

    users
        .iter()
        .filter_map(|user_id| counted.get(user_id))
        .flat_map(|pushes| pushes.0.iter().map(|push| push.id))
        .collect()
}

fn capped(cap: &PushCap) -> Failure {
    let per = match &cap.per {
        serde_json::Value::String(text) => text.clone(),
        seconds => format!("{seconds} s"),
    };

    Failure::new(
        FailureCode::Capped,
        format!(
            "The User has got {} pushes within {per}, as many as the account's cap allows",
            cap.max
        ),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_earliest_are_let_through_and_one_user_does_not_count_for_another() {
        let [one, other] = [UserId::generate(), UserId::generate()];
        let wanted: Vec<Candidate> = [one, one, other, one]
            .into_iter()
            .enumerate()
            .map(|(index, user_id)| Candidate {
                index,
                id: Uuid::from_u128(index as u128),
                user_id,
            })
            .collect();
        let mut counted = HashMap::from([
            (one, CountedPushes::default()),
            (other, CountedPushes::default()),
        ]);
        let limits = Limits {
            max: 2,
            period: Duration::HOUR,
            now: 1_000_000,
        };

        let refused = admit(&mut counted, &wanted, &limits);
        assert_eq!(refused, [wanted[3]]);
        assert_eq!(counted_ids(&counted, &refused).len(), 2);

        assert_eq!(admit(&mut counted, &wanted[..3], &limits), []);
    }

    #[test]
    fn a_withheld_notification_names_the_cap() {
        let failure = |per| capped(&PushCap { max: 3, per }).message;

        assert_eq!(
            failure(json!("24h")),
            "The User has got 3 pushes within 24h, as many as the account's cap allows"
        );
        assert!(failure(json!(60)).contains("within 60 s,"));
    }
}
