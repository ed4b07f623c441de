//! The contract's exports, as values: what is called, and what it returned.

use serde::{Deserialize, Serialize};
use wasmtime::AsContextMut;
use wasmtime::component::Instance as ComponentInstance;

use super::bindings::exported::metadata::Description;
use super::bindings::types::{
    Application, Context, Deployment, Failure, Instance, Intent, LogPage, LogQuery, OutputValue, Piece, Planned,
    Problem, UnsettledCall,
};
use super::component::{Exports, SandboxError};
use super::run::RunState;

/// Which of the two interfaces that manage a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// `resource`
    Resource,
    /// `coe`
    Coe,
}

/// One call of one export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the parameters are those in wit/")]
pub enum ExportCall {
    Describe,
    Prepare { context: Context, pieces: Vec<Piece>, unsettled: Vec<UnsettledCall>, current: Option<Instance> },
    Release { context: Context, pieces: Vec<Piece>, unsettled: Vec<UnsettledCall>, current: Option<Instance> },
    Validate { role: Role, kind: String, config: String },
    ValidateApplication { kind: String, application: Application },
    Plan { role: Role, context: Context, intent: Intent, current: Option<Instance> },
    Create { role: Role, context: Context, intent: Intent },
    Read { role: Role, context: Context, intent: Intent, current: Instance },
    Update { role: Role, context: Context, intent: Intent, current: Instance },
    Delete { role: Role, context: Context, intent: Intent, current: Option<Instance> },
    Deploy { context: Context, cluster: Instance, intent: Intent, application: Application },
    Redeploy { context: Context, cluster: Instance, intent: Intent, current: Deployment, application: Application },
    DeleteApplication { context: Context, cluster: Option<Instance>, intent: Intent, current: Option<Deployment> },
    ReadApplication { context: Context, cluster: Instance, intent: Intent, current: Deployment },
    Logs { context: Context, kind: String, cluster: Instance, current: Deployment, query: LogQuery },
}

impl ExportCall {
    /// The interface it belongs to.
    #[must_use]
    pub fn interface(&self) -> &'static str {
        match self {
            Self::Describe => "metadata",
            Self::Prepare { .. } | Self::Release { .. } => "foundation",
            Self::Validate { role, .. }
            | Self::Plan { role, .. }
            | Self::Create { role, .. }
            | Self::Read { role, .. }
            | Self::Update { role, .. }
            | Self::Delete { role, .. } => match role {
                Role::Resource => "resource",
                Role::Coe => "coe",
            },
            Self::ValidateApplication { .. }
            | Self::Deploy { .. }
            | Self::Redeploy { .. }
            | Self::DeleteApplication { .. }
            | Self::ReadApplication { .. }
            | Self::Logs { .. } => "coe",
        }
    }
}

/// What an export returned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the results are those in wit/")]
pub enum Returned {
    Description(Description),
    Problems(Vec<Problem>),
    Plan(Planned),
    Instance(Instance),
    Found(Option<Instance>),
    Deployment(Deployment),
    FoundDeployment(Option<Deployment>),
    Logs(LogPage),
    Nothing,
}

impl Returned {
    /// About how many bytes it has.
    #[must_use]
    pub fn size(&self) -> usize {
        let outputs = |outputs: &[(String, OutputValue)]| -> usize {
            outputs
                .iter()
                .map(|(name, value)| {
                    name.len()
                        + match value {
                            OutputValue::Plain(text) | OutputValue::Secret(text) => text.len(),
                        }
                })
                .sum()
        };
        let instance =
            |made: &Instance| made.cloud_id.len() + made.state.len() + made.summary.len() + outputs(&made.outputs);
        let deployment = |made: &Deployment| {
            let url = made.url.as_ref().map_or(0, String::len);
            made.cloud_id.len() + made.state.len() + made.summary.len() + url + outputs(&made.outputs)
        };
        match self {
            Self::Instance(made) | Self::Found(Some(made)) => instance(made),
            Self::Deployment(made) | Self::FoundDeployment(Some(made)) => deployment(made),
            Self::Logs(page) => page.lines.iter().map(|line| line.source.len() + line.message.len() + 16).sum(),
            Self::Problems(problems) => problems.iter().map(|problem| problem.message.len() + 16).sum(),
            Self::Plan(Planned::Update(changes) | Planned::Replace(changes)) => {
                changes.iter().map(|change| change.pointer.len() + change.before.len() + change.after.len()).sum()
            }
            Self::Description(_)
            | Self::Plan(Planned::None)
            | Self::Found(None)
            | Self::FoundDeployment(None)
            | Self::Nothing => 0,
        }
    }
}

/// Calls the export on an instance; the outer error is a trap.
pub(super) async fn call(
    mut store: impl AsContextMut<Data = RunState>,
    exports: &Exports,
    instance: &ComponentInstance,
    call: &ExportCall,
) -> wasmtime::Result<Result<Returned, Failure>> {
    let store = &mut store;
    let missing = || SandboxError::NotExported { interface: call.interface() };
    macro_rules! guest {
        ($interface:ident) => {
            exports.$interface.as_ref().ok_or_else(missing)?.load(&mut *store, instance)?
        };
    }
    macro_rules! by_role {
        ($role:expr, $call:ident ( $($argument:expr),* )) => {
            match $role {
                Role::Resource => guest!(resource).$call(&mut *store, $($argument),*).await?,
                Role::Coe => guest!(coe).$call(&mut *store, $($argument),*).await?,
            }
        };
    }
    Ok(match call {
        ExportCall::Describe => Ok(Returned::Description(guest!(metadata).call_describe(&mut *store).await?)),
        ExportCall::Prepare { context, pieces, unsettled, current } => guest!(foundation)
            .call_prepare(&mut *store, context, pieces, unsettled, current.as_ref())
            .await?
            .map(Returned::Instance),
        ExportCall::Release { context, pieces, unsettled, current } => guest!(foundation)
            .call_release(&mut *store, context, pieces, unsettled, current.as_ref())
            .await?
            .map(|()| Returned::Nothing),
        ExportCall::Validate { role, kind, config } => {
            Ok(Returned::Problems(by_role!(role, call_validate(kind, config))))
        }
        ExportCall::ValidateApplication { kind, application } => {
            Ok(Returned::Problems(guest!(coe).call_validate_application(&mut *store, kind, application).await?))
        }
        ExportCall::Plan { role, context, intent, current } => {
            by_role!(role, call_plan(context, intent, current.as_ref())).map(Returned::Plan)
        }
        ExportCall::Create { role, context, intent } => {
            by_role!(role, call_create(context, intent)).map(Returned::Instance)
        }
        ExportCall::Read { role, context, intent, current } => {
            by_role!(role, call_read(context, intent, current)).map(Returned::Found)
        }
        ExportCall::Update { role, context, intent, current } => {
            by_role!(role, call_update(context, intent, current)).map(Returned::Instance)
        }
        ExportCall::Delete { role, context, intent, current } => {
            by_role!(role, call_delete(context, intent, current.as_ref())).map(|()| Returned::Nothing)
        }
        ExportCall::Deploy { context, cluster, intent, application } => guest!(coe)
            .call_deploy_application(&mut *store, context, cluster, intent, application)
            .await?
            .map(Returned::Deployment),
        ExportCall::Redeploy { context, cluster, intent, current, application } => guest!(coe)
            .call_redeploy_application(&mut *store, context, cluster, intent, current, application)
            .await?
            .map(Returned::Deployment),
        ExportCall::DeleteApplication { context, cluster, intent, current } => guest!(coe)
            .call_delete_application(&mut *store, context, cluster.as_ref(), intent, current.as_ref())
            .await?
            .map(|()| Returned::Nothing),
        ExportCall::ReadApplication { context, cluster, intent, current } => guest!(coe)
            .call_read_application(&mut *store, context, cluster, intent, current)
            .await?
            .map(Returned::FoundDeployment),
        ExportCall::Logs { context, kind, cluster, current, query } => guest!(coe)
            .call_application_logs(&mut *store, context, kind, cluster, current, query)
            .await?
            .map(Returned::Logs),
    })
}
