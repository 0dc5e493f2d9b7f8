//! Which results of requests are worth a report about the lane's Credential.

use std::time::{Duration, Instant};

use crate::model::credential_state::CredentialCheck;

/// A state that goes on is reported this often.
const AGAIN_AFTER: Duration = Duration::from_secs(60);
/// A provider that took a request so recently is not unreachable: a connection ended.
const REACHED_FOR: Duration = Duration::from_secs(10);

/// What a lane last reported about its Credential. Owned by the lane's worker.
#[derive(Default)]
pub(super) struct CredentialHealth {
    reported: Option<(&'static str, Instant)>,
    worked_at: Option<Instant>,
}

impl CredentialHealth {
    /// Notes what a request showed. Returns it if it is to be reported: at a change, and once a minute.
    pub(super) fn note(&mut self, check: CredentialCheck, now: Instant) -> Option<CredentialCheck> {
        match check {
            CredentialCheck::Working => self.worked_at = Some(now),
            CredentialCheck::Unreachable(_)
                if self
                    .worked_at
                    .is_some_and(|at| now.duration_since(at) < REACHED_FOR) =>
            {
                return None;
            }
            _ => {}
        }

        // The reason is left out: it may differ from one error to the next, and each would be a
        // report.
        let state = check.as_str();
        let is_known = self.reported.is_some_and(|(reported, at)| {
            reported == state && now.duration_since(at) < AGAIN_AFTER
        });
        if is_known {
            return None;
        }

        self.reported = Some((state, now));
        Some(check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_reported_and_what_goes_on_once_a_minute() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let refused = || CredentialCheck::Refused("403".to_owned());
        let unreachable = || CredentialCheck::Unreachable("reset".to_owned());
        let mut health = CredentialHealth::default();

        for (check, seconds, is_reported) in [
            (CredentialCheck::Working, 0, true),
            (CredentialCheck::Working, 1, false),
            (unreachable(), 2, false),
            (refused(), 3, true),
            (refused(), 4, false),
            (CredentialCheck::Working, 5, true),
            (unreachable(), 16, true),
            (unreachable(), 40, false),
            (unreachable(), 76, true),
        ] {
            let reported = health.note(check, at(seconds));
            assert_eq!(reported.is_some(), is_reported, "after {seconds} s");
        }
    }
}
