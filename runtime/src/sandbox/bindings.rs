//! The host's side of the contract in `wit/`, generated.

#![allow(missing_docs, reason = "documented in wit/")]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "contract",
    imports: { default: async | trappable },
    exports: { default: async },
    additional_derives: [Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize],
});

pub use self::cloudark::extension::{docker, http, log, operation, secrets, types};
pub use self::exports::cloudark::extension as exported;

impl types::Host for super::run::RunState {}
