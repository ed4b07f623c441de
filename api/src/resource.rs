//! `/v1/resources`, and the pieces of an environment.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A piece of an environment, as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PieceView {
    /// `foundation/aws`, `cluster`, `resource/db`, `application/web`.
    pub piece: String,
    /// Its name: `db`.
    pub name: String,
    /// Its kind: `rds`, `ecs-cluster`.
    pub kind: String,
    /// Its cloud: `aws`.
    pub cloud: String,
    /// How it is.
    pub status: PieceStatus,
    /// The cloud's id of it.
    pub cloud_id: Option<String>,
    /// What applications may refer to.
    pub outputs: Vec<Output>,
    /// A few words.
    pub summary: String,
    /// Why it is degraded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// What `refresh` found different from the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<String>,
}

/// How a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PieceStatus {
    /// Planned, or being made.
    Creating,
    /// As asked for.
    Ready,
    /// Being changed.
    Updating,
    /// A change of it failed: the last good record stands, `update` works from here.
    Degraded,
    /// Being deleted.
    Deleting,
    /// Its cloud does not know it any more (found by `refresh`).
    Missing,
}

/// A value that a piece offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Output {
    /// Its name: `Address`.
    pub name: String,
    /// Its value; none for a secret that is not revealed.
    pub value: Option<String>,
    /// Whether it is a secret.
    pub secret: bool,
}
