//! Deploying, redeploying and deleting applications.

use std::sync::Arc;

use cloudark_api::application::{ApplicationRequest, ApplicationStatus};
use cloudark_api::environment::EnvironmentStatus;
use cloudark_api::ids::Name;
use cloudark_api::operation::{Accepted, OperationKind};

use crate::engine::files::ApplicationPlan;
use crate::engine::graph::Builder;
use crate::engine::model::{Action, ApplicationRow, OperationRow, RecordRow, record_key};
use crate::engine::{Engine, EngineError};
use crate::host::scope::PieceKey;
use crate::host::wall;
use crate::store::{Key, Table, Typed};

impl Engine {
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
                crate::engine::views::status_name(environment.value.status)
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
}
