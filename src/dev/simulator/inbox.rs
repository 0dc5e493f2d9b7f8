//! The messages that each device received, by token.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderMap;
use serde::Serialize;
use serde_json::Value;

/// Parts of the inbox with a lock each, so that requests seldom wait for each other.
const SHARDS: usize = 16;
/// Headers that are not shown: secrets, and those that are of one request only.
const HIDDEN_HEADERS: [&str; 3] = ["authorization", "apns-id", "content-length"];
/// Most different apns-ids that are kept for a token.
const MAX_IDS: usize = 16;

/// The messages for one token.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeviceInbox {
    /// `FCM` or `APN`.
    pub provider: &'static str,
    /// How many requests passed the provider's checks, accepted or not.
    pub count: u32,
    /// How many requests were accepted: the notifications that the device shows.
    pub accepted: u32,
    /// The different apns-ids of the requests.
    pub apns_ids: Vec<String>,
    /// The headers of the last request, without `authorization` and `apns-id`.
    pub headers: Option<Arc<Value>>,
    /// The payload of the last request.
    pub payload: Option<Arc<Value>>,
}

/// Sums over all tokens.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    /// How many requests passed the providers' checks, accepted or not.
    pub requests: u64,
    /// How many requests were accepted.
    pub accepted: u64,
    /// How many different tokens there were.
    pub tokens: u64,
    /// How many requests were accepted for a token beyond its first.
    pub duplicates: u64,
    /// How many different provider tokens of APNs were used.
    pub provider_tokens: u64,
    /// How many connections were opened.
    pub connections: u64,
    /// How many connections are open now.
    pub open_connections: u64,
    /// How many requests have no answer yet.
    pub in_flight: u64,
}

/// Counts a connection or a request until it is dropped.
pub(super) struct Counted(Arc<AtomicU64>);

impl Counted {
    fn by(count: &Arc<AtomicU64>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

/// A request for one device that passed the provider's checks.
pub(super) struct DeviceRequest<'a> {
    /// `FCM` or `APN`.
    pub provider: &'static str,
    pub token: &'a str,
    pub apns_id: Option<&'a str>,
    pub headers: Arc<Value>,
    pub payload: Arc<Value>,
}

/// All inboxes, and the counts of a simulator. Its servers and its control endpoint share it. No task
/// belongs to it, and its locks are never held across an await.
pub(super) struct Inbox {
    hasher: RandomState,
    shards: [Mutex<HashMap<String, DeviceInbox>>; SHARDS],
    /// Payloads by the hash of their bytes. A million devices often get the same one, which is kept
    /// once.
    payloads: Mutex<HashMap<u64, Arc<Value>>>,
    /// The same for headers.
    headers: Mutex<HashMap<u64, Arc<Value>>>,
    connections: AtomicU64,
    provider_tokens: AtomicU64,
    accepted: AtomicU64,
    open_connections: Arc<AtomicU64>,
    in_flight: Arc<AtomicU64>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: Default::default(),
            payloads: Mutex::default(),
            headers: Mutex::default(),
            connections: AtomicU64::new(0),
            provider_tokens: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            open_connections: Arc::default(),
            in_flight: Arc::default(),
        }
    }
}

impl Inbox {
    /// Counts a connection, which is open until the result is dropped.
    pub(super) fn count_connection(&self) -> Counted {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Counted::by(&self.open_connections)
    }

    /// Counts a provider token that was not used before.
    pub(super) fn count_provider_token(&self) {
        self.provider_tokens.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request, which is in flight until the result is dropped.
    pub(super) fn count_request(&self) -> Counted {
        Counted::by(&self.in_flight)
    }

    /// Counts an accepted message. Returns how many there have been, this one included.
    pub(super) fn count_accepted(&self) -> u64 {
        self.accepted.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Records a request. `accept` decides whether it is accepted, from the number of earlier requests
    /// for the token. Returns that decision.
    pub(super) fn record(
        &self,
        request: DeviceRequest<'_>,
        accept: impl FnOnce(u32) -> bool,
    ) -> bool {
        let mut shard = lock(self.shard(request.token));

        // Looked up first, because `entry` would need an owned token for each request.
        if !shard.contains_key(request.token) {
            let empty = DeviceInbox {
                provider: request.provider,
                ..DeviceInbox::default()
            };
            shard.insert(request.token.to_owned(), empty);
        }
        let Some(device) = shard.get_mut(request.token) else {
            return false;
        };

        let is_accepted = accept(device.count);
        device.count += 1;
        device.accepted += u32::from(is_accepted);
        device.headers = Some(request.headers);
        device.payload = Some(request.payload);
        if let Some(id) = request.apns_id
            && device.apns_ids.len() < MAX_IDS
            && !device.apns_ids.iter().any(|known| known == id)
        {
            device.apns_ids.push(id.to_owned());
        }

        is_accepted
    }

    /// The payload of a body: an earlier one of the same bytes, else what `parse` returns.
    pub(super) fn shared_payload(&self, body: &[u8], parse: impl FnOnce() -> Value) -> Arc<Value> {
        // By the hash alone, so that no body is kept. Two of one hash are too unlikely to matter
        // here.
        let hash = self.hasher.hash_one(body);
        let mut payloads = lock(&self.payloads);
        Arc::clone(payloads.entry(hash).or_insert_with(|| Arc::new(parse())))
    }

    /// The headers of a request as an object, without those that differ in each request and those that
    /// are secret.
    pub(super) fn shared_headers(&self, headers: &HeaderMap) -> Arc<Value> {
        let shown = || {
            headers
                .iter()
                .filter(|(name, _)| !HIDDEN_HEADERS.contains(&name.as_str()))
        };

        let mut hasher = self.hasher.build_hasher();
        for (name, value) in shown() {
            name.hash(&mut hasher);
            value.as_bytes().hash(&mut hasher);
        }

        let as_object = || {
            let entries = shown().map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), Value::String(value))
            });
            Arc::new(Value::Object(entries.collect()))
        };
        let mut headers = lock(&self.headers);
        Arc::clone(headers.entry(hasher.finish()).or_insert_with(as_object))
    }

    pub(super) fn device(&self, token: &str) -> Option<DeviceInbox> {
        lock(self.shard(token)).get(token).cloned()
    }

    /// All inboxes by token.
    pub(super) fn devices(&self) -> HashMap<String, DeviceInbox> {
        // One lock after the other: this is a snapshot only while no request is in flight.
        self.shards
            .iter()
            .flat_map(|shard| lock(shard).clone())
            .collect()
    }

    pub(super) fn summary(&self) -> Summary {
        let mut summary = Summary {
            requests: 0,
            accepted: 0,
            tokens: 0,
            duplicates: 0,
            provider_tokens: self.provider_tokens.load(Ordering::Relaxed),
            connections: self.connections.load(Ordering::Relaxed),
            // Read before the sums: once both are 0, the sums change no more.
            open_connections: self.open_connections.load(Ordering::Acquire),
            in_flight: self.in_flight.load(Ordering::Acquire),
        };

        for shard in &self.shards {
            for device in lock(shard).values() {
                summary.requests += u64::from(device.count);
                summary.accepted += u64::from(device.accepted);
                summary.tokens += 1;
                summary.duplicates += u64::from(device.accepted.saturating_sub(1));
            }
        }

        summary
    }

    /// Forgets all messages and counts.
    pub(super) fn clear(&self) {
        for shard in &self.shards {
            lock(shard).clear();
        }
        lock(&self.payloads).clear();
        lock(&self.headers).clear();

        // `provider_tokens` stays: a token that is known by now is not counted again.
        self.accepted.store(0, Ordering::Relaxed);
        self.connections.store(0, Ordering::Relaxed);
    }

    fn shard(&self, token: &str) -> &Mutex<HashMap<String, DeviceInbox>> {
        &self.shards[self.hasher.hash_one(token) as usize % SHARDS]
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
