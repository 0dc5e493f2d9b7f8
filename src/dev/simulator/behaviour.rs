//! The simulator's limits, delays and faults. All but the stream limits can change while it runs.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

/// Delays and faults: options of the command line and, in camelCase, of the control endpoint.
#[derive(Debug, Clone, Copy, Args, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Faults {
    /// The latency of every answer, in milliseconds.
    #[arg(long, default_value_t = 0)]
    pub latency: u64,
    /// Maximum random addition to the latency, in milliseconds.
    #[arg(long, default_value_t = 0)]
    pub jitter: u64,
    /// Send GOAWAY on a connection after this many requests; 0: never.
    #[arg(long, default_value_t = 0)]
    pub goaway_after: u32,
    /// Break the connection instead of answering once per this many accepted messages; 0: never.
    #[arg(long, default_value_t = 0)]
    pub lose_answer_every: u64,
    /// The Retry-After header of 429 and 503, in seconds; 0: no header.
    #[arg(long, default_value_t = 0)]
    pub retry_after: u32,
    /// The outage that applies to every request.
    #[arg(long, value_enum, default_value_t = Outage::None)]
    pub outage: Outage,
}

/// An outage of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outage {
    /// No outage.
    None,
    /// Every request is answered with 503.
    Unavailable,
    /// Connections are closed as soon as they open.
    Refuse,
    /// Requests are read and never answered.
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
    /// How long an answer takes, jitter included.
    pub fn delay(&self) -> Duration {
        let jitter = if self.jitter == 0 {
            0
        } else {
            rand::random_range(0..=self.jitter)
        };

        Duration::from_millis(self.latency + jitter)
    }
}

/// How the simulator behaves. Its servers read the faults for each request, and the control endpoint
/// replaces them.
pub struct Behaviour {
    /// How many requests at a time one connection to FCM allows.
    pub fcm_streams: u32,
    /// How many requests at a time one connection to APNs allows.
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
    pub fn new(fcm_streams: u32, apns_streams: u32, faults: Faults) -> Self {
        Self {
            fcm_streams,
            apns_streams,
            faults: RwLock::new(faults),
        }
    }

    pub fn faults(&self) -> Faults {
        *self.faults.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the faults for every later request.
    pub fn set_faults(&self, faults: Faults) {
        *self.faults.write().unwrap_or_else(PoisonError::into_inner) = faults;
    }
}
