//! Requests become operations: everything is checked first, then one transaction writes all rows.

mod applications;
mod environments;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cloudark_api::environment::{Binding, EnvironmentStatus};
use cloudark_api::ids::{EnvironmentId, Name, OperationId};
use cloudark_api::operation::{Accepted, EventKind, OperationKind, OperationStatus};
use cloudark_api::problem::Diagnostic;

use super::execute::generation_key;
use super::files::EnvironmentPlanInput;
use super::model::{EnvironmentRow, OperationRow, RecordRow, TaskRow, TaskState};
use super::retention::kept_key;
use super::schedule::open_key;
use super::{Engine, EngineError};
use crate::host::scope::PieceKey;
use crate::host::wall;
use crate::receipt::receipt;
use crate::store::{Key, StoreError, Stored, Table, Txn, Typed};

impl Engine {
    /// Cancels an operation: its live calls are answered `cancelled`, its waiting tasks end, and what it made
    /// is taken back.
    ///
    /// # Errors
    /// One that has ended, or that deletes.
    pub async fn cancel(self: &Arc<Self>, id: &OperationId) -> Result<Accepted, EngineError> {
        let not_found = || EngineError::NotFound { what: "operation", name: id.to_string() };
        let accepted = Accepted { operation: id.clone(), diagnostics: Vec::new() };
        let shared = self.load(id).await?.ok_or_else(not_found)?;
        {
            let mut active = shared.lock().await;
            if active.row.status.is_final() {
                drop(active);
                return Err(EngineError::conflict(format!("operation {id} has ended")));
            }
            if active.row.is_delete() {
                return Err(EngineError::conflict(
                    "a delete cannot be cancelled: half a thing is of no use to anybody",
                ));
            }
            let mut row = OperationRow::clone(&active.row);
            row.cancel_requested = true;
            let key = Key::new().text(&id.0);
            let txn = Txn::new()
                .check_version(Table::Operation, &key, active.version)
                .put_json(Table::Operation, &key, &row)?
                .and(receipt(&accepted)?);
            active.version = self.services.store.commit(txn).await?;
            active.row = Arc::new(row);
            active.cancelled.store(true, std::sync::atomic::Ordering::Relaxed);
        }
        self.advance(id).await;
        Ok(accepted)
    }

    /// Lets a failed operation, whose pieces were kept, go on from where it failed.
    ///
    /// # Errors
    /// One that has not failed, was rolled back, or is not the last of its environment.
    pub async fn retry(self: &Arc<Self>, id: &OperationId) -> Result<Accepted, EngineError> {
        let store = &self.services.store;
        let key = Key::new().text(&id.0);
        let not_found = || EngineError::NotFound { what: "operation", name: id.to_string() };
        let operation = store.get_json::<OperationRow>(Table::Operation, &key).await?.ok_or_else(not_found)?;
        let tasks = store.scan_json::<TaskRow>(Table::Task, &key, None, usize::MAX, false).await?;
        let rows: Vec<TaskRow> = tasks.iter().map(|task| task.value.clone()).collect();
        if !can_retry(&operation.value, &rows) {
            return Err(EngineError::conflict(format!(
                "operation {id} cannot go on: only one that failed, and that was not rolled back, can"
            )));
        }
        let environment = self.environment_row(&operation.value.environment).await?;
        if environment.value.operation.as_ref() != Some(id) {
            return Err(EngineError::conflict(format!(
                "operation {id} is not the last of \"{}\"",
                operation.value.environment
            )));
        }
        let mut row = operation.value;
        row.status = OperationStatus::Running;
        row.cancel_requested = false;
        row.errors.clear();
        let ended = row.ended.take();
        let status = match row.kind {
            OperationKind::CreateEnvironment => Some(EnvironmentStatus::Creating),
            OperationKind::UpdateEnvironment => Some(EnvironmentStatus::Updating),
            OperationKind::DeleteEnvironment => Some(EnvironmentStatus::Deleting),
            _ => None,
        };
        let mut txn = self
            .occupy(&environment, id, status)?
            .check_version(Table::Operation, &key, operation.version)
            .put_json(Table::Operation, &key, &row)?
            .put(Table::Timer, open_key(id), "");
        if let Some(ended) = ended {
            txn = txn.delete(Table::Timer, kept_key(ended, id));
        }
        for task in tasks {
            if task.value.state == TaskState::Done {
                continue;
            }
            let task_key = task.value.id(id).key();
            // It begins anew, as a rollback or a delete would after it: it finds what there is by its names, and is
            // told which calls never had an outcome. Its old journal would only lead it to the same failure.
            txn = txn
                .delete_prefix(Table::Journal, &task_key)
                .delete(Table::Archive, &task_key)
                .delete(Table::Call, &task_key);
            let mut again = task.value;
            again.inputs = None;
            again.started = None;
            again.state = TaskState::Pending;
            again.retries = 0;
            again.woken = again.woken.max(wall());
            again.ended = None;
            again.note = String::new();
            txn = txn.put_json(Table::Task, task_key, &again)?;
        }
        let mut events = super::events::Sequence::load(&**store, id).await?;
        let accepted = Accepted { operation: id.clone(), diagnostics: Vec::new() };
        txn = txn.and(events.write(id, vec![EventKind::Operation { status: row.status }])).and(receipt(&accepted)?);
        store.commit(txn).await?;
        self.advance(id).await;
        Ok(accepted)
    }

    /// The newest generation of a piece that may exist.
    async fn generation(
        &self,
        id: &EnvironmentId,
        piece: &PieceKey,
        records: &BTreeMap<&PieceKey, &RecordRow>,
    ) -> Result<u32, StoreError> {
        if let Some(record) = records.get(piece) {
            return Ok(record.generation);
        }
        let begun = self.services.store.get_json::<u32>(Table::History, &generation_key(id, piece)).await?;
        Ok(begun.map_or(1, |row| row.value))
    }

    fn operation(
        &self,
        kind: OperationKind,
        environment: &Name,
        environment_id: &EnvironmentId,
        application: Option<Name>,
        tasks: &[TaskRow],
    ) -> OperationRow {
        OperationRow {
            id: OperationId::new(),
            kind,
            environment: environment.clone(),
            environment_id: environment_id.clone(),
            application,
            status: OperationStatus::Running,
            tasks: u32::try_from(tasks.len()).unwrap_or(u32::MAX),
            errors: Vec::new(),
            created: wall(),
            ended: None,
            cancel_requested: false,
            followed_by: None,
            follows: None,
            keep_on_failure: false,
            existed: BTreeSet::new(),
        }
    }

    /// The environment's row, with this operation on it.
    fn occupy(
        &self,
        environment: &Stored<EnvironmentRow>,
        operation: &OperationId,
        status: Option<EnvironmentStatus>,
    ) -> Result<Txn, StoreError> {
        let mut row = environment.value.clone();
        row.operation = Some(operation.clone());
        row.status = status.unwrap_or(row.status);
        let key = Key::new().text(row.name.as_str());
        Txn::new().check_version(Table::Environment, &key, environment.version).put_json(Table::Environment, &key, &row)
    }

    /// Writes an operation with its tasks and lets it go.
    async fn begin(
        self: &Arc<Self>,
        operation: OperationRow,
        tasks: Vec<TaskRow>,
        txn: Txn,
        diagnostics: Vec<Diagnostic>,
    ) -> Result<Accepted, EngineError> {
        let (accepted, _) = self.write_operation(operation, tasks, txn, diagnostics).await?;
        let engine = Arc::clone(self);
        let id = accepted.operation.clone();
        tokio::spawn(async move { engine.advance(&id).await });
        Ok(accepted)
    }

    async fn write_operation(
        &self,
        operation: OperationRow,
        tasks: Vec<TaskRow>,
        mut txn: Txn,
        diagnostics: Vec<Diagnostic>,
    ) -> Result<(Accepted, crate::store::Version), EngineError> {
        let key = Key::new().text(&operation.id.0);
        txn = txn.check_absent(Table::Operation, &key).put_json(Table::Operation, &key, &operation)?.put(
            Table::Timer,
            open_key(&operation.id),
            "",
        );
        let mut what = vec![EventKind::Operation { status: operation.status }];
        for task in &tasks {
            txn = txn.put_json(Table::Task, task.id(&operation.id).key(), task)?;
            what.push(EventKind::Task { task: task.view(false, task.after.is_empty()) });
        }
        let mut events = super::events::Sequence::load(&*self.services.store, &operation.id).await?;
        let accepted = Accepted { operation: operation.id, diagnostics };
        txn = txn.and(events.write(&accepted.operation, what)).and(receipt(&accepted)?);
        let version = self.services.store.commit(txn).await.map_err(|error| match error {
            StoreError::Conflict { .. } => {
                EngineError::conflict("somebody else has changed it at the same moment: look again")
            }
            other => EngineError::Store(other),
        })?;
        Ok((accepted, version))
    }

    /// The account of each cloud, as it is now.
    async fn bindings(&self, read: &EnvironmentPlanInput) -> Result<BTreeMap<String, Binding>, EngineError> {
        let mut bindings = BTreeMap::new();
        for cloud in read.spec.clouds() {
            if !self.registry.needs_credentials(cloud) {
                continue;
            }
            let region = read.settings.get(cloud).and_then(|settings| settings.get("region"));
            let access = self.services.clouds.access(cloud).await?;
            let binding = access.binding(region.map(String::as_str)).await.map_err(crate::clouds::CloudError::from)?;
            bindings.insert(cloud.to_owned(), binding);
        }
        Ok(bindings)
    }

    fn refuse_other_account(
        &self,
        environment: &EnvironmentRow,
        cloud: &str,
        now: &Binding,
    ) -> Result<(), EngineError> {
        match environment.bindings.get(cloud) {
            Some(bound) if bound.account != now.account => Err(EngineError::Denied(format!(
                "the credentials of {cloud} are of account {}, and \"{}\" belongs to account {}: \
                 set up credentials of that account with `cld setup {cloud}`",
                now.account, environment.name, bound.account
            ))),
            _ => Ok(()),
        }
    }

    /// Refuses a change while another one runs, and one with credentials of another account.
    async fn refuse_busy(&self, environment: &EnvironmentRow) -> Result<(), EngineError> {
        if let Some(running) = self.under_way(environment).await? {
            return Err(EngineError::Conflict {
                message: format!(
                    "operation {} is under way on \"{}\" ({}): `cld op watch {}` follows it",
                    running.value.id,
                    environment.name,
                    super::views::kind_name(running.value.kind),
                    running.value.id
                ),
                operation: Some(running.value.id),
            });
        }
        self.refuse_other_accounts(environment).await
    }

    /// Refuses to look or change with credentials of another account than the environment's: there, "not found" would
    /// mean nothing.
    pub(super) async fn refuse_other_accounts(&self, environment: &EnvironmentRow) -> Result<(), EngineError> {
        for cloud in environment.bindings.keys() {
            let region = environment.settings.get(cloud).and_then(|settings| settings.get("region"));
            let access = self.services.clouds.access(cloud).await?;
            let now = access.binding(region.map(String::as_str)).await.map_err(crate::clouds::CloudError::from)?;
            self.refuse_other_account(environment, cloud, &now)?;
        }
        Ok(())
    }

    async fn under_way(&self, environment: &EnvironmentRow) -> Result<Option<Stored<OperationRow>>, StoreError> {
        let Some(id) = &environment.operation else { return Ok(None) };
        let operation = self.services.store.get_json::<OperationRow>(Table::Operation, &Key::new().text(&id.0)).await?;
        Ok(operation.filter(|operation| !operation.value.status.is_final()))
    }
}

/// Whether an operation can go on from where it failed.
pub(super) fn can_retry(operation: &OperationRow, tasks: &[TaskRow]) -> bool {
    operation.status == OperationStatus::Failed
        && operation.followed_by.is_none()
        && !tasks.iter().any(|task| task.rollback)
        && tasks.iter().any(|task| task.state != TaskState::Done)
}
