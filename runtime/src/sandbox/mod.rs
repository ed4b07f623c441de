//! Where extensions run: wasmtime, with nothing but the contract's imports.
//!
//! - [`engine`](self): settings: deterministic, interruptible, pooled;
//! - [`limits`]: what a run may use, and the meter that counts it;
//! - [`wasi`]: what language runtimes import besides, inert;
//! - [`component`]: a package's code, compiled once, and which interfaces it exports;
//! - [`call`]: the exports as values, and their results;
//! - [`run`]: one run: a fresh instance, one call, and how it ended.
//!
//! The sandbox knows no store and no network. What a guest asks for reaches the world through
//! [`crate::host`] alone.

pub mod bindings;
pub mod call;
pub mod component;
mod engine;
pub mod limits;
pub mod run;
pub mod wasi;

pub use call::{ExportCall, Returned, Role};
pub use component::{Loaded, Sandbox, SandboxError};
pub use limits::{LimitHit, Limits, Meter};
pub use run::{Interrupt, RunEnd, RunState};
