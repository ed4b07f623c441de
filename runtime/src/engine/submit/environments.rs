//! Creating, changing, looking at and deleting environments.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cloudark_api::application::ApplicationStatus;
use cloudark_api::environment::{EnvironmentRequest, EnvironmentStatus, PlannedAction};
use cloudark_api::ids::{EnvironmentId, Name};
use cloudark_api::operation::{Accepted, OperationKind, OperationStatus};

use crate::engine::graph::{self, Builder, by_piece};
use crate::engine::model::{Action, EnvironmentRow, OperationRow, PieceSpec};
use crate::engine::{Engine, EngineError};
use crate::host::scope::PieceKey;
use crate::host::wall;
use crate::store::{Key, Table, Txn, Typed};

impl Engine {
    /// Creates an environment.
    ///
    /// # Errors
    /// Everything that is wrong with the file; a name that exists; credentials that are not there.
    pub async fn create_environment(self: &Arc<Self>, request: EnvironmentRequest) -> Result<Accepted, EngineError> {
        let key = Key::new().text(request.name.as_str());
        let id = EnvironmentId::new();
        let read = self.read_environment(&request, &id, false).await?;
        let replaced = match self.services.store.get_json::<EnvironmentRow>(Table::Environment, &key).await? {
            None => None,
            Some(existing) => {
                return Err(EngineError::conflict(format!(
                    "there is an environment \"{}\" already ({}): choose another name, or delete it first",
                    request.name,
                    crate::engine::views::status_name(existing.value.status)
                )));
            }
        };
        let bindings = self.bindings(&read).await?;
        let now = wall();
        let tasks = graph::create(&read.spec, &*self.registry, now)?;
        let operation = self.operation(OperationKind::CreateEnvironment, &request.name, &id, None, &tasks);
        let operation = OperationRow { keep_on_failure: request.keep_on_failure, ..operation };
        let row = EnvironmentRow {
            id: id.clone(),
            name: request.name.clone(),
            status: EnvironmentStatus::Creating,
            file: read.file,
            spec: read.spec,
            settings: read.settings,
            bindings,
            created: now,
            updated: now,
            operation: Some(operation.id.clone()),
            protected: false,
        };
        let txn = match replaced {
            None => Txn::new().check_absent(Table::Environment, &key),
            Some(version) => Txn::new().check_version(Table::Environment, &key, version),
        };
        let txn = txn.put_json(Table::Environment, &key, &row)?.and(read.secrets);
        self.begin(operation, tasks, txn, read.diagnostics).await
    }

    /// Changes an environment to what its new file says.
    ///
    /// # Errors
    /// As for a create; an operation that runs.
    pub async fn update_environment(
        self: &Arc<Self>,
        request: EnvironmentRequest,
        if_match: Option<u64>,
    ) -> Result<Accepted, EngineError> {
        let environment = self.environment_row(&request.name).await?;
        if let Some(version) = if_match
            && version != environment.version.get()
        {
            return Err(EngineError::conflict(format!(
                "\"{}\" was changed in the meantime: look at it again",
                request.name
            )));
        }
        self.refuse_busy(&environment.value).await?;
        let read = self.read_environment(&request, &environment.value.id, true).await?;
        let now_bound = self.bindings(&read).await?;
        let mut bindings = environment.value.bindings.clone();
        for (cloud, binding) in now_bound {
            self.refuse_other_account(&environment.value, &cloud, &binding)?;
            bindings.entry(cloud).or_insert(binding);
        }
        let records = self.records(&environment.value.id).await?;
        let steps = self.steps(&environment.value, &read, &records).await?;
        let now = wall();
        let mut builder = Builder::new(&*self.registry, now);
        // The foundation serves what is there and what will be; once the old is gone, only what stays.
        let mut both = read.spec.clone();
        let wanted: BTreeSet<PieceKey> = read.spec.pieces().map(|(key, _)| key).collect();
        for (key, old) in environment.value.spec.pieces() {
            if !wanted.contains(&key) && matches!(key, PieceKey::Resource(_)) {
                both.resources.push(old.clone());
            }
        }
        let foundations = builder.prepare(&both, &[]);
        let recorded = by_piece(&records);
        let mut ends: Vec<u32> = foundations.values().copied().collect();
        let mut removes = false;
        for step in &steps {
            let after: Vec<u32> = foundations.get(&step.spec.cloud).copied().into_iter().collect();
            let generation = self.generation(&environment.value.id, &step.key, &recorded).await?;
            let last = match step.action {
                PlannedAction::Keep => continue,
                PlannedAction::Create => {
                    builder.piece(step.key.clone(), &step.spec, Action::Create, generation, after)?
                }
                PlannedAction::Update => {
                    builder.piece(step.key.clone(), &step.spec, Action::Update, generation, after)?
                }
                PlannedAction::Delete => {
                    removes = true;
                    builder.piece(step.key.clone(), &step.spec, Action::Delete, generation, after)?
                }
                PlannedAction::Replace => {
                    let old = step.old.as_ref().unwrap_or(&step.spec);
                    let gone = builder.piece(step.key.clone(), old, Action::Delete, generation, after)?;
                    builder.piece(
                        step.key.clone(),
                        &step.spec,
                        Action::Create,
                        generation.saturating_add(1),
                        vec![gone],
                    )?
                }
            };
            ends.push(last);
        }
        if removes {
            builder.prepare(&read.spec, &ends);
        }
        let tasks = builder.finish();
        let operation =
            self.operation(OperationKind::UpdateEnvironment, &request.name, &environment.value.id, None, &tasks);
        let operation = OperationRow {
            keep_on_failure: request.keep_on_failure,
            existed: records.iter().map(|record| record.piece.clone()).collect(),
            ..operation
        };
        let row = EnvironmentRow {
            status: EnvironmentStatus::Updating,
            file: read.file,
            spec: read.spec,
            settings: read.settings,
            bindings,
            updated: now,
            operation: Some(operation.id.clone()),
            ..environment.value
        };
        let key = Key::new().text(row.name.as_str());
        let txn = Txn::new()
            .check_version(Table::Environment, &key, environment.version)
            .put_json(Table::Environment, &key, &row)?
            .and(read.secrets);
        self.begin(operation, tasks, txn, read.diagnostics).await
    }

    /// Looks at every piece of an environment and notes what differs from its record.
    ///
    /// # Errors
    /// An operation that runs.
    pub async fn refresh_environment(self: &Arc<Self>, name: &Name) -> Result<Accepted, EngineError> {
        let environment = self.environment_row(name).await?;
        self.refuse_busy(&environment.value).await?;
        let records = self.records(&environment.value.id).await?;
        let mut builder = Builder::new(&*self.registry, wall());
        for record in &records {
            let spec = record.spec();
            match &record.piece {
                PieceKey::Foundation(_) => {}
                PieceKey::Application(_) => {
                    builder.piece(
                        record.piece.clone(),
                        &spec,
                        Action::ReadApplication,
                        record.generation,
                        Vec::new(),
                    )?;
                }
                _ => {
                    builder.piece(record.piece.clone(), &spec, Action::Read, record.generation, Vec::new())?;
                }
            }
        }
        let tasks = builder.finish();
        let operation = self.operation(OperationKind::RefreshEnvironment, name, &environment.value.id, None, &tasks);
        let operation = OperationRow { existed: records.into_iter().map(|record| record.piece).collect(), ..operation };
        let txn = self.occupy(&environment, &operation.id, None)?;
        self.begin(operation, tasks, txn, Vec::new()).await
    }

    /// Deletes an environment: with an operation under way, that is cancelled and its end awaited.
    ///
    /// # Errors
    /// Applications that run on it, unless forced; protection; a delete that runs already.
    pub async fn delete_environment(self: &Arc<Self>, name: &Name, force: bool) -> Result<Accepted, EngineError> {
        let environment = self.environment_row(name).await?;
        if environment.value.protected {
            return Err(EngineError::conflict(format!(
                "\"{name}\" is protected: `cld env protect {name} --off` lifts it"
            )));
        }
        self.refuse_other_accounts(&environment.value).await?;
        let applications = self.application_rows(&environment.value.id).await?;
        if !applications.is_empty() && !force {
            let names: Vec<String> = applications.iter().map(|row| row.value.name.to_string()).collect();
            return Err(EngineError::conflict(format!(
                "applications run on \"{name}\": {}. Delete them first, or use --force to delete them too",
                names.join(", ")
            )));
        }
        let under_way = self.under_way(&environment.value).await?;
        if let Some(running) = &under_way
            && running.value.kind == OperationKind::DeleteEnvironment
        {
            return Err(EngineError::Conflict {
                message: format!("\"{name}\" is being deleted already"),
                operation: Some(running.value.id.clone()),
            });
        }
        let records = self.records(&environment.value.id).await?;
        let kind = environment.value.spec.cluster.as_ref().map(|cluster| (cluster.cloud.clone(), cluster.kind.clone()));
        let specs: Vec<PieceSpec> = applications
            .iter()
            .filter_map(|row| {
                let (cloud, kind) = kind.clone()?;
                Some(PieceSpec { name: row.value.name.to_string(), kind, cloud, config: row.value.spec.clone() })
            })
            .collect();
        let recorded = by_piece(&records);
        let mut generations = BTreeMap::new();
        for (key, _) in environment.value.spec.pieces() {
            let generation = self.generation(&environment.value.id, &key, &recorded).await?;
            generations.insert(key, generation);
        }
        let wanted = &environment.value.spec;
        let tasks = graph::delete(wanted, &records, &specs, &generations, &*self.registry, wall())?;
        let mut operation = self.operation(OperationKind::DeleteEnvironment, name, &environment.value.id, None, &tasks);
        let mut txn = self.occupy(&environment, &operation.id, Some(EnvironmentStatus::Deleting))?;
        for row in applications {
            let key = Key::new().text(row.value.name.as_str());
            let mut application = row.value;
            application.status = ApplicationStatus::Deleting;
            txn = txn.check_version(Table::Application, &key, row.version).put_json(
                Table::Application,
                &key,
                &application,
            )?;
        }
        if let Some(running) = under_way {
            operation.status = OperationStatus::Queued;
            operation.follows = Some(running.value.id.clone());
            let mut row = running.value;
            row.cancel_requested = true;
            row.followed_by = Some(operation.id.clone());
            let cancelled = row.id.clone();
            let key = Key::new().text(&row.id.0);
            let accepted = {
                // The running operation must not end unseen in between: its row is checked, and its copy in
                // memory follows.
                let shared = self.load(&cancelled).await?;
                let txn = txn.check_version(Table::Operation, &key, running.version).put_json(
                    Table::Operation,
                    &key,
                    &row,
                )?;
                match shared {
                    Some(shared) => {
                        let mut active = shared.lock().await;
                        let (accepted, version) = self.write_operation(operation, tasks, txn, Vec::new()).await?;
                        active.row = Arc::new(row);
                        active.version = version;
                        active.cancelled.store(true, std::sync::atomic::Ordering::Relaxed);
                        accepted
                    }
                    None => self.write_operation(operation, tasks, txn, Vec::new()).await?.0,
                }
            };
            self.advance(&cancelled).await;
            return Ok(accepted);
        }
        self.begin(operation, tasks, txn, Vec::new()).await
    }
}
