//! The settings of a simulator: given at start, changed at run time with `POST /_sim/config`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::aws::config::AwsConfig;

/// How kind or unkind the simulated clouds are.
///
/// A *poll* is a call that looks at a thing (a Describe, or a refused Delete). Everything that takes time takes polls, so tests
/// need not sleep; the `…_ms` settings let it also pass with time, for demonstrations.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many polls see a thing in one state before it goes on to the next (`creating` → `available`).
    pub polls_until_ready: u32,
    /// A state is also left when it is this old; `None`: by polls only.
    pub ready_after_ms: Option<u64>,
    /// How many polls do not find a thing that was just created (eventual consistency).
    pub lag_polls: u32,
    /// A new thing also becomes visible at this age; `None`: by polls only.
    pub lag_ms: Option<u64>,
    /// Each call takes this long: half before it is processed, half after.
    pub latency_ms: u64,
    /// Lists answer at most this many items a page, whatever was asked for.
    pub page_limit: Option<usize>,
    /// How CloudARK marks what it owns; decides what counts as a duplicate.
    pub ownership: Ownership,
    /// Settings of the simulated AWS.
    pub aws: AwsConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            polls_until_ready: 3,
            ready_after_ms: None,
            lag_polls: 1,
            lag_ms: None,
            latency_ms: 0,
            page_limit: None,
            ownership: Ownership::default(),
            aws: AwsConfig::default(),
        }
    }
}

impl Config {
    /// These settings with the fields of `changes` laid over them, objects merged deeply.
    ///
    /// # Errors
    /// An unknown field or a value of the wrong type; nothing is changed then.
    pub fn merged(&self, changes: &Value) -> Result<Self, serde_json::Error> {
        let mut whole = serde_json::to_value(self)?;
        overlay(&mut whole, changes);
        serde_json::from_value(whole)
    }
}

fn overlay(base: &mut Value, changes: &Value) {
    match (base, changes) {
        (Value::Object(base), Value::Object(changes)) => {
            for (key, value) in changes {
                overlay(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (base, changes) => *base = changes.clone(),
    }
}

/// The tag keys that say whose a thing is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ownership {
    /// The environment's tag.
    pub environment: String,
    /// The piece's tag.
    pub piece: String,
    /// The tag that tells things of one type within a piece apart; without it the thing's name does.
    pub label: String,
}

impl Default for Ownership {
    fn default() -> Self {
        Self {
            environment: "cloudark:environment".into(),
            piece: "cloudark:piece".into(),
            label: "cloudark:label".into(),
        }
    }
}
