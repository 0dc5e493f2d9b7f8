//! Scans an account's notifications: those of the newest Operation first, and in request order
//! within an Operation.
//!
//! A scan goes from Operations to their batches and from those to notifications. A batch's tallies say
//! whether any of its notifications has the wanted status, so most batches are passed over
//! without reading their notifications. An index of the status would cost more than it saves: with
//! it, every change of a status would change all indexes of the row.
//!
//! A User's notifications have an index, and are read by it.

mod filter;
mod rows;

use crate::model::id::UserId;
use crate::store::bounded_scan::{ScanBudget, ScanPage};
use crate::store::pool::Pool;
use rows::{Batch, BatchRange, Operation};

pub(super) use filter::{IdRange, NotificationFilter, Place, StoredStatus};
pub(super) use rows::FoundNotification;

/// Most Operations that one statement reads.
const OPERATIONS_AT_A_TIME: usize = 1_000;
/// Most batches that one statement reads.
const BATCHES_AT_A_TIME: usize = 1_000;
/// Notifications that one statement reads, and at most those of one batch more.
const NOTIFICATIONS_AT_A_TIME: i64 = 2_000;

/// How a step of a scan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// All of it was read.
    Done,
    /// The page is full, and there is at least one notification behind it.
    Full,
    /// The budget is spent, and there is more to read.
    Spent,
}

struct Scan<'a> {
    pool: &'a Pool,
    filter: &'a NotificationFilter<'a>,
    budget: ScanBudget,
    found: Vec<FoundNotification>,
    /// Everything up to here has been read.
    scanned_to: Option<Place>,
}

/// Scans for a page of notifications.
pub(super) async fn scan(
    pool: &Pool,
    filter: &NotificationFilter<'_>,
) -> sqlx::Result<ScanPage<FoundNotification, Place>> {
    let mut scan = Scan {
        pool,
        filter,
        budget: ScanBudget::new(),
        found: Vec::new(),
        scanned_to: filter.after,
    };

    let next = match filter.user_ids {
        Some(user_ids) => scan.scan_user(user_ids).await?,
        None => scan.scan_operations().await?,
    };
    // One more than the page may have been found, which showed that another page follows.
    scan.found.truncate(filter.limit);

    Ok(ScanPage {
        records: scan.found,
        next,
    })
}

impl Scan<'_> {
    /// How many more notifications show whether there is a next page.
    fn needed(&self) -> usize {
        (self.filter.limit + 1).saturating_sub(self.found.len())
    }

    fn is_full(&self) -> bool {
        self.found.len() > self.filter.limit
    }

    /// Where the next page begins after a step; `None`: the scan goes on.
    fn next_after(&self, step: Step) -> Option<Place> {
        match step {
            Step::Done => None,
            Step::Spent => self.scanned_to,
            // At the last record of the page and not where the scan ended: the next page finds the
            // record behind it again.
            Step::Full => self.found[..self.filter.limit]
                .last()
                .map(|found| found.place),
        }
    }

    async fn scan_operations(&mut self) -> sqlx::Result<Option<Place>> {
        let mut at_a_time = (self.filter.limit + 1).min(OPERATIONS_AT_A_TIME);

        loop {
            let range = self.filter.range.up_to(self.scanned_to);
            let operations = self.operations(range, at_a_time).await?;
            let is_last = operations.len() < at_a_time;
            self.budget.spend(operations.len());

            let step = self.scan_batches_of(&operations).await?;
            if step != Step::Done {
                return Ok(self.next_after(step));
            }
            // Fewer than were asked for: the account has no older ones.
            let Some(last) = operations.last().filter(|_| !is_last) else {
                return Ok(None);
            };

            self.scanned_to = Some(Place::behind(last.id));
            if self.budget.is_spent() {
                return Ok(self.scanned_to);
            }
            // Matches may be rare, so the steps grow.
            at_a_time = (4 * at_a_time).min(OPERATIONS_AT_A_TIME);
        }
    }

    async fn scan_batches_of(&mut self, operations: &[Operation]) -> sqlx::Result<Step> {
        let mut ranges = Vec::new();
        for operation in operations {
            if self.filter.admits(operation)
                && let Some(last) = operation.last_batch
            {
                ranges.push(BatchRange {
                    operation_id: operation.id,
                    first: self.first_batch_of(operation.id, last).await?,
                    last,
                    is_end: true,
                });
            }
        }

        // Each batch has at least one notification, so without a filter this many batches fill the page.
        let chunks = in_chunks(&ranges, self.needed(), BATCHES_AT_A_TIME);
        let mut chunks = chunks.into_iter().peekable();
        while let Some(ranges) = chunks.next() {
            let batches = self.batches(&ranges).await?;
            self.budget.spend(batches.len());
            // Behind the whole Operation if all of it was read, so that the next page does not look
            // at it again.
            let end = match ranges.last() {
                Some(range) if range.is_end => Some(Place::behind(range.operation_id)),
                _ => batches.last().map(Batch::end),
            };

            let step = self.scan_notifications_of(&batches, operations).await?;
            if step != Step::Done {
                return Ok(step);
            }

            self.scanned_to = later(self.scanned_to, end);
            if chunks.peek().is_some() && self.budget.is_spent() {
                return Ok(Step::Spent);
            }
        }

        Ok(Step::Done)
    }

    async fn scan_notifications_of(
        &mut self,
        batches: &[Batch],
        operations: &[Operation],
    ) -> sqlx::Result<Step> {
        // Where the page begins. It stays the same while the scan moves on, because the batches
        // come in order.
        let after = self.scanned_to;
        let mut left: Vec<&Batch> = batches
            .iter()
            .filter(|batch| self.filter.matching(batch) > 0 && !is_behind(batch, after))
            .collect();

        while !left.is_empty() {
            let read = self.batches_to_read(&left);
            let rest = left.split_off(read);
            let size: i32 = left.iter().map(|batch| batch.size).sum();

            let notifications = self.notifications(&left, after, operations).await?;
            self.found.extend(notifications);
            // What was read costs, whether it matched or not.
            self.budget.spend(size as usize);
            self.scanned_to = left.last().map(|batch| batch.end());

            if self.is_full() {
                return Ok(Step::Full);
            }
            if !rest.is_empty() && self.budget.is_spent() {
                return Ok(Step::Spent);
            }
            left = rest;
        }

        Ok(Step::Done)
    }

    /// How many of `batches` the next statement reads: at least one, and not more than fill the page.
    fn batches_to_read(&self, batches: &[&Batch]) -> usize {
        let needed = self.needed() as i64;
        let mut size = 0;
        let mut matching = 0;

        for (index, batch) in batches.iter().enumerate() {
            size += i64::from(batch.size);
            matching += self.filter.matching(batch);

            let is_enough = matching >= needed && self.filter.is_status_enough(&batches[..=index]);
            if is_enough || size >= NOTIFICATIONS_AT_A_TIME {
                return index + 1;
            }
        }

        batches.len()
    }

    async fn scan_user(&mut self, user_ids: &[UserId]) -> sqlx::Result<Option<Place>> {
        let mut at_a_time = self.filter.limit + 1;

        loop {
            let mut read = Vec::new();
            // A statement for each: in one for all, the index would give no order.
            for user_id in user_ids {
                read.extend(self.notifications_of(*user_id, at_a_time).await?);
            }
            self.budget.spend(read.len());
            // Each of the statements returns up to this many, so fewer of all mean that each has
            // reached its end.
            let is_last = read.len() < at_a_time;
            read.sort_by(|(_, one), (_, other)| one.place.order(other.place));
            // Behind these, the notifications of only some of the ids have been read.
            read.truncate(at_a_time);
            self.scanned_to = read
                .last()
                .map(|(_, found)| found.place)
                .or(self.scanned_to);

            let matching = read.into_iter().filter(|(is_match, _)| *is_match);
            self.found.extend(matching.map(|(_, found)| found));

            if self.is_full() {
                return Ok(self.next_after(Step::Full));
            }
            if is_last {
                return Ok(None);
            }
            if self.budget.is_spent() {
                return Ok(self.scanned_to);
            }
            // Not all of the first ones matched, so more are read at once.
            at_a_time = OPERATIONS_AT_A_TIME;
        }
    }
}

/// The later of two places, where `next` may be one that a page before has reached already.
fn later(reached: Option<Place>, next: Option<Place>) -> Option<Place> {
    match (reached, next) {
        (Some(reached), Some(next))
            if reached.operation_id == next.operation_id && reached.position > next.position =>
        {
            Some(reached)
        }
        (reached, next) => next.or(reached),
    }
}

/// Whether a batch ends at or before `after`.
fn is_behind(batch: &Batch, after: Option<Place>) -> bool {
    after.is_some_and(|after| {
        after.operation_id == batch.operation_id && batch.end().position <= after.position
    })
}

/// Divides ranges into chunks: one of `first` batches, and others of `most`.
fn in_chunks(ranges: &[BatchRange], first: usize, most: usize) -> Vec<Vec<BatchRange>> {
    let mut chunks = vec![Vec::new()];
    let mut room = first.clamp(1, most) as i32;

    for range in ranges {
        let mut next = range.first;

        while next <= range.last {
            if room == 0 {
                chunks.push(Vec::new());
                room = most as i32;
            }

            let last = range.last.min(next + room - 1);
            if let Some(chunk) = chunks.last_mut() {
                chunk.push(BatchRange {
                    first: next,
                    last,
                    is_end: last == range.last,
                    ..*range
                });
            }
            room -= last - next + 1;
            next = last + 1;
        }
    }

    chunks.retain(|chunk| !chunk.is_empty());
    chunks
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::rows::first_position;
    use super::*;
    use crate::model::id::AccountId;
    use crate::model::status::PushNotificationStatus;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number << 24)
    }

    fn range(operation: u128, first: i32, last: i32, is_end: bool) -> BatchRange {
        BatchRange {
            operation_id: id(operation),
            first,
            last,
            is_end,
        }
    }

    fn batch(operation: u128, first_position: i32, size: i32) -> Batch {
        Batch {
            operation_id: id(operation),
            first_position,
            size,
            queued: 0,
            sent: size,
            failed: 0,
            canceled: 0,
            unaddressable: 0,
            is_planned: false,
        }
    }

    #[test]
    fn ranges_are_divided_in_order_and_without_a_gap() {
        let ranges = [range(2, 3, 9, true), range(1, 0, 0, true)];

        assert_eq!(
            in_chunks(&ranges, 2, 4),
            [
                vec![range(2, 3, 4, false)],
                vec![range(2, 5, 8, false)],
                vec![range(2, 9, 9, true), range(1, 0, 0, true)],
            ]
        );
        assert_eq!(in_chunks(&ranges, 100, 100), [ranges.to_vec()]);
        assert!(in_chunks(&[], 1, 1).is_empty());
    }

    #[test]
    fn a_scan_goes_on_within_a_batch_or_behind_it() {
        let batch = batch(1, 500, 500);
        let at = |operation, position| {
            Some(Place {
                operation_id: id(operation),
                position,
            })
        };

        assert!(!is_behind(&batch, None));
        assert_eq!(first_position(&batch, None), 500);
        assert_eq!(first_position(&batch, at(1, 20)), 500);
        assert!(!is_behind(&batch, at(1, 998)));
        assert_eq!(first_position(&batch, at(1, 998)), 999);
        assert!(is_behind(&batch, at(1, 999)));

        // Another Operation's positions say nothing of this one.
        assert!(!is_behind(&batch, at(2, 999)));
        assert_eq!(first_position(&batch, at(2, 998)), 500);
    }

    #[test]
    fn a_scan_never_goes_back() {
        let at = |operation, position| {
            Some(Place {
                operation_id: id(operation),
                position,
            })
        };

        assert_eq!(later(at(1, 700), at(1, 499)), at(1, 700));
        assert_eq!(later(at(1, 700), at(1, 999)), at(1, 999));
        assert_eq!(later(at(2, 700), at(1, 0)), at(1, 0));
        assert_eq!(later(at(1, 700), None), at(1, 700));
        assert_eq!(later(None, at(1, 0)), at(1, 0));
    }

    #[test]
    fn a_place_is_a_notification_id_and_back() {
        let place = Place {
            operation_id: id(7),
            position: 3,
        };
        assert_eq!(Place::of(place.id()), Some(place));

        let behind = Place::behind(id(7));
        assert_eq!(Place::of(behind.id()), Some(behind));
    }

    #[test]
    fn a_status_is_found_by_the_tallies_of_a_batch() {
        let batch = Batch {
            queued: 1,
            sent: 2,
            failed: 4,
            canceled: 8,
            unaddressable: 16,
            ..batch(1, 0, 31)
        };
        let matching = |status| {
            let filter = NotificationFilter {
                account_id: AccountId::generate(),
                range: IdRange {
                    from: Uuid::nil(),
                    until: Uuid::max(),
                },
                after: None,
                status,
                code: None,
                is_code_exact: false,
                provider: None,
                is_delivered: None,
                is_opened: None,
                user_ids: None,
                tags: None,
                limit: 1,
            };
            filter.matching(&batch)
        };
        let of = |status| matching(Some(StoredStatus::of(status)));

        assert_eq!(matching(None), 31);
        assert_eq!(of(PushNotificationStatus::Queued), 1);
        assert_eq!(of(PushNotificationStatus::Scheduled), 1);
        assert_eq!(of(PushNotificationStatus::Sent), 2);
        assert_eq!(of(PushNotificationStatus::Failed), 20);
        assert_eq!(of(PushNotificationStatus::Canceled), 8);
    }
}
