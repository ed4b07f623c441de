//! The kind `ecs`: a cluster of Amazon ECS on Fargate, and the applications on it.
//!
//! Each application has a load balancer of its own, so two of them may name the same port.

mod cluster;
mod config;
mod deploy;
mod diagnosis;
mod fargate;
mod health_check;
mod load_balancer;
mod log_group;
mod logs;
mod names;
mod parameter;
mod ports;
mod redeploy;
mod revision;
mod role;
mod rollout;
mod rules;
mod service;
mod target_group;
mod task_definition;
mod undeploy;
mod wanted;
mod watch;

use cloudark_sdk::aws::{self, Json};
use cloudark_sdk::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use config::Config;
use health_check::HealthCheck;

/// The kind's name.
pub const KIND: &str = "ecs";

/// Clusters of Amazon ECS, on Fargate.
pub struct Ecs;

/// What is needed to find a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Its ARN.
    pub arn: String,
}

/// What is needed to find, change and delete an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// The cluster's ARN.
    pub cluster: String,
    /// The service's name.
    pub service: String,
    /// The log group's name.
    pub log_group: String,
    /// The target group's ARN.
    pub target_group: String,
    /// The load balancer's host name.
    pub host: String,
    /// Which deployment of the application it is, from 1.
    pub revision: u32,
    /// The ARN of the task definition that serves.
    pub task_definition: String,
    /// The parameters that hold its secrets.
    pub parameters: Vec<String>,
    /// The image that serves.
    pub image: String,
    /// The load balancer's port.
    pub host_port: u16,
    /// The container's port.
    pub container_port: u16,
    /// How many tasks.
    pub replicas: u32,
    /// How their health is checked.
    pub check: HealthCheck,
}

impl Resource for Ecs {
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = "Containers on Amazon ECS, on Fargate";
    const OUTPUTS: &'static [Output] =
        &[Output::plain("ClusterName", "the cluster's name"), Output::plain("ClusterArn", "the cluster's ARN")];

    type Config = Config;
    type State = State;

    fn validate(config: &Config) -> Vec<Problem> {
        config.problems()
    }

    /// Nothing of a cluster on Fargate can be changed: machines are none, and the network is the foundation's.
    fn plan(_ctx: &Context, _intent: &Intent<Config>, _current: Option<&Instance<State>>) -> Result<Plan> {
        Ok(Plan::Nothing)
    }

    fn create(ctx: &Context, _intent: &Intent<Config>) -> Result<Instance<State>> {
        let name = ctx.name("cluster", rules::ecs())?;
        let cluster = cluster::ensure(ctx, &name)?;
        Ok(describe(name, cluster.arn))
    }

    fn read(ctx: &Context, _intent: &Intent<Config>, current: &Instance<State>) -> Result<Option<Instance<State>>> {
        let ecs = Json::new(ctx, &aws::ECS)?;
        Ok(cluster::find(ctx, &ecs, &current.id)?.map(|cluster| describe(current.id.clone(), cluster.arn)))
    }

    fn update(ctx: &Context, intent: &Intent<Config>, current: &Instance<State>) -> Result<Instance<State>> {
        match Self::read(ctx, intent, current)? {
            Some(found) => Ok(found),
            None => fail!(not_found, "cluster {:?} is gone: delete the environment and create it again", current.id),
        }
    }

    fn delete(ctx: &Context, _intent: &Intent<Config>, _current: Option<&Instance<State>>) -> Result<()> {
        cluster::remove(ctx, &ctx.name("cluster", rules::ecs())?)
    }
}

fn describe(name: String, arn: String) -> Instance<State> {
    Instance::new(name.clone())
        .output("ClusterName", &name)
        .output("ClusterArn", &arn)
        .summary("on Fargate")
        .state(State { arn })
}

impl Coe for Ecs {
    type Deployed = Deployed;

    fn validate_application(app: &Application) -> Vec<Problem> {
        wanted::problems(app)
    }

    fn deploy(
        ctx: &Context,
        cluster: &Instance<State>,
        _intent: &Intent<Value>,
        app: &Application,
    ) -> Result<Deployment<Deployed>> {
        deploy::deploy(ctx, &cluster.state.arn, app)
    }

    fn redeploy(
        ctx: &Context,
        cluster: &Instance<State>,
        _intent: &Intent<Value>,
        current: &Deployment<Deployed>,
        app: &Application,
    ) -> Result<Deployment<Deployed>> {
        redeploy::redeploy(ctx, &cluster.state.arn, current, app)
    }

    fn undeploy(
        ctx: &Context,
        cluster: Option<&Instance<State>>,
        intent: &Intent<Value>,
        current: Option<&Deployment<Deployed>>,
    ) -> Result<()> {
        let recorded = current.map(|current| current.state.cluster.as_str());
        let cluster = recorded.or(cluster.map(|cluster| cluster.state.arn.as_str()));
        let revision = current.map_or(0, |current| current.state.revision);
        undeploy::undeploy(ctx, cluster, revision, &intent.names)
    }

    fn read_application(
        ctx: &Context,
        cluster: &Instance<State>,
        _intent: &Intent<Value>,
        current: &Deployment<Deployed>,
    ) -> Result<Option<Deployment<Deployed>>> {
        let ecs = Json::new(ctx, &aws::ECS)?;
        let Some(service) = service::find(&ecs, &cluster.state.arn, &current.state.service)? else {
            return Ok(None);
        };
        let mut found = current.clone();
        found.summary = format!("{} of {} tasks run", service.running, service.desired);
        if !service.task_definition.is_empty() && service.task_definition != current.state.task_definition {
            found.summary.push_str(&format!(", on {}", service.task_definition));
        }
        Ok(Some(found))
    }

    fn logs(
        ctx: &Context,
        cluster: &Instance<State>,
        current: &Deployment<Deployed>,
        query: &LogQuery,
    ) -> Result<LogPage> {
        match query.stream {
            LogStream::Deployment => logs::deployment(ctx, &cluster.state.arn, &current.state.service, query),
            LogStream::Runtime => logs::runtime(ctx, &current.state.log_group, query),
        }
    }
}
