//! What users see of the rows.

use std::collections::BTreeSet;

use cloudark_api::application::{Application, ApplicationStatus};
use cloudark_api::environment::{Environment, EnvironmentStatus, EnvironmentSummary};
use cloudark_api::ids::{EnvironmentId, Name, OperationId};
use cloudark_api::operation::{Event, Operation, OperationKind};
use cloudark_api::resource::{Output, PieceStatus, PieceView};
use cloudark_api::secret::SecretView;

use super::model::{ApplicationRow, Drift, EnvironmentRow, Made, OperationRow, RecordRow, TaskRow, TaskState};
use super::submit::can_retry;
use super::{Engine, EngineError, events};
use crate::host::identity::{SecretOrigin, SecretRow, new_reference, open_secret, secret_key, secret_row};
use crate::host::scope::PieceKey;
use crate::host::wall;
use crate::sandbox::bindings::types::OutputValue;
use crate::store::{Key, KeyReader, StoreError, Stored, Table, Txn, Typed};
use crate::time::rfc3339;

/// A status as users see it.
#[must_use]
pub fn status_name(status: EnvironmentStatus) -> String {
    kebab(&status)
}

/// A kind of operation as users see it.
#[must_use]
pub fn kind_name(kind: OperationKind) -> String {
    kebab(&kind)
}

/// The image that an application's configuration names; a manifest names several.
fn image(config: &serde_json::Value) -> Option<String> {
    config.get("image")?.as_str().map(str::to_owned)
}

fn kebab(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

impl Engine {
    /// The row of an environment.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    pub(super) async fn environment_row(&self, name: &Name) -> Result<Stored<EnvironmentRow>, EngineError> {
        let key = Key::new().text(name.as_str());
        let row = self.services.store.get_json(Table::Environment, &key).await?;
        row.ok_or_else(|| EngineError::NotFound { what: "environment", name: name.to_string() })
    }

    pub(super) async fn application_row(&self, name: &Name) -> Result<Stored<ApplicationRow>, EngineError> {
        let key = Key::new().text(name.as_str());
        let row = self.services.store.get_json(Table::Application, &key).await?;
        row.ok_or_else(|| EngineError::NotFound { what: "application", name: name.to_string() })
    }

    pub(super) async fn records(&self, id: &EnvironmentId) -> Result<Vec<RecordRow>, StoreError> {
        let rows =
            self.services.store.scan_json(Table::Record, &Key::new().text(&id.0), None, usize::MAX, false).await?;
        Ok(rows.into_iter().map(|row| row.value).collect())
    }

    pub(super) async fn application_rows(&self, id: &EnvironmentId) -> Result<Vec<Stored<ApplicationRow>>, StoreError> {
        let rows =
            self.services.store.scan_json::<ApplicationRow>(Table::Application, &[], None, usize::MAX, false).await?;
        Ok(rows.into_iter().filter(|row| row.value.environment_id == *id).collect())
    }

    /// A page of environments, after this name.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn environments(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<EnvironmentSummary>, EngineError> {
        let after = after.map(|name| Key::new().text(name));
        let store = &*self.services.store;
        let rows = store.scan_json::<EnvironmentRow>(Table::Environment, &[], after.as_deref(), limit, false).await?;
        Ok(rows
            .into_iter()
            .map(|row| EnvironmentSummary {
                id: row.value.id,
                name: row.value.name,
                status: row.value.status,
                coe: row.value.spec.cluster.map(|cluster| cluster.kind),
                resources: row.value.spec.resources.into_iter().map(|resource| resource.name).collect(),
                created_at: rfc3339(row.value.created),
            })
            .collect())
    }

    /// An environment, and the version of its row.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    pub async fn environment(&self, name: &Name, reveal: bool) -> Result<(Environment, u64), EngineError> {
        let row = self.environment_row(name).await?;
        let version = row.version.get();
        let row = row.value;
        let applications = self.application_rows(&row.id).await?;
        let pieces = self.piece_views(&row, reveal).await?;
        let environment = Environment {
            id: row.id,
            name: row.name,
            status: row.status,
            file: row.file,
            bindings: row.bindings,
            created_at: rfc3339(row.created),
            updated_at: rfc3339(row.updated),
            operation: row.operation,
            protected: row.protected,
            pieces,
            applications: applications.into_iter().map(|row| row.value.name).collect(),
        };
        Ok((environment, version))
    }

    /// The pieces of all environments, or of one.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    pub async fn resources(&self, environment: Option<&Name>, reveal: bool) -> Result<Vec<PieceView>, EngineError> {
        let rows = match environment {
            Some(name) => vec![self.environment_row(name).await?.value],
            None => {
                let rows = self.services.store.scan_json(Table::Environment, &[], None, usize::MAX, false).await?;
                rows.into_iter().map(|row: Stored<EnvironmentRow>| row.value).collect()
            }
        };
        let mut views = Vec::new();
        for row in rows {
            let pieces = self.piece_views(&row, reveal).await?;
            views.extend(pieces.into_iter().filter(|piece| !piece.piece.starts_with("foundation/")));
        }
        Ok(views)
    }

    async fn piece_views(&self, row: &EnvironmentRow, reveal: bool) -> Result<Vec<PieceView>, EngineError> {
        let records = self.records(&row.id).await?;
        let mut views = Vec::new();
        let foundations = records.iter().filter(|record| matches!(record.piece, PieceKey::Foundation(_)));
        for record in foundations {
            views.push(
                self.piece_view(row, record.piece.clone(), &record.kind, &record.cloud, Some(record), reveal).await?,
            );
        }
        for (key, spec) in row.spec.pieces() {
            let record = records.iter().find(|record| record.piece == key);
            views.push(self.piece_view(row, key, &spec.kind, &spec.cloud, record, reveal).await?);
        }
        // What an update took out of the file and could not delete yet.
        for record in &records {
            let is_listed = views.iter().any(|view| view.piece == record.piece.to_string());
            if !is_listed && !matches!(record.piece, PieceKey::Application(_)) {
                views.push(
                    self.piece_view(row, record.piece.clone(), &record.kind, &record.cloud, Some(record), reveal)
                        .await?,
                );
            }
        }
        Ok(views)
    }

    async fn piece_view(
        &self,
        environment: &EnvironmentRow,
        key: PieceKey,
        kind: &str,
        cloud: &str,
        record: Option<&RecordRow>,
        reveal: bool,
    ) -> Result<PieceView, EngineError> {
        let status = match record {
            None if environment.status == EnvironmentStatus::Deleting => PieceStatus::Deleting,
            None => PieceStatus::Creating,
            Some(RecordRow { drift: Some(Drift::Missing), .. }) => PieceStatus::Missing,
            Some(RecordRow { attempted: Some(_), .. }) => PieceStatus::Degraded,
            Some(_) if environment.status == EnvironmentStatus::Deleting => PieceStatus::Deleting,
            Some(_) => PieceStatus::Ready,
        };
        let instance = record.and_then(|record| record.made.instance());
        let outputs = match instance {
            Some(instance) => self.outputs(&environment.id, &instance.outputs, reveal).await?,
            None => Vec::new(),
        };
        // The cluster is listed among the resources, as in the original.
        let kind = if key == PieceKey::Cluster { format!("{kind}-cluster") } else { kind.to_owned() };
        Ok(PieceView {
            name: key.name().to_owned(),
            piece: key.to_string(),
            kind,
            cloud: cloud.to_owned(),
            status,
            cloud_id: instance.map(|instance| instance.cloud_id.clone()),
            outputs,
            summary: instance.map(|instance| crate::host::trail::clean(&instance.summary)).unwrap_or_default(),
            problem: record.and_then(|record| record.problem.clone()),
            drift: record.and_then(|record| match &record.drift {
                Some(Drift::Missing) => Some("its cloud does not know it any more".to_owned()),
                Some(Drift::Changed(what)) => Some(what.clone()),
                None => None,
            }),
        })
    }

    async fn outputs(
        &self,
        id: &EnvironmentId,
        outputs: &[(String, OutputValue)],
        reveal: bool,
    ) -> Result<Vec<Output>, EngineError> {
        let mut shown = Vec::with_capacity(outputs.len());
        for (name, value) in outputs {
            let (value, secret) = match value {
                // Whole: it may be a certificate. Whoever writes it to a terminal strips what does not belong there.
                OutputValue::Plain(text) => (Some(text.clone()), false),
                OutputValue::Secret(reference) if reveal => (self.reveal(id, reference).await?, true),
                OutputValue::Secret(_) => (None, true),
            };
            shown.push(Output { name: name.clone(), value, secret });
        }
        Ok(shown)
    }

    async fn reveal(&self, id: &EnvironmentId, reference: &str) -> Result<Option<String>, EngineError> {
        let key = secret_key(&id.0, reference);
        let Some(row) = self.services.store.get_json::<SecretRow>(Table::Secret, &key).await? else { return Ok(None) };
        let value = open_secret(&self.services.vault, &key, &row.value)
            .map_err(|reason| EngineError::Store(StoreError::Corrupt { what: reason }))?;
        Ok(Some(value.to_string()))
    }

    /// Applications, of all environments or of one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn applications(&self, environment: Option<&Name>) -> Result<Vec<Application>, EngineError> {
        let rows =
            self.services.store.scan_json::<ApplicationRow>(Table::Application, &[], None, usize::MAX, false).await?;
        let mut applications = Vec::new();
        for row in rows {
            if environment.is_none_or(|name| row.value.environment == *name) {
                applications.push(self.application_view(row.value, false).await?);
            }
        }
        Ok(applications)
    }

    /// An application.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    pub async fn application_by_name(&self, name: &Name, reveal: bool) -> Result<Application, EngineError> {
        let row = self.application_row(name).await?;
        self.application_view(row.value, reveal).await
    }

    async fn application_view(&self, row: ApplicationRow, reveal: bool) -> Result<Application, EngineError> {
        let key = super::model::record_key(&row.environment_id, &PieceKey::Application(row.name.to_string()));
        let record = self.services.store.get_json::<RecordRow>(Table::Record, &key).await?.map(|row| row.value);
        let deployment = record.as_ref().and_then(|record| match &record.made {
            Made::Deployment(deployment) => Some(deployment),
            Made::Instance(_) => None,
        });
        let outputs = match deployment {
            Some(deployment) => self.outputs(&row.environment_id, &deployment.outputs, reveal).await?,
            None => Vec::new(),
        };
        Ok(Application {
            attempted_image: record.as_ref().and_then(|record| image(record.attempted.as_ref()?)),
            image: image(record.as_ref().map_or(&row.spec, |record| &record.config)),
            url: deployment.and_then(|deployment| deployment.url.clone()),
            summary: deployment.map(|deployment| crate::host::trail::clean(&deployment.summary)).unwrap_or_default(),
            outputs,
            name: row.name,
            environment: row.environment,
            status: row.status,
            problem: row.problem.filter(|_| row.status != ApplicationStatus::Available),
            file: row.file,
            created_at: rfc3339(row.created),
            updated_at: rfc3339(row.updated),
            operation: row.operation,
        })
    }

    /// A page of operations, newest first, before this id.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn operations(
        &self,
        environment: Option<&Name>,
        before: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Operation>, EngineError> {
        let store = &*self.services.store;
        let mut after = before.map(|id| Key::new().text(id));
        let mut operations = Vec::new();
        while operations.len() < limit {
            let rows = store.scan_json::<OperationRow>(Table::Operation, &[], after.as_deref(), 256, true).await?;
            let Some(last) = rows.last() else { break };
            after = Some(Key::new().text(&last.value.id.0));
            for row in rows {
                if environment.is_none_or(|name| row.value.environment == *name) && operations.len() < limit {
                    operations.push(self.operation_view(row.value).await?);
                }
            }
        }
        Ok(operations)
    }

    /// An operation.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    pub async fn operation_by_id(&self, id: &OperationId) -> Result<Operation, EngineError> {
        let key = Key::new().text(&id.0);
        let row = self.services.store.get_json::<OperationRow>(Table::Operation, &key).await?;
        let row = row.ok_or_else(|| EngineError::NotFound { what: "operation", name: id.to_string() })?;
        self.operation_view(row.value).await
    }

    async fn operation_view(&self, row: OperationRow) -> Result<Operation, EngineError> {
        let tasks = self
            .services
            .store
            .scan_json::<TaskRow>(Table::Task, &Key::new().text(&row.id.0), None, usize::MAX, false)
            .await?;
        let tasks: Vec<TaskRow> = tasks.into_iter().map(|task| task.value).collect();
        let done: BTreeSet<u32> =
            tasks.iter().filter(|task| task.state == TaskState::Done).map(|task| task.number).collect();
        let can_retry = can_retry(&row, &tasks);
        Ok(Operation {
            id: row.id,
            kind: row.kind,
            environment: row.environment,
            application: row.application,
            status: row.status,
            tasks: tasks
                .iter()
                .map(|task| task.view(false, task.after.iter().all(|before| done.contains(before))))
                .collect(),
            errors: row.errors,
            created_at: rfc3339(row.created),
            ended_at: row.ended.map(rfc3339),
            cancel_requested: row.cancel_requested,
            can_retry,
        })
    }

    /// Events of an operation after this number, at most so many.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn events_after(&self, id: &OperationId, after: u64, limit: usize) -> Result<Vec<Event>, EngineError> {
        Ok(events::read(&*self.services.store, id, after, limit).await?)
    }

    /// Protects an environment from being deleted, or lifts that.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    pub async fn protect(&self, name: &Name, protected: bool) -> Result<(), EngineError> {
        let environment = self.environment_row(name).await?;
        let key = Key::new().text(name.as_str());
        let row = EnvironmentRow { protected, ..environment.value };
        let txn = Txn::new().check_version(Table::Environment, &key, environment.version).put_json(
            Table::Environment,
            &key,
            &row,
        )?;
        self.services.store.commit(txn).await?;
        Ok(())
    }

    /// Stores a secret of a user; the environment need not exist yet.
    ///
    /// # Errors
    /// Those of the store and of the vault.
    pub async fn set_secret(&self, environment: &Name, secret: &Name, value: &str) -> Result<(), EngineError> {
        let scope = self.secret_scope(environment).await?;
        let existing = self.secret_rows(&scope).await?.into_iter().find(|(_, row)| row.label == secret.as_str());
        let reference = existing.map_or_else(new_reference, |(reference, _)| reference);
        let key = secret_key(&scope, &reference);
        let row = secret_row(&self.services.vault, &key, secret.as_str(), None, SecretOrigin::Given, value)
            .map_err(|reason| EngineError::Store(StoreError::Corrupt { what: reason }))?;
        self.services.store.commit(Txn::new().put_json(Table::Secret, key, &row)?).await?;
        Ok(())
    }

    /// Removes a secret of a user.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    pub async fn remove_secret(&self, environment: &Name, secret: &Name) -> Result<(), EngineError> {
        let scope = self.secret_scope(environment).await?;
        let rows = self.secret_rows(&scope).await?;
        let Some((reference, _)) = rows.into_iter().find(|(_, row)| row.label == secret.as_str()) else {
            return Err(EngineError::NotFound { what: "secret", name: secret.to_string() });
        };
        self.services.store.commit(Txn::new().delete(Table::Secret, secret_key(&scope, &reference))).await?;
        Ok(())
    }

    /// The secrets that users gave: names, never values.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn secrets(&self, environment: &Name) -> Result<Vec<SecretView>, EngineError> {
        let scope = self.secret_scope(environment).await?;
        let rows = self.secret_rows(&scope).await?;
        Ok(rows.into_iter().map(|(_, row)| SecretView { name: row.label, updated_at: rfc3339(row.updated) }).collect())
    }

    async fn secret_scope(&self, environment: &Name) -> Result<String, EngineError> {
        match self.environment_row(environment).await {
            Ok(row) => Ok(row.value.id.0),
            Err(EngineError::NotFound { .. }) => Ok(super::files::pending(environment)),
            Err(error) => Err(error),
        }
    }

    async fn secret_rows(&self, scope: &str) -> Result<Vec<(String, SecretRow)>, EngineError> {
        let rows = self
            .services
            .store
            .scan_json::<SecretRow>(Table::Secret, &Key::new().text(scope), None, usize::MAX, false)
            .await?;
        Ok(rows
            .into_iter()
            .filter(|row| row.value.piece.is_none())
            .filter_map(|row| {
                let mut reader = KeyReader::new(&row.key);
                let reference = reader.text().and_then(|_| reader.text()).ok()?;
                Some((reference, row.value))
            })
            .collect())
    }

    /// Notes who asked for what.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn audit(&self, action: &str, subject: &str) -> Result<(), EngineError> {
        let at = wall();
        let key = Key::new().u64(at.0).text(new_reference());
        let entry = serde_json::json!({ "at": rfc3339(at), "action": action, "subject": subject });
        self.services.store.commit(Txn::new().put(Table::Audit, key, entry.to_string())).await?;
        Ok(())
    }
}
