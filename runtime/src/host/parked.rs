//! Calls that take longer than a moment.
//!
//! Each live call runs on a task of its own, so that neither a limit nor a cancel drops it half-sent. The run
//! waits a moment for it; after that the run ends, its instance is dropped, and what is left is this: the calls
//! and the channels that their results come by. Whoever holds it records the results and wakes the task.

use std::fmt;
use std::time::Duration;

use tokio::sync::oneshot;

use super::http::Performed;

/// How long a run waits for its calls before it is parked.
pub const MOMENT: Duration = Duration::from_secs(1);

/// Calls under way.
pub struct ParkedCalls {
    pub(crate) calls: Vec<(u32, oneshot::Receiver<Performed>)>,
}

impl fmt::Debug for ParkedCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let positions: Vec<u32> = self.calls.iter().map(|(position, _)| *position).collect();
        f.debug_tuple("ParkedCalls").field(&positions).finish()
    }
}

impl ParkedCalls {
    /// Waits for all of them.
    pub async fn ended(self) -> Vec<(u32, Option<Performed>)> {
        let mut ended = Vec::with_capacity(self.calls.len());
        for (position, call) in self.calls {
            ended.push((position, call.await.ok()));
        }
        ended
    }
}
