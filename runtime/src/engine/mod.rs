//! Operations: what a user asked for, as a graph of tasks that survives everything.
//!
//! ```text
//! submit ──► rows (operation, tasks) ──► schedule ──► execute ──► rows ──► schedule …
//!                                            ▲            │
//!                                          timer ◄── suspended, retrying
//! ```
//!
//! - [`model`]: the rows;
//! - [`graph`]: which tasks an operation has, what comes next: pure;
//! - [`outcome`]: what the end of a run means for its task: pure;
//! - [`schedule`]: the operations under way, the timer, recovery after a restart;
//! - [`execute`]: one run of one task;
//! - [`inputs`]: what an export is called with;
//! - [`submit`]: requests become operations, in one transaction;
//! - [`query`]: validate, plan, logs: nothing is stored;
//! - [`events`]: what watchers see;
//! - `calls`: what users see of a journal;
//! - `rehearsal`: another version of an extension, held to what has ended;
//! - `retention`: what becomes of an operation after its end.
//!
//! State lives in rows. What is in memory is a cache of them, and the set of tasks that run at this moment: a
//! waiting operation is its rows and one entry of the timer.

mod calls;
mod ending;
pub mod events;
pub mod execute;
mod files;
pub mod graph;
pub mod inputs;
pub mod model;
pub mod outcome;
pub mod query;
mod rehearsal;
mod retention;
pub mod schedule;
pub mod submit;
pub mod views;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use cloudark_api::ids::OperationId;
use tokio::sync::{Mutex, Semaphore};

use crate::clouds::CloudError;
use crate::registry::{Registry, RegistryError};
use crate::sandbox::{Sandbox, SandboxError};
use crate::services::Services;
use crate::store::{Incarnation, StoreError};

use graph::NoImplementer;
use schedule::{Active, Timer};

/// The engine of one server.
pub struct Engine {
    pub(crate) services: Arc<Services>,
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) registry: Arc<Registry>,
    incarnation: Incarnation,
    permits: Arc<Semaphore>,
    active: Mutex<HashMap<OperationId, Arc<Mutex<Active>>>>,
    timer: Timer,
    waiting: AtomicU64,
    retry: outcome::RetryLimits,
    retention: retention::Retention,
}

/// Why a request cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is no such thing.
    #[error("there is no {what} \"{name}\"")]
    NotFound {
        /// `environment`, `application`, `operation`.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The single calls of an operation were kept long enough.
    #[error(
        "the journals of operation {operation} are not there any more: they are kept for a time after an operation's end (`journal.keep`)"
    )]
    Forgotten {
        /// Which.
        operation: OperationId,
    },
    /// It exists, is busy, or has changed.
    #[error("{message}")]
    Conflict {
        /// What is in the way.
        message: String,
        /// The operation that is.
        operation: Option<OperationId>,
    },
    /// It is not allowed.
    #[error("{0}")]
    Denied(String),
    /// What was asked makes no sense.
    #[error("{message}")]
    Invalid {
        /// A sentence.
        message: String,
        /// Each mistake, with its place.
        diagnostics: Vec<cloudark_api::problem::Diagnostic>,
    },
    /// An extension failed while it was asked.
    #[error("{0}")]
    Extension(String),
    /// A kind that nobody implements.
    #[error(transparent)]
    NoImplementer(#[from] NoImplementer),
    /// Credentials.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The sandbox.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The registry of extensions.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl EngineError {
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::Conflict { message: message.into(), operation: None }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), diagnostics: Vec::new() }
    }
}

impl Engine {
    /// An engine on these parts; nothing runs until [`Engine::recover`]. Single calls of an operation are kept for so
    /// long after its end.
    #[must_use]
    pub fn new(
        services: Arc<Services>,
        sandbox: Arc<Sandbox>,
        registry: Arc<Registry>,
        incarnation: Incarnation,
        keep: Duration,
    ) -> Arc<Self> {
        let runs = sandbox.limits().concurrent_runs as usize;
        let retention = retention::Retention::new(Arc::clone(&services.store), keep);
        Arc::new(Self {
            services,
            sandbox,
            registry,
            incarnation,
            permits: Arc::new(Semaphore::new(runs)),
            active: Mutex::default(),
            timer: Timer::default(),
            waiting: AtomicU64::new(0),
            retry: outcome::RetryLimits::default(),
            retention,
        })
    }

    /// The server's start that this engine belongs to.
    #[must_use]
    pub fn incarnation(&self) -> u64 {
        self.incarnation.id().get()
    }
}
