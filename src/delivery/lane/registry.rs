//! The lanes of a process: one for each Credential, started when it is first needed and replaced when
//! the Credential changes.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::crypto::MasterKeys;
use crate::delivery::Quotas;
use crate::delivery::lane::report::LaneReports;
use crate::delivery::lane::retry::RetryPolicy;
use crate::delivery::lane::{Job, Lane, LaneParams};
use crate::delivery::queue::recall::Recalls;
use crate::delivery::settle::dead_tokens::DeadTokenPruner;
use crate::model::credential_state::CredentialCheck;
use crate::model::failure::{Failure, FailureCode};
use crate::model::id::CredentialId;
use crate::model::lane_state::LaneError;
use crate::model::provider::Provider;
use crate::model::sealed::SealedCredential;
use crate::provider::{Client, Endpoints};
use crate::store::senders::{KnownCredential, StoredCredential};

/// A lane without a notification for this long ends. Its connections are closed long before.
const IDLE_AFTER: Duration = Duration::from_secs(3600);
/// How long a Credential that was looked up is taken to be unchanged.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// The lanes of a process by Credential.
///
/// [`Dispatch`](crate::delivery::dispatch::Dispatch) owns it, and guards it with its lock. It keeps no
/// task of its own: each lane has one. Dropping the registry ends all lanes.
pub(crate) struct LaneRegistry {
    pub master_keys: MasterKeys,
    pub policy: RetryPolicy,
    endpoints: Endpoints,
    quotas: Quotas,
    pruner: DeadTokenPruner,
    recalls: Recalls,
    reports: LaneReports,
    by_credential: HashMap<CredentialId, Entry>,
}

/// What lanes are made of, whatever their Credential.
pub(crate) struct LaneRegistryParams {
    pub master_keys: MasterKeys,
    pub policy: RetryPolicy,
    pub endpoints: Endpoints,
    pub quotas: Quotas,
    pub pruner: DeadTokenPruner,
    pub recalls: Recalls,
    pub reports: LaneReports,
}

struct Entry {
    /// The version of the Credential that the lane sends with.
    updated_at: OffsetDateTime,
    looked_up_at: Instant,
    /// When something was last to be sent with it.
    asked_at: Instant,
    /// An error: why nothing can be sent with the Credential.
    lane: Result<Lane, &'static str>,
}

impl Entry {
    fn is_fresh(&self, now: Instant) -> bool {
        now.duration_since(self.looked_up_at) < FRESH_FOR && !self.is_broken()
    }

    /// Whether nothing was sent with the Credential for so long that its lane is not worth keeping.
    fn is_idle(&self, now: Instant) -> bool {
        now.duration_since(self.asked_at) >= IDLE_AFTER
    }

    fn is_broken(&self) -> bool {
        self.lane.as_ref().is_ok_and(Lane::is_broken)
    }
}

/// Whether a content that was read is older than the one that a lane has. `current` is the version
/// of the lane, `asked` the one that was known when the read began, and `read` the one that it found.
///
/// Only a read that another one overtook can be older. A version that is earlier than the one it was
/// asked with is new: Postgres' clock may have been set back.
fn is_outdated(
    current: OffsetDateTime,
    asked: Option<OffsetDateTime>,
    read: OffsetDateTime,
) -> bool {
    asked != Some(current) && read < current
}

impl LaneRegistry {
    pub(crate) fn new(params: LaneRegistryParams) -> Self {
        Self {
            master_keys: params.master_keys,
            policy: params.policy,
            endpoints: params.endpoints,
            quotas: params.quotas,
            pruner: params.pruner,
            recalls: params.recalls,
            reports: params.reports,
            by_credential: HashMap::new(),
        }
    }

    /// Those of `used` that must be looked up before anything is sent with them.
    pub(crate) fn unknown(
        &mut self,
        used: impl IntoIterator<Item = CredentialId>,
    ) -> Vec<KnownCredential> {
        let now = Instant::now();
        let mut unknown = Vec::new();

        for id in used {
            let entry = self.by_credential.get_mut(&id);
            let updated_at = match entry {
                Some(entry) if entry.is_fresh(now) => continue,
                Some(entry) => {
                    // It is not idle from here on: another thread must not end the lane meanwhile.
                    entry.asked_at = now;
                    Some(entry.updated_at).filter(|_| !entry.is_broken())
                }
                None => None,
            };
            unknown.push(KnownCredential { id, updated_at });
        }

        unknown
    }

    /// Brings the lanes of the Credentials `asked` for up to date with those of them that were
    /// `found`. Ends lanes that are idle.
    pub(crate) fn refresh(&mut self, asked: &[KnownCredential], found: Vec<StoredCredential>) {
        // A Credential that Postgres did not return is deleted. Its lane ends with the entry: what
        // waits there is put back, and fails when it is dispatched again.
        let existing: HashSet<CredentialId> = found
            .iter()
            .map(|found| match found {
                StoredCredential::Unchanged(id) => *id,
                StoredCredential::New(credential) => credential.id,
            })
            .collect();
        for known in asked {
            if !existing.contains(&known.id) {
                self.by_credential.remove(&known.id);
            }
        }

        let asked: HashMap<CredentialId, Option<OffsetDateTime>> = asked
            .iter()
            .map(|known| (known.id, known.updated_at))
            .collect();
        let now = Instant::now();
        for found in found {
            let credential = match found {
                StoredCredential::New(credential) => credential,
                StoredCredential::Unchanged(id) => {
                    if let Some(entry) = self.by_credential.get_mut(&id) {
                        entry.looked_up_at = now;
                    }
                    continue;
                }
            };

            // Another thread may have brought it up to date meanwhile.
            if let Some(entry) = self.by_credential.get_mut(&credential.id)
                && !entry.is_broken()
            {
                if entry.updated_at == credential.updated_at {
                    entry.looked_up_at = now;
                    continue;
                }

                let asked = asked.get(&credential.id).copied().flatten();
                if is_outdated(entry.updated_at, asked, credential.updated_at) {
                    continue;
                }
            }

            let lane = self.start(&credential);
            if let Err(reason) = &lane {
                let error = LaneError {
                    reason: (*reason).to_owned(),
                    since: OffsetDateTime::now_utc(),
                    next_try_at: None,
                };
                self.reports.lane(credential.id, Some(error));
            }

            // Replacing an entry ends its lane, which gives back what waits for the old content.
            let entry = Entry {
                updated_at: credential.updated_at,
                looked_up_at: now,
                asked_at: now,
                lane,
            };
            self.by_credential.insert(credential.id, entry);
        }

        self.by_credential.retain(|_, entry| !entry.is_idle(now));
    }

    /// How long a Credential's lane takes nothing; `None`: it may take something, or there is no lane
    /// that works.
    pub(crate) fn blocked_for(
        &self,
        credential_id: CredentialId,
        now: Instant,
    ) -> Option<Duration> {
        let entry = self.by_credential.get(&credential_id)?;
        let lane = entry.lane.as_ref().ok()?;

        lane.blocked_for(now).filter(|_| !lane.is_broken())
    }

    /// Hands a notification to its lane. Without a lane, it waits or fails.
    pub(crate) fn submit(&self, credential_id: CredentialId, job: Job) {
        let lane = self
            .by_credential
            .get(&credential_id)
            .map(|entry| &entry.lane);

        match lane {
            Some(Ok(lane)) => lane.submit(job),
            // An operator can fix that, so the notification waits until its deadline.
            Some(Err(reason)) => {
                job.delivery
                    .postpone_or_expire(job.deadline, self.policy.base, reason);
            }
            None => job.delivery.fail(Failure::new(
                FailureCode::CredentialGone,
                "Its Credential has been deleted",
            )),
        }
    }

    fn start(&self, credential: &SealedCredential) -> Result<Lane, &'static str> {
        // A master key may be missing, or another release may have written the content.
        let client = Client::for_stored(credential, &self.master_keys, &self.endpoints)
            .inspect_err(|reason| {
                let check = CredentialCheck::Unreadable((*reason).to_owned());
                self.reports.credential(credential.id, check);
            })?;
        let provider = credential.credential_type.provider();
        let quota = match provider {
            Provider::Fcm => self.quotas.fcm,
            Provider::Apn => self.quotas.apns,
        };

        Ok(Lane::start(LaneParams {
            client,
            provider,
            credential_id: credential.id,
            retry: self.policy,
            quota,
            pruner: self.pruner.clone(),
            recall: self.recalls.for_lane(credential.id),
            reports: self.reports.clone(),
            app_name: credential.app_name.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_read_of_an_older_version_replaces_no_newer_lane() {
        let old = OffsetDateTime::UNIX_EPOCH;
        let middle = old + Duration::from_secs(1);
        let new = old + Duration::from_secs(2);

        assert!(is_outdated(new, Some(old), middle), "overtaken");
        assert!(is_outdated(new, None, old), "the first read was overtaken");
        assert!(!is_outdated(old, Some(old), new));
        assert!(!is_outdated(middle, Some(old), new));
        assert!(
            !is_outdated(new, Some(new), old),
            "the clock of Postgres was set back"
        );
    }
}
