//! ECS on Fargate: clusters, task definitions, services and their scheduler, tasks.

mod asked;
mod checks;
mod clusters;
mod definitions;
mod launch;
mod network;
mod rollout;
mod scheduler;
mod services;
mod tags;
mod tasks;
mod view;
mod watch;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Ctx, Lister,
    ec2::thing,
    error::{Answer, AwsError},
    params::Params,
    service::Service as Wire,
    unknown_action,
};
pub use clusters::Cluster;
pub use definitions::{Definition, DefinitionStatus};
pub use services::{Service, ServiceStatus};
pub use tasks::{Stage, Task};

/// What ECS knows in a region.
#[derive(Default, Serialize)]
pub struct Ecs {
    /// By name.
    pub clusters: BTreeMap<String, Cluster>,
    /// By ARN.
    pub definitions: BTreeMap<String, Definition>,
    /// The last revision of each family; revisions are never used again.
    pub revisions: BTreeMap<String, u64>,
    /// By ARN.
    pub services: BTreeMap<String, Service>,
    /// By ARN.
    pub tasks: BTreeMap<String, Task>,
}

/// Answers a call.
pub fn call(ctx: &mut Ctx<'_>, action: &str, p: &Params) -> Answer {
    match action {
        "CreateCluster" => clusters::create(ctx, p),
        "DescribeClusters" => clusters::describe(ctx, p),
        "ListClusters" => clusters::list(ctx, p),
        "DeleteCluster" => clusters::delete(ctx, p),
        "RegisterTaskDefinition" => definitions::register(ctx, p),
        "DescribeTaskDefinition" => definitions::describe(ctx, p),
        "ListTaskDefinitions" => definitions::list(ctx, p),
        "DeregisterTaskDefinition" => definitions::deregister(ctx, p),
        "DeleteTaskDefinitions" => definitions::delete(ctx, p),
        "CreateService" => services::create(ctx, p),
        "DescribeServices" => services::describe(ctx, p),
        "UpdateService" => services::update(ctx, p),
        "DeleteService" => services::delete(ctx, p),
        "ListServices" => services::list(ctx, p),
        "ListTasks" => tasks::list(ctx, p),
        "DescribeTasks" => tasks::describe(ctx, p),
        "StopTask" => tasks::stop_call(ctx, p),
        "TagResource" => tags::add(ctx, p),
        "UntagResource" => tags::remove(ctx, p),
        "ListTagsForResource" => tags::list(ctx, p),
        _ => Err(unknown_action(ctx, Wire::Ecs, action)),
    }
}

/// The name at the end of a name or an ARN.
fn tail(name_or_arn: &str) -> &str {
    name_or_arn.rsplit('/').next().unwrap_or(name_or_arn)
}

fn parameter(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterException", message)
}

fn client(message: impl Into<String>) -> AwsError {
    AwsError::new("ClientException", message)
}

/// An entry of `failures`.
fn missing(arn: &str) -> Value {
    json!({ "arn": arn, "reason": "MISSING" })
}

impl Ecs {
    /// Everything for the inventory.
    pub fn list(&self, list: &mut Lister<'_>) {
        for cluster in self.clusters.values() {
            list.add("ecs", "cluster", thing(&cluster.arn, &cluster.name, &cluster.tags, &cluster.birth), |item| {
                item.state = cluster.status().to_owned();
                item.lingering = !cluster.active;
            });
        }
        for definition in self.definitions.values() {
            let shown = thing(&definition.arn, &definition.family, &definition.tags, &definition.birth);
            list.add("ecs", "task-definition", shown, |item| {
                item.state = definition.status.name().to_owned();
                item.lingering = definition.status != DefinitionStatus::Active;
                // Each redeploy registers a new revision; a second one of the same text is one too many.
                item.sameness = hex::encode(Sha256::digest(definition.body.to_string()));
            });
        }
        for service in self.services.values() {
            list.add("ecs", "service", thing(&service.arn, &service.name, &service.tags, &service.birth), |item| {
                item.state = service.status.name().to_owned();
                item.lingering = matches!(service.status, ServiceStatus::Inactive);
            });
        }
        for task in self.tasks.values().filter(|task| !task.is_stopped()) {
            list.add("ecs", "task", thing(&task.arn, &task.id, &task.tags, &task.birth), |item| {
                item.state = task.stage.name().to_owned();
                item.managed_by = Some(format!("service {}", task.service));
            });
        }
    }
}
