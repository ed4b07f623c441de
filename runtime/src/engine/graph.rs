//! The graph of an operation: which tasks it has, which can run, what comes when they have ended. Pure.

use std::collections::{BTreeMap, BTreeSet};

use cloudark_api::operation::{OperationKind, OperationStatus, TaskError};
use serde_json::Value;

use super::model::{Action, OperationRow, PieceSpec, RecordRow, Spec, TaskRow, TaskState};
use crate::crash::Rule;
use crate::extensions::ComponentDigest;
use crate::host::scope::PieceKey;
use crate::journal::Millis;
use crate::sandbox::Role;

/// Who implements what: as far as a graph has to know.
pub trait Implementers {
    /// The component that implements a kind.
    fn of_kind(&self, cloud: &str, kind: &str) -> Option<ComponentDigest>;
    /// The component that makes a cloud's foundation; none where a cloud has none.
    fn of_foundation(&self, cloud: &str) -> Option<ComponentDigest>;
}

/// A kind that nobody implements.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no installed extension offers \"{kind}\" on {cloud}")]
pub struct NoImplementer {
    /// The kind.
    pub kind: String,
    /// The cloud.
    pub cloud: String,
}

/// Builds graphs.
pub struct Builder<'a, I> {
    implementers: &'a I,
    now: Millis,
    tasks: Vec<TaskRow>,
}

impl<'a, I: Implementers> Builder<'a, I> {
    /// An empty graph; its tasks are numbered from `first`.
    #[must_use]
    pub fn new(implementers: &'a I, now: Millis) -> Self {
        Self { implementers, now, tasks: Vec::new() }
    }

    /// The tasks.
    #[must_use]
    pub fn finish(self) -> Vec<TaskRow> {
        self.tasks
    }

    /// Foundations of these clouds for these pieces; the numbers of their tasks by cloud.
    pub fn prepare(&mut self, spec: &Spec, after: &[u32]) -> BTreeMap<String, u32> {
        let clouds: Vec<String> = spec.clouds().into_iter().map(str::to_owned).collect();
        clouds
            .into_iter()
            .filter_map(|cloud| {
                let digest = self.implementers.of_foundation(&cloud)?;
                let pieces =
                    spec.pieces().map(|(_, piece)| piece).filter(|piece| piece.cloud == cloud).cloned().collect();
                let number = self.foundation(&cloud, Action::Prepare, pieces, digest, after.to_vec());
                Some((cloud, number))
            })
            .collect()
    }

    /// The release of a cloud's foundation.
    pub fn release(&mut self, cloud: &str, pieces: Vec<PieceSpec>, after: Vec<u32>) -> Option<u32> {
        let digest = self.implementers.of_foundation(cloud)?;
        Some(self.foundation(cloud, Action::Release, pieces, digest, after))
    }

    /// A task of a cluster or resource.
    ///
    /// # Errors
    /// [`NoImplementer`].
    pub fn piece(
        &mut self,
        key: PieceKey,
        spec: &PieceSpec,
        action: Action,
        generation: u32,
        after: Vec<u32>,
    ) -> Result<u32, NoImplementer> {
        let digest = self
            .implementers
            .of_kind(&spec.cloud, &spec.kind)
            .ok_or_else(|| NoImplementer { kind: spec.kind.clone(), cloud: spec.cloud.clone() })?;
        let (role, title) = match &key {
            PieceKey::Cluster => (Role::Coe, format!("{} cluster", spec.kind)),
            PieceKey::Application(name) => (Role::Coe, name.clone()),
            _ if spec.name == spec.kind => (Role::Resource, spec.kind.clone()),
            _ => (Role::Resource, format!("{} {}", spec.kind, spec.name)),
        };
        Ok(self.push(title, key, spec, action, role, generation, digest, Vec::new(), after))
    }

    fn foundation(
        &mut self,
        cloud: &str,
        action: Action,
        pieces: Vec<PieceSpec>,
        digest: ComponentDigest,
        after: Vec<u32>,
    ) -> u32 {
        let spec = PieceSpec {
            name: cloud.to_owned(),
            kind: "foundation".to_owned(),
            cloud: cloud.to_owned(),
            config: Value::Null,
        };
        let key = PieceKey::Foundation(cloud.to_owned());
        self.push(format!("{cloud} foundation"), key, &spec, action, Role::Resource, 1, digest, pieces, after)
    }

    #[allow(clippy::too_many_arguments, reason = "the columns of a row")]
    fn push(
        &mut self,
        title: String,
        piece: PieceKey,
        spec: &PieceSpec,
        action: Action,
        role: Role,
        generation: u32,
        digest: ComponentDigest,
        pieces: Vec<PieceSpec>,
        after: Vec<u32>,
    ) -> u32 {
        let number = u32::try_from(self.tasks.len()).unwrap_or(u32::MAX);
        self.tasks.push(TaskRow {
            number,
            title,
            piece,
            kind: spec.kind.clone(),
            cloud: spec.cloud.clone(),
            action,
            role,
            after,
            rollback: false,
            config: spec.config.clone(),
            pieces,
            digest,
            generation,
            state: TaskState::Pending,
            note: String::new(),
            retries: 0,
            woken: self.now,
            inputs: None,
            started: None,
            ended: None,
        });
        number
    }
}

/// Records by the piece they are of.
pub(super) fn by_piece(records: &[RecordRow]) -> BTreeMap<&PieceKey, &RecordRow> {
    records.iter().map(|record| (&record.piece, record)).collect()
}

/// A new environment: its foundations, then the cluster and all resources together.
///
/// # Errors
/// [`NoImplementer`].
pub fn create(spec: &Spec, implementers: &impl Implementers, now: Millis) -> Result<Vec<TaskRow>, NoImplementer> {
    let mut builder = Builder::new(implementers, now);
    let foundations = builder.prepare(spec, &[]);
    for (key, piece) in spec.pieces() {
        let after = foundations.get(&piece.cloud).copied().into_iter().collect();
        builder.piece(key, piece, Action::Create, 1, after)?;
    }
    Ok(builder.finish())
}

/// The end of an environment: applications, then everything else together, then the foundations. Pieces are
/// those that are wanted and those that have a record: of either kind something may be there.
///
/// # Errors
/// [`NoImplementer`].
pub fn delete(
    spec: &Spec,
    records: &[RecordRow],
    applications: &[PieceSpec],
    generations: &BTreeMap<PieceKey, u32>,
    implementers: &impl Implementers,
    now: Millis,
) -> Result<Vec<TaskRow>, NoImplementer> {
    let mut builder = Builder::new(implementers, now);
    let recorded = by_piece(records);
    let recorded = |key: &PieceKey| recorded.get(key).map(|record| record.generation);
    let generation = |key: &PieceKey| recorded(key).or_else(|| generations.get(key).copied()).unwrap_or(1);
    let mut applications_gone = Vec::new();
    for application in applications {
        let key = PieceKey::Application(application.name.clone());
        let generation = generation(&key);
        applications_gone.push(builder.piece(key, application, Action::DeleteApplication, generation, Vec::new())?);
    }
    let mut pieces: BTreeMap<PieceKey, PieceSpec> = spec.pieces().map(|(key, piece)| (key, piece.clone())).collect();
    for record in records {
        if matches!(record.piece, PieceKey::Resource(_) | PieceKey::Cluster) {
            pieces.entry(record.piece.clone()).or_insert_with(|| record.spec());
        }
    }
    let mut clouds: BTreeMap<String, (Vec<u32>, Vec<PieceSpec>)> = BTreeMap::new();
    for (key, piece) in &pieces {
        let number = builder.piece(key.clone(), piece, Action::Delete, generation(key), applications_gone.clone())?;
        let of_cloud = clouds.entry(piece.cloud.clone()).or_default();
        of_cloud.0.push(number);
        of_cloud.1.push(piece.clone());
    }
    for record in records {
        if let PieceKey::Foundation(cloud) = &record.piece {
            clouds.entry(cloud.clone()).or_default();
        }
    }
    for (cloud, (after, pieces)) in clouds {
        builder.release(&cloud, pieces, after);
    }
    let mut tasks = builder.finish();
    if Rule::Order.is_broken() {
        foundations_first(&mut tasks);
    }
    Ok(tasks)
}

/// What the crash matrix must notice.
fn foundations_first(tasks: &mut [TaskRow]) {
    let releases: Vec<u32> =
        tasks.iter().filter(|task| task.action == Action::Release).map(|task| task.number).collect();
    for task in tasks {
        task.after = if task.action == Action::Release { Vec::new() } else { releases.clone() };
    }
}

/// Taking back what a failed operation made: exactly the pieces that had no record when it began and whose
/// task has run, in reverse.
#[must_use]
pub fn rollback(operation: &OperationRow, tasks: &[TaskRow], now: Millis) -> Vec<TaskRow> {
    let first = u32::try_from(tasks.len()).unwrap_or(u32::MAX);
    let made: Vec<&TaskRow> = tasks
        .iter()
        .filter(|task| matches!(task.action, Action::Prepare | Action::Create | Action::Deploy))
        .filter(|task| task.started.is_some() && !operation.existed.contains(&task.piece))
        .collect();
    // A foundation is released after all other pieces of its cloud.
    let (foundations, others): (Vec<&TaskRow>, Vec<&TaskRow>) =
        made.into_iter().partition(|task| task.action == Action::Prepare);
    let mut back: Vec<TaskRow> = Vec::new();
    let mut seen = BTreeSet::new();
    for task in others.into_iter().chain(foundations) {
        if !seen.insert(task.piece.clone()) {
            continue;
        }
        let number = first.saturating_add(u32::try_from(back.len()).unwrap_or(u32::MAX));
        let (action, after) = match task.action {
            Action::Prepare => {
                let before = back.iter().filter(|other| other.cloud == task.cloud).map(|other| other.number).collect();
                (Action::Release, before)
            }
            Action::Deploy => (Action::DeleteApplication, Vec::new()),
            _ => (Action::Delete, Vec::new()),
        };
        back.push(TaskRow {
            number,
            action,
            after,
            rollback: true,
            state: TaskState::Pending,
            note: String::new(),
            retries: 0,
            woken: now,
            inputs: None,
            started: None,
            ended: None,
            ..task.clone()
        });
    }
    back
}

/// What an operation does next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// These tasks can run.
    Run(Vec<u32>),
    /// These can never run, or are ended by a cancel.
    Settle(Vec<(u32, TaskState)>),
    /// Everything has ended; take this back first.
    RollBack(Vec<TaskRow>),
    /// Everything has ended.
    End(OperationStatus, Vec<TaskError>),
    /// Nothing, until a task ends or wakes up.
    Wait,
}

/// What an operation does next, given its tasks and which of them run at this moment.
#[must_use]
pub fn next(operation: &OperationRow, tasks: &[TaskRow], running: &BTreeSet<u32>, now: Millis) -> Next {
    if operation.status == OperationStatus::Queued || operation.status.is_final() {
        return Next::Wait;
    }
    let state = |number: &u32| tasks.get(*number as usize).map(|task| &task.state);
    let settled: Vec<(u32, TaskState)> = tasks
        .iter()
        .filter(|task| !task.state.is_final() && !running.contains(&task.number))
        .filter_map(|task| {
            if operation.is_cancelled() && !task.rollback {
                return Some((task.number, TaskState::Cancelled));
            }
            let is_stuck = task.after.iter().any(|before| match state(before) {
                Some(TaskState::Done) => false,
                // What could not be removed may still hold what this would remove: it is left, and named.
                Some(before) => before.is_final(),
                None => true,
            });
            is_stuck.then_some((task.number, TaskState::Skipped))
        })
        .collect();
    if !settled.is_empty() {
        return Next::Settle(settled);
    }
    let ready: Vec<u32> = tasks
        .iter()
        .filter(|task| match &task.state {
            TaskState::Pending => true,
            TaskState::Waiting { due, .. } => *due <= now,
            _ => false,
        })
        .filter(|task| !running.contains(&task.number))
        .filter(|task| task.after.iter().all(|before| state(before) == Some(&TaskState::Done)))
        .map(|task| task.number)
        .collect();
    if !ready.is_empty() {
        return Next::Run(ready);
    }
    if tasks.iter().any(|task| !task.state.is_final()) {
        return Next::Wait;
    }
    let errors: Vec<TaskError> = tasks
        .iter()
        .filter_map(|task| match &task.state {
            TaskState::Failed { kind, message } => {
                Some(TaskError { task: task.title.clone(), kind: kind.clone(), message: message.clone() })
            }
            _ => None,
        })
        .collect();
    let forward_failed = tasks.iter().any(|task| !task.rollback && task.state != TaskState::Done);
    let has_rolled_back = tasks.iter().any(|task| task.rollback);
    if !forward_failed {
        return Next::End(OperationStatus::Succeeded, errors);
    }
    let wants_rollback = !operation.is_delete()
        && operation.followed_by.is_none()
        && (!operation.keep_on_failure || operation.is_cancelled())
        && operation.kind != OperationKind::RefreshEnvironment;
    if wants_rollback && !has_rolled_back {
        let back = rollback(operation, tasks, now);
        if !back.is_empty() {
            return Next::RollBack(back);
        }
    }
    let status = if operation.is_cancelled() { OperationStatus::Cancelled } else { OperationStatus::Failed };
    Next::End(status, errors)
}
