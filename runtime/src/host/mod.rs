//! What extensions may ask of the host: one file a capability.
//!
//! | file | import | what it does |
//! | --- | --- | --- |
//! | [`http`] | `http` | calls to granted origins, signed, substituted, scrubbed, journaled |
//! | [`secrets`] | `secrets` | secrets that the host makes |
//! | [`operation`] | `operation` | names, tokens, tags, waits, progress |
//! | [`docker`] | `docker` | the Docker engine, typed and closed |
//! | [`log`] | `log` | lines for the operation's log |
//!
//! Each has the same three moments, in this order: the journal is asked, the grant is checked, the world is
//! called. A new capability copies the smallest one that fits: `secrets` for what the host answers itself,
//! `http` for what goes out.

pub mod docker;
pub mod http;
pub mod identity;
pub mod log;
pub mod operation;
pub mod parked;
pub mod scope;
pub mod secrets;
pub mod trail;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::engine::events::Sequence;
use crate::journal::{Answer, DurableError, Millis};
use crate::sandbox::{Interrupt, RunState};
use crate::services::Services;

pub use identity::Identity;
pub use scope::{Scope, TaskId};
pub use trail::Trail;

/// The host of one run: who runs, what it may reach, and what is not yet written of it.
pub struct Host {
    /// Who runs.
    pub scope: Arc<Scope>,
    /// The server's own parts.
    pub services: Arc<Services>,
    /// Names, secrets and owned ids of the pieces that this run may refer to.
    pub identity: Identity,
    /// Events of this run that are not yet written.
    pub trail: Trail,
    /// Numbers the events of the operation; shared with its other runs.
    pub sequence: SharedSequence,
}

/// The numbers of an operation's events, shared by its runs.
pub type SharedSequence = Arc<Mutex<Sequence>>;

impl Host {
    /// The rows of the events of this run that are not yet written.
    pub fn events(&mut self) -> crate::store::Txn {
        let Some(task) = &self.scope.task else { return crate::store::Txn::new() };
        let events = self.trail.take();
        if events.is_empty() {
            return crate::store::Txn::new();
        }
        self.sequence.lock().unwrap_or_else(PoisonError::into_inner).write(&task.operation, events)
    }
}

/// The wall clock.
#[must_use]
pub fn wall() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl RunState {
    /// Begins a host call: the guest may compute anew, and its clock shows the journal's time.
    pub(crate) fn enter(&mut self) {
        self.meter.host_call();
    }

    /// Ends a host call.
    pub(crate) fn leave(&mut self) {
        self.clock.set(self.journal.journal().now().0);
    }

    /// Answers a call that needs no world: from the journal, or by `answer`, which is recorded as a note.
    pub(crate) async fn noted<Q, R>(
        &mut self,
        function: &str,
        request: &Q,
        answer: impl AsyncFnOnce(&mut Self) -> Result<R, Interrupt>,
    ) -> wasmtime::Result<R>
    where
        Q: serde::Serialize,
        R: serde::Serialize + serde::de::DeserializeOwned,
    {
        self.enter();
        let request = serde_json::to_string(request)?;
        let result = match self.journal.journal_mut().ask(function, &request) {
            Ok(Answer::Replayed { result, .. }) => serde_json::from_str(&result)?,
            Ok(Answer::Live { .. }) => {
                if let Err(hit) = self.meter.live_call().and_then(|()| self.meter.request(request.len())) {
                    return Err(self.interrupt(Interrupt::Limit(hit.to_string())));
                }
                let result = match answer(self).await {
                    Ok(result) => result,
                    Err(interrupt) => return Err(self.interrupt(interrupt)),
                };
                let recorded = serde_json::to_string(&result)?;
                if let Err(error) = self.journal.journal_mut().note(wall(), function, request, recorded) {
                    return Err(self.interrupt(Interrupt::Journal(error.to_string())));
                }
                result
            }
            Ok(Answer::Unfinished { position } | Answer::Lost { position, .. }) => {
                return Err(self
                    .interrupt(Interrupt::Journal(format!("entry {position} of {function} is a call to the world"))));
            }
            Err(error) => return Err(self.interrupt(Interrupt::Journal(error.to_string()))),
        };
        self.leave();
        Ok(result)
    }
}

impl From<DurableError> for Interrupt {
    fn from(error: DurableError) -> Self {
        match error {
            DurableError::Rules(error) => Self::Journal(error.to_string()),
            DurableError::Store(error) => Self::Store(error.to_string()),
            DurableError::Format { .. } | DurableError::Packed | DurableError::Archive(_) => {
                Self::Journal(error.to_string())
            }
        }
    }
}
