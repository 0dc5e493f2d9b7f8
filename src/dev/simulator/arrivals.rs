//! What arrived, by token: what a device would have seen.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;

const SHARDS: usize = 16;
/// Different ids that are kept for a token.
const MOST_IDS: usize = 16;

/// What arrived for one token.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Arrival {
    /// `FCM` or `APN`.
    pub provider: &'static str,
    /// Requests for it that were checked and counted.
    pub count: u32,
    /// Requests that were accepted: what the device shows.
    pub accepted: u32,
    /// The different apns-ids that came with them.
    pub apns_ids: Vec<String>,
    /// The last payload.
    pub payload: Option<Arc<Value>>,
}

/// What arrived for all.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    /// Requests that were checked and counted.
    pub requests: u64,
    /// Requests that were accepted.
    pub accepted: u64,
    /// Different tokens.
    pub tokens: u64,
    /// Accepted requests beyond the first of their token.
    pub duplicates: u64,
    /// Connections that were opened.
    pub connections: u64,
}

/// Everything that arrived.
pub(super) struct Arrivals {
    hasher: RandomState,
    shards: [Mutex<HashMap<String, Arrival>>; SHARDS],
    /// Payloads that several tokens share, kept once.
    payloads: Mutex<HashMap<u64, Arc<Value>>>,
    connections: AtomicU64,
    accepted: AtomicU64,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: Default::default(),
            payloads: Mutex::default(),
            connections: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Arrivals {
    /// Notes a connection.
    pub(super) fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes a request for `token`. `accept` decides by how often it was tried before.
    pub(super) fn arrived(
        &self,
        provider: &'static str,
        token: &str,
        apns_id: Option<&str>,
        payload: Arc<Value>,
        accept: impl FnOnce(u32) -> bool,
    ) -> bool {
        let mut shard = lock(self.shard(token));
        if !shard.contains_key(token) {
            shard.insert(
                token.to_owned(),
                Arrival {
                    provider,
                    ..Arrival::default()
                },
            );
        }
        let Some(arrival) = shard.get_mut(token) else {
            return false;
        };
        let accepted = accept(arrival.count);
        arrival.count += 1;
        arrival.accepted += u32::from(accepted);
        if let Some(id) = apns_id
            && arrival.apns_ids.len() < MOST_IDS
            && !arrival.apns_ids.iter().any(|known| known == id)
        {
            arrival.apns_ids.push(id.to_owned());
        }
        arrival.payload = Some(payload);
        accepted
    }

    /// `payload`, or the same one that somebody else got.
    pub(super) fn shared(&self, bytes: &[u8], payload: impl FnOnce() -> Value) -> Arc<Value> {
        let hash = self.hasher.hash_one(bytes);
        Arc::clone(
            lock(&self.payloads)
                .entry(hash)
                .or_insert_with(|| Arc::new(payload())),
        )
    }

    /// Counts an acceptance. Returns how many there have been, this one included.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// What arrived for `token`.
    pub(super) fn of(&self, token: &str) -> Option<Arrival> {
        lock(self.shard(token)).get(token).cloned()
    }

    /// What arrived, by token.
    pub(super) fn all(&self) -> HashMap<String, Arrival> {
        self.shards
            .iter()
            .flat_map(|shard| lock(shard).clone())
            .collect()
    }

    /// The sums of it all.
    pub(super) fn summary(&self) -> Summary {
        let connections = self.connections.load(Ordering::Relaxed);
        let mut summary = Summary {
            requests: 0,
            accepted: 0,
            tokens: 0,
            duplicates: 0,
            connections,
        };
        for shard in &self.shards {
            for arrival in lock(shard).values() {
                summary.requests += u64::from(arrival.count);
                summary.accepted += u64::from(arrival.accepted);
                summary.tokens += 1;
                summary.duplicates += u64::from(arrival.accepted.saturating_sub(1));
            }
        }
        summary
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        for shard in &self.shards {
            lock(shard).clear();
        }
        lock(&self.payloads).clear();
        self.accepted.store(0, Ordering::Relaxed);
        self.connections.store(0, Ordering::Relaxed);
    }

    fn shard(&self, token: &str) -> &Mutex<HashMap<String, Arrival>> {
        &self.shards[self.hasher.hash_one(token) as usize % SHARDS]
    }
}
