//! The guest SDK for CloudARK extensions written in Rust.

pub mod application;
pub mod aws;
#[doc(hidden)]
pub mod bindings;
pub mod context;
pub mod describe;
#[doc(hidden)]
pub mod dispatch;
pub mod duration;
pub mod http;
pub mod instance;
pub mod kinds;
pub mod log;
pub mod names;
pub mod plan;
pub mod secrets;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod wait;

mod adopt;
mod export;
mod failure;
mod host;
mod json;

pub use adopt::{create_or_adopt, find_settled};
pub use application::Application;
pub use context::{Context, Intent, Piece};
pub use describe::{Credential, Output, Setting};
pub use failure::{Doing, Failure, FailureKind, Result};
pub use instance::{Deployment, Instance};
pub use kinds::{Coe, Foundation, Resource};
pub use names::Rules;
pub use plan::{Plan, Problem};
pub use secrets::Secret;

/// For extensions' `Config` types: derive with `#[schemars(crate = "cloudark_sdk::schemars")]`, or depend on it.
pub use schemars;

/// Everything that an extension usually needs: `use cloudark_sdk::prelude::*;`.
pub mod prelude {
    pub use crate::application::{Application, LogLine, LogPage, LogQuery, LogStream};
    pub use crate::duration::Lengths;
    pub use crate::http::{self, Encoding, Request, Response, Signer};
    pub use crate::secrets::{self, Password};
    #[cfg(not(target_arch = "wasm32"))]
    pub use crate::testing;
    pub use crate::wait::{self, at_most, every, pending, ready};
    pub use crate::{
        Coe, Context, Credential, Deployment, Doing, Failure, FailureKind, Foundation, Instance,
        Intent, Output, Piece, Plan, Problem, Resource, Result, Rules, Secret, Setting,
        create_or_adopt, fail, failure, find_settled, log, progress,
    };
}
