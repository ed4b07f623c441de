//! What an export is called with: rows become the contract's records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use cloudark_api::environment::Binding;
use cloudark_api::files::interpolate::Segment;
use serde_json::Value;

use super::Engine;
use super::execute::RunFault;
use super::model::{Action, EnvironmentRow, Made, OperationRow, PieceSpec, RecordRow, TaskRow, record_key};
use crate::extensions::grants::Mode;
use crate::host::identity::SecretOrigin;
use crate::host::scope::PieceKey;
use crate::host::{Host, Identity, Scope, SharedSequence, TaskId, Trail};
use crate::sandbox::bindings::types::{
    Application, Context, Deployment, Failure, FailureKind, Instance, Intent, OutputValue, Piece, PieceRole, Variable,
};
use crate::sandbox::{ExportCall, Loaded};
use crate::store::{Key, StoreError, Table, Txn, Typed};

/// A run that is ready to begin.
pub(super) struct Prepared {
    pub(super) loaded: Arc<Loaded>,
    pub(super) host: Host,
    pub(super) call: ExportCall,
    /// Set when the inputs themselves rule the call out.
    pub(super) immediate: Option<Failure>,
}

/// What an environment and its records say of a piece's surroundings.
pub(super) struct Surroundings {
    pub(super) context: Context,
    pub(super) cluster: Option<Instance>,
    pub(super) records: Vec<RecordRow>,
    pub(super) account: Option<String>,
    pub(super) settings: BTreeMap<String, String>,
}

/// What runs need of their environment's row. While an operation is under way it stays as it is: only the request that
/// begins one changes it. So an operation reads it once, however many tasks it has and however long the row is.
#[derive(Debug, Default)]
pub(super) struct Place {
    pub(super) settings: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) bindings: BTreeMap<String, Binding>,
}

impl Engine {
    /// The place of an operation: empty once its environment is gone.
    pub(super) async fn place(&self, operation: &OperationRow) -> Result<Place, StoreError> {
        let key = Key::new().text(operation.environment.as_str());
        let environment = self.services.store.get_json::<EnvironmentRow>(Table::Environment, &key).await?;
        let environment = environment.map(|row| row.value).filter(|row| row.id == operation.environment_id);
        Ok(environment.map(|row| Place { settings: row.settings, bindings: row.bindings }).unwrap_or_default())
    }

    /// The identity of a task's piece, and of the pieces that it may refer to: its cloud's foundation and the
    /// cluster.
    pub(super) async fn identity(
        &self,
        operation: &OperationRow,
        task: &TaskRow,
        _extra: &BTreeSet<String>,
    ) -> Result<Identity, StoreError> {
        self.identity_of(&operation.environment_id.0, &task.piece, task.generation, &task.cloud).await
    }

    pub(super) async fn identity_of(
        &self,
        environment_id: &str,
        piece: &PieceKey,
        generation: u32,
        cloud: &str,
    ) -> Result<Identity, StoreError> {
        let related: Vec<PieceKey> = [PieceKey::Foundation(cloud.to_owned()), PieceKey::Cluster]
            .into_iter()
            .filter(|other| other != piece)
            .collect();
        let services = &self.services;
        Identity::load(&*services.store, &services.vault, environment_id, piece, generation, &related).await
    }

    /// Everything that a run of this task needs.
    pub(super) async fn prepare(
        &self,
        operation: &OperationRow,
        task: &TaskRow,
        place: &Place,
        cancelled: Arc<AtomicBool>,
        sequence: SharedSequence,
    ) -> Result<Prepared, RunFault> {
        let held = |error: &dyn std::fmt::Display| RunFault::Held(error.to_string());
        let loaded = self.registry.load(&task.digest).await.map_err(|error| held(&error))?;
        let surroundings = self.surroundings(operation, place, &task.piece, &task.cloud).await?;
        let mut identity = self.identity(operation, task, &BTreeSet::new()).await?;
        let mut immediate = None;
        let mut from_application = BTreeSet::new();
        collect_texts(&task.config, &mut from_application);
        let mut staged = Txn::new();
        let application = match task.action {
            Action::Deploy | Action::Redeploy => {
                match self.application(&task.config, &surroundings.records, &mut identity) {
                    Ok((application, write)) => {
                        staged = write;
                        Some(application)
                    }
                    Err(failure) => {
                        immediate = Some(failure);
                        None
                    }
                }
            }
            _ => None,
        };
        if let Some(application) = &application {
            from_application.insert(application.image.clone());
            from_application
                .extend([application.container_port, application.host_port].iter().flatten().map(ToString::to_string));
            for variable in &application.env {
                if let OutputValue::Plain(text) = &variable.value {
                    from_application.insert(text.clone());
                }
            }
        }
        // Composed secrets must be there when a call that uses them is sent: their rows are written first.
        if !staged.writes().is_empty() {
            self.services.store.commit(staged).await?;
        }
        // A look at the world changes nothing, though it is a task like any other.
        let mode =
            if matches!(task.action, Action::Read | Action::ReadApplication) { Mode::Query } else { Mode::Operation };
        let id = Some(task.id(&operation.id));
        let host = self
            .host(operation, task, &surroundings, identity, from_application, cancelled, mode, id, sequence)
            .await
            .map_err(|error| held(&error))?;
        let call = match export(task, &surroundings, application) {
            Ok(call) => call,
            Err(failure) => {
                immediate.get_or_insert(failure);
                ExportCall::Describe
            }
        };
        Ok(Prepared { loaded, host, call, immediate })
    }

    #[allow(clippy::too_many_arguments, reason = "what a scope is made of")]
    async fn host(
        &self,
        operation: &OperationRow,
        task: &TaskRow,
        surroundings: &Surroundings,
        identity: Identity,
        from_application: BTreeSet<String>,
        cancelled: Arc<AtomicBool>,
        mode: Mode,
        id: Option<TaskId>,
        sequence: SharedSequence,
    ) -> Result<Host, super::EngineError> {
        let (extension, grants) = self.registry.grants(&task.digest, &task.cloud, &self.services.clouds).await?;
        let scope = Scope {
            environment_id: operation.environment_id.0.clone(),
            environment: operation.environment.to_string(),
            cloud: task.cloud.clone(),
            piece: task.piece.clone(),
            generation: task.generation,
            task: id,
            label: format!("{}/{}", super::views::kind_name(operation.kind), task.number),
            extension,
            digest: task.digest,
            grants,
            mode,
            account: surroundings.account.clone(),
            settings: surroundings.settings.clone(),
            from_application,
            cancelled,
            mark: Scope::mark_of(&operation.environment_id.0, &task.piece),
        };
        Ok(Host {
            scope: Arc::new(scope),
            services: Arc::clone(&self.services),
            identity,
            trail: Trail::default(),
            sequence,
        })
    }

    /// The host of a query: reads only, nothing stored.
    pub(super) async fn query_host(
        &self,
        operation: &OperationRow,
        task: &TaskRow,
        surroundings: &Surroundings,
    ) -> Result<Host, super::EngineError> {
        let identity = self.identity(operation, task, &BTreeSet::new()).await?;
        let mut from_application = BTreeSet::new();
        collect_texts(&task.config, &mut from_application);
        self.host(
            operation,
            task,
            surroundings,
            identity,
            from_application,
            Arc::default(),
            Mode::Query,
            None,
            SharedSequence::default(),
        )
        .await
    }

    pub(super) async fn surroundings(
        &self,
        operation: &OperationRow,
        place: &Place,
        piece: &PieceKey,
        cloud: &str,
    ) -> Result<Surroundings, StoreError> {
        let store = &*self.services.store;
        let mut settings = place.settings.get(cloud).cloned().unwrap_or_default();
        let account = place.bindings.get(cloud).map(|binding| binding.account.clone());
        if let Some(account) = &account {
            settings.insert("account".to_owned(), account.clone());
        }
        let record = async |piece: &PieceKey| -> Result<Option<RecordRow>, StoreError> {
            let row = store.get_json::<RecordRow>(Table::Record, &record_key(&operation.environment_id, piece)).await?;
            Ok(row.map(|row| row.value))
        };
        let foundation = record(&PieceKey::Foundation(cloud.to_owned())).await?;
        let foundation = foundation.as_ref().and_then(|record| record.made.instance()).map(|made| made.state.clone());
        let cluster = record(&PieceKey::Cluster).await?.and_then(|record| record.made.instance().cloned());
        // An application refers to the outputs of all resources; other pieces only need their own record.
        let records = match piece {
            PieceKey::Application(_) => {
                let all = Key::new().text(&operation.environment_id.0);
                let rows = store.scan_json::<RecordRow>(Table::Record, &all, None, usize::MAX, false).await?;
                rows.into_iter().map(|row| row.value).collect()
            }
            _ => record(piece).await?.into_iter().collect(),
        };
        let context = Context {
            environment_id: operation.environment_id.0.clone(),
            environment: operation.environment.to_string(),
            piece: piece.name().to_owned(),
            settings: serde_json::to_string(&settings).unwrap_or_default(),
            foundation,
        };
        Ok(Surroundings { context, cluster, records, account, settings })
    }

    /// The application as the extension sees it: variables resolved, secrets as references.
    fn application(
        &self,
        spec: &Value,
        records: &[RecordRow],
        identity: &mut Identity,
    ) -> Result<(Application, Txn), Failure> {
        let bad = |message: String| Failure { kind: FailureKind::Invalid, message, pointer: None, retry_after_s: None };
        let spec: StoredApplication = serde_json::from_value(spec.clone()).map_err(|error| bad(error.to_string()))?;
        let mut write = Txn::new();
        let mut env = Vec::with_capacity(spec.env.len());
        for (name, segments) in &spec.env {
            let (value, secret) =
                self.value(name, segments, records, identity).map_err(|reason| bad(format!("{name}: {reason}")))?;
            write = write.and(secret);
            env.push(Variable { name: name.clone(), value });
        }
        let application = Application {
            name: spec.name,
            image: spec.image,
            container_port: spec.container_port,
            host_port: spec.host_port,
            memory: spec.memory,
            cpu: spec.cpu,
            replicas: spec.replicas,
            env,
            extra: spec.extra.to_string(),
            documents: Vec::new(),
            document_secrets: Vec::new(),
        };
        Ok((application, write))
    }

    fn value(
        &self,
        name: &str,
        segments: &[Segment],
        records: &[RecordRow],
        identity: &mut Identity,
    ) -> Result<(OutputValue, Txn), String> {
        let mut parts = Vec::with_capacity(segments.len());
        for segment in segments {
            parts.push(match segment {
                Segment::Literal(text) => OutputValue::Plain(text.clone()),
                Segment::Output { resource, output, .. } => output_of(records, resource.as_str(), output)?,
                Segment::Secret { name } => OutputValue::Secret(
                    identity
                        .given(name.as_str())
                        .ok_or_else(|| format!("there is no secret \"{name}\" in this environment"))?,
                ),
            });
        }
        match parts.as_slice() {
            [OutputValue::Secret(reference)] => return Ok((OutputValue::Secret(reference.clone()), Txn::new())),
            parts if parts.iter().all(|part| matches!(part, OutputValue::Plain(_))) => {
                let text = parts.iter().map(|part| match part {
                    OutputValue::Plain(text) | OutputValue::Secret(text) => text.as_str(),
                });
                return Ok((OutputValue::Plain(text.collect()), Txn::new()));
            }
            _ => {}
        }
        // Text around a secret makes another secret: composed here, so that the extension never sees either. The
        // label carries what it is composed of: the same parts are the same secret in every run.
        let mut label = format!("env {name}");
        let mut composed = zeroize::Zeroizing::new(String::new());
        for part in &parts {
            match part {
                OutputValue::Plain(text) => {
                    label = format!("{label} ={text}");
                    composed.push_str(text);
                }
                OutputValue::Secret(reference) => {
                    label = format!("{label} {reference}");
                    composed.push_str(identity.value(reference).ok_or("one of its secrets is gone")?);
                }
            }
        }
        let (reference, write) = identity
            .secret(&self.services.vault, &label, SecretOrigin::Given, || composed.as_str())
            .map_err(|interrupt| interrupt.to_string())?;
        Ok((OutputValue::Secret(reference), write))
    }
}

/// What is stored of an application: its file's values, and its variables taken apart.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs, reason = "the keys of the file")]
pub struct StoredApplication {
    pub name: String,
    pub image: String,
    pub container_port: Option<u16>,
    pub host_port: Option<u16>,
    pub memory: Option<u32>,
    pub cpu: Option<u32>,
    pub replicas: Option<u32>,
    pub extra: Value,
    /// Variables: names, and what their values are made of.
    pub env: Vec<(String, Vec<Segment>)>,
}

fn output_of(records: &[RecordRow], resource: &str, output: &str) -> Result<OutputValue, String> {
    let record = records
        .iter()
        .find(|record| matches!(&record.piece, PieceKey::Resource(name) if name == resource))
        .ok_or_else(|| format!("the resource \"{resource}\" has no record"))?;
    let outputs = record.made.instance().map(|instance| instance.outputs.as_slice()).unwrap_or_default();
    outputs
        .iter()
        .find(|(name, _)| name == output)
        .map(|(_, value)| value.clone())
        .ok_or_else(|| format!("\"{resource}\" has no output \"{output}\""))
}

/// Every text in a value: what the user's file asks for.
fn collect_texts(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            into.insert(text.clone());
        }
        Value::Number(number) => {
            into.insert(number.to_string());
        }
        Value::Array(items) => items.iter().for_each(|item| collect_texts(item, into)),
        Value::Object(fields) => fields.values().for_each(|field| collect_texts(field, into)),
        Value::Null | Value::Bool(_) => {}
    }
}

fn wit_piece(spec: &PieceSpec) -> Piece {
    Piece {
        role: PieceRole::Resource,
        kind: spec.kind.clone(),
        name: spec.name.clone(),
        config: spec.config.to_string(),
    }
}

/// The call of a task.
pub(super) fn export(
    task: &TaskRow,
    around: &Surroundings,
    application: Option<Application>,
) -> Result<ExportCall, Failure> {
    let missing = |what: &str| Failure {
        kind: FailureKind::Conflict,
        message: format!("{} has no {what}: its record is missing", task.title),
        pointer: None,
        retry_after_s: None,
    };
    let inputs = task.inputs.clone();
    let intent = Intent {
        kind: task.kind.clone(),
        config: task.config.to_string(),
        unsettled: inputs.as_ref().map(|inputs| inputs.unsettled.clone()).unwrap_or_default(),
        names: inputs.map(|inputs| inputs.names).unwrap_or_default(),
    };
    let context = around.context.clone();
    let record = around.records.iter().find(|record| record.piece == task.piece);
    let current: Option<Instance> = record.and_then(|record| record.made.instance().cloned());
    let deployed: Option<Deployment> = record.and_then(|record| match &record.made {
        Made::Deployment(deployment) => Some(deployment.clone()),
        Made::Instance(_) => None,
    });
    let role = task.role;
    let pieces = || {
        task.pieces
            .iter()
            .map(|spec| match spec.name.as_str() {
                "cluster" => Piece { role: PieceRole::Cluster, ..wit_piece(spec) },
                _ => wit_piece(spec),
            })
            .collect()
    };
    let application = || application.clone().ok_or_else(|| missing("application"));
    Ok(match task.action {
        Action::Prepare => ExportCall::Prepare { context, pieces: pieces(), unsettled: intent.unsettled, current },
        Action::Release => ExportCall::Release { context, pieces: pieces(), unsettled: intent.unsettled, current },
        Action::Create => ExportCall::Create { role, context, intent },
        Action::Update => {
            ExportCall::Update { role, context, intent, current: current.ok_or_else(|| missing("instance"))? }
        }
        Action::Delete => ExportCall::Delete { role, context, intent, current },
        Action::Read => {
            ExportCall::Read { role, context, intent, current: current.ok_or_else(|| missing("instance"))? }
        }
        Action::Deploy => ExportCall::Deploy {
            context,
            cluster: around.cluster.clone().ok_or_else(|| missing("cluster"))?,
            intent: Intent { kind: task.kind.clone(), ..intent },
            application: application()?,
        },
        Action::Redeploy => ExportCall::Redeploy {
            context,
            cluster: around.cluster.clone().ok_or_else(|| missing("cluster"))?,
            intent,
            current: deployed.ok_or_else(|| missing("deployment"))?,
            application: application()?,
        },
        Action::DeleteApplication => {
            ExportCall::DeleteApplication { context, cluster: around.cluster.clone(), intent, current: deployed }
        }
        Action::ReadApplication => ExportCall::ReadApplication {
            context,
            cluster: around.cluster.clone().ok_or_else(|| missing("cluster"))?,
            intent,
            current: deployed.ok_or_else(|| missing("deployment"))?,
        },
    })
}
