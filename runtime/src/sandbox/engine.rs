//! The wasmtime engine: deterministic, interruptible, pooled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::limits::Limits;

/// How often the epoch advances. A guest that computes yields to other tasks as often, and its compute limit
/// is counted in these.
pub const EPOCH: Duration = Duration::from_millis(10);

/// How components get their memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allocation {
    /// From slots made in advance: instantiation is a few microseconds.
    Pooled,
    /// On demand: for components that do not fit a slot.
    OnDemand,
}

/// An engine with these settings:
///
/// - deterministic: NaNs are canonical, relaxed SIMD behaves as if it were not relaxed, and there are no
///   threads;
/// - interruptible by epochs;
/// - `component-model-async` is not compiled in: a guest waits with the contract's own means.
pub(super) fn engine(limits: &Limits, allocation: Allocation) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .wasm_memory64(false)
        .epoch_interruption(true)
        .max_wasm_stack(limits.stack_bytes)
        .async_stack_size(limits.stack_bytes + 512 * 1024)
        .memory_init_cow(true)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16));
    match allocation {
        Allocation::OnDemand => {
            config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        }
        Allocation::Pooled => {
            let instances = limits.concurrent_runs;
            let mut pool = PoolingAllocationConfig::new();
            pool.total_component_instances(instances)
                .total_core_instances(instances.saturating_mul(limits.core_instances))
                .max_core_instances_per_component(limits.core_instances)
                .total_memories(instances)
                .max_memories_per_component(1)
                .total_tables(instances.saturating_mul(4))
                .max_tables_per_component(4)
                .table_elements(limits.table_elements)
                .total_stacks(instances)
                .max_memory_size(limits.memory_bytes)
                .linear_memory_keep_resident(256 * 1024)
                .table_keep_resident(8 * 1024)
                .async_stack_keep_resident(64 * 1024)
                .max_component_instance_size(1024 * 1024)
                .max_core_instance_size(1024 * 1024);
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
            // One slot is as large as the largest memory, not 4 GiB: many fit into the address space.
            config.memory_reservation(limits.memory_bytes as u64).memory_guard_size(64 * 1024);
        }
    }
    Engine::new(&config)
}

/// Advances the epoch of engines for as long as it lives.
pub(super) struct Ticker {
    stop: Arc<AtomicBool>,
}

impl Ticker {
    pub(super) fn start(engines: Vec<Engine>) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        std::thread::Builder::new().name("epoch".to_owned()).spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(EPOCH);
                engines.iter().for_each(Engine::increment_epoch);
            }
        })?;
        Ok(Self { stop })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
