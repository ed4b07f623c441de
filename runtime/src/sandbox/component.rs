//! A package's code: compiled once, linked once, and which interfaces it exports.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};

use super::bindings::{Contract, exported};
use super::engine::{self, Allocation, Ticker};
use super::limits::Limits;
use super::run::RunState;
use super::wasi;
use crate::extensions::ComponentDigest;
use crate::extensions::cache::CompileCache;

/// Why a component cannot be loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The engine cannot be made on this machine.
    #[error("the sandbox cannot be set up: {0}")]
    Setup(String),
    /// It does not compile.
    #[error("the component {digest} does not compile: {reason}")]
    Compile {
        /// Which.
        digest: ComponentDigest,
        /// What wasmtime says.
        reason: String,
    },
    /// It imports what the host does not give.
    #[error("the component {digest} cannot be linked: {reason}")]
    Link {
        /// Which.
        digest: ComponentDigest,
        /// What wasmtime says.
        reason: String,
    },
    /// It does not export an interface that it is asked for.
    #[error("the extension does not export `{interface}`")]
    NotExported {
        /// The interface's name.
        interface: &'static str,
    },
    /// It is larger than allowed.
    #[error("the component has {size} bytes, more than the limit `component-bytes` of {limit}")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The limit.
        limit: usize,
    },
}

/// Engines, the linker, and the components that have been loaded.
pub struct Sandbox {
    pooled: Hosting,
    on_demand: Hosting,
    limits: Limits,
    cache: Option<(CompileCache, PathBuf)>,
    loaded: RwLock<HashMap<ComponentDigest, Arc<Loaded>>>,
    live: Arc<AtomicU64>,
    _ticker: Ticker,
}

struct Hosting {
    engine: Engine,
    linker: Linker<RunState>,
}

impl Hosting {
    fn new(limits: &Limits, allocation: Allocation) -> wasmtime::Result<Self> {
        let engine = engine::engine(limits, allocation)?;
        let mut linker = Linker::new(&engine);
        wasi::link(&mut linker)?;
        Contract::add_to_linker::<_, wasmtime::component::HasSelf<_>>(&mut linker, |state: &mut RunState| state)?;
        Ok(Self { engine, linker })
    }
}

/// A component, ready to be instantiated.
pub struct Loaded {
    /// Which.
    pub digest: ComponentDigest,
    pub(super) pre: InstancePre<RunState>,
    pub(super) exports: Exports,
}

/// The interfaces that a component exports.
pub(super) struct Exports {
    pub(super) metadata: Option<exported::metadata::GuestIndices>,
    pub(super) foundation: Option<exported::foundation::GuestIndices>,
    pub(super) resource: Option<exported::resource::GuestIndices>,
    pub(super) coe: Option<exported::coe::GuestIndices>,
    pub(super) registry: Option<exported::registry::GuestIndices>,
    pub(super) shell: Option<exported::shell::GuestIndices>,
}

impl Exports {
    fn of(pre: &InstancePre<RunState>) -> Self {
        Self {
            metadata: exported::metadata::GuestIndices::new(pre).ok(),
            foundation: exported::foundation::GuestIndices::new(pre).ok(),
            resource: exported::resource::GuestIndices::new(pre).ok(),
            coe: exported::coe::GuestIndices::new(pre).ok(),
            registry: exported::registry::GuestIndices::new(pre).ok(),
            shell: exported::shell::GuestIndices::new(pre).ok(),
        }
    }
}

impl Loaded {
    /// The interfaces it exports, by name.
    #[must_use]
    pub fn exports(&self) -> Vec<&'static str> {
        [
            ("metadata", self.exports.metadata.is_some()),
            ("foundation", self.exports.foundation.is_some()),
            ("resource", self.exports.resource.is_some()),
            ("coe", self.exports.coe.is_some()),
            ("registry", self.exports.registry.is_some()),
            ("shell", self.exports.shell.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_there)| is_there.then_some(name))
        .collect()
    }
}

impl Sandbox {
    /// A sandbox with these limits; compiled code is kept in `cache`, authenticated.
    ///
    /// # Errors
    /// [`SandboxError::Setup`] if this machine cannot run it.
    pub fn new(limits: Limits, cache: Option<(CompileCache, PathBuf)>) -> Result<Self, SandboxError> {
        let setup = |error: wasmtime::Error| SandboxError::Setup(format!("{error:#}"));
        let pooled = Hosting::new(&limits, Allocation::Pooled).map_err(setup)?;
        let on_demand = Hosting::new(&limits, Allocation::OnDemand).map_err(setup)?;
        let ticker = Ticker::start(vec![pooled.engine.clone(), on_demand.engine.clone()])
            .map_err(|error| SandboxError::Setup(error.to_string()))?;
        Ok(Self { pooled, on_demand, limits, cache, loaded: RwLock::default(), live: Arc::default(), _ticker: ticker })
    }

    /// The limits of every run.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Instances alive at this moment.
    #[must_use]
    pub fn live_instances(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }

    pub(super) fn live(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.live)
    }

    /// The component of this digest, if it was loaded before.
    #[must_use]
    pub fn loaded(&self, digest: &ComponentDigest) -> Option<Arc<Loaded>> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    /// Compiles (or takes from the cache) and links a component. Takes a moment: call it where blocking is
    /// allowed.
    ///
    /// # Errors
    /// [`SandboxError::TooLarge`], [`SandboxError::Compile`], [`SandboxError::Link`].
    pub fn load(&self, wasm: &[u8]) -> Result<Arc<Loaded>, SandboxError> {
        if wasm.len() > self.limits.component_bytes {
            return Err(SandboxError::TooLarge { size: wasm.len(), limit: self.limits.component_bytes });
        }
        let digest = ComponentDigest::of(wasm);
        if let Some(loaded) = self.loaded(&digest) {
            return Ok(loaded);
        }
        // What does not fit a slot of the pool gets its memory on demand.
        let loaded = match self.load_on(&self.pooled, "pooled", &digest, wasm) {
            Err(SandboxError::Link { .. }) => self.load_on(&self.on_demand, "on-demand", &digest, wasm)?,
            other => other?,
        };
        let loaded = Arc::new(loaded);
        self.loaded.write().unwrap_or_else(PoisonError::into_inner).insert(digest, Arc::clone(&loaded));
        Ok(loaded)
    }

    fn load_on(&self, on: &Hosting, kind: &str, digest: &ComponentDigest, wasm: &[u8]) -> Result<Loaded, SandboxError> {
        let component = self.compiled(on, kind, digest, wasm)?;
        let pre = on
            .linker
            .instantiate_pre(&component)
            .map_err(|error| SandboxError::Link { digest: *digest, reason: format!("{error:#}") })?;
        let exports = Exports::of(&pre);
        Ok(Loaded { digest: *digest, pre, exports })
    }

    fn compiled(
        &self,
        on: &Hosting,
        kind: &str,
        digest: &ComponentDigest,
        wasm: &[u8],
    ) -> Result<Component, SandboxError> {
        let compile_error =
            |error: wasmtime::Error| SandboxError::Compile { digest: *digest, reason: format!("{error:#}") };
        let Some((cache, folder)) = &self.cache else {
            return Component::new(&on.engine, wasm).map_err(compile_error);
        };
        let engine_version = format!("{} {kind}", env!("CARGO_PKG_VERSION"));
        let path = folder.join(format!("{}.{kind}", digest.short()));
        if let Some(code) = std::fs::read(&path).ok().and_then(|bytes| cache.open(&engine_version, digest, &bytes)) {
            // SAFETY: `deserialize` runs native code as it is given. These bytes carry a MAC over the engine's
            // version, the component's digest and the code, under a key that only this server has: it wrote them
            // itself, from that component. wasmtime checks its own version and settings besides.
            #[allow(unsafe_code)]
            let component = unsafe { Component::deserialize(&on.engine, &code) };
            if let Ok(component) = component {
                return Ok(component);
            }
        }
        let code = on.engine.precompile_component(wasm).map_err(compile_error)?;
        let sealed = cache.seal(&engine_version, digest, &code);
        // A cache that cannot be written costs time at the next start, nothing else.
        if let Err(error) = write_atomically(&path, &sealed) {
            tracing::warn!(path = %path.display(), %error, "the compile cache cannot be written");
        }
        // SAFETY: as above: this process has compiled it just now.
        #[allow(unsafe_code)]
        let component = unsafe { Component::deserialize(&on.engine, &code) };
        component.map_err(compile_error)
    }
}

fn write_atomically(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension("new");
    std::fs::write(&temporary, bytes)?;
    std::fs::rename(&temporary, path)
}
