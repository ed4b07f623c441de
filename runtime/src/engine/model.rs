//! The engine's rows.

use std::collections::{BTreeMap, BTreeSet};

use cloudark_api::application::ApplicationStatus;
use cloudark_api::environment::{Binding, EnvironmentStatus};
use cloudark_api::ids::{EnvironmentId, Name, OperationId};
use cloudark_api::operation::{OperationKind, OperationStatus, TaskError, TaskStatus, TaskView};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::extensions::ComponentDigest;
use crate::host::scope::{PieceKey, TaskId};
use crate::journal::Millis;
use crate::sandbox::Role;
use crate::sandbox::bindings::types::{Deployment, Instance, UnsettledCall};
use crate::store::Key;

/// A row of `Table::Environment`, by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnvironmentRow {
    /// Never reused.
    pub id: EnvironmentId,
    /// Its name.
    pub name: Name,
    /// What it is doing.
    pub status: EnvironmentStatus,
    /// The file, redacted.
    pub file: String,
    /// What is wanted.
    pub spec: Spec,
    /// Settings of its clouds.
    pub settings: BTreeMap<String, BTreeMap<String, String>>,
    /// The account each cloud is bound to.
    pub bindings: BTreeMap<String, Binding>,
    /// When.
    pub created: Millis,
    /// When.
    pub updated: Millis,
    /// The operation that runs, or ran last.
    pub operation: Option<OperationId>,
    /// Deleting it is refused.
    pub protected: bool,
}

/// The pieces of an environment but its applications.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Managed services.
    pub resources: Vec<PieceSpec>,
    /// The COE instance.
    pub cluster: Option<PieceSpec>,
}

/// A wanted piece.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PieceSpec {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Its cloud.
    pub cloud: String,
    /// Its configuration; secrets are references.
    pub config: Value,
}

impl PieceSpec {
    /// This application on this cluster.
    #[must_use]
    pub fn application(&self, name: &Name, config: Value) -> Self {
        Self { name: name.to_string(), kind: self.kind.clone(), cloud: self.cloud.clone(), config }
    }
}

impl RecordRow {
    /// The piece as it is recorded.
    #[must_use]
    pub fn spec(&self) -> PieceSpec {
        PieceSpec {
            name: self.piece.name().to_owned(),
            kind: self.kind.clone(),
            cloud: self.cloud.clone(),
            config: self.config.clone(),
        }
    }
}

impl Spec {
    /// Every piece with its key: resources, then the cluster.
    pub fn pieces(&self) -> impl Iterator<Item = (PieceKey, &PieceSpec)> {
        self.resources
            .iter()
            .map(|spec| (PieceKey::Resource(spec.name.clone()), spec))
            .chain(self.cluster.iter().map(|spec| (PieceKey::Cluster, spec)))
    }

    /// The clouds they are on.
    #[must_use]
    pub fn clouds(&self) -> BTreeSet<&str> {
        self.pieces().map(|(_, spec)| spec.cloud.as_str()).collect()
    }
}

/// A row of `Table::Record`, by environment id and piece: what was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordRow {
    /// Which piece.
    pub piece: PieceKey,
    /// Its kind.
    pub kind: String,
    /// Its cloud.
    pub cloud: String,
    /// Counts how often it was made anew.
    pub generation: u32,
    /// The configuration of the last good record.
    pub config: Value,
    /// A configuration that was tried, and failed half-way.
    pub attempted: Option<Value>,
    /// Why it is degraded.
    pub problem: Option<String>,
    /// What `refresh` found.
    pub drift: Option<Drift>,
    /// What was made.
    pub made: Made,
    /// By which component.
    pub digest: ComponentDigest,
}

/// What `refresh` found different from the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drift {
    /// Its cloud does not know it any more.
    Missing,
    /// It differs: in a few words.
    Changed(String),
}

/// What was made of a piece.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Made {
    /// A foundation, cluster or resource.
    Instance(Instance),
    /// An application.
    Deployment(Deployment),
}

impl Made {
    /// The instance, if it is one.
    #[must_use]
    pub fn instance(&self) -> Option<&Instance> {
        match self {
            Self::Instance(instance) => Some(instance),
            Self::Deployment(_) => None,
        }
    }

    /// The deployment, if it is one.
    #[must_use]
    pub fn deployment(&self) -> Option<&Deployment> {
        match self {
            Self::Deployment(deployment) => Some(deployment),
            Self::Instance(_) => None,
        }
    }
}

/// The key of a record.
#[must_use]
pub fn record_key(environment: &EnvironmentId, piece: &PieceKey) -> Key {
    Key::new().text(&environment.0).text(piece.to_string())
}

/// A row of `Table::Application`, by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApplicationRow {
    /// Its name.
    pub name: Name,
    /// Where it runs.
    pub environment: Name,
    /// Where it runs.
    pub environment_id: EnvironmentId,
    /// What it is doing.
    pub status: ApplicationStatus,
    /// The file, redacted.
    pub file: String,
    /// What is wanted.
    pub spec: Value,
    /// When.
    pub created: Millis,
    /// When.
    pub updated: Millis,
    /// The operation that runs, or ran last.
    pub operation: Option<OperationId>,
    /// Why it is degraded.
    pub problem: Option<String>,
}

/// A row of `Table::Operation`, by id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperationRow {
    /// Its id.
    pub id: OperationId,
    /// What it does.
    pub kind: OperationKind,
    /// To which environment.
    pub environment: Name,
    /// Its id.
    pub environment_id: EnvironmentId,
    /// To which application.
    pub application: Option<Name>,
    /// How it is.
    pub status: OperationStatus,
    /// How many tasks it has.
    pub tasks: u32,
    /// Why it failed.
    pub errors: Vec<TaskError>,
    /// When.
    pub created: Millis,
    /// When.
    pub ended: Option<Millis>,
    /// Whether cancelling was asked for.
    pub cancel_requested: bool,
    /// The operation that waits for this one's end, and makes its rollback needless.
    pub followed_by: Option<OperationId>,
    /// The operation whose end this one waits for.
    pub follows: Option<OperationId>,
    /// Keep what a failed create made.
    pub keep_on_failure: bool,
    /// Pieces that had a record when it began: a rollback leaves them alone.
    pub existed: BTreeSet<PieceKey>,
}

impl OperationRow {
    /// Whether it takes things away: such an operation ignores a cancel.
    #[must_use]
    pub fn is_delete(&self) -> bool {
        matches!(self.kind, OperationKind::DeleteEnvironment | OperationKind::DeleteApplication)
    }

    /// Whether its forward tasks are to end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancel_requested && !self.is_delete()
    }
}

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the exports of the contract")]
pub enum Action {
    Prepare,
    Release,
    Create,
    Update,
    Delete,
    Read,
    Deploy,
    Redeploy,
    DeleteApplication,
    ReadApplication,
}

impl Action {
    /// As users see it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Release => "release",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete | Self::DeleteApplication => "delete",
            Self::Read | Self::ReadApplication => "refresh",
            Self::Deploy => "deploy",
            Self::Redeploy => "redeploy",
        }
    }

    /// Whether it takes something away: it ignores a cancel and is given more patience.
    #[must_use]
    pub fn takes_away(self) -> bool {
        matches!(self, Self::Release | Self::Delete | Self::DeleteApplication)
    }
}

/// A row of `Table::Task`, by operation and number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskRow {
    /// Its number.
    pub number: u32,
    /// For the tree.
    pub title: String,
    /// About which piece.
    pub piece: PieceKey,
    /// Its kind.
    pub kind: String,
    /// Its cloud.
    pub cloud: String,
    /// What it does.
    pub action: Action,
    /// Which interface it calls, for those that both have.
    pub role: Role,
    /// Tasks that must be done before.
    pub after: Vec<u32>,
    /// Whether it takes back what a failed operation made.
    pub rollback: bool,
    /// The configuration; of an application its specification.
    pub config: Value,
    /// Pieces, for a foundation.
    pub pieces: Vec<PieceSpec>,
    /// By which component.
    pub digest: ComponentDigest,
    /// Of which generation of the piece.
    pub generation: u32,
    /// How it is.
    pub state: TaskState,
    /// The last progress, wait or result.
    pub note: String,
    /// Passing faults in a row, without progress.
    pub retries: u32,
    /// When it woke up last, in logical time.
    pub woken: Millis,
    /// What was fixed at its first run, so that all runs see the same.
    pub inputs: Option<Inputs>,
    /// When it ran first.
    pub started: Option<Millis>,
    /// When it ended.
    pub ended: Option<Millis>,
}

/// What a task's first run saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// Names of the piece.
    pub names: Vec<(String, String)>,
    /// Calls of earlier tasks whose outcome never became known.
    pub unsettled: Vec<UnsettledCall>,
}

/// How a task is. That it runs is in no row: its lease says so. That it is ready is derived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskState {
    /// Not begun, or to be run on.
    Pending,
    /// Sleeps.
    Waiting {
        /// Until when, in logical time.
        wake_at: Millis,
        /// Until when, by the wall clock.
        due: Millis,
        /// Whether after a passing fault.
        retrying: bool,
    },
    /// Done.
    Done,
    /// Ended with an error.
    Failed {
        /// The failure's kind.
        kind: String,
        /// The message.
        message: String,
    },
    /// Ended by a cancel.
    Cancelled,
    /// Never ran: something it needs failed.
    Skipped,
}

impl TaskState {
    /// Whether nothing of it will happen any more.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Done | Self::Failed { .. } | Self::Cancelled | Self::Skipped)
    }
}

impl TaskRow {
    /// As users see it.
    #[must_use]
    pub fn view(&self, is_running: bool, is_ready: bool) -> TaskView {
        let status = match &self.state {
            _ if is_running => TaskStatus::Running,
            TaskState::Pending if self.started.is_some() => TaskStatus::Running,
            TaskState::Pending if is_ready => TaskStatus::Ready,
            TaskState::Pending => TaskStatus::Blocked,
            TaskState::Waiting { retrying: true, .. } => TaskStatus::Retrying,
            TaskState::Waiting { .. } => TaskStatus::Waiting,
            TaskState::Done => TaskStatus::Done,
            TaskState::Failed { .. } => TaskStatus::Failed,
            TaskState::Cancelled => TaskStatus::Cancelled,
            TaskState::Skipped => TaskStatus::Skipped,
        };
        TaskView {
            number: self.number,
            title: self.title.clone(),
            piece: self.piece.to_string(),
            action: self.action.name().to_owned(),
            status,
            note: self.note.clone(),
            started_ms: self.started.map(|at| at.0),
            ended_ms: self.ended.map(|at| at.0),
            rollback: self.rollback,
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self, operation: &OperationId) -> TaskId {
        TaskId { operation: operation.clone(), number: self.number }
    }
}
