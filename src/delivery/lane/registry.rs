//! The lanes of a process: one for each Credential, started when it is first needed and replaced when
//! the Credential changes.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::crypto::MasterKeys;
use crate::delivery::Quotas;
use crate::delivery::lane::retry::RetryPolicy;
use crate::delivery::lane::{Job, Lane, LaneParams};
use crate::delivery::settle::dead_tokens::DeadTokenPruner;
use crate::model::failure::{Failure, FailureCode};
use crate::model::id::CredentialId;
use crate::model::provider::Provider;
use crate::model::sealed::SealedCredential;
use crate::provider::{Client, Endpoints};
use crate::store::senders::{Found, KnownCredential};

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
    by_credential: HashMap<CredentialId, Entry>,
}

/// What lanes are made of, whatever their Credential.
pub(crate) struct LaneRegistryParams {
    pub master_keys: MasterKeys,
    pub policy: RetryPolicy,
    pub endpoints: Endpoints,
    pub quotas: Quotas,
    pub pruner: DeadTokenPruner,
}

struct Entry {
    /// The version of the Credential that the lane sends with.
    updated_at: OffsetDateTime,
    looked_up_at: Instant,
    /// An error: why nothing can be sent with the Credential.
    lane: Result<Lane, &'static str>,
}

impl Entry {
    fn is_fresh(&self, now: Instant) -> bool {
        now.duration_since(self.looked_up_at) < FRESH_FOR && !self.is_broken()
    }

    fn is_broken(&self) -> bool {
        self.lane.as_ref().is_ok_and(Lane::is_broken)
    }
}

impl LaneRegistry {
    pub(crate) fn new(params: LaneRegistryParams) -> Self {
        Self {
            master_keys: params.master_keys,
            policy: params.policy,
            endpoints: params.endpoints,
            quotas: params.quotas,
            pruner: params.pruner,
            by_credential: HashMap::new(),
        }
    }

    /// Those of `used` that must be looked up before anything is sent with them.
    pub(crate) fn unknown(
        &self,
        used: impl IntoIterator<Item = CredentialId>,
    ) -> Vec<KnownCredential> {
        let now = Instant::now();
        let is_fresh = |id: &CredentialId| {
            self.by_credential
                .get(id)
                .is_some_and(|entry| entry.is_fresh(now))
        };

        let known = |id| KnownCredential {
            id,
            updated_at: self
                .by_credential
                .get(&id)
                .filter(|entry| !entry.is_broken())
                .map(|entry| entry.updated_at),
        };
        used.into_iter()
            .filter(|id| !is_fresh(id))
            .map(known)
            .collect()
    }

    /// Brings the lanes of the Credentials `asked` for up to date with those of them that were
    /// `found`.
    pub(crate) fn refresh(&mut self, asked: &[KnownCredential], found: Vec<Found>) {
        let existing: HashSet<CredentialId> = found
            .iter()
            .map(|found| match found {
                Found::Unchanged(id) => *id,
                Found::New(credential) => credential.id,
            })
            .collect();
        for known in asked {
            if !existing.contains(&known.id) {
                self.by_credential.remove(&known.id);
            }
        }

        let now = Instant::now();
        for found in found {
            let credential = match found {
                Found::New(credential) => credential,
                Found::Unchanged(id) => {
                    if let Some(entry) = self.by_credential.get_mut(&id) {
                        entry.looked_up_at = now;
                    }
                    continue;
                }
            };

            // Another thread may have brought it up to date meanwhile.
            if let Some(entry) = self.by_credential.get_mut(&credential.id)
                && entry.updated_at == credential.updated_at
                && !entry.is_broken()
            {
                entry.looked_up_at = now;
                continue;
            }

            // Replacing an entry ends its lane, which gives back what waits for the old content.
            let entry = Entry {
                updated_at: credential.updated_at,
                looked_up_at: now,
                lane: self.start(&credential),
            };
            self.by_credential.insert(credential.id, entry);
        }
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
        let client = Client::for_stored(credential, &self.master_keys, &self.endpoints)?;
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
        }))
    }
}
