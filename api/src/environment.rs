//! `/v1/environments`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{EnvironmentId, Name, OperationId};
use crate::problem::Diagnostic;
use crate::resource::PieceView;

/// `POST /v1/environments`, and with the name in the path `PUT /v1/environments/{name}` (update),
/// `POST /v1/environments/{name}/plan` and `POST /v1/environments:validate`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentRequest {
    /// The environment's name.
    pub name: Name,
    /// The environment file, as the user wrote it.
    pub file: String,
    /// Settings that override the file's: `region`, `project` …
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// Keep what a failed create made, for `cld op retry`.
    #[serde(default)]
    pub keep_on_failure: bool,
}

/// What an environment is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EnvironmentStatus {
    /// Being made.
    Creating,
    /// Ready: applications can be deployed.
    Available,
    /// Its create failed, and everything was rolled back or kept (`--keep-on-failure`).
    CreateFailed,
    /// Being changed.
    Updating,
    /// A change failed half-way; `cld env update` works from here.
    Degraded,
    /// Being deleted.
    Deleting,
    /// Its delete failed; deleting again goes on.
    DeleteFailed,
}

/// An environment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Environment {
    /// Never reused.
    pub id: EnvironmentId,
    /// Unique among those that exist.
    pub name: Name,
    /// What it is doing.
    pub status: EnvironmentStatus,
    /// The file it was made from, secrets replaced by references.
    pub file: String,
    /// The account, project or subscription each of its clouds is bound to.
    pub bindings: BTreeMap<String, Binding>,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub updated_at: String,
    /// The operation that runs, or ran last.
    pub operation: Option<OperationId>,
    /// Deleting it is refused.
    pub protected: bool,
    /// Foundations, cluster and resources.
    pub pieces: Vec<PieceView>,
    /// Names of the applications on it.
    pub applications: Vec<Name>,
}

/// Whose account an environment lives in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Binding {
    /// The account's or project's id.
    pub account: String,
    /// Region or zone, where the cloud has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// A line of `cld env list`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentSummary {
    /// Never reused.
    pub id: EnvironmentId,
    /// Its name.
    pub name: Name,
    /// What it is doing.
    pub status: EnvironmentStatus,
    /// Its COE: `ecs`, none without `app_deployment`.
    pub coe: Option<String>,
    /// The resources' names.
    pub resources: Vec<String>,
    /// RFC 3339.
    pub created_at: String,
}

/// Query of `DELETE /v1/environments/{name}`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeleteEnvironment {
    /// Delete the applications on it too.
    #[serde(default)]
    pub force: bool,
}

/// `PUT /v1/environments/{name}/protection`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct Protection {
    /// Whether deleting it is refused.
    pub protected: bool,
}

/// What an update would do: `POST /v1/environments/{name}/plan`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentPlan {
    /// One for each piece, in order.
    pub steps: Vec<PlannedStep>,
    /// Warnings of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// What happens to a piece.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PlannedStep {
    /// `resource/db`, `cluster`, `foundation/aws`.
    pub piece: String,
    /// Its kind.
    pub kind: String,
    /// What happens.
    pub action: PlannedAction,
    /// Why: the changed values.
    pub changes: Vec<PlannedChange>,
}

/// What happens to a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlannedAction {
    /// Made.
    Create,
    /// Left alone.
    Keep,
    /// Changed in place.
    Update,
    /// Deleted and made anew.
    Replace,
    /// Deleted.
    Delete,
}

/// A changed value.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PlannedChange {
    /// JSON pointer into the piece's configuration.
    pub pointer: String,
    /// As it is.
    pub before: String,
    /// As it will be.
    pub after: String,
}

/// The answer of `POST /v1/environments:validate`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Validation {
    /// Errors and warnings; no error means it can be created.
    pub diagnostics: Vec<Diagnostic>,
}
