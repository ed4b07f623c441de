//! `/v1/operations`: what changes something, and its events.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{Name, OperationId};

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OperationKind {
    /// `cld env create`
    CreateEnvironment,
    /// `cld env update`
    UpdateEnvironment,
    /// `cld env refresh`
    RefreshEnvironment,
    /// `cld env delete`
    DeleteEnvironment,
    /// `cld app deploy`
    DeployApplication,
    /// `cld app redeploy`
    RedeployApplication,
    /// `cld app delete`
    DeleteApplication,
}

/// How an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OperationStatus {
    /// Waits for the operation that it follows.
    Queued,
    /// Under way.
    Running,
    /// Failed or cancelled, and taking back what it made.
    RollingBack,
    /// Done.
    Succeeded,
    /// Ended with an error; what it made was rolled back or kept.
    Failed,
    /// Ended by `cld op cancel`.
    Cancelled,
}

impl OperationStatus {
    /// Whether nothing of it will happen any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// An operation.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// What it does.
    pub kind: OperationKind,
    /// To which environment.
    pub environment: Name,
    /// To which application.
    pub application: Option<Name>,
    /// How it is.
    pub status: OperationStatus,
    /// Its tasks, in the order of the tree.
    pub tasks: Vec<TaskView>,
    /// Why it failed: one for each failed task.
    pub errors: Vec<TaskError>,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub ended_at: Option<String>,
    /// Whether cancelling was asked for.
    pub cancel_requested: bool,
    /// Whether `cld op retry` can go on with it.
    pub can_retry: bool,
}

/// A task of an operation, as the tree shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskView {
    /// Its number in the operation.
    pub number: u32,
    /// `aws foundation`, `ecs cluster`, `rds db`.
    pub title: String,
    /// `resource/db`.
    pub piece: String,
    /// `create`, `delete` …
    pub action: String,
    /// How it is.
    pub status: TaskStatus,
    /// The last progress, wait or result: `database is backing-up`.
    pub note: String,
    /// Milliseconds since the epoch.
    pub started_ms: Option<u64>,
    /// Milliseconds since the epoch.
    pub ended_ms: Option<u64>,
    /// Part of the rollback.
    pub rollback: bool,
}

/// How a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TaskStatus {
    /// Waits for other tasks.
    Blocked,
    /// Can run as soon as there is room.
    Ready,
    /// Runs, or has a call under way.
    Running,
    /// Waits for its cloud.
    Waiting,
    /// Will run again after a passing fault.
    Retrying,
    /// Done.
    Done,
    /// Ended with an error.
    Failed,
    /// Ended by a cancel.
    Cancelled,
    /// Never ran: something it needs failed.
    Skipped,
}

/// Why a task failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskError {
    /// `rds db`.
    pub task: String,
    /// The failure's kind: `denied`, `permanent` …
    pub kind: String,
    /// The message.
    pub message: String,
}

/// The answer (202) of every request that starts an operation.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Accepted {
    /// The operation to watch.
    pub operation: OperationId,
    /// Warnings of the file.
    #[serde(default)]
    pub diagnostics: Vec<crate::problem::Diagnostic>,
}

/// An event of an operation; `GET /v1/operations/{id}/events` streams them as server-sent events whose `id` is
/// `sequence` (send `Last-Event-ID` to go on) and whose `data` is this. The stream ends after the final one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// From 1, without gaps.
    pub sequence: u64,
    /// Milliseconds since the epoch.
    pub at_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub what: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum EventKind {
    /// The operation's state changed.
    Operation {
        /// As it is now.
        status: OperationStatus,
    },
    /// A task's state changed: its whole view.
    Task {
        /// As it is now.
        task: TaskView,
    },
    /// A host call ended: `POST https://rds… CreateDBInstance → 200`.
    Call {
        /// The task's number.
        task: u32,
        /// What was called.
        summary: String,
        /// How it ended.
        outcome: String,
        /// Whether it failed.
        failed: bool,
    },
    /// A line that an extension logged.
    Log {
        /// The task's number.
        task: u32,
        /// `debug`, `info`, `warn`, `error`.
        level: String,
        /// Stripped of control characters.
        message: String,
    },
}
