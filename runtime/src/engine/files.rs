//! From the user's files to what the engine stores: parsed and checked once more, whatever the client did;
//! secrets taken out before anything is stored or an extension is asked.

use std::collections::BTreeMap;

use cloudark_api::application::ApplicationRequest;
use cloudark_api::environment::EnvironmentRequest;
use cloudark_api::files::interpolate::{Offer, OfferedOutput, Segment};
use cloudark_api::files::places::Places;
use cloudark_api::files::secrets::{self, Given, redact, take};
use cloudark_api::files::{application, environment};
use cloudark_api::ids::{EnvironmentId, Name};
use cloudark_api::problem::{Diagnostic, Severity, Span};
use serde_json::Value;
use zeroize::Zeroizing;

use super::inputs::StoredApplication;
use super::model::{EnvironmentRow, PieceSpec, Spec};
use super::{Engine, EngineError};
use crate::host::identity::{SecretOrigin, SecretRow, new_reference, secret_key, secret_row};
use crate::sandbox::bindings::types::{Application, OutputValue, Problem, Severity as WitSeverity, Variable};
use crate::sandbox::{ExportCall, Role};
use crate::store::{Key, StoreError, Table, Txn, Typed};

/// An environment file, ready to be stored.
pub(super) struct EnvironmentPlanInput {
    pub(super) spec: Spec,
    pub(super) settings: BTreeMap<String, BTreeMap<String, String>>,
    /// The file without secrets.
    pub(super) file: String,
    /// Rows of the secrets that were in it.
    pub(super) secrets: Txn,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// An application file, ready to be stored.
pub(super) struct ApplicationPlan {
    pub(super) spec: PieceSpec,
    pub(super) stored: Value,
    pub(super) file: String,
    pub(super) diagnostics: Vec<Diagnostic>,
}

fn invalid(what: &str, diagnostics: Vec<Diagnostic>) -> EngineError {
    let errors = diagnostics.iter().filter(|one| one.severity == Severity::Error).count();
    let plural = if errors == 1 { "mistake" } else { "mistakes" };
    EngineError::Invalid { message: format!("{what} has {errors} {plural}"), diagnostics }
}

/// The secrets of an environment that a user gave by name.
struct GivenSecrets {
    references: BTreeMap<String, String>,
    /// Values of those that are stored, to see whether one has changed.
    values: BTreeMap<String, Zeroizing<String>>,
    write: Txn,
}

impl Engine {
    /// Reads an environment file.
    pub(super) async fn read_environment(
        &self,
        request: &EnvironmentRequest,
        id: &EnvironmentId,
        exists: bool,
    ) -> Result<EnvironmentPlanInput, EngineError> {
        let kinds = self.registry.kinds();
        let parsed = environment::parse(&request.file, &kinds);
        let (file, mut diagnostics) =
            parsed.into_result().map_err(|diagnostics| invalid("the environment file", diagnostics))?;
        let mut given = self.given_secrets(&request.name, id, exists).await?;
        let mut marks: Vec<(Span, Name)> = Vec::new();
        let mut spec = Spec::default();
        let mut pieces = Vec::new();
        for resource in file.resources {
            let piece = PieceSpec {
                name: resource.name.to_string(),
                kind: resource.kind,
                cloud: resource.cloud,
                config: resource.config,
            };
            pieces.push((piece, resource.places, Role::Resource));
        }
        if let Some(deployment) = file.deployment {
            let piece = PieceSpec {
                name: "cluster".to_owned(),
                kind: deployment.kind,
                cloud: deployment.cloud,
                config: deployment.config,
            };
            pieces.push((piece, deployment.places, Role::Coe));
        }
        for (mut piece, places, role) in pieces {
            let schema =
                self.registry.kind(&piece.cloud, &piece.kind).map(|kind| kind.config_schema).unwrap_or_default();
            for taken in take(&mut piece.config, &schema, &places) {
                let reference = match taken.given {
                    Given::Plain(plain) => {
                        let label = secrets::label(&piece.name, &taken.pointer);
                        let reference = self.keep_given(&mut given, id, &label, &plain.into_exposed())?;
                        if let Ok(name) = label.parse::<Name>() {
                            marks.push((taken.span, name));
                        }
                        Some(reference)
                    }
                    Given::Reference(name) => {
                        let known = given.references.get(name.as_str()).cloned();
                        if known.is_none() {
                            diagnostics.push(Diagnostic {
                                severity: Severity::Error,
                                message: format!("there is no secret \"{name}\" for \"{}\"", request.name),
                                help: Some(format!("store it first: `cld secret set {} {name}`", request.name)),
                                span: Some(taken.span),
                            });
                        }
                        known
                    }
                };
                if let (Some(reference), Some(place)) = (reference, piece.config.pointer_mut(&taken.pointer)) {
                    *place = Value::String(reference);
                }
            }
            let problems = self.ask_validate(role, &piece).await?;
            diagnostics.extend(problems.into_iter().map(|problem| located(problem, &places)));
            match role {
                Role::Resource => spec.resources.push(piece),
                Role::Coe => spec.cluster = Some(piece),
            }
        }
        if diagnostics.iter().any(|one| one.severity == Severity::Error) {
            return Err(invalid("the environment file", diagnostics));
        }
        let settings = self.settings(&spec, file.settings, &request.settings).await?;
        Ok(EnvironmentPlanInput {
            spec,
            settings,
            file: redact(&request.file, &marks),
            secrets: given.write,
            diagnostics,
        })
    }

    /// Settings of each cloud: what extensions say when nobody does, `cld setup`, the file, the request.
    async fn settings(
        &self,
        spec: &Spec,
        of_file: BTreeMap<String, BTreeMap<String, String>>,
        of_request: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, EngineError> {
        let mut settings = BTreeMap::new();
        for cloud in spec.clouds() {
            let mut of_cloud: BTreeMap<String, String> = self.registry.default_settings(cloud).into_iter().collect();
            if let Ok(access) = self.services.clouds.access(cloud).await {
                of_cloud.extend(access.settings.clone());
                if let Some(endpoint) = &access.endpoint {
                    of_cloud.insert("endpoint".to_owned(), endpoint.to_string());
                }
            }
            of_cloud.extend(of_file.get(cloud).cloned().unwrap_or_default());
            of_cloud.extend(of_request.clone());
            settings.insert(cloud.to_owned(), of_cloud);
        }
        Ok(settings)
    }

    async fn given_secrets(&self, name: &Name, id: &EnvironmentId, exists: bool) -> Result<GivenSecrets, EngineError> {
        let store = &*self.services.store;
        let vault = &self.services.vault;
        let mut given = GivenSecrets { references: BTreeMap::new(), values: BTreeMap::new(), write: Txn::new() };
        let scope = if exists { id.0.clone() } else { pending(name) };
        let prefix = Key::new().text(&scope);
        for row in store.scan_json::<SecretRow>(Table::Secret, &prefix, None, usize::MAX, false).await? {
            if row.value.piece.is_some() {
                continue;
            }
            if exists {
                let mut reader = crate::store::KeyReader::new(&row.key);
                if let Ok(reference) = reader.text().and_then(|_| reader.text())
                    && let Ok(value) = crate::host::identity::open_secret(vault, &row.key, &row.value)
                {
                    given.values.insert(reference.clone(), value);
                    given.references.insert(row.value.label, reference);
                }
                continue;
            }
            // Given before the environment existed: they become the environment's own.
            let value = crate::host::identity::open_secret(vault, &row.key, &row.value)
                .map_err(|reason| EngineError::Store(StoreError::Corrupt { what: reason }))?;
            let label = row.value.label;
            self.keep_given(&mut given, id, &label, &value)?;
            given.write = std::mem::take(&mut given.write).delete(Table::Secret, row.key);
        }
        Ok(given)
    }

    fn keep_given(
        &self,
        given: &mut GivenSecrets,
        id: &EnvironmentId,
        label: &str,
        value: &str,
    ) -> Result<String, EngineError> {
        let known = given.references.get(label).cloned();
        if let Some(reference) = &known
            && given.values.get(reference).is_some_and(|known| known.as_str() == value)
        {
            return Ok(reference.clone());
        }
        // Another value is another reference: so a plan sees that it has changed. The old one stays until the
        // environment goes, since what is deployed may still have it; it only loses its name.
        if let Some(reference) = known {
            let key = secret_key(&id.0, &reference);
            if let Some(old) = given.values.get(&reference) {
                let row = secret_row(
                    &self.services.vault,
                    &key,
                    &format!("{label} (before)"),
                    None,
                    SecretOrigin::Given,
                    old,
                )
                .map_err(|reason| EngineError::Store(StoreError::Corrupt { what: reason }))?;
                given.write = std::mem::take(&mut given.write).put_json(Table::Secret, key, &row)?;
            }
        }
        let reference = new_reference();
        let key = secret_key(&id.0, &reference);
        let row = secret_row(&self.services.vault, &key, label, None, SecretOrigin::Given, value)
            .map_err(|reason| EngineError::Store(StoreError::Corrupt { what: reason }))?;
        given.write = std::mem::take(&mut given.write).put_json(Table::Secret, key, &row)?;
        given.references.insert(label.to_owned(), reference.clone());
        Ok(reference)
    }

    async fn ask_validate(&self, role: Role, piece: &PieceSpec) -> Result<Vec<Problem>, EngineError> {
        let call = ExportCall::Validate { role, kind: piece.kind.clone(), config: piece.config.to_string() };
        self.ask_problems(&piece.cloud, &piece.kind, call).await
    }

    /// Reads an application file for an environment.
    pub(super) async fn read_application(
        &self,
        request: &ApplicationRequest,
        environment: &EnvironmentRow,
        name: &Name,
    ) -> Result<ApplicationPlan, EngineError> {
        let Some(cluster) = &environment.spec.cluster else {
            return Err(EngineError::conflict(format!(
                "\"{}\" has no `app_deployment`: applications cannot be deployed on it",
                environment.name
            )));
        };
        let wrong = |diagnostics| invalid("the application file", diagnostics);
        let (parsed, mut diagnostics) = application::parse(&request.file).into_result().map_err(wrong)?;
        let application::ApplicationFile::App(app) = parsed else {
            return Err(EngineError::invalid("this format of application files is not known"));
        };
        let offers = self.offers(environment).await?;
        let (variables, more) = app.resolve(&request.file, &offers).into_result().map_err(wrong)?;
        diagnostics.extend(more);
        let secrets = self.given_secrets(&environment.name, &environment.id, true).await?;
        for variable in &variables {
            for segment in &variable.segments {
                if let Segment::Secret { name } = segment
                    && !secrets.references.contains_key(name.as_str())
                {
                    let span = app.env.iter().find(|env| env.name == variable.name).map(|env| env.span);
                    diagnostics.push(Diagnostic {
                        severity: Severity::Error,
                        message: format!("there is no secret \"{name}\" for \"{}\"", environment.name),
                        help: Some(format!("store it first: `cld secret set {} {name}`", environment.name)),
                        span,
                    });
                }
            }
        }
        self.refuse_port_in_use(&app, environment, cluster, name, &mut diagnostics).await?;
        let stored = StoredApplication {
            name: name.to_string(),
            image: app.image.clone(),
            container_port: app.container_port,
            host_port: app.host_port,
            memory: app.memory,
            cpu: app.cpu,
            replicas: app.replicas,
            extra: app.extra(),
            env: variables.into_iter().map(|variable| (variable.name, variable.segments)).collect(),
        };
        let call = ExportCall::ValidateApplication { kind: cluster.kind.clone(), application: unresolved(&stored) };
        let problems = self.ask_problems(&cluster.cloud, &cluster.kind, call).await?;
        diagnostics.extend(problems.into_iter().map(|problem| located(problem, &app.places)));
        if diagnostics.iter().any(|one| one.severity == Severity::Error) {
            return Err(wrong(diagnostics));
        }
        let stored = serde_json::to_value(&stored).map_err(|error| EngineError::Extension(error.to_string()))?;
        let spec = cluster.application(name, stored.clone());
        Ok(ApplicationPlan { spec, stored, file: request.file.clone(), diagnostics })
    }

    /// What applications may refer to: the outputs of resources, as their kinds declare them and as they are.
    async fn offers(&self, environment: &EnvironmentRow) -> Result<Vec<Offer>, EngineError> {
        let records = self.records(&environment.id).await?;
        let mut offers = Vec::new();
        for resource in &environment.spec.resources {
            let Ok(name) = resource.name.parse::<Name>() else { continue };
            let key = crate::host::scope::PieceKey::Resource(resource.name.clone());
            let record = records.iter().find(|record| record.piece == key);
            let outputs = record.and_then(|record| record.made.instance()).map(|instance| instance.outputs.as_slice());
            offers.push(Offer {
                name,
                kind: resource.kind.clone(),
                outputs: outputs
                    .unwrap_or_default()
                    .iter()
                    .map(|(name, value)| OfferedOutput {
                        name: name.clone(),
                        secret: matches!(value, OutputValue::Secret(_)),
                    })
                    .collect(),
            });
        }
        Ok(offers)
    }

    async fn refuse_port_in_use(
        &self,
        app: &application::AppSpec,
        environment: &EnvironmentRow,
        cluster: &PieceSpec,
        name: &Name,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Result<(), EngineError> {
        let collide = self.registry.kind(&cluster.cloud, &cluster.kind).is_some_and(|kind| kind.host_ports_collide);
        let Some(port) = app.host_port.filter(|_| collide) else { return Ok(()) };
        for other in self.application_rows(&environment.id).await? {
            let theirs = other.value.spec.get("host_port").and_then(Value::as_u64);
            if other.value.name != *name && theirs == Some(u64::from(port)) {
                diagnostics.push(Diagnostic {
                    severity: Severity::Error,
                    message: format!("host_port {port} is named by \"{}\" already", other.value.name),
                    help: Some("name another port, or none".to_owned()),
                    span: Some(app.places.value("/host_port")),
                });
            }
        }
        Ok(())
    }
}

/// The pseudo id under which secrets wait for an environment that is not made yet.
pub(super) fn pending(name: &Name) -> String {
    format!("pending {name}")
}

/// An extension's problem, at its place in the file.
fn located(problem: Problem, places: &Places) -> Diagnostic {
    Diagnostic {
        severity: match problem.severity {
            WitSeverity::Error => Severity::Error,
            WitSeverity::Warning => Severity::Warning,
        },
        message: crate::host::trail::clean(&problem.message),
        help: None,
        span: Some(places.value(&problem.pointer)),
    }
}

/// An application before its variables have values: for validation.
fn unresolved(stored: &StoredApplication) -> Application {
    Application {
        name: stored.name.clone(),
        image: stored.image.clone(),
        container_port: stored.container_port,
        host_port: stored.host_port,
        memory: stored.memory,
        cpu: stored.cpu,
        replicas: stored.replicas,
        env: stored
            .env
            .iter()
            .map(|(name, segments)| {
                let text = segments.iter().map(|segment| match segment {
                    Segment::Literal(text) => text.as_str(),
                    Segment::Output { .. } | Segment::Secret { .. } => "",
                });
                Variable { name: name.clone(), value: OutputValue::Plain(text.collect()) }
            })
            .collect(),
        extra: stored.extra.to_string(),
        documents: Vec::new(),
        document_secrets: Vec::new(),
    }
}
