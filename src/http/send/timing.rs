//! When the notifications of a send go: at the same moment, or each by its recipient's clock.

use std::collections::HashMap;

use time::{Duration, OffsetDateTime};

use crate::http::State;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::send::checked::{CheckedRecipient, CheckedSend, CheckedTo};
use crate::http::send::schedule::longest_ahead;
use crate::model::id::UserId;
use crate::model::local_time::{FURTHEST_AHEAD, LocalSchedule, Plan, PlanBounds};
use crate::store::{releases, users};

/// When a send goes.
#[derive(Debug, PartialEq)]
pub(super) struct Timing {
    /// When the first notification goes; `None`: now.
    pub send_at: Option<OffsetDateTime>,
    /// What depends on the recipients' clocks; `None`: nothing does.
    pub local: Option<LocalSchedule>,
    /// When the notification of each recipient goes; empty: all go at `send_at`, or there is an audience,
    /// which the fan-out plans.
    pub plans: Vec<Plan>,
}

impl Timing {
    /// Plans a send.
    pub(super) async fn of(
        state: &State,
        caller: Caller,
        send: &CheckedSend,
    ) -> Result<Self, ApiError> {
        let Some(local) = &send.local else {
            return Ok(Self {
                send_at: send.send_at,
                local: None,
                plans: Vec::new(),
            });
        };
        let local = LocalSchedule {
            max_window_wait: max_window_wait(send.deadline, send.message.ttl),
            ..local.clone()
        };

        let timezones = Box::pin(timezones(state, caller, &send.recipients)).await?;
        let now = OffsetDateTime::now_utc();
        let bounds = PlanBounds {
            now,
            starts_at: send.send_at.unwrap_or(now),
            latest: now + longest_ahead(state.settings.retention),
        };
        let timing = plan(local, &send.recipients, &timezones, &bounds);

        // Asked only now, because a plan that comes to one moment for all is a plain send, which
        // older releases know.
        if timing.local.is_some() && Box::pin(releases::older_is_connected(&state.pool)).await? {
            return Err(ApiError::conflict(
                "A process of an older release, which supports neither local times nor windows, is \
                 running. Retry once it has ended, or give sendAt a zone",
            ));
        }
        Ok(timing)
    }
}

/// How long a message may wait for a window, in seconds: it is of no use after its own deadline.
fn max_window_wait(deadline: Option<Duration>, ttl: Option<u32>) -> Option<u32> {
    let deadline = deadline.and_then(|deadline| u32::try_from(deadline.whole_seconds()).ok());

    [deadline, ttl].into_iter().flatten().min()
}

/// The time zones of the Users among the recipients.
async fn timezones(
    state: &State,
    caller: Caller,
    recipients: &[CheckedRecipient],
) -> Result<HashMap<UserId, String>, ApiError> {
    let ids: Vec<UserId> = recipients
        .iter()
        .filter_map(CheckedRecipient::user_id)
        .collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }

    Ok(users::timezones(&state.pool, caller.account_id, &ids).await?)
}

fn plan(
    local: LocalSchedule,
    recipients: &[CheckedRecipient],
    timezones: &HashMap<UserId, String>,
    bounds: &PlanBounds,
) -> Timing {
    // A time that has come is `None`: only a send without a time can be handed over in memory.
    let later = |at: OffsetDateTime| (at > bounds.now).then_some(at);

    let plans: Vec<Plan> = recipients
        .iter()
        .map(|recipient| {
            let timezone = recipient
                .user_id()
                .and_then(|user_id| timezones.get(&user_id));
            local.plan(timezone.map(String::as_str), bounds)
        })
        .collect();
    let Some(first) = plans.iter().map(|plan| plan.at).min() else {
        // An audience: no clock is further ahead.
        let earliest = local
            .send_at
            .and_then(|local| local.in_utc()?.checked_sub(FURTHEST_AHEAD));
        return Timing {
            send_at: earliest.or(Some(bounds.starts_at)).and_then(later),
            local: Some(local),
            plans,
        };
    };

    // Devices have no zone: without a window, the send is one at a time of UTC, as in release 0.1.
    // A window is kept, so that neither another time nor a pace leads out of it.
    let is_one_moment = local.window.is_none()
        && recipients
            .iter()
            .all(|recipient| recipient.user_id().is_none())
        && plans
            .iter()
            .all(|plan| plan.at == first && plan.end.is_none());
    Timing {
        send_at: later(first),
        local: (!is_one_moment).then_some(local),
        plans: if is_one_moment { Vec::new() } else { plans },
    }
}

impl CheckedRecipient {
    fn user_id(&self) -> Option<UserId> {
        match &self.to {
            CheckedTo::User(user) => Some(user.id),
            CheckedTo::Device { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::http::device::Device;
    use crate::model::id::CredentialId;
    use crate::model::local_time::Window;
    use crate::model::provider::Provider;

    const NOW: OffsetDateTime = datetime!(2026-11-30 06:00 UTC);

    fn bounds() -> PlanBounds {
        PlanBounds {
            now: NOW,
            starts_at: NOW,
            latest: NOW + Duration::days(7),
        }
    }

    fn at_nine() -> LocalSchedule {
        LocalSchedule {
            send_at: "2026-11-30T09:00:00".parse().ok(),
            ..LocalSchedule::default()
        }
    }

    fn recipient(to: CheckedTo) -> CheckedRecipient {
        CheckedRecipient {
            to,
            variables: None,
            badge: None,
        }
    }

    fn device() -> CheckedRecipient {
        recipient(CheckedTo::Device {
            device: Device {
                provider: Provider::Fcm,
                token: "token".to_owned(),
                environment: None,
            },
            credential_id: CredentialId::generate(),
        })
    }

    #[test]
    fn each_user_has_a_time_and_the_operation_begins_with_the_first() {
        let [tallinn, lisbon] = [UserId::generate(), UserId::generate()];
        let timezones = HashMap::from([
            (tallinn, "Europe/Tallinn".to_owned()),
            (lisbon, "Europe/Lisbon".to_owned()),
        ]);
        let recipients = [
            recipient(CheckedTo::User(lisbon.into())),
            recipient(CheckedTo::User(tallinn.into())),
            device(),
        ];

        let timing = plan(at_nine(), &recipients, &timezones, &bounds());
        let times: Vec<OffsetDateTime> = timing.plans.iter().map(|plan| plan.at).collect();
        assert_eq!(
            times,
            [
                datetime!(2026-11-30 09:00 UTC),
                datetime!(2026-11-30 07:00 UTC),
                datetime!(2026-11-30 09:00 UTC),
            ]
        );
        assert_eq!(timing.send_at, Some(datetime!(2026-11-30 07:00 UTC)));
        assert!(timing.local.is_some());
    }

    #[test]
    fn devices_alone_are_sent_to_at_a_time_of_utc() {
        let timing = plan(at_nine(), &[device(), device()], &HashMap::new(), &bounds());
        let expected = Timing {
            send_at: Some(datetime!(2026-11-30 09:00 UTC)),
            local: None,
            plans: Vec::new(),
        };
        assert_eq!(timing, expected);

        let skipped = LocalSchedule {
            send_at: "2026-11-30T01:00:00".parse().ok(),
            if_passed: crate::model::local_time::IfPassed::Skip,
            ..LocalSchedule::default()
        };
        let timing = plan(skipped, &[device()], &HashMap::new(), &bounds());
        assert!(timing.local.is_some() && timing.plans[0].end.is_some());
        assert_eq!(timing.send_at, None);

        let in_a_window = LocalSchedule {
            window: Some(Window {
                from: "07:00".parse().unwrap(),
                until: "08:00".parse().unwrap(),
                days: None,
            }),
            ..LocalSchedule::default()
        };
        let timing = plan(in_a_window.clone(), &[device()], &HashMap::new(), &bounds());
        assert_eq!(timing.send_at, Some(datetime!(2026-11-30 07:00 UTC)));
        assert_eq!((timing.local, timing.plans.len()), (Some(in_a_window), 1));
    }

    #[test]
    fn an_audience_begins_when_the_first_clock_may_show_the_time() {
        let timing = plan(at_nine(), &[], &HashMap::new(), &bounds());
        assert_eq!(timing.send_at, None, "it is later than that on Kiritimati");

        let next_day = LocalSchedule {
            send_at: "2026-12-01T09:00:00".parse().ok(),
            ..LocalSchedule::default()
        };
        let timing = plan(next_day, &[], &HashMap::new(), &bounds());
        assert_eq!(timing.send_at, Some(datetime!(2026-11-30 19:00 UTC)));
    }

    #[test]
    fn a_message_waits_no_longer_than_its_own_deadline() {
        assert_eq!(max_window_wait(None, None), None);
        assert_eq!(max_window_wait(Some(Duration::HOUR), None), Some(3600));
        assert_eq!(max_window_wait(Some(Duration::HOUR), Some(60)), Some(60));
    }
}
