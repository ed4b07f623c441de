//! What an extension implements: a type for each kind.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::application::{Application, LogPage, LogQuery};
use crate::context::{Context, Intent, Piece};
use crate::describe::Output;
use crate::instance::{Deployment, Instance};
use crate::plan::{Plan, Problem};
use crate::{Result, fail};

/// A kind of managed service: a database, a table, a bucket. A [`Coe`] is one too: its cluster.
///
/// Every function is straight-line code: make this, make that, wait, return. The host makes it durable: it may run
/// again from the first line at any time, and gets the same answers until it arrives where it was.
pub trait Resource: 'static {
    /// Lower case, digits and `-`: `rds`.
    const KIND: &'static str;
    /// One line for `cld extension show`.
    const SUMMARY: &'static str;
    /// Whether it holds data: listed first when an environment is deleted.
    const HOLDS_DATA: bool = false;
    /// The outputs that instances have.
    const OUTPUTS: &'static [Output] = &[];
    /// The version of the layout of [`State`](Self::State) that this extension writes.
    const STATE_VERSION: u32 = 1;
    /// The versions that it can read; override it together with [`read_state`](Self::read_state).
    const READS: &'static [u32] = &[Self::STATE_VERSION];

    /// The configuration. Its JSON Schema is what users' files are checked against; fields of type
    /// [`Secret`](crate::secrets::Secret) are secrets.
    type Config: DeserializeOwned + JsonSchema;
    /// What the extension needs to find, change and delete an instance.
    type State: Serialize + DeserializeOwned;

    /// Read a state of a version in [`READS`](Self::READS).
    ///
    /// # Errors
    /// What serde says.
    fn read_state(version: u32, state: Json) -> serde_json::Result<Self::State> {
        let _ = version;
        serde_json::from_value(state)
    }

    /// What is wrong with a configuration beyond its schema. Pure: no calls to the host.
    fn validate(config: &Self::Config) -> Vec<Problem> {
        let _ = config;
        Vec::new()
    }

    /// How to get from the record to the intent. Reads only.
    ///
    /// # Errors
    /// As they come.
    fn plan(ctx: &Context, intent: &Intent<Self::Config>, current: Option<&Instance<Self::State>>) -> Result<Plan>;

    /// Make it.
    ///
    /// # Errors
    /// As they come; the host rolls back.
    fn create(ctx: &Context, intent: &Intent<Self::Config>) -> Result<Instance<Self::State>>;

    /// What it is now; none if it is gone. Reads only.
    ///
    /// # Errors
    /// As they come.
    fn read(
        ctx: &Context,
        intent: &Intent<Self::Config>,
        current: &Instance<Self::State>,
    ) -> Result<Option<Instance<Self::State>>>;

    /// Change it in place. Must work from any half-way state of an earlier update.
    ///
    /// # Errors
    /// As they come; the piece is shown as degraded.
    fn update(
        ctx: &Context,
        intent: &Intent<Self::Config>,
        current: &Instance<Self::State>,
    ) -> Result<Instance<Self::State>>;

    /// Remove it. Total: without `current` it works from the intent's names and our ownership mark alone, and what
    /// is already gone is success.
    ///
    /// # Errors
    /// As they come.
    fn delete(ctx: &Context, intent: &Intent<Self::Config>, current: Option<&Instance<Self::State>>) -> Result<()>;
}

/// A container orchestration engine: its cluster, which is a [`Resource`], and the applications on it. The intent of
/// an application is about the application: its names and unsettled calls; its configuration is the file's.
pub trait Coe: Resource {
    /// What the extension needs to find, change and delete a deployment.
    type Deployed: Serialize + DeserializeOwned;

    /// Whether two applications of one environment that name one `host_port` collide.
    const HOST_PORTS_COLLIDE: bool = false;
    /// The version of the layout of [`Deployed`](Self::Deployed).
    const DEPLOYED_VERSION: u32 = 1;

    /// Read a deployment's state of an older or this version.
    ///
    /// # Errors
    /// What serde says.
    fn read_deployed(version: u32, state: Json) -> serde_json::Result<Self::Deployed> {
        let _ = version;
        serde_json::from_value(state)
    }

    /// What is wrong with an application for this COE. Pure.
    fn validate_application(app: &Application) -> Vec<Problem> {
        let _ = app;
        Vec::new()
    }

    /// Run an application on the cluster; done when it serves.
    ///
    /// # Errors
    /// As they come; the host rolls back.
    fn deploy(
        ctx: &Context,
        cluster: &Instance<Self::State>,
        intent: &Intent<Json>,
        app: &Application,
    ) -> Result<Deployment<Self::Deployed>>;

    /// Replace what runs. When the new version does not come up, the old one goes on serving and this fails.
    ///
    /// # Errors
    /// As they come.
    fn redeploy(
        ctx: &Context,
        cluster: &Instance<Self::State>,
        intent: &Intent<Json>,
        current: &Deployment<Self::Deployed>,
        app: &Application,
    ) -> Result<Deployment<Self::Deployed>>;

    /// Remove it. Total, as [`Resource::delete`].
    ///
    /// # Errors
    /// As they come.
    fn undeploy(
        ctx: &Context,
        cluster: Option<&Instance<Self::State>>,
        intent: &Intent<Json>,
        current: Option<&Deployment<Self::Deployed>>,
    ) -> Result<()>;

    /// What it is now; none if it is gone. Reads only.
    ///
    /// # Errors
    /// As they come.
    fn read_application(
        ctx: &Context,
        cluster: &Instance<Self::State>,
        intent: &Intent<Json>,
        current: &Deployment<Self::Deployed>,
    ) -> Result<Option<Deployment<Self::Deployed>>>;

    /// A page of its logs. Reads only.
    ///
    /// # Errors
    /// As they come; `not-found` unless overridden.
    fn logs(
        ctx: &Context,
        cluster: &Instance<Self::State>,
        current: &Deployment<Self::Deployed>,
        query: &LogQuery,
    ) -> Result<LogPage> {
        let _ = (ctx, cluster, current, query);
        fail!(not_found, "{} keeps no logs", Self::KIND)
    }
}

/// What all pieces of an environment on one cloud stand on: network, security groups, enabled APIs. Made first,
/// removed last, prepared again when the pieces change.
pub trait Foundation: 'static {
    /// What every other call of this cloud gets from [`Context::foundation`].
    type State: Serialize + DeserializeOwned;

    /// The version of the layout of [`State`](Self::State) that this extension writes.
    const STATE_VERSION: u32 = 1;
    /// The versions that it can read; override it together with [`read_state`](Self::read_state).
    const READS: &'static [u32] = &[Self::STATE_VERSION];

    /// Read a state of a version in [`READS`](Self::READS).
    ///
    /// # Errors
    /// What serde says.
    fn read_state(version: u32, state: Json) -> serde_json::Result<Self::State> {
        let _ = version;
        serde_json::from_value(state)
    }

    /// Make, or change, what these pieces need: no more.
    ///
    /// # Errors
    /// As they come.
    fn prepare(
        ctx: &Context,
        pieces: &[Piece],
        current: Option<&Instance<Self::State>>,
    ) -> Result<Instance<Self::State>>;

    /// Remove everything of it. Total: it works from the environment's identity alone.
    ///
    /// # Errors
    /// As they come.
    fn release(ctx: &Context, pieces: &[Piece], current: Option<&Instance<Self::State>>) -> Result<()>;
}
