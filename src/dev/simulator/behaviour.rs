//! Limits, delays and faults of the simulator; all but the stream limits may change while it runs.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

/// What may change while the simulator runs. On the command line and, in camelCase, at the control
/// endpoint.
#[derive(Debug, Clone, Copy, Args, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Faults {
    /// Milliseconds that every answer takes.
    #[arg(long, default_value_t = 0)]
    pub latency: u64,
    /// Up to this many milliseconds more, at random.
    #[arg(long, default_value_t = 0)]
    pub jitter: u64,
    /// A connection gets GOAWAY after this many requests; 0: never.
    #[arg(long, default_value_t = 0)]
    pub goaway_after: u32,
    /// Every so many accepted messages the connection breaks instead of answering; 0: never.
    #[arg(long, default_value_t = 0)]
    pub lose_answer_every: u64,
    /// Seconds in the Retry-After header of 429 and 503; 0: no such header.
    #[arg(long, default_value_t = 0)]
    pub retry_after: u32,
    /// What everybody gets instead of an answer.
    #[arg(long, value_enum, default_value_t = Outage::None)]
    pub outage: Outage,
}

/// An outage of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outage {
    /// All is well.
    None,
    /// Every request is answered with 503.
    Unavailable,
    /// Connections are closed as soon as they open.
    Refuse,
    /// Requests are taken and never answered.
    Hang,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            latency: 0,
            jitter: 0,
            goaway_after: 0,
            lose_answer_every: 0,
            retry_after: 0,
            outage: Outage::None,
        }
    }
}

impl Faults {
    /// How long this answer takes.
    pub fn delay(&self) -> Duration {
        let jitter = if self.jitter == 0 {
            0
        } else {
            rand::random_range(0..=self.jitter)
        };
        Duration::from_millis(self.latency + jitter)
    }
}

/// How the simulator behaves.
pub struct Behaviour {
    /// Requests at a time on one connection to FCM.
    pub fcm_streams: u32,
    /// Requests at a time on one connection to APNs.
    pub apns_streams: u32,
    faults: RwLock<Faults>,
}

impl Default for Behaviour {
    /// The providers' own stream limits, and no faults.
    fn default() -> Self {
        Self::new(100, 1000, Faults::default())
    }
}

impl Behaviour {
    /// With these limits and faults.
    pub fn new(fcm_streams: u32, apns_streams: u32, faults: Faults) -> Self {
        Self {
            fcm_streams,
            apns_streams,
            faults: RwLock::new(faults),
        }
    }

    /// The faults now.
    pub fn faults(&self) -> Faults {
        *self.faults.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes them for every request from now on.
    pub fn set_faults(&self, faults: Faults) {
        *self.faults.write().unwrap_or_else(PoisonError::into_inner) = faults;
    }
}
