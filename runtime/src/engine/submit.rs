//! Requests become operations: everything is checked first, then one transaction writes all rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cloudark_api::application::{ApplicationRequest, ApplicationStatus};
use cloudark_api::environment::{Binding, EnvironmentRequest, EnvironmentStatus, PlannedAction};
use cloudark_api::ids::{EnvironmentId, Name, OperationId};
use cloudark_api::operation::{Accepted, EventKind, OperationKind, OperationStatus};
use cloudark_api::problem::Diagnostic;

use super::execute::generation_key;
use super::files::{ApplicationPlan, EnvironmentPlanInput};
use super::graph::{self, Builder};
use super::model::{
    Action, ApplicationRow, EnvironmentRow, OperationRow, PieceSpec, RecordRow, TaskRow, TaskState, record_key,
};
use super::schedule::open_key;
use super::{Engine, EngineError};
use crate::host::scope::PieceKey;
use crate::host::wall;
use crate::receipt::receipt;
use crate::store::{Key, StoreError, Stored, Table, Txn, Typed};

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
                    super::views::status_name(existing.value.status)
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
        for (key, old) in environment.value.spec.pieces() {
            if !both.pieces().any(|(new, _)| new == key) && matches!(key, PieceKey::Resource(_)) {
                both.resources.push(old.clone());
            }
        }
        let foundations = builder.prepare(&both, &[]);
        let mut ends: Vec<u32> = foundations.values().copied().collect();
        let mut removes = false;
        for step in &steps {
            let after: Vec<u32> = foundations.get(&step.spec.cloud).copied().into_iter().collect();
            let generation = self.generation(&environment.value.id, &step.key, &records).await?;
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
        let mut generations = BTreeMap::new();
        for (key, _) in environment.value.spec.pieces() {
            let generation = self.generation(&environment.value.id, &key, &records).await?;
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
                        active.row = row;
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

    /// Deploys an application.
    ///
    /// # Errors
    /// Everything that is wrong with the file; an environment that is not available; a name that exists.
    pub async fn deploy_application(self: &Arc<Self>, request: ApplicationRequest) -> Result<Accepted, EngineError> {
        let Some(name) = &request.environment else {
            return Err(EngineError::invalid("a deploy names the environment to run on"));
        };
        let environment = self.environment_row(name).await?;
        if environment.value.status != EnvironmentStatus::Available {
            return Err(EngineError::conflict(format!(
                "\"{name}\" is {}, not available: applications are deployed once it is",
                super::views::status_name(environment.value.status)
            )));
        }
        self.refuse_busy(&environment.value).await?;
        let key = Key::new().text(request.name.as_str());
        if let Some(existing) = self.services.store.get_json::<ApplicationRow>(Table::Application, &key).await? {
            return Err(EngineError::conflict(format!(
                "there is an application \"{}\" already, on \"{}\": `cld app redeploy` replaces it",
                request.name, existing.value.environment
            )));
        }
        let plan = self.read_application(&request, &environment.value, &request.name).await?;
        let ApplicationPlan { spec, file, diagnostics, stored } = plan;
        let mut builder = Builder::new(&*self.registry, wall());
        builder.piece(PieceKey::Application(request.name.to_string()), &spec, Action::Deploy, 1, Vec::new())?;
        let tasks = builder.finish();
        let operation = self.operation(
            OperationKind::DeployApplication,
            name,
            &environment.value.id,
            Some(request.name.clone()),
            &tasks,
        );
        let operation = OperationRow { keep_on_failure: request.keep_on_failure, ..operation };
        let now = wall();
        let row = ApplicationRow {
            name: request.name.clone(),
            environment: name.clone(),
            environment_id: environment.value.id.clone(),
            status: ApplicationStatus::Deploying,
            file,
            spec: stored,
            created: now,
            updated: now,
            operation: Some(operation.id.clone()),
            problem: None,
        };
        let txn = self.occupy(&environment, &operation.id, None)?.check_absent(Table::Application, &key).put_json(
            Table::Application,
            &key,
            &row,
        )?;
        self.begin(operation, tasks, txn, diagnostics).await
    }

    /// Replaces an application by a new version.
    ///
    /// # Errors
    /// As for a deploy.
    pub async fn redeploy_application(self: &Arc<Self>, request: ApplicationRequest) -> Result<Accepted, EngineError> {
        let application = self.application_row(&request.name).await?;
        let environment = self.environment_row(&application.value.environment).await?;
        if let Some(named) = &request.environment
            && *named != application.value.environment
        {
            return Err(EngineError::conflict(format!(
                "\"{}\" runs on \"{}\", not on \"{named}\"",
                request.name, application.value.environment
            )));
        }
        self.refuse_busy(&environment.value).await?;
        let plan = self.read_application(&request, &environment.value, &request.name).await?;
        let piece = PieceKey::Application(request.name.to_string());
        let record = self
            .services
            .store
            .get_json::<RecordRow>(Table::Record, &record_key(&environment.value.id, &piece))
            .await?;
        let mut builder = Builder::new(&*self.registry, wall());
        // An application whose deploy failed and was kept, or rolled back, is deployed.
        let action = if record.is_some() { Action::Redeploy } else { Action::Deploy };
        builder.piece(piece.clone(), &plan.spec, action, 1, Vec::new())?;
        let tasks = builder.finish();
        let operation = self.operation(
            OperationKind::RedeployApplication,
            &application.value.environment,
            &environment.value.id,
            Some(request.name.clone()),
            &tasks,
        );
        let operation = OperationRow { existed: record.is_some().then_some(piece).into_iter().collect(), ..operation };
        let key = Key::new().text(request.name.as_str());
        let row = ApplicationRow {
            status: ApplicationStatus::Redeploying,
            file: plan.file,
            spec: plan.stored,
            updated: wall(),
            operation: Some(operation.id.clone()),
            problem: None,
            ..application.value
        };
        let txn = self
            .occupy(&environment, &operation.id, None)?
            .check_version(Table::Application, &key, application.version)
            .put_json(Table::Application, &key, &row)?;
        self.begin(operation, tasks, txn, plan.diagnostics).await
    }

    /// Deletes an application.
    ///
    /// # Errors
    /// An operation that runs on its environment.
    pub async fn delete_application(self: &Arc<Self>, name: &Name) -> Result<Accepted, EngineError> {
        let application = self.application_row(name).await?;
        let environment = self.environment_row(&application.value.environment).await?;
        self.refuse_busy(&environment.value).await?;
        let Some(cluster) = &environment.value.spec.cluster else {
            return Err(EngineError::conflict("its environment has no cluster"));
        };
        let spec = cluster.application(name, application.value.spec.clone());
        let mut builder = Builder::new(&*self.registry, wall());
        builder.piece(PieceKey::Application(name.to_string()), &spec, Action::DeleteApplication, 1, Vec::new())?;
        let tasks = builder.finish();
        let operation = self.operation(
            OperationKind::DeleteApplication,
            &application.value.environment,
            &environment.value.id,
            Some(name.clone()),
            &tasks,
        );
        let key = Key::new().text(name.as_str());
        let row = ApplicationRow {
            status: ApplicationStatus::Deleting,
            operation: Some(operation.id.clone()),
            ..application.value
        };
        let txn = self
            .occupy(&environment, &operation.id, None)?
            .check_version(Table::Application, &key, application.version)
            .put_json(Table::Application, &key, &row)?;
        self.begin(operation, tasks, txn, Vec::new()).await
    }

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
            let mut row = active.row.clone();
            row.cancel_requested = true;
            let key = Key::new().text(&id.0);
            let txn = Txn::new()
                .check_version(Table::Operation, &key, active.version)
                .put_json(Table::Operation, &key, &row)?
                .and(receipt(&accepted)?);
            active.version = self.services.store.commit(txn).await?;
            active.row = row;
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
        row.ended = None;
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
        for task in tasks {
            if task.value.state == TaskState::Done {
                continue;
            }
            let task_key = task.value.id(id).key();
            // It begins anew, as a rollback or a delete would after it: it finds what there is by its names, and is
            // told which calls never had an outcome. Its old journal would only lead it to the same failure.
            txn = txn.delete_prefix(Table::Journal, &task_key);
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
    async fn generation(&self, id: &EnvironmentId, piece: &PieceKey, records: &[RecordRow]) -> Result<u32, StoreError> {
        if let Some(record) = records.iter().find(|record| record.piece == *piece) {
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
