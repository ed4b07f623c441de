//! The CloudARK server: it hosts extensions compiled to Wasm components and makes what they do durable.
//!
//! | module | what |
//! | --- | --- |
//! | [`engine`] | operations: the graph, the scheduler, recovery, cancel, rollback |
//! | [`journal`] | durable host calls: record, replay, suspend |
//! | [`sandbox`] | wasmtime: engine settings, loading, limits, instances, the WASI subset |
//! | [`host`] | what extensions may ask for: one file a capability |
//! | [`extensions`] | packages, grants, the compile cache: pure |
//! | [`registry`] | the installed extensions |
//! | [`credentials`], [`clouds`] | whose credentials a request is signed with, and the signing |
//! | [`egress`] | how requests leave |
//! | [`store`] | what outlives the server |
//! | [`api`], [`receipt`] | the REST API, and its answers that outlive the server |
//! | [`server`], [`config`] | all of it together |

pub mod api;
pub mod clouds;
pub mod config;
pub mod crash;
pub mod credentials;
pub mod egress;
pub mod engine;
pub mod extensions;
pub mod host;
pub mod journal;
pub mod receipt;
pub mod registry;
pub mod sandbox;
pub mod server;
pub mod services;
pub mod store;
mod time;
