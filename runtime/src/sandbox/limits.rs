//! What one run of an extension may use, and the meter that counts it.

use serde::{Deserialize, Serialize};
use wasmtime::ResourceLimiter;

/// Limits of a run, and of a component. All can be set in the server's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Memory of all linear memories of a run together, in bytes.
    pub memory_bytes: usize,
    /// Elements of each table.
    pub table_elements: usize,
    /// Core instances in a component.
    pub core_instances: u32,
    /// Wasm stack, in bytes.
    pub stack_bytes: usize,
    /// Computing between two host calls, in milliseconds.
    pub compute_ms: u64,
    /// A run's own computing altogether, in milliseconds: host calls do not count.
    pub run_ms: u64,
    /// Live host calls of a run: replayed ones do not count.
    pub live_calls: u32,
    /// Bytes of one request, body and headers.
    pub request_bytes: usize,
    /// Bytes of one response.
    pub response_bytes: u64,
    /// Bytes in requests and responses of a run's live calls.
    pub traffic_bytes: u64,
    /// Bytes of what an export returns: it is stored, and shown.
    pub result_bytes: usize,
    /// Bytes that a run may log.
    pub log_bytes: usize,
    /// Bytes of a component file.
    pub component_bytes: usize,
    /// Runs at one time.
    pub concurrent_runs: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 128 * 1024 * 1024,
            table_elements: 20_000,
            core_instances: 16,
            stack_bytes: 1024 * 1024,
            compute_ms: 5_000,
            run_ms: 30_000,
            live_calls: 1_000,
            request_bytes: 4 * 1024 * 1024,
            response_bytes: 4 * 1024 * 1024,
            traffic_bytes: 256 * 1024 * 1024,
            result_bytes: 4 * 1024 * 1024,
            log_bytes: 64 * 1024,
            component_bytes: 64 * 1024 * 1024,
            concurrent_runs: 64,
        }
    }
}

/// A limit that a run has run into.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitHit {
    /// Memory.
    #[error("it wants more than {0} bytes of memory (limit `memory-bytes`)")]
    Memory(usize),
    /// Table elements.
    #[error("it wants a table of more than {0} elements (limit `table-elements`)")]
    Table(usize),
    /// Computing between two host calls.
    #[error("it computes for more than {0} ms without a host call (limit `compute-ms`)")]
    Compute(u64),
    /// Computing of a whole run.
    #[error("it computes for more than {0} ms in one run (limit `run-ms`)")]
    Run(u64),
    /// Live host calls.
    #[error("it makes more than {0} host calls in one run (limit `live-calls`)")]
    LiveCalls(u32),
    /// A request's size.
    #[error("it makes a request of {size} bytes (limit `request-bytes`: {limit})")]
    Request {
        /// How large it is.
        size: usize,
        /// How large it may be.
        limit: usize,
    },
    /// What it returned.
    #[error("it returns {size} bytes (limit `result-bytes`: {limit})")]
    Result {
        /// How large it is.
        size: usize,
        /// How large it may be.
        limit: usize,
    },
    /// Traffic.
    #[error("it moves more than {0} bytes in one run (limit `traffic-bytes`)")]
    Traffic(u64),
}

/// Counts what a run uses.
#[derive(Debug)]
pub struct Meter {
    limits: Limits,
    memory: usize,
    live_calls: u32,
    traffic: u64,
    logged: usize,
    /// Epoch ticks until the next host call must have come.
    ticks: u64,
    run_ticks: u64,
    hit: Option<LimitHit>,
}

impl Meter {
    /// A meter at zero.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, memory: 0, live_calls: 0, traffic: 0, logged: 0, ticks: 0, run_ticks: 0, hit: None }
    }

    /// The limits it counts against.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The limit that was hit first.
    #[must_use]
    pub fn hit(&self) -> Option<&LimitHit> {
        self.hit.as_ref()
    }

    /// A host call came: the guest may compute anew.
    pub fn host_call(&mut self) {
        self.ticks = 0;
    }

    /// Counts a live call.
    ///
    /// # Errors
    /// [`LimitHit::LiveCalls`].
    pub fn live_call(&mut self) -> Result<(), LimitHit> {
        self.live_calls = self.live_calls.saturating_add(1);
        let ok = self.live_calls <= self.limits.live_calls;
        self.check(ok, |limits| LimitHit::LiveCalls(limits.live_calls))
    }

    /// Checks the size of a request.
    ///
    /// # Errors
    /// [`LimitHit::Request`].
    pub fn request(&mut self, size: usize) -> Result<(), LimitHit> {
        let ok = size <= self.limits.request_bytes;
        self.check(ok, |limits| LimitHit::Request { size, limit: limits.request_bytes })
    }

    /// Checks the size of what was returned.
    ///
    /// # Errors
    /// [`LimitHit::Result`].
    pub fn result(&mut self, size: usize) -> Result<(), LimitHit> {
        let ok = size <= self.limits.result_bytes;
        self.check(ok, |limits| LimitHit::Result { size, limit: limits.result_bytes })
    }

    /// Counts bytes that were sent or received.
    ///
    /// # Errors
    /// [`LimitHit::Traffic`].
    pub fn traffic(&mut self, bytes: u64) -> Result<(), LimitHit> {
        self.traffic = self.traffic.saturating_add(bytes);
        let ok = self.traffic <= self.limits.traffic_bytes;
        self.check(ok, |limits| LimitHit::Traffic(limits.traffic_bytes))
    }

    /// How many of `bytes` may still be logged.
    pub fn log(&mut self, bytes: usize) -> usize {
        let left = self.limits.log_bytes.saturating_sub(self.logged);
        self.logged = self.logged.saturating_add(bytes);
        bytes.min(left)
    }

    /// An epoch has passed while the guest computed.
    ///
    /// # Errors
    /// [`LimitHit::Compute`], [`LimitHit::Run`].
    pub fn tick(&mut self) -> Result<(), LimitHit> {
        let tick = u64::try_from(super::engine::EPOCH.as_millis()).unwrap_or(u64::MAX);
        self.ticks = self.ticks.saturating_add(tick);
        self.run_ticks = self.run_ticks.saturating_add(tick);
        let (compute, run) = (self.ticks <= self.limits.compute_ms, self.run_ticks <= self.limits.run_ms);
        self.check(compute, |limits| LimitHit::Compute(limits.compute_ms))?;
        self.check(run, |limits| LimitHit::Run(limits.run_ms))
    }

    fn check(&mut self, ok: bool, hit: impl FnOnce(&Limits) -> LimitHit) -> Result<(), LimitHit> {
        if ok {
            return Ok(());
        }
        let hit = hit(&self.limits);
        self.hit.get_or_insert_with(|| hit.clone());
        Err(hit)
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        // A store total: several memories share it.
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        let ok = total <= self.limits.memory_bytes;
        if ok {
            self.memory = total;
        } else {
            self.hit.get_or_insert(LimitHit::Memory(self.limits.memory_bytes));
        }
        Ok(ok)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let ok = desired <= self.limits.table_elements;
        if !ok {
            self.hit.get_or_insert(LimitHit::Table(self.limits.table_elements));
        }
        Ok(ok)
    }
}
