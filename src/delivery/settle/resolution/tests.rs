use proptest::prelude::*;
use time::OffsetDateTime;

use super::*;
use crate::model::failure::FailureCode;
use crate::model::id::CredentialId;
use crate::model::outcome::{Answer, Outcome};
use crate::model::provider::Provider;

const SECOND: Duration = Duration::from_secs(1);

fn attempted(outcome: Outcome, next: Next) -> Resolution {
    let answer = Answer {
        outcome,
        http_status: None,
        code: None,
        message: None,
        message_id: None,
    };

    Resolution::Attempted {
        failure: (next != Next::Sent).then(|| Failure::from(&answer)),
        attempt: Attempt {
            provider: Provider::Fcm,
            credential_id: CredentialId::generate(),
            device: None,
            answer,
            started_at: OffsetDateTime::now_utc(),
            duration: Duration::ZERO,
        },
        next,
    }
}

fn sent() -> Resolution {
    attempted(Outcome::Accepted, Next::Sent)
}

fn dead() -> Resolution {
    attempted(Outcome::TokenDead { since: None }, Next::Failed)
}

fn retry(delay: Duration) -> Resolution {
    attempted(Outcome::Ambiguous, Next::Retry(delay))
}

fn merge(resolutions: impl IntoIterator<Item = Resolution>) -> MergedResolution {
    MergedResolution::of(resolutions, false)
}

#[test]
fn one_acceptance_is_enough_once_no_device_is_left() {
    for resolutions in [[dead(), sent()], [sent(), dead()]] {
        let merged = merge(resolutions);
        assert_eq!(merged.settlement(), Settlement::Record(Status::Sent));
        assert_eq!(merged.attempts.len(), 2);
    }

    let earlier = MergedResolution::of([dead()], true);
    assert_eq!(earlier.settlement(), Settlement::Record(Status::Sent));

    let merged = merge([dead(), dead()]);
    assert_eq!(merged.settlement(), Settlement::Record(Status::Failed));
}

#[test]
fn a_device_that_is_left_keeps_the_notification_queued_for_the_shortest_delay() {
    let merged = merge([sent(), retry(9 * SECOND), retry(5 * SECOND)]);
    assert_eq!(merged.settlement(), Settlement::Record(Status::Queued));
    assert_eq!(merged.retry_in, Some(5 * SECOND));

    let put_back = Resolution::PutBack(7 * SECOND);
    let merged = merge([retry(9 * SECOND), put_back]);
    assert_eq!(merged.settlement(), Settlement::Record(Status::Queued));
    assert_eq!(merged.retry_in, Some(7 * SECOND));
}

#[test]
fn without_an_attempt_a_notification_is_put_back_without_a_record() {
    let resolutions = [9, 7].map(|seconds| Resolution::PutBack(seconds * SECOND));
    let merged = merge(resolutions);
    assert_eq!(merged.settlement(), Settlement::PutBack(7 * SECOND));
}

#[test]
fn the_last_failure_is_the_one_that_is_kept() {
    let expired = Resolution::Failed(Failure::expired(None));
    let merged = merge([dead(), expired]);
    assert_eq!(merged.settlement(), Settlement::Record(Status::Failed));
    assert_eq!(merged.failure, Some(Failure::expired(None)));

    let merged = merge([dead(), sent()]);
    assert_eq!(merged.failure.unwrap().code.as_str(), "TOKEN_DEAD");
}

#[test]
fn what_is_withheld_counts_as_canceled_unless_a_provider_has_accepted_it() {
    let capped = || Failure::new(FailureCode::Capped, "3 pushes within 24h");
    let withheld = || Resolution::Withheld(capped());

    for resolutions in [[withheld(), dead()], [dead(), withheld()]] {
        let merged = merge(resolutions);
        assert_eq!(merged.settlement(), Settlement::Record(Status::Canceled));
        assert_eq!(merged.failure, Some(capped()));
    }

    let merged = merge([withheld(), sent()]);
    assert_eq!(merged.settlement(), Settlement::Record(Status::Sent));

    let earlier = MergedResolution::of([withheld()], true);
    assert_eq!(earlier.settlement(), Settlement::Record(Status::Sent));

    let merged = merge([withheld(), retry(SECOND)]);
    assert_eq!(merged.settlement(), Settlement::Record(Status::Queued));
}

/// What a resolution is made from: [`Resolution`] itself can't be cloned.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Sent,
    Dead,
    Retry(Duration),
    PutBack(Duration),
    Expired,
    Withheld,
}

impl Kind {
    fn resolution(self) -> Resolution {
        match self {
            Self::Sent => sent(),
            Self::Dead => dead(),
            Self::Retry(delay) => retry(delay),
            Self::PutBack(delay) => Resolution::PutBack(delay),
            Self::Expired => Resolution::Failed(Failure::expired(None)),
            Self::Withheld => {
                Resolution::Withheld(Failure::new(FailureCode::Capped, "3 pushes within 24h"))
            }
        }
    }

    fn is_attempt(self) -> bool {
        matches!(self, Self::Sent | Self::Dead | Self::Retry(_))
    }

    fn delay(self) -> Option<Duration> {
        match self {
            Self::Retry(delay) | Self::PutBack(delay) => Some(delay),
            Self::Sent | Self::Dead | Self::Expired | Self::Withheld => None,
        }
    }
}

fn kinds() -> impl Strategy<Value = Vec<Kind>> {
    let delay = (0..100u32).prop_map(|seconds| seconds * SECOND);
    let kind = prop_oneof![
        Just(Kind::Sent),
        Just(Kind::Dead),
        delay.clone().prop_map(Kind::Retry),
        delay.prop_map(Kind::PutBack),
        Just(Kind::Expired),
        Just(Kind::Withheld),
    ];

    prop::collection::vec(kind, 1..10)
}

fn merge_kinds(kinds: &[Kind], was_accepted: bool) -> MergedResolution {
    let resolutions = kinds.iter().map(|kind| kind.resolution());
    MergedResolution::of(resolutions, was_accepted)
}

proptest! {
    #[test]
    fn the_order_of_devices_does_not_matter(
        (kinds, shuffled) in kinds().prop_flat_map(|kinds| (Just(kinds.clone()), Just(kinds).prop_shuffle())),
        was_accepted: bool,
    ) {
        let one = merge_kinds(&kinds, was_accepted);
        let other = merge_kinds(&shuffled, was_accepted);

        prop_assert_eq!(one.settlement(), other.settlement());
        prop_assert_eq!(one.is_accepted, other.is_accepted);
        prop_assert_eq!(one.retry_in, other.retry_in);
    }

    #[test]
    fn every_attempt_is_recorded_and_every_delay_obeyed(kinds in kinds(), was_accepted: bool) {
        let merged = merge_kinds(&kinds, was_accepted);
        let attempts = kinds.iter().filter(|kind| kind.is_attempt()).count();

        prop_assert_eq!(merged.attempts.len(), attempts);
        prop_assert_eq!(merged.retry_in, kinds.iter().filter_map(|kind| kind.delay()).min());
    }

    #[test]
    fn a_settlement_follows_from_what_happened(kinds in kinds(), was_accepted: bool) {
        let merged = merge_kinds(&kinds, was_accepted);
        let is_accepted = was_accepted || kinds.iter().any(|kind| matches!(kind, Kind::Sent));

        match merged.settlement() {
            Settlement::PutBack(delay) => {
                prop_assert!(kinds.iter().all(|kind| !kind.is_attempt()));
                prop_assert!(kinds.iter().any(|kind| kind.delay() == Some(delay)));
            }
            Settlement::Record(Status::Queued) => prop_assert!(merged.retry_in.is_some()),
            Settlement::Record(Status::Sent) => {
                prop_assert!(is_accepted && merged.retry_in.is_none());
            }
            Settlement::Record(Status::Failed) => {
                prop_assert!(!is_accepted && merged.retry_in.is_none());
                prop_assert!(merged.failure.is_some());
            }
            Settlement::Record(Status::Canceled) => {
                prop_assert!(!is_accepted && merged.retry_in.is_none());
                prop_assert!(kinds.iter().any(|kind| matches!(kind, Kind::Withheld)));
                prop_assert_eq!(merged.failure.map(|failure| failure.code), Some(FailureCode::Capped));
            }
            Settlement::Record(status) => prop_assert!(false, "{:?}", status),
        }
    }
}
