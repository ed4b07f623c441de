//! From the contract's records to the SDK's types and back: what [`export!`](crate::export) expands to calls these.
//!
//! Public only for that macro.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::application::{Application, LogPage, LogQuery};
use crate::bindings::types as wit;
use crate::context::{Context, Intent, Piece};
use crate::instance::{Deployment, Instance};
use crate::kinds::{Coe, Foundation, Resource};
use crate::plan::Problem;
use crate::{Failure, Result, adopt, json};

type Answer<T> = core::result::Result<T, wit::Failure>;

fn answer<T>(body: impl FnOnce() -> Result<T>) -> Answer<T> {
    body().map_err(Failure::into_wit)
}

/// The intent's configuration decoded, and its unsettled calls remembered.
fn begin<C: DeserializeOwned>(ctx: wit::Context, intent: wit::Intent) -> Result<(Context, Intent<C>)> {
    remember(&intent.unsettled);
    Ok((Context::from_wit(ctx)?, Intent::from_wit(intent)?))
}

/// Until when "not found" proves nothing, for what is asked in this run.
fn remember(unsettled: &[wit::UnsettledCall]) {
    adopt::set_unsettled_until(unsettled.iter().map(|call| call.settles_at_ms).max());
}

fn problem(failure: Failure) -> Problem {
    Problem::error(failure.pointer.unwrap_or_default(), failure.message)
}

/// No kind of this name.
#[must_use]
pub fn unknown_kind(kind: &str) -> wit::Failure {
    crate::failure!(invalid, "this extension has no kind `{kind}`").into_wit()
}

/// As [`unknown_kind`], for a validation.
#[must_use]
pub fn unknown_kind_problem(kind: &str) -> Problem {
    Problem::error("", format!("this extension has no kind `{kind}`"))
}

/// `foundation.prepare`.
///
/// # Errors
/// The extension's.
pub fn prepare<F: Foundation>(
    ctx: wit::Context,
    pieces: Vec<wit::Piece>,
    unsettled: &[wit::UnsettledCall],
    current: Option<wit::Instance>,
) -> Answer<wit::Instance> {
    answer(|| {
        let (ctx, pieces, current) = foundation::<F>(ctx, pieces, unsettled, current)?;
        F::prepare(&ctx, &pieces, current.as_ref())?.into_wit(F::STATE_VERSION)
    })
}

/// `foundation.release`.
///
/// # Errors
/// The extension's.
pub fn release<F: Foundation>(
    ctx: wit::Context,
    pieces: Vec<wit::Piece>,
    unsettled: &[wit::UnsettledCall],
    current: Option<wit::Instance>,
) -> Answer<()> {
    answer(|| {
        let (ctx, pieces, current) = foundation::<F>(ctx, pieces, unsettled, current)?;
        F::release(&ctx, &pieces, current.as_ref())
    })
}

type Prepared<F> = (Context, Vec<Piece>, Option<Instance<<F as Foundation>::State>>);

fn foundation<F: Foundation>(
    ctx: wit::Context,
    pieces: Vec<wit::Piece>,
    unsettled: &[wit::UnsettledCall],
    current: Option<wit::Instance>,
) -> Result<Prepared<F>> {
    remember(unsettled);
    let current = current.map(|current| Instance::from_wit(current, F::read_state)).transpose()?;
    let pieces = pieces.into_iter().map(Piece::from_wit).collect::<Result<_>>()?;
    Ok((Context::from_wit(ctx)?, pieces, current))
}

/// `resource.validate`.
#[must_use]
pub fn validate<R: Resource>(config: &str) -> Vec<Problem> {
    match json::decode::<R::Config>("the configuration", config) {
        Ok(config) => R::validate(&config),
        Err(failure) => vec![problem(failure)],
    }
}

/// `resource.plan`.
///
/// # Errors
/// The extension's.
pub fn plan<R: Resource>(
    ctx: wit::Context,
    intent: wit::Intent,
    current: Option<wit::Instance>,
) -> Answer<wit::Planned> {
    answer(|| {
        let (ctx, intent) = begin(ctx, intent)?;
        let current = current.map(|current| Instance::from_wit(current, R::read_state)).transpose()?;
        Ok(R::plan(&ctx, &intent, current.as_ref())?.into_wit())
    })
}

/// `resource.create`.
///
/// # Errors
/// The extension's.
pub fn create<R: Resource>(ctx: wit::Context, intent: wit::Intent) -> Answer<wit::Instance> {
    answer(|| {
        let (ctx, intent) = begin(ctx, intent)?;
        R::create(&ctx, &intent)?.into_wit(R::STATE_VERSION)
    })
}

/// `resource.read`.
///
/// # Errors
/// The extension's.
pub fn read<R: Resource>(
    ctx: wit::Context,
    intent: wit::Intent,
    current: wit::Instance,
) -> Answer<Option<wit::Instance>> {
    answer(|| {
        let (ctx, intent) = begin(ctx, intent)?;
        let current = Instance::from_wit(current, R::read_state)?;
        R::read(&ctx, &intent, &current)?.map(|found| found.into_wit(R::STATE_VERSION)).transpose()
    })
}

/// `resource.update`.
///
/// # Errors
/// The extension's.
pub fn update<R: Resource>(ctx: wit::Context, intent: wit::Intent, current: wit::Instance) -> Answer<wit::Instance> {
    answer(|| {
        let (ctx, intent) = begin(ctx, intent)?;
        let current = Instance::from_wit(current, R::read_state)?;
        R::update(&ctx, &intent, &current)?.into_wit(R::STATE_VERSION)
    })
}

/// `resource.delete`.
///
/// # Errors
/// The extension's.
pub fn delete<R: Resource>(ctx: wit::Context, intent: wit::Intent, current: Option<wit::Instance>) -> Answer<()> {
    answer(|| {
        let (ctx, intent) = begin(ctx, intent)?;
        let current = current.map(|current| Instance::from_wit(current, R::read_state)).transpose()?;
        R::delete(&ctx, &intent, current.as_ref())
    })
}

/// `coe.validate-application`.
#[must_use]
pub fn validate_application<C: Coe>(app: wit::Application) -> Vec<Problem> {
    match Application::from_wit(app) {
        Ok(app) => C::validate_application(&app),
        Err(failure) => vec![problem(failure)],
    }
}

fn deployed<D: Serialize + DeserializeOwned>(
    current: wit::Deployment,
    read: fn(u32, Json) -> serde_json::Result<D>,
) -> Result<Deployment<D>> {
    Deployment::from_wit(current, read)
}

/// `coe.deploy-application`.
///
/// # Errors
/// The extension's.
pub fn deploy<C: Coe>(
    ctx: wit::Context,
    cluster: wit::Instance,
    intent: wit::Intent,
    app: wit::Application,
) -> Answer<wit::Deployment> {
    answer(|| {
        let (ctx, intent) = begin(ctx, intent)?;
        let cluster = Instance::from_wit(cluster, C::read_state)?;
        C::deploy(&ctx, &cluster, &intent, &Application::from_wit(app)?)?.into_wit(C::DEPLOYED_VERSION)
    })
}

/// `coe.redeploy-application`.
///
/// # Errors
/// The extension's.
pub fn redeploy<C: Coe>(
    ctx: wit::Context,
    cluster: wit::Instance,
    intent: wit::Intent,
    current: wit::Deployment,
    app: wit::Application,
) -> Answer<wit::Deployment> {
    answer(|| {
        let (ctx, intent) = begin(ctx, intent)?;
        let cluster = Instance::from_wit(cluster, C::read_state)?;
        let current = deployed(current, C::read_deployed)?;
        C::redeploy(&ctx, &cluster, &intent, &current, &Application::from_wit(app)?)?.into_wit(C::DEPLOYED_VERSION)
    })
}

/// `coe.delete-application`.
///
/// # Errors
/// The extension's.
pub fn undeploy<C: Coe>(
    ctx: wit::Context,
    cluster: Option<wit::Instance>,
    intent: wit::Intent,
    current: Option<wit::Deployment>,
) -> Answer<()> {
    answer(|| {
        let (ctx, intent) = begin(ctx, intent)?;
        let cluster = cluster.map(|cluster| Instance::from_wit(cluster, C::read_state)).transpose()?;
        let current = current.map(|current| deployed(current, C::read_deployed)).transpose()?;
        C::undeploy(&ctx, cluster.as_ref(), &intent, current.as_ref())
    })
}

/// `coe.read-application`.
///
/// # Errors
/// The extension's.
pub fn read_application<C: Coe>(
    ctx: wit::Context,
    cluster: wit::Instance,
    intent: wit::Intent,
    current: wit::Deployment,
) -> Answer<Option<wit::Deployment>> {
    answer(|| {
        let (ctx, intent) = begin(ctx, intent)?;
        let cluster = Instance::from_wit(cluster, C::read_state)?;
        let current = deployed(current, C::read_deployed)?;
        C::read_application(&ctx, &cluster, &intent, &current)?
            .map(|found| found.into_wit(C::DEPLOYED_VERSION))
            .transpose()
    })
}

/// `coe.application-logs`.
///
/// # Errors
/// The extension's.
pub fn logs<C: Coe>(
    ctx: wit::Context,
    cluster: wit::Instance,
    current: wit::Deployment,
    query: LogQuery,
) -> Answer<LogPage> {
    answer(|| {
        let ctx = Context::from_wit(ctx)?;
        let cluster = Instance::from_wit(cluster, C::read_state)?;
        C::logs(&ctx, &cluster, &deployed(current, C::read_deployed)?, &query)
    })
}
