//! One run of a task or a query: a fresh instance, one export called, and how it ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::component::ResourceTable;
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::bindings::types::Failure;
use super::call::{ExportCall, Returned, call};
use super::component::{Loaded, Sandbox};
use super::limits::Meter;
use super::wasi::{LogicalClock, Output, context};
use crate::host::Host;
use crate::host::parked::ParkedCalls;
use crate::journal::{DurableJournal, Millis};

/// Everything that one run has.
pub struct RunState {
    pub(crate) meter: Meter,
    pub(crate) clock: LogicalClock,
    pub(crate) host: Host,
    pub(crate) journal: DurableJournal,
    /// Why the run was ended by the host.
    pub(crate) interrupt: Option<Interrupt>,
    wasi: WasiCtx,
    table: ResourceTable,
    output: Output,
    _alive: Alive,
}

impl RunState {
    /// Ends the run: the guest gets no answer, its instance is dropped.
    pub(crate) fn interrupt(&mut self, interrupt: Interrupt) -> wasmtime::Error {
        let error = wasmtime::Error::msg(interrupt.to_string());
        self.interrupt.get_or_insert(interrupt);
        error
    }
}

impl WasiView for RunState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Why the host ended a run before the export returned.
#[derive(Debug, thiserror::Error)]
pub enum Interrupt {
    /// It waits.
    #[error("suspended: {note}")]
    Suspended {
        /// When it runs again, in logical time.
        wake_at: Millis,
        /// Milliseconds of logical time until then.
        after_ms: u64,
        /// What it waits for.
        note: String,
    },
    /// Calls are under way that take longer than a moment.
    #[error("parked until its calls have ended")]
    Parked(ParkedCalls),
    /// A passing fault that the extension does not have to know of.
    #[error("{reason}")]
    Retry {
        /// What happened.
        reason: String,
        /// What the other side asked for.
        retry_after_s: Option<u32>,
    },
    /// It asked something else than its journal has, or its journal is full.
    #[error("{0}")]
    Journal(String),
    /// A limit.
    #[error("{0}")]
    Limit(String),
    /// The store takes no writes; nothing was sent.
    #[error("the store takes no writes: {0}")]
    Store(String),
}

/// How a run ended.
#[derive(Debug)]
pub enum RunEnd {
    /// The export returned.
    Returned(Returned),
    /// The export returned a failure.
    Failed(Failure),
    /// The host ended it.
    Interrupted(Interrupt),
    /// The guest trapped.
    Trapped(String),
}

/// Counts this instance as alive for as long as it is.
struct Alive(Arc<AtomicU64>);

impl Alive {
    fn new(count: Arc<AtomicU64>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is left of a run.
pub struct Finished {
    /// How it ended.
    pub end: RunEnd,
    /// Its journal, with entries that are not yet written.
    pub journal: DurableJournal,
    /// Its host, with what is not yet written.
    pub host: Host,
    /// What the guest wrote to standard output and error.
    pub output: String,
}

impl Sandbox {
    /// Runs one export of a component to its end.
    pub async fn run(&self, loaded: &Loaded, host: Host, journal: DurableJournal, export: &ExportCall) -> Finished {
        let clock = LogicalClock::default();
        clock.set(journal.journal().now().0);
        let meter = Meter::new(self.limits().clone());
        let (wasi, output) = context(&clock, host.scope.seed(), self.limits().log_bytes);
        let state = RunState {
            meter,
            clock,
            host,
            journal,
            interrupt: None,
            wasi,
            table: ResourceTable::new(),
            output,
            _alive: Alive::new(self.live()),
        };
        let mut store = Store::new(loaded.pre.engine(), state);
        store.limiter(|state| &mut state.meter);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut context| match context.data_mut().meter.tick() {
            Ok(()) => Ok(UpdateDeadline::Yield(1)),
            Err(hit) => Err(wasmtime::Error::msg(hit.to_string())),
        });
        let result = match loaded.pre.instantiate_async(&mut store).await {
            Ok(instance) => call(&mut store, &loaded.exports, &instance, export).await,
            Err(error) => Err(error),
        };
        let mut state = store.into_data();
        let end = match (state.interrupt, result) {
            (Some(interrupt), _) => RunEnd::Interrupted(interrupt),
            (None, Ok(Ok(returned))) => match state.meter.result(returned.size()) {
                Ok(()) => RunEnd::Returned(returned),
                Err(hit) => RunEnd::Interrupted(Interrupt::Limit(hit.to_string())),
            },
            (None, Ok(Err(failure))) => RunEnd::Failed(failure),
            (None, Err(trap)) => match state.meter.hit() {
                Some(hit) => RunEnd::Interrupted(Interrupt::Limit(hit.to_string())),
                None => RunEnd::Trapped(describe(&trap)),
            },
        };
        Finished { end, journal: state.journal, host: state.host, output: state.output.text() }
    }
}

/// A trap in a few lines, without the guest's own frames of code.
fn describe(trap: &wasmtime::Error) -> String {
    let mut causes: Vec<String> = trap.chain().map(ToString::to_string).collect();
    causes.retain(|cause| !cause.starts_with("error while executing at wasm backtrace"));
    causes.join(": ")
}
