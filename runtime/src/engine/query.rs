//! Queries: validate, plan, logs. Their journals are in memory, they may only read, and nothing is stored.

use std::collections::BTreeSet;

use cloudark_api::environment::{
    EnvironmentPlan, EnvironmentRequest, PlannedAction, PlannedChange, PlannedStep, Validation,
};
use cloudark_api::ids::{EnvironmentId, Name};
use cloudark_api::operation::OperationKind;

use super::files::EnvironmentPlanInput;
use super::graph::{Builder, by_piece};
use super::inputs::Place;
use super::model::{Action, EnvironmentRow, OperationRow, PieceSpec, RecordRow, TaskRow};
use super::outcome::kind_name;
use super::{Engine, EngineError};
use crate::host::scope::PieceKey;
use crate::host::{Host, wall};
use crate::journal::DurableJournal;
use crate::sandbox::bindings::types::{Change, Intent, LogPage, LogQuery, Planned, Problem};
use crate::sandbox::{ExportCall, Returned, RunEnd};

/// What an update does to a piece.
pub(super) struct Step {
    pub(super) key: PieceKey,
    pub(super) spec: PieceSpec,
    /// As it is recorded.
    pub(super) old: Option<PieceSpec>,
    pub(super) action: PlannedAction,
    pub(super) changes: Vec<Change>,
}

impl Engine {
    /// What is wrong with a file; nothing is stored.
    ///
    /// # Errors
    /// None for mistakes in the file.
    pub async fn validate_environment(&self, request: EnvironmentRequest) -> Result<Validation, EngineError> {
        let exists = self.environment_row(&request.name).await.ok();
        let id = exists.as_ref().map_or_else(EnvironmentId::new, |row| row.value.id.clone());
        match self.read_environment(&request, &id, exists.is_some()).await {
            Ok(read) => Ok(Validation { diagnostics: read.diagnostics }),
            Err(EngineError::Invalid { diagnostics, .. }) if !diagnostics.is_empty() => Ok(Validation { diagnostics }),
            Err(error) => Err(error),
        }
    }

    /// What an update would do.
    ///
    /// # Errors
    /// Everything that is wrong with the file; credentials of another account.
    pub async fn plan_environment(&self, request: EnvironmentRequest) -> Result<EnvironmentPlan, EngineError> {
        let environment = self.environment_row(&request.name).await?;
        self.refuse_other_accounts(&environment.value).await?;
        let read = self.read_environment(&request, &environment.value.id, true).await?;
        let records = self.records(&environment.value.id).await?;
        let steps = self.steps(&environment.value, &read, &records).await?;
        let steps = steps.into_iter().map(|step| PlannedStep {
            piece: step.key.to_string(),
            kind: step.spec.kind,
            action: step.action,
            changes: step
                .changes
                .into_iter()
                .map(|change| PlannedChange { pointer: change.pointer, before: change.before, after: change.after })
                .collect(),
        });
        Ok(EnvironmentPlan { steps: steps.collect(), diagnostics: read.diagnostics })
    }

    /// What an update does, piece by piece.
    pub(super) async fn steps(
        &self,
        environment: &EnvironmentRow,
        read: &EnvironmentPlanInput,
        records: &[RecordRow],
    ) -> Result<Vec<Step>, EngineError> {
        let mut steps = Vec::new();
        let recorded = by_piece(records);
        let wanted: BTreeSet<PieceKey> = read.spec.pieces().map(|(key, _)| key).collect();
        for (key, spec) in read.spec.pieces() {
            let Some(record) = recorded.get(&key) else {
                steps.push(Step {
                    key,
                    spec: spec.clone(),
                    old: None,
                    action: PlannedAction::Create,
                    changes: Vec::new(),
                });
                continue;
            };
            let old = PieceSpec {
                name: spec.name.clone(),
                kind: record.kind.clone(),
                cloud: record.cloud.clone(),
                config: record.config.clone(),
            };
            let (action, changes) = if record.kind != spec.kind || record.cloud != spec.cloud {
                let change =
                    Change { pointer: "/type".to_owned(), before: record.kind.clone(), after: spec.kind.clone() };
                (PlannedAction::Replace, vec![change])
            } else {
                match self.ask_plan(environment, read, &key, spec, record).await? {
                    // What failed half-way is tried again.
                    Planned::None if record.attempted.is_some() => (PlannedAction::Update, Vec::new()),
                    Planned::None => (PlannedAction::Keep, Vec::new()),
                    Planned::Update(changes) => (PlannedAction::Update, changes),
                    Planned::Replace(changes) => (PlannedAction::Replace, changes),
                }
            };
            steps.push(Step { key, spec: spec.clone(), old: Some(old), action, changes });
        }
        for record in records {
            let is_wanted = wanted.contains(&record.piece);
            if matches!(record.piece, PieceKey::Resource(_) | PieceKey::Cluster) && !is_wanted {
                let spec = record.spec();
                let old = Some(spec.clone());
                steps.push(Step {
                    key: record.piece.clone(),
                    spec,
                    old,
                    action: PlannedAction::Delete,
                    changes: Vec::new(),
                });
            }
        }
        Ok(steps)
    }

    async fn ask_plan(
        &self,
        environment: &EnvironmentRow,
        read: &EnvironmentPlanInput,
        key: &PieceKey,
        spec: &PieceSpec,
        record: &RecordRow,
    ) -> Result<Planned, EngineError> {
        let environment = EnvironmentRow { settings: read.settings.clone(), ..environment.clone() };
        let (operation, task) = self.pretend(&environment, key.clone(), spec, record.generation)?;
        let place = self.place(&operation).await?;
        let around = self.surroundings(&operation, &place, key, &spec.cloud).await?;
        let host = self.query_host(&operation, &task, &around).await?;
        let call = ExportCall::Plan {
            role: task.role,
            context: around.context,
            intent: Intent {
                kind: spec.kind.clone(),
                config: spec.config.to_string(),
                unsettled: Vec::new(),
                names: host.identity.names(),
            },
            current: record.made.instance().cloned(),
        };
        match self.ask(&task, host, &call).await? {
            Returned::Plan(planned) => Ok(planned),
            other => Err(EngineError::Extension(format!("plan returned {other:?}"))),
        }
    }

    /// A page of an application's logs.
    ///
    /// # Errors
    /// An application that is not there, or was never deployed.
    pub async fn logs(&self, name: &Name, query: LogQuery) -> Result<LogPage, EngineError> {
        let application = self.application_row(name).await?;
        let environment = self.environment_row(&application.value.environment).await?;
        let Some(cluster) = &environment.value.spec.cluster else {
            return Err(EngineError::conflict("its environment has no cluster"));
        };
        let spec = cluster.application(name, application.value.spec.clone());
        let key = PieceKey::Application(name.to_string());
        let (operation, task) = self.pretend(&environment.value, key.clone(), &spec, 1)?;
        let place = self.place(&operation).await?;
        let around = self.surroundings(&operation, &place, &key, &spec.cloud).await?;
        let record = around.records.iter().find(|record| record.piece == key);
        let deployment = record.and_then(|record| record.made.deployment().cloned());
        let (Some(current), Some(cluster)) = (deployment, around.cluster.clone()) else {
            return Err(EngineError::conflict(format!("\"{name}\" has not been deployed yet: there are no logs")));
        };
        let host = self.query_host(&operation, &task, &around).await?;
        let identity = host.identity.scrubber();
        let call = ExportCall::Logs { context: around.context, kind: spec.kind.clone(), cluster, current, query };
        match self.ask(&task, host, &call).await? {
            Returned::Logs(mut page) => {
                for line in &mut page.lines {
                    line.message = crate::host::trail::clean(&identity.text(&line.message));
                    line.source = crate::host::trail::clean(&line.source);
                }
                Ok(page)
            }
            other => Err(EngineError::Extension(format!("application-logs returned {other:?}"))),
        }
    }

    /// What an extension finds wrong.
    pub(super) async fn ask_problems(
        &self,
        cloud: &str,
        kind: &str,
        call: ExportCall,
    ) -> Result<Vec<Problem>, EngineError> {
        let spec = PieceSpec {
            name: kind.to_owned(),
            kind: kind.to_owned(),
            cloud: cloud.to_owned(),
            config: serde_json::Value::Null,
        };
        let name = "validate".parse().map_err(|_| EngineError::invalid("a name"))?;
        let environment = EnvironmentRow {
            id: EnvironmentId(String::new()),
            name,
            status: cloudark_api::environment::EnvironmentStatus::Creating,
            file: String::new(),
            spec: super::model::Spec::default(),
            settings: std::collections::BTreeMap::new(),
            bindings: std::collections::BTreeMap::new(),
            created: wall(),
            updated: wall(),
            operation: None,
            protected: false,
        };
        let (operation, task) = self.pretend(&environment, PieceKey::Resource(kind.to_owned()), &spec, 1)?;
        // What is asked before there is an environment has no place.
        let around = self.surroundings(&operation, &Place::default(), &task.piece, cloud).await?;
        let host = self.query_host(&operation, &task, &around).await?;
        match self.ask(&task, host, &call).await? {
            Returned::Problems(problems) => Ok(problems),
            other => Err(EngineError::Extension(format!("validate returned {other:?}"))),
        }
    }

    /// Runs a query to its end.
    async fn ask(&self, task: &TaskRow, host: Host, call: &ExportCall) -> Result<Returned, EngineError> {
        let _permit = self.permits.acquire().await;
        let loaded = self.registry.load(&task.digest).await?;
        let scrubber = host.identity.scrubber();
        let finished = self.sandbox.run(&loaded, host, DurableJournal::in_memory(wall()), call).await;
        let scrubbed = |text: &str| crate::host::trail::clean(&scrubber.text(text));
        match finished.end {
            RunEnd::Returned(returned) => Ok(returned),
            RunEnd::Failed(failure) => {
                let message = format!("{}: {} ({})", task.title, scrubbed(&failure.message), kind_name(failure.kind));
                Err(match failure.kind {
                    crate::sandbox::bindings::types::FailureKind::Denied => EngineError::Denied(message),
                    _ => EngineError::Extension(message),
                })
            }
            RunEnd::Interrupted(interrupt) => Err(EngineError::Extension(format!("{}: {interrupt}", task.title))),
            RunEnd::Trapped(message) => {
                Err(EngineError::Extension(format!("{}: the extension crashed: {}", task.title, scrubbed(&message))))
            }
        }
    }

    /// An operation and task that are never stored: what a query runs as.
    fn pretend(
        &self,
        environment: &EnvironmentRow,
        key: PieceKey,
        spec: &PieceSpec,
        generation: u32,
    ) -> Result<(OperationRow, TaskRow), EngineError> {
        let mut builder = Builder::new(&*self.registry, wall());
        builder.piece(key, spec, Action::Read, generation, Vec::new())?;
        let tasks = builder.finish();
        let task = tasks.into_iter().next().ok_or_else(|| EngineError::invalid("an empty graph"))?;
        let operation = OperationRow {
            id: cloudark_api::ids::OperationId(String::new()),
            kind: OperationKind::RefreshEnvironment,
            environment: environment.name.clone(),
            environment_id: environment.id.clone(),
            application: None,
            status: cloudark_api::operation::OperationStatus::Running,
            tasks: 1,
            errors: Vec::new(),
            created: wall(),
            ended: None,
            cancel_requested: false,
            followed_by: None,
            follows: None,
            keep_on_failure: false,
            existed: std::collections::BTreeSet::new(),
        };
        Ok((operation, task))
    }
}
