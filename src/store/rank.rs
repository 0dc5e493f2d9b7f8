//! The rank of a batch: due batches are claimed in the order of their ranks, 0 first.
//!
//! HIGH goes before LOW. Within a priority, an Operation of a single batch goes first, then the
//! first batches of all larger Operations, then their later ones, in powers of two. So a single push
//! never waits behind a million others, whether they belong to one Operation or to many.
//!
//! Ranks are stored with the batches, and replicas of several releases claim by them side by side:
//! a batch's rank must not change from one release to the next.

use crate::model::id::MAX_POSITIONS;
use crate::model::message::Priority;
use crate::model::operation::BATCH_SIZE;

/// How many ranks there are: a claim reads each of `0..RANKS`.
pub(super) const RANKS: i32 = 40;

/// The rank of a LOW Operation's only batch, above every rank that a HIGH batch can have.
const LOW: i16 = 20;

/// The batch numbers at which a higher rank begins: 1, 2, 4, and so on. `fan_out_step.sql` gets
/// them as a parameter, so that the batches of an audience rank like those of a list.
pub(super) const STARTS: [i32; 16] = {
    let mut starts = [1; 16];

    let mut index = 1;
    while index < starts.len() {
        starts[index] = 2 * starts[index - 1];
        index += 1;
    }

    starts
};

const _: () = {
    // The next start would be a batch that only a list beyond the largest Operation has.
    let last_batch = (MAX_POSITIONS - 1) / BATCH_SIZE;
    assert!(2 * STARTS[STARTS.len() - 1] > last_batch as i32);

    // The last rank of each priority: 0 for a single batch, 1 for a first one, and the starts.
    let last = 1 + STARTS.len() as i16;
    assert!(last < LOW);
    assert!(LOW + last < RANKS as i16);
};

/// The rank of an Operation's only batch.
pub fn of_only_batch(priority: Priority) -> i16 {
    match priority {
        Priority::High => 0,
        Priority::Low => LOW,
    }
}

/// The rank of the batch `number` (0-based) of an Operation that has several, or may get them.
pub fn of_batch(priority: Priority, number: i32) -> i16 {
    let passed = STARTS.partition_point(|start| *start <= number);

    of_only_batch(priority) + 1 + passed as i16
}

/// The ranks of an Operation's batches, each once.
pub(crate) fn of_batches(priority: Priority, batches: u32) -> std::ops::RangeInclusive<i16> {
    match batches {
        0 | 1 => of_only_batch(priority)..=of_only_batch(priority),
        _ => of_batch(priority, 0)..=of_batch(priority, batches as i32 - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_high_batch_ranks_before_every_low_one() {
        let last_batch = (MAX_POSITIONS / BATCH_SIZE) as i32;

        assert_eq!(of_only_batch(Priority::High), 0);
        assert!(of_batch(Priority::High, last_batch) < of_only_batch(Priority::Low));
        assert!(i32::from(of_batch(Priority::Low, i32::MAX)) < RANKS);
    }

    #[test]
    fn later_batches_of_an_operation_rank_later() {
        let ranks = [0, 1, 2, 4, 100, 2000].map(|number| of_batch(Priority::High, number));

        assert!(
            of_only_batch(Priority::High) < ranks[0],
            "a single push goes before all of them"
        );
        assert!(ranks.is_sorted_by(|one, next| one < next), "{ranks:?}");
    }

    #[test]
    fn the_ranks_of_an_operation_are_those_of_its_batches() {
        assert_eq!(of_batches(Priority::High, 1), 0..=0);

        for batches in 2..40 {
            let mut each: Vec<i16> = (0..batches)
                .map(|number| of_batch(Priority::Low, number as i32))
                .collect();
            each.dedup();

            let ranks: Vec<i16> = of_batches(Priority::Low, batches).collect();
            assert_eq!(ranks, each, "{batches}");
        }
    }

    #[test]
    fn a_rank_is_the_number_of_bits_of_the_batch_number() {
        for number in 0..=(MAX_POSITIONS / BATCH_SIZE) {
            let bits = u32::BITS - number.leading_zeros();
            assert_eq!(
                of_batch(Priority::High, number as i32),
                1 + bits as i16,
                "as releases before this one have stored it: {number}"
            );
        }
    }
}
