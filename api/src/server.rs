//! `/v1/server`: the server itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/server`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServerStatus {
    /// Its version.
    pub version: String,
    /// Process id.
    pub pid: u32,
    /// Where its store is.
    pub data_dir: String,
    /// Counts its starts.
    pub incarnation: u64,
    /// Operations under way.
    pub running_operations: u64,
    /// Tasks that wait.
    pub waiting_tasks: u64,
    /// Wasm instances alive at this moment.
    pub live_instances: u64,
    /// Whether the store takes writes; otherwise why not.
    pub store_fault: Option<String>,
}

/// `POST /v1/server/backup`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Backup {
    /// A path on the server's machine.
    pub to: String,
}
