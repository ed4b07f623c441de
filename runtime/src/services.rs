//! The parts of the server that host calls and the engine share.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clouds::Clouds;
use crate::credentials::vault::Vault;
use crate::egress::Egress;
use crate::egress::address::AddressRange;
use crate::extensions::Origin;
use crate::store::Store;

/// How fast time passes for waits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timing {
    /// Real milliseconds of a wait for each of its own: 1 but for simulators. Below 1 only extensions whose
    /// granted origins are all on loopback may run.
    pub scale: f64,
}

impl Default for Timing {
    fn default() -> Self {
        Self { scale: 1.0 }
    }
}

impl Timing {
    /// The real milliseconds of a wait.
    #[must_use]
    pub fn real_ms(self, logical_ms: u64) -> u64 {
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let scaled = (logical_ms as f64 * self.scale.max(0.0)) as u64;
        scaled
    }
}

/// What host calls and the engine share.
pub struct Services {
    /// What outlives the server.
    pub store: Arc<dyn Store>,
    /// Seals secrets and credentials.
    pub vault: Arc<Vault>,
    /// Sends requests.
    pub egress: Arc<Egress>,
    /// Credentials and settings of each cloud.
    pub clouds: Clouds,
    /// How fast time passes.
    pub timing: Timing,
    /// Address ranges that the operator has opened, by origin.
    pub ranges: BTreeMap<String, Vec<AddressRange>>,
}

impl Services {
    /// The address ranges that the operator has opened for this origin.
    #[must_use]
    pub fn ranges(&self, origin: &Origin) -> Vec<AddressRange> {
        self.ranges.get(&origin.to_string()).cloned().unwrap_or_default()
    }
}
