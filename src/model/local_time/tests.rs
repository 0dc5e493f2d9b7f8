use proptest::prelude::*;
use time::macros::datetime;

use super::*;

const ZONES: [&str; 8] = [
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
    "Pacific/Apia",
    "Africa/Casablanca",
];

fn bounds(now: OffsetDateTime) -> PlanBounds {
    PlanBounds {
        now,
        starts_at: now,
        latest: now + Duration::days(30),
    }
}

fn local(text: &str) -> LocalSchedule {
    LocalSchedule {
        send_at: Some(text.parse().unwrap()),
        ..LocalSchedule::default()
    }
}

fn window(from: &str, until: &str, days: Option<Vec<Day>>) -> LocalSchedule {
    LocalSchedule {
        window: Some(Window {
            from: from.parse().unwrap(),
            until: until.parse().unwrap(),
            days,
        }),
        ..LocalSchedule::default()
    }
}

fn at(schedule: &LocalSchedule, zone: &str, now: OffsetDateTime) -> OffsetDateTime {
    let plan = schedule.plan(Some(zone), &bounds(now));
    assert_eq!(plan.end, None);
    plan.at
}

#[test]
fn a_local_time_is_another_moment_in_each_zone() {
    let now = datetime!(2026-11-25 00:00 UTC);
    let schedule = local("2026-11-30T09:00:00");

    for (zone, expected) in [
        ("Pacific/Kiritimati", datetime!(2026-11-29 19:00 UTC)),
        ("Asia/Kolkata", datetime!(2026-11-30 03:30 UTC)),
        ("Europe/Berlin", datetime!(2026-11-30 08:00 UTC)),
        ("America/New_York", datetime!(2026-11-30 14:00 UTC)),
        ("Etc/GMT+12", datetime!(2026-11-30 21:00 UTC)),
        ("Mars/Olympus", datetime!(2026-11-30 09:00 UTC)),
    ] {
        assert_eq!(at(&schedule, zone, now), expected, "{zone}");
    }
    let plan = schedule.plan(None, &bounds(now));
    assert_eq!(plan.at, datetime!(2026-11-30 09:00 UTC));
}

#[test]
fn an_hour_that_does_not_occur_and_one_that_occurs_twice() {
    let before = datetime!(2026-03-25 00:00 UTC);
    // 02:00 to 03:00 does not occur: 02:30 is 03:30, at +02:00.
    assert_eq!(
        at(&local("2026-03-29T02:30:00"), "Europe/Berlin", before),
        datetime!(2026-03-29 01:30 UTC)
    );

    // 02:00 to 03:00 occurs twice: the first is at +02:00.
    let before = datetime!(2026-10-24 00:00 UTC);
    assert_eq!(
        at(&local("2026-10-25T02:30:00"), "Europe/Berlin", before),
        datetime!(2026-10-25 00:30 UTC)
    );

    // The day after each change.
    assert_eq!(
        at(
            &local("2026-03-30T09:00:00"),
            "Europe/Berlin",
            before - Duration::days(230)
        ),
        datetime!(2026-03-30 07:00 UTC)
    );
    assert_eq!(
        at(&local("2026-10-26T09:00:00"), "Europe/Berlin", before),
        datetime!(2026-10-26 08:00 UTC)
    );
}

#[test]
fn a_local_time_that_has_passed_goes_as_the_client_says() {
    let now = datetime!(2026-11-30 12:00 UTC);
    let plan = |if_passed| {
        let schedule = LocalSchedule {
            if_passed,
            ..local("2026-11-30T09:00:00")
        };
        schedule.plan(Some("Europe/Berlin"), &bounds(now))
    };

    assert_eq!(plan(IfPassed::Send), Plan { at: now, end: None });
    assert_eq!(
        plan(IfPassed::Tomorrow),
        Plan {
            at: datetime!(2026-12-01 08:00 UTC),
            end: None,
        }
    );
    assert_eq!(plan(IfPassed::Skip).end, Some(PlannedEnd::Skipped));

    // The client's clock may be off.
    let schedule = LocalSchedule {
        if_passed: IfPassed::Skip,
        ..local("2026-11-30T12:59:45")
    };
    let plan = schedule.plan(Some("Europe/Berlin"), &bounds(now));
    assert_eq!(plan.end, None);
}

#[test]
fn outside_its_window_a_message_waits_for_the_next_opening() {
    let day = window("09:00", "21:00", None);
    let night = window("22:00", "06:00", None);

    for (schedule, now, expected) in [
        (
            &day,
            datetime!(2026-11-30 12:00 UTC),
            datetime!(2026-11-30 12:00 UTC),
        ),
        (
            &day,
            datetime!(2026-11-30 07:00 UTC),
            datetime!(2026-11-30 08:00 UTC),
        ),
        (
            &day,
            datetime!(2026-11-30 20:00 UTC),
            datetime!(2026-12-01 08:00 UTC),
        ),
        (
            &night,
            datetime!(2026-11-30 12:00 UTC),
            datetime!(2026-11-30 21:00 UTC),
        ),
        (
            &night,
            datetime!(2026-11-30 23:30 UTC),
            datetime!(2026-11-30 23:30 UTC),
        ),
        (
            &night,
            datetime!(2026-11-30 04:59 UTC),
            datetime!(2026-11-30 04:59 UTC),
        ),
        (
            &night,
            datetime!(2026-11-30 05:00 UTC),
            datetime!(2026-11-30 21:00 UTC),
        ),
    ] {
        assert_eq!(at(schedule, "Europe/Berlin", now), expected, "{now}");
    }

    // Days are those of the opening: the night of Friday ends on Saturday.
    let friday = window("22:00", "06:00", Some(vec![Day::Friday]));
    assert_eq!(
        at(&friday, "Europe/Berlin", datetime!(2026-12-05 04:00 UTC)),
        datetime!(2026-12-05 04:00 UTC)
    );
    assert_eq!(
        at(&friday, "Europe/Berlin", datetime!(2026-12-05 05:00 UTC)),
        datetime!(2026-12-11 21:00 UTC)
    );
    let whole_day = window("00:00", "24:00", Some(vec![Day::Monday]));
    assert_eq!(
        at(&whole_day, "UTC", datetime!(2026-12-01 00:00 UTC)),
        datetime!(2026-12-07 00:00 UTC)
    );
}

#[test]
fn a_window_that_opens_too_late_expires() {
    let now = datetime!(2026-11-30 20:00 UTC);
    let mut schedule = window("09:00", "21:00", None);
    schedule.max_window_wait = Some(11 * 3600);
    let plan = schedule.plan(Some("Europe/Berlin"), &bounds(now));
    assert_eq!((plan.at, plan.end), (now, Some(PlannedEnd::Expired)));

    schedule.max_window_wait = Some(12 * 3600);
    assert_eq!(schedule.plan(Some("Europe/Berlin"), &bounds(now)).end, None);

    let late = PlanBounds {
        latest: now + Duration::HOUR,
        ..bounds(now)
    };
    let plan = schedule.plan(Some("Europe/Berlin"), &late);
    assert_eq!(plan.end, Some(PlannedEnd::Expired));
}

#[test]
fn a_window_that_ends_in_a_change_of_clocks_ends_with_it() {
    // 02:00 to 03:00 does not occur.
    let before = datetime!(2026-03-29 00:30 UTC);
    let until = window("01:00", "02:30", None);
    assert_eq!(at(&until, "Europe/Berlin", before), before);
    assert_eq!(
        at(&until, "Europe/Berlin", datetime!(2026-03-29 01:00 UTC)),
        datetime!(2026-03-29 23:00 UTC)
    );

    let from = window("02:30", "04:00", None);
    assert_eq!(
        at(&from, "Europe/Berlin", before),
        datetime!(2026-03-29 01:00 UTC)
    );
}

#[test]
fn a_schedule_is_stored_as_it_is_read() {
    let schedule = LocalSchedule {
        if_passed: IfPassed::Tomorrow,
        max_window_wait: Some(60),
        send_at: Some("2026-11-30T09:00:00".parse().unwrap()),
        ..window("22:00", "24:00", Some(vec![Day::Monday, Day::Sunday]))
    };
    let stored = serde_json::to_value(&schedule).unwrap();
    assert_eq!(
        stored,
        serde_json::json!({
            "sendAt": "2026-11-30T09:00:00",
            "window": {"from": "22:00", "until": "24:00", "days": ["MON", "SUN"]},
            "ifPassed": "TOMORROW",
            "patience": 60,
        })
    );
    assert_eq!(
        serde_json::from_value::<LocalSchedule>(stored).unwrap(),
        schedule
    );
}

#[test]
fn times_have_one_form() {
    for bad in [
        "9:00", "09:60", "24:01", "25:00", "09:00:00", "0900", "+9:00", "", "é:00",
    ] {
        assert!(bad.parse::<TimeOfDay>().is_err(), "{bad}");
    }
    for bad in [
        "2026-11-30",
        "2026-11-30T09:00",
        "2026-11-30 09:00:00",
        "2026-02-30T09:00:00",
        "2026-11-30T24:00:00",
        "2026-11-30T09:00:00Z",
        "2026-11-30T09:00:00[Europe/Berlin]",
        "",
    ] {
        assert!(bad.parse::<LocalDateTime>().is_err(), "{bad}");
    }
}

/// Whether a clock in `zone` is within the window, said again as simply as possible.
fn is_open(window: &Window, at: OffsetDateTime, zone: &TimeZone) -> bool {
    let shown = zone.to_datetime(timestamp(at).unwrap());
    let time = TimeOfDay {
        minutes: shown.hour() as u16 * 60 + shown.minute() as u16,
    };
    let on = |date: Date| window.opens_on(date);

    if window.from < window.until {
        on(shown.date()) && (window.from..window.until).contains(&time)
    } else {
        time >= window.from && on(shown.date())
            || time < window.until && on(shown.date().yesterday().unwrap())
    }
}

fn windows() -> impl Strategy<Value = Window> {
    let minute = || 0..TimeOfDay::END;
    let days = prop::collection::vec(0..7usize, 1..4);

    (minute(), minute(), prop::option::of(days)).prop_map(|(from, until, days)| Window {
        from: TimeOfDay { minutes: from },
        until: TimeOfDay {
            minutes: if until == from { TimeOfDay::END } else { until },
        },
        days: days.map(|days| days.into_iter().map(|day| Day::ALL[day].1).collect()),
    })
}

proptest! {
    /// In December no clock of these zones changes.
    #[test]
    fn a_message_goes_at_the_first_minute_at_which_the_window_is_open(
        window in windows(),
        zone in prop::sample::select(&ZONES),
        minutes in 0..20_000i64,
    ) {
        let start = datetime!(2026-12-01 00:00 UTC) + Duration::minutes(minutes);
        let zone = super::zone(Some(zone));
        let found = window.next_open(start, &zone).unwrap();

        prop_assert!(is_open(&window, found, &zone), "{} {:?}", found, window);
        let mut earlier = start;
        while earlier < found {
            prop_assert!(!is_open(&window, earlier, &zone), "{} {:?}", earlier, window);
            earlier += Duration::minutes(7);
        }
    }

    /// Whatever the clocks do.
    #[test]
    fn a_plan_is_never_earlier_than_its_start_and_within_its_window(
        window in windows(),
        zone in prop::sample::select(&ZONES),
        minutes in 0..600_000i64,
    ) {
        let start = datetime!(2026-01-01 00:00 UTC) + Duration::minutes(minutes);
        let schedule = LocalSchedule { window: Some(window.clone()), ..LocalSchedule::default() };
        let plan = schedule.plan(Some(zone), &bounds(start));

        prop_assert_eq!(plan.end, None);
        prop_assert!(plan.at >= start && plan.at <= start + Duration::days(9));
    }

    /// A clock in the zone shows the local time, unless it jumps over it.
    #[test]
    fn a_local_time_is_what_the_clock_shows(
        zone in prop::sample::select(&ZONES),
        minutes in 0..600_000i32,
    ) {
        let local = jiff::civil::date(2026, 1, 1).at(0, 0, 0, 0) + minutes.minutes();
        let zone = super::zone(Some(zone));
        let found = instant(local, &zone).unwrap();
        let shown = zone.to_datetime(timestamp(found).unwrap());

        match zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Gap { .. } => prop_assert!(shown > local),
            _ => prop_assert_eq!(shown, local),
        }
    }
}
