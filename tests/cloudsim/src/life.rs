//! Time as the simulator knows it: things become visible, and change state, after polls or after milliseconds.

use serde::Serialize;

use crate::config::Config;

/// When a thing was made, and by which call.
#[derive(Clone, Debug, Serialize)]
pub struct Birth {
    /// The number of the call in the call log; 0 for what exists from the start or was made by hand.
    pub call: u64,
    /// Unix time in milliseconds.
    pub at_ms: u64,
    looks: u32,
}

impl Birth {
    /// A thing made by this call, at this time.
    pub fn new(call: u64, at_ms: u64) -> Self {
        Self { call, at_ms, looks: 0 }
    }

    /// A thing that everybody sees from the start.
    pub fn old(at_ms: u64) -> Self {
        Self { call: 0, at_ms, looks: u32::MAX }
    }

    /// Counts one look at the thing, and says whether this look finds it.
    pub fn look(&mut self, config: &Config, now: u64) -> bool {
        self.looks = self.looks.saturating_add(1);
        self.looks > config.lag_polls || config.lag_ms.is_some_and(|ms| now.saturating_sub(self.at_ms) >= ms)
    }
}

/// A state that will be left by itself.
#[derive(Clone, Debug, Serialize)]
pub struct Ripening {
    since_ms: u64,
    polls: u32,
}

impl Ripening {
    /// A state entered now.
    pub fn from(now: u64) -> Self {
        Self { since_ms: now, polls: 0 }
    }

    /// Counts one poll, and says whether the state is left: `polls` of them saw it, or it is old enough.
    pub fn poll(&mut self, polls: u32, config: &Config, now: u64) -> bool {
        self.polls = self.polls.saturating_add(1);
        self.ripe(polls, config, now)
    }

    /// Whether the state is left, without counting.
    pub fn ripe(&self, polls: u32, config: &Config, now: u64) -> bool {
        self.polls > polls || config.ready_after_ms.is_some_and(|ms| now.saturating_sub(self.since_ms) >= ms)
    }
}
