//! The end of an operation: one transaction for its row, its environment's, its application's, and the event.

use std::sync::Arc;

use cloudark_api::application::ApplicationStatus;
use cloudark_api::environment::EnvironmentStatus;
use cloudark_api::ids::OperationId;
use cloudark_api::operation::{EventKind, OperationKind, OperationStatus, TaskError};

use super::Engine;
use super::model::{ApplicationRow, EnvironmentRow, OperationRow, RecordRow, TaskRow, TaskState};
use super::retention::kept_key;
use super::schedule::{Active, open_key, write};
use crate::host::wall;
use crate::store::{Key, Store, StoreError, Table, Txn, Typed};

/// How an environment is after an operation on it; none if it is gone.
fn environment_after(
    operation: &OperationRow,
    status: OperationStatus,
    rolled_back: bool,
) -> Option<EnvironmentStatus> {
    use EnvironmentStatus::{Available, CreateFailed, Degraded, DeleteFailed};
    let succeeded = status == OperationStatus::Succeeded;
    match operation.kind {
        OperationKind::CreateEnvironment if succeeded => Some(Available),
        // Rolled back completely or not, the row stays until the user deletes it: it says why.
        OperationKind::CreateEnvironment => Some(if rolled_back { CreateFailed } else { DeleteFailed }),
        OperationKind::UpdateEnvironment => Some(if succeeded { Available } else { Degraded }),
        OperationKind::DeleteEnvironment => (!succeeded).then_some(DeleteFailed),
        OperationKind::RefreshEnvironment
        | OperationKind::DeployApplication
        | OperationKind::RedeployApplication
        | OperationKind::DeleteApplication => Some(Available),
    }
}

/// How an application is after an operation on it; none if it is gone.
fn application_after(operation: &OperationRow, status: OperationStatus) -> Option<ApplicationStatus> {
    use ApplicationStatus::{Available, Degraded, DeleteFailed, DeployFailed};
    let succeeded = status == OperationStatus::Succeeded;
    match operation.kind {
        OperationKind::DeployApplication => Some(if succeeded { Available } else { DeployFailed }),
        OperationKind::RedeployApplication => Some(if succeeded { Available } else { Degraded }),
        OperationKind::DeleteApplication | OperationKind::DeleteEnvironment => (!succeeded).then_some(DeleteFailed),
        _ => None,
    }
}

impl Engine {
    /// Ends an operation; returns the one that waited for its end.
    pub(super) async fn end(
        &self,
        active: &mut Active,
        status: OperationStatus,
        errors: Vec<TaskError>,
    ) -> Result<Option<OperationId>, StoreError> {
        let store = &*self.services.store;
        let now = wall();
        let operation = active.row.id.clone();
        let mut row = OperationRow::clone(&active.row);
        row.status = status;
        row.errors = errors;
        row.ended = Some(now);
        let rolled_back = active.tasks.iter().filter(|task| task.rollback).all(|task| task.state == TaskState::Done);
        let key = Key::new().text(&operation.0);
        let mut txn = Txn::new()
            .check_version(Table::Operation, &key, active.version)
            .put_json(Table::Operation, &key, &row)?
            .delete(Table::Timer, open_key(&operation))
            .put(Table::Timer, kept_key(now, &operation), "")
            .must_land();
        txn = txn.and(self.environment_end(store, &row, rolled_back, now).await?);
        txn = txn.and(self.applications_end(store, &row, &active.tasks, now).await?);
        if let Some(follower) = &row.followed_by {
            let key = Key::new().text(&follower.0);
            if let Some(mut next) = store.get_json::<OperationRow>(Table::Operation, &key).await? {
                next.value.status = OperationStatus::Running;
                txn = txn.check_version(Table::Operation, &key, next.version).put_json(
                    Table::Operation,
                    &key,
                    &next.value,
                )?;
            }
        }
        txn = txn.and(write(&active.events, &operation, vec![EventKind::Operation { status }]));
        active.version = store.commit(txn).await?;
        active.row = Arc::new(row);
        Ok(active.row.followed_by.clone())
    }

    async fn environment_end(
        &self,
        store: &dyn Store,
        operation: &OperationRow,
        rolled_back: bool,
        now: crate::journal::Millis,
    ) -> Result<Txn, StoreError> {
        let key = Key::new().text(operation.environment.as_str());
        let Some(environment) = store.get_json::<EnvironmentRow>(Table::Environment, &key).await? else {
            return Ok(Txn::new());
        };
        if environment.value.id != operation.environment_id || operation.followed_by.is_some() {
            return Ok(Txn::new());
        }
        let txn = Txn::new().check_version(Table::Environment, &key, environment.version);
        match environment_after(operation, operation.status, rolled_back) {
            None => {
                let all = Key::new().text(&operation.environment_id.0);
                let everything = [Table::Record, Table::Name, Table::Owned, Table::Secret, Table::History];
                Ok(everything
                    .into_iter()
                    .fold(txn.delete(Table::Environment, &key), |txn, table| txn.delete_prefix(table, &all)))
            }
            Some(status) => {
                let mut row = environment.value;
                let was = row.status;
                row.status = match (operation.kind, was) {
                    // What is done to an application, or looked at, leaves the environment as it was.
                    (
                        OperationKind::CreateEnvironment
                        | OperationKind::UpdateEnvironment
                        | OperationKind::DeleteEnvironment,
                        _,
                    ) => status,
                    _ => was,
                };
                row.updated = now;
                txn.put_json(Table::Environment, &key, &row)
            }
        }
    }

    async fn applications_end(
        &self,
        store: &dyn Store,
        operation: &OperationRow,
        tasks: &[TaskRow],
        now: crate::journal::Millis,
    ) -> Result<Txn, StoreError> {
        let mut txn = Txn::new();
        let mut names: Vec<String> = operation.application.iter().map(ToString::to_string).collect();
        if operation.kind == OperationKind::DeleteEnvironment {
            names.extend(tasks.iter().filter_map(|task| match &task.piece {
                crate::host::scope::PieceKey::Application(name) => Some(name.clone()),
                _ => None,
            }));
        }
        for name in names {
            let key = Key::new().text(&name);
            let Some(application) = store.get_json::<ApplicationRow>(Table::Application, &key).await? else { continue };
            if application.value.environment_id != operation.environment_id {
                continue;
            }
            txn = txn.check_version(Table::Application, &key, application.version);
            let piece = crate::host::scope::PieceKey::Application(name);
            match application_after(operation, operation.status) {
                None => {
                    let of_piece = Key::new().text(&operation.environment_id.0).text(piece.to_string());
                    txn = txn
                        .delete(Table::Application, &key)
                        .delete(Table::Record, &of_piece)
                        .delete_prefix(Table::Name, &of_piece)
                        .delete_prefix(Table::Owned, &of_piece);
                }
                Some(status) => {
                    let mut row = application.value;
                    row.status = status;
                    row.updated = now;
                    row.problem = operation.errors.first().map(|error| error.message.clone());
                    txn = txn.put_json(Table::Application, &key, &row)?;
                }
            }
        }
        Ok(txn)
    }
}

/// What an operation that failed leaves on the records of pieces that it tried to change.
pub(super) fn degraded(record: RecordRow, task: &TaskRow, message: &str) -> RecordRow {
    RecordRow { attempted: Some(task.config.clone()), problem: Some(message.to_owned()), ..record }
}
