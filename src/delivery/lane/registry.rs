//! Which lane a Credential has: opened when first needed, replaced when the Credential changes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::crypto::MasterKeys;
use crate::delivery::Quotas;
use crate::delivery::lane::retry::RetryPolicy;
use crate::delivery::lane::{Job, Lane};
use crate::delivery::settle::dead_tokens::DeadTokenPruner;
use crate::handoff::capacity::Capacity;
use crate::model::failure::{Failure, FailureCode};
use crate::model::id::CredentialId;
use crate::model::provider::Provider;
use crate::model::sealed::SealedCredential;
use crate::provider::{Client, Endpoints};

/// The lanes of this process.
pub(crate) struct LaneRegistry {
    pub master_keys: MasterKeys,
    pub endpoints: Endpoints,
    pub policy: RetryPolicy,
    pub quotas: Quotas,
    pub removal: DeadTokenPruner,
    pub capacity: Arc<Capacity>,
    pub by_credential: HashMap<CredentialId, Entry>,
}

/// For how long what is known of a Credential is taken as true.
const KNOWN_FOR: Duration = Duration::from_secs(1);

/// What there is for a Credential.
pub(crate) struct Entry {
    updated_at: OffsetDateTime,
    /// When it was last looked up.
    seen_at: Instant,
    lane: Result<Lane, &'static str>,
}

impl Entry {
    /// Whether it is what is stored now, or was a moment ago, and its lane has not broken.
    fn is_current(&self, now: Instant) -> bool {
        now.duration_since(self.seen_at) < KNOWN_FOR && !self.lane.as_ref().is_ok_and(Lane::is_gone)
    }
}

impl LaneRegistry {
    /// Those of `used` that must be looked up before anything is sent with them.
    pub(crate) fn unknown(
        &self,
        used: impl IntoIterator<Item = CredentialId>,
    ) -> Vec<CredentialId> {
        let now = Instant::now();
        let is_current = |id: &CredentialId| {
            self.by_credential
                .get(id)
                .is_some_and(|entry| entry.is_current(now))
        };
        used.into_iter().filter(|id| !is_current(id)).collect()
    }

    /// Gives each of the Credentials that were `asked` for the lane of its newest content; `stored`
    /// is what there is of them.
    pub(crate) fn refresh(&mut self, asked: &[CredentialId], stored: Vec<SealedCredential>) {
        for id in asked {
            if !stored.iter().any(|credential| credential.id == *id) {
                self.by_credential.remove(id);
            }
        }
        for credential in stored {
            let (updated_at, seen_at) = (credential.updated_at, Instant::now());
            match self.by_credential.get_mut(&credential.id) {
                Some(entry)
                    if entry.updated_at == updated_at
                        && !entry.lane.as_ref().is_ok_and(Lane::is_gone) =>
                {
                    entry.seen_at = seen_at;
                }
                _ => {
                    let lane = self.open(&credential);
                    self.by_credential.insert(
                        credential.id,
                        Entry {
                            updated_at,
                            seen_at,
                            lane,
                        },
                    );
                }
            }
        }
    }

    /// For how long a Credential's lane takes nothing; `None`: it takes something, or there is none
    /// that lives.
    pub(crate) fn blocked_for(
        &self,
        credential_id: CredentialId,
        now: Instant,
    ) -> Option<Duration> {
        self.by_credential
            .get(&credential_id)?
            .lane
            .as_ref()
            .ok()
            .filter(|lane| !lane.is_gone())?
            .blocked_for(now)
    }

    /// Hands a notification to its lane; fails it where there can be none.
    pub(crate) fn submit(&self, credential_id: CredentialId, job: Job) {
        match self
            .by_credential
            .get(&credential_id)
            .map(|entry| &entry.lane)
        {
            Some(Ok(lane)) => lane.submit(job),
            // An operator can fix that: the notification waits for it until its deadline.
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

    fn open(&self, stored: &SealedCredential) -> Result<Lane, &'static str> {
        let client = Client::for_stored(stored, &self.master_keys, &self.endpoints)?;
        let provider = stored.credential_type.provider();
        let quota = match provider {
            Provider::Fcm => self.quotas.fcm,
            Provider::Apn => self.quotas.apns,
        };
        Ok(Lane::start(
            client,
            (provider, stored.id),
            (self.policy, quota),
            (self.removal.clone(), Arc::clone(&self.capacity)),
        ))
    }
}
