//! WASI, inert.
//!
//! Language runtimes import all of `wasi:cli/imports@0.2`. It is linked, and gives nothing: standard output and
//! error go to the task's log, clocks show logical time, random numbers are a stream seeded per task, the
//! environment and the arguments are empty, standard input is closed, there are no directories, sockets answer
//! access-denied, and blocking on a clock traps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::{DynPollable, pipe::MemoryOutputPipe};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx};

use super::run::RunState;

/// Logical time as guests see it; the run keeps it in step with its journal.
#[derive(Debug, Clone, Default)]
pub struct LogicalClock(Arc<AtomicU64>);

impl LogicalClock {
    /// Sets it, in milliseconds since the epoch.
    pub fn set(&self, ms: u64) {
        self.0.store(ms, Ordering::Relaxed);
    }

    fn get(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

impl HostWallClock for LogicalClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }
    fn now(&self) -> Duration {
        self.get()
    }
}

impl HostMonotonicClock for LogicalClock {
    fn resolution(&self) -> u64 {
        1_000_000
    }
    fn now(&self) -> u64 {
        u64::try_from(self.get().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Standard output and error of a run, at most so many bytes.
#[derive(Clone)]
pub struct Output(MemoryOutputPipe);

impl Output {
    /// What was written.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.contents()).into_owned()
    }
}

/// The context of one run. `seed` is the task's: the same in each of its runs.
pub(super) fn context(clock: &LogicalClock, seed: [u8; 32], log_bytes: usize) -> (WasiCtx, Output) {
    let output = Output(MemoryOutputPipe::new(log_bytes));
    let stream = |which: u8| {
        let mut seed = seed;
        if let Some(first) = seed.first_mut() {
            *first ^= which;
        }
        ChaCha20Rng::from_seed(seed)
    };
    let mut insecure = stream(2);
    let insecure_seed = (u128::from(insecure.next_u64()) << 64) | u128::from(insecure.next_u64());
    let context = WasiCtx::builder()
        .wall_clock(clock.clone())
        .monotonic_clock(clock.clone())
        .secure_random(stream(0))
        .insecure_random(stream(1))
        .insecure_random_seed(insecure_seed)
        .stdout(output.0.clone())
        .stderr(output.0.clone())
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .build();
    (context, output)
}

/// Links all of WASI 0.2's command line world.
pub(super) fn link(linker: &mut Linker<RunState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    let mut clock = linker.instance("wasi:clocks/monotonic-clock@0.2.12")?;
    for function in ["subscribe-instant", "subscribe-duration"] {
        clock.func_wrap(function, |_: StoreContextMut<'_, RunState>, (_,): (u64,)| -> wasmtime::Result<(Resource<DynPollable>,)> {
            Err(wasmtime::Error::msg(
                "the guest wants to sleep: extensions wait with wait::until (operation.attempt and operation.suspend), \
                 which costs nothing and survives a restart",
            ))
        })?;
    }
    linker.allow_shadowing(false);
    Ok(())
}
