//! `/v1/applications`.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ids::{Name, OperationId};
use crate::resource::Output;

/// `POST /v1/applications` (deploy), `PUT /v1/applications/{name}` (redeploy).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplicationRequest {
    /// Unique among applications.
    pub name: Name,
    /// The environment to run on; on a redeploy it must be the same or none.
    #[serde(default)]
    pub environment: Option<Name>,
    /// The application file, as the user wrote it.
    pub file: String,
    /// Keep what a failed deploy made, for `cld op retry`.
    #[serde(default)]
    pub keep_on_failure: bool,
}

/// What an application is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ApplicationStatus {
    /// Being deployed.
    Deploying,
    /// It serves.
    Available,
    /// Its deploy failed; everything of it was rolled back or kept.
    DeployFailed,
    /// Being replaced by a new version.
    Redeploying,
    /// A redeploy failed: the old version serves.
    Degraded,
    /// Being deleted.
    Deleting,
    /// Its delete failed; deleting again goes on.
    DeleteFailed,
}

/// An application.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Application {
    /// Its name.
    pub name: Name,
    /// Where it runs.
    pub environment: Name,
    /// What it is doing.
    pub status: ApplicationStatus,
    /// The image that runs; of the file, before the first deployment has ended.
    pub image: Option<String>,
    /// The image of a redeployment that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempted_image: Option<String>,
    /// Where to reach it.
    pub url: Option<String>,
    /// What its COE says of it.
    pub outputs: Vec<Output>,
    /// A few words.
    pub summary: String,
    /// Why it is degraded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The file, secrets replaced by references.
    pub file: String,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub updated_at: String,
    /// The operation that runs, or ran last.
    pub operation: Option<OperationId>,
}

/// Query of `GET /v1/applications/{name}/logs`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// `deployment` or `runtime`; runtime when silent.
    #[serde(default)]
    pub stream: LogStream,
    /// Go on for as long as the client listens (NDJSON of [`LogLine`]).
    #[serde(default)]
    pub follow: bool,
    /// Milliseconds since the epoch.
    pub since_ms: Option<u64>,
    /// The last so many lines; 100 when silent.
    pub tail: Option<u32>,
}

/// Which logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogStream {
    /// What the COE says of the application.
    Deployment,
    /// What its containers write.
    #[default]
    Runtime,
}

/// A line of a log; the answer is `application/x-ndjson`, one a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// Milliseconds since the epoch.
    pub at_ms: u64,
    /// The container, task or object that wrote it.
    pub source: String,
    /// Stripped of control characters.
    pub message: String,
}
