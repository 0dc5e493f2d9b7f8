use super::*;
use crate::model::id::OperationId;
use crate::model::queue_key::QueueKey;
use crate::store::batches::BatchKey;

const LIMIT: usize = 10_000;

fn headroom(claimed: usize) -> Headroom {
    Headroom {
        limit: LIMIT,
        free: LIMIT.saturating_sub(claimed),
        free_with_reserve: (LIMIT + LIMIT / 2).saturating_sub(claimed),
        is_roomy: claimed <= LIMIT / 2,
        recorder_stalled: false,
        is_stopping: false,
    }
}

fn contender(claimed: usize) -> Contender {
    weighted(1, claimed)
}

fn weighted(weight: u32, claimed: usize) -> Contender {
    Contender {
        due: DueAccount::new(AccountId::generate(), weight, vec![0, 20]),
        claimed,
    }
}

fn batch(account_id: AccountId, queued: i32) -> ClaimedBatch {
    ClaimedBatch {
        key: BatchKey {
            operation_id: OperationId::generate(),
            number: 0,
            claims: 1,
        },
        queue: QueueKey {
            account_id,
            rank: 0,
        },
        first_position: 0,
        size: queued,
        queued,
        planned: None,
    }
}

fn plan(
    policy: &mut ClaimPolicy,
    headroom: &Headroom,
    contenders: &[Contender],
    now: Instant,
) -> ClaimPlan {
    match policy.next(headroom, contenders.to_vec(), now) {
        Step::Claim(plan) => plan,
        Step::Rest(rest) => panic!("{rest:?}"),
    }
}

/// The room of `contender` in a plan; 0: it is left out.
fn room(plan: &ClaimPlan, contender: &Contender) -> usize {
    plan.turns
        .iter()
        .find(|turn| turn.account == contender.due)
        .map_or(0, |turn| turn.room)
}

#[test]
fn nothing_is_claimed_during_an_outage_of_the_recorder_or_a_shutdown() {
    let waiting = [contender(0)];
    let step =
        |headroom: &Headroom| ClaimPolicy::new().next(headroom, waiting.to_vec(), Instant::now());
    assert!(matches!(step(&headroom(0)), Step::Claim(_)));

    let stalled = Headroom {
        recorder_stalled: true,
        ..headroom(0)
    };
    assert_eq!(step(&stalled), Step::Rest(Rest::UntilNotified));

    // Small batches leave the capacity roomy, so the loop would go on as long as any is due.
    let stopping = Headroom {
        is_stopping: true,
        ..headroom(0)
    };
    assert_eq!(step(&stopping), Step::Rest(Rest::UntilNotified));
}

#[test]
fn an_account_alone_gets_everything() {
    let now = Instant::now();
    let mut policy = ClaimPolicy::new();

    let alone = contender(0);
    let first = plan(&mut policy, &headroom(0), std::slice::from_ref(&alone), now);
    assert_eq!(room(&first, &alone), FIRST_TURN);

    // Its turns grow as long as they are short.
    let account_id = alone.due.account_id;
    policy.note_turn(account_id, FIRST_TURN, TURN_ALONE / 4, true);
    let next = plan(&mut policy, &headroom(0), std::slice::from_ref(&alone), now);
    assert_eq!(room(&next, &alone), LIMIT);

    let last = Contender {
        claimed: 9_000,
        ..alone
    };
    let last_plan = plan(
        &mut policy,
        &headroom(9_000),
        std::slice::from_ref(&last),
        now,
    );
    assert_eq!(room(&last_plan, &last), 1_000);
}

#[test]
fn nothing_is_claimed_without_room_for_the_largest_batch() {
    let now = Instant::now();
    let mut policy = ClaimPolicy::new();

    let step = policy.next(&headroom(9_501), vec![contender(9_501)], now);
    assert_eq!(step, Step::Rest(Rest::UntilRoom));
}

#[test]
fn nothing_is_claimed_while_the_recorder_is_stalled_or_nothing_is_due() {
    let now = Instant::now();
    let stalled = Headroom {
        recorder_stalled: true,
        ..headroom(0)
    };

    let step = ClaimPolicy::new().next(&stalled, vec![contender(0)], now);
    assert_eq!(step, Step::Rest(Rest::UntilNotified));

    let step = ClaimPolicy::new().next(&headroom(0), Vec::new(), now);
    assert_eq!(step, Step::Rest(Rest::UntilNotified));
}

#[test]
fn what_an_account_has_claimed_counts_against_its_share() {
    let now = Instant::now();
    let [large, small] = [contender(4_200), contender(300)];
    let contenders = [large.clone(), small.clone()];

    let plan = plan(&mut ClaimPolicy::new(), &headroom(4_500), &contenders, now);
    assert_eq!(plan.turns[0].account, small.due, "it has less");
    assert_eq!(room(&plan, &small), 4_700);
    assert_eq!(room(&plan, &large), 800);
}

#[test]
fn shares_follow_the_weights() {
    let now = Instant::now();
    let [heavy, light] = [weighted(3, 4_000), weighted(1, 0)];
    let contenders = [heavy.clone(), light.clone()];

    let plan = plan(&mut ClaimPolicy::new(), &headroom(4_000), &contenders, now);
    assert_eq!(room(&plan, &light), 2_500);
    assert_eq!(room(&plan, &heavy), 3_500);
}

#[test]
fn an_account_that_comes_late_is_served_out_of_the_reserve() {
    let now = Instant::now();
    let [full, late] = [contender(LIMIT), contender(0)];
    let contenders = [full.clone(), late.clone()];
    let mut policy = ClaimPolicy::new();

    let mut full_headroom = headroom(LIMIT);
    let first = plan(&mut policy, &full_headroom, &contenders, now);
    assert_eq!(room(&first, &late), GUARANTEED);
    assert_eq!(room(&first, &full), 0);
    assert!(first.leaves_out);

    // What it sends is little, so that all of it was taken.
    let claimed = [batch(late.due.account_id, 1)];
    assert_eq!(policy.taken(&first, &claimed, false, now), [late.due]);

    full_headroom.free_with_reserve = 0;
    let step = policy.next(&full_headroom, contenders.to_vec(), now);
    assert_eq!(step, Step::Rest(Rest::UntilRoom));
}

#[test]
fn an_account_with_its_share_waits_until_there_is_much_room_or_for_a_moment() {
    let start = Instant::now();
    let mut policy = ClaimPolicy::new();
    let alone = contender(6_000);
    let contenders = [alone.clone()];

    let first = plan(&mut policy, &headroom(6_000), &contenders, start);
    assert_eq!(room(&first, &alone), 4_000);
    let claimed = [batch(alone.due.account_id, 3_900)];
    assert_eq!(policy.taken(&first, &claimed, false, start), []);

    let later = start + ROOM_TIMEOUT;
    let step = policy.next(&headroom(6_000), contenders.to_vec(), start);
    assert_eq!(step, Step::Rest(Rest::UntilRoom));
    let after = plan(&mut policy, &headroom(6_000), &contenders, later);
    assert_eq!(room(&after, &alone), 4_000);
}

#[test]
fn small_claims_of_others_do_not_prolong_a_wait_for_room() {
    let start = Instant::now();
    let mut policy = ClaimPolicy::new();
    let [waiting, other] = [contender(8_000), contender(0)];

    let step = policy.next(&headroom(9_900), vec![waiting.clone()], start);
    assert_eq!(step, Step::Rest(Rest::UntilRoom));

    let later = start + ROOM_TIMEOUT / 2;
    let both = [waiting.clone(), other.clone()];
    let small = plan(&mut policy, &headroom(9_000), &both, later);
    assert_eq!(room(&small, &waiting), 0);
    policy.taken(&small, &[batch(other.due.account_id, 1)], false, later);

    let later = start + ROOM_TIMEOUT;
    let alone = [waiting.clone()];
    let filling = plan(&mut policy, &headroom(9_000), &alone, later);
    assert_eq!(room(&filling, &waiting), 1_000);
}

#[test]
fn a_long_turn_makes_the_next_one_shorter() {
    let now = Instant::now();
    let mut policy = ClaimPolicy::new();
    let [slow, other] = [contender(0), contender(0)];
    let contenders = [slow.clone(), other.clone()];
    let account_id = slow.due.account_id;

    plan(&mut policy, &headroom(0), &contenders, now);
    policy.note_turn(account_id, FIRST_TURN, 2 * TURN, false);
    let next = plan(&mut policy, &headroom(0), &contenders, now);
    assert_eq!(room(&next, &slow), FIRST_TURN / 2);
    assert_eq!(room(&next, &other), FIRST_TURN);

    policy.note_turn(account_id, 1_000, 100 * TURN, false);
    let next = plan(&mut policy, &headroom(0), &contenders, now);
    assert_eq!(room(&next, &slow), SHORTEST_TURN);
}

#[test]
fn an_account_is_served_by_age_once_in_an_interval_while_more_is_due() {
    let start = Instant::now();
    let later = start + BY_AGE_INTERVAL;
    let mut policy = ClaimPolicy::new();
    let [behind, other] = [contender(0), contender(0)];
    let contenders = [behind.clone(), other.clone()];
    let by_age = |plan: &ClaimPlan| -> Vec<AccountId> {
        let turns = plan.turns.iter().filter(|turn| turn.is_by_age);
        turns.map(|turn| turn.account.account_id).collect()
    };

    let first = plan(&mut policy, &headroom(0), &contenders, start);
    assert_eq!(by_age(&first), []);

    // Of the other, everything is taken, so that nothing of it waits behind anything.
    let claimed = [batch(behind.due.account_id, FIRST_TURN as i32)];
    policy.taken(&first, &claimed, true, later);

    let second = plan(&mut policy, &headroom(0), &contenders, later);
    assert_eq!(by_age(&second), [behind.due.account_id]);
    let third = plan(&mut policy, &headroom(0), &contenders, later);
    assert_eq!(by_age(&third), []);
}

#[test]
fn a_claim_took_all_if_none_of_its_bounds_was_reached() {
    let now = Instant::now();
    let mut policy = ClaimPolicy::new();
    let [one, other] = [contender(0), contender(0)];
    let contenders = [one.clone(), other.clone()];
    let plan = plan(&mut policy, &headroom(0), &contenders, now);
    assert_eq!(plan.batches, MAX_BATCHES / 2);
    let id = one.due.account_id;

    let mut taken = |claimed: &[ClaimedBatch]| policy.taken(&plan, claimed, true, now);
    assert_eq!(taken(&[]).len(), 2);
    assert_eq!(taken(&vec![batch(id, 1); plan.batches - 1]).len(), 2);
    assert_eq!(
        taken(&vec![batch(id, 1); plan.batches]),
        std::slice::from_ref(&other.due)
    );
    // Another batch might not have fitted.
    assert_eq!(taken(&[batch(id, 4_501)]), std::slice::from_ref(&other.due));
    assert_eq!(taken(&[batch(id, 14_501)]), [], "of the other neither");
}

#[test]
fn more_accounts_than_a_claim_serves_take_turns() {
    let now = Instant::now();
    let mut policy = ClaimPolicy::new();
    let contenders: Vec<Contender> = (0..=MAX_ACCOUNTS).map(|_| contender(0)).collect();

    let first = plan(&mut policy, &headroom(0), &contenders, now);
    assert_eq!(first.turns.len(), MAX_ACCOUNTS);
    assert!(first.leaves_out);

    let left_out = contenders
        .iter()
        .find(|contender| room(&first, contender) == 0)
        .unwrap();
    let second = plan(&mut policy, &headroom(0), &contenders, now);
    assert_eq!(second.turns[0].account, left_out.due);
}

#[test]
fn the_loop_rests_unless_more_is_due_and_there_is_room() {
    assert_eq!(Rest::after(true, true), Some(Rest::UntilNotified));
    assert_eq!(Rest::after(true, false), Some(Rest::UntilNotified));
    assert_eq!(Rest::after(false, false), Some(Rest::UntilRoom));
    assert_eq!(Rest::after(false, true), None);
}

#[test]
fn polls_are_spread_and_waits_for_room_are_short() {
    let began = Instant::now();
    let poll_interval = Duration::from_secs(4);
    let earliest = began + CLAIM_INTERVAL;

    for (random, seconds) in [(0.0, 3), (0.5, 4), (1.0, 5)] {
        assert_eq!(
            Rest::UntilNotified.times(began, poll_interval, random),
            RestTimes {
                earliest,
                longest: Duration::from_secs(seconds)
            }
        );
    }
    assert_eq!(
        Rest::UntilRoom.times(began, poll_interval, 0.5),
        RestTimes {
            earliest,
            longest: ROOM_TIMEOUT
        }
    );
}
